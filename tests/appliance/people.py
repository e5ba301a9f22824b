"""People and briefs for the tests of the domain."""

from sqlalchemy.orm import Session

from appliance.briefs import read_brief
from appliance.songs import request_songs
from appliance.tables import SongRequest, User


def add_user(session: Session, name: str, role: str = "user") -> User:
    """Add somebody who cannot sign in, which saves the hashing."""
    user = User(name=name, password_hash="!", role=role)
    session.add(user)
    session.flush()
    return user


def ask(session: Session, user: User, **fields: object) -> SongRequest:
    """Ask for a song with a short description and whatever `fields` say."""
    return request_songs(session, user, read_brief({"full_description": "a quiet waltz", "duration": 30, **fields}))
