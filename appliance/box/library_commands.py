"""What an admin does with somebody's whole library: write it into a folder of music, take such a folder in."""

import os
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from appliance.box.announce import say
from appliance.box.control import running_studio
from appliance.box.failure import BoxError
from appliance.box.layout import as_variables
from appliance.database import transaction
from appliance.library_export import export_library
from appliance.library_import import import_library
from appliance.settings import Settings
from appliance.storage import storage
from appliance.tables import User


def export(wanted: Settings, name: str, to: str) -> int:
    """Write somebody's ready songs into the folder `to`."""
    user_id = _person(wanted, name)
    folder = Path(to).expanduser().absolute()
    written, there = export_library(user_id, folder, storage(), say)
    say(f"{written} songs written, {there} were there already, in {folder}.")
    return 0


def take_in(wanted: Settings, name: str, source: str) -> int:
    """Take the songs in the folder `source` into somebody's library; returns 1 where some could not be used."""
    user_id = _person(wanted, name)
    folder = Path(source).expanduser().absolute()
    if not folder.is_dir():
        raise BoxError(f"There is no folder {folder}.")
    came, there, refused = import_library(user_id, folder, storage(), say)
    say(f"{came} songs came, {there} were there already, {refused} could not be used.")
    return int(refused > 0)


def _person(wanted: Settings, name: str) -> UUID:
    os.environ.update(as_variables(running_studio(wanted)[1]))
    with transaction() as session:
        user_id = session.scalar(select(User.id).where(func.lower(User.name) == name.lower()))
    if user_id is None:
        raise BoxError(f"Nobody here is called {name!r}. `make user-list` lists everybody.")
    return user_id
