"""Files that people send: who may, and how many, is decided by the headers, before anything of the body is read."""

import asyncio

from appliance.accounts import login_session_of
from appliance.database import transaction
from appliance.errors import NotSignedIn
from appliance.throttling import begin_try
from web.cookies import Connection, login_token

FREE_FILES = 20  # one after the other; then each waits twice as long as the one before


async def admit_file(connection: Connection) -> None:
    """Raise NotSignedIn or TooManyTries for a file that is not wanted. The size is looked at while it comes (413)."""
    await asyncio.to_thread(_admit, connection)


def _admit(connection: Connection) -> None:
    with transaction() as own:
        login = login_session_of(own, login_token(connection))
        if login is None:
            raise NotSignedIn
        begin_try(own, f"files {login.user_id}", FREE_FILES)
