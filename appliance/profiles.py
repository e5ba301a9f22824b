"""What people show of themselves, and what they chose for themselves: name, picture, language."""

from uuid import UUID, uuid4

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from appliance.accounts import name_refusal
from appliance.errors import InvalidInput, NotFound
from appliance.pictures import square_picture
from appliance.storage import storage
from appliance.tables import User


def get_profile(session: Session, user_id: UUID) -> User:
    """Return somebody of the studio. Raises NotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound
    return user


def change_name(session: Session, user: User, name: str) -> None:
    """Give somebody another name; their songs are found under it from then on. Raises InvalidInput."""
    name = " ".join(name.split())
    if said := name_refusal(session, name, but=user):
        raise InvalidInput.about(name=said)
    user.name = name
    try:
        session.flush()
    except IntegrityError:  # somebody took it between the look and the write
        raise InvalidInput.about(name="Somebody took this name just now.") from None


def change_picture(session: Session, user: User, data: bytes | None) -> list[str]:
    """Show another picture of somebody, or none, and return the keys of what to delete from the store after the commit.

    Raises InvalidInput about `picture`.
    """
    old = [user.picture_key] if user.picture_key else []
    key = ""
    if data is not None:
        key = f"people/{user.id}/{uuid4()}.webp"
        storage().write(key, square_picture(data), "image/webp")
    user.picture_key = key
    session.flush()
    return old
