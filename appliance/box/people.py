"""What the admin of the machine does about people without a browser: make an admin, list who has an account, let somebody in again."""

import getpass
import os
import sys

from sqlalchemy import func, select

from appliance import accounts, resets, second_factor
from appliance.box.announce import say
from appliance.box.control import running_studio
from appliance.box.failure import BoxError
from appliance.box.layout import as_variables
from appliance.database import transaction
from appliance.settings import Settings, settings
from appliance.tables import User


def create_admin(wanted: Settings, name: str, email: str) -> int:
    """Make an admin's account. The password is asked for, or is the first line of standard input where nobody types."""
    _enter(wanted)
    with transaction() as session:
        admin = accounts.create_admin(session, name, email, _ask_password())
    say(f"{admin.name} can sign in now, as an admin.")
    return 0


def reset_link(wanted: Settings, name: str, clear_app: bool) -> int:
    """Print a link with which somebody sets a new password, for an admin who cannot get in; with `clear_app` their app goes too."""
    _enter(wanted)
    with transaction() as session:
        user = session.scalar(select(User).where(func.lower(User.name) == name.strip().lower()))
        if user is None:
            raise BoxError(f"Nobody here is called {name}. `make user-list` shows everybody.")
        token = resets.reset_link_token(session, None, user)
        if clear_app:
            second_factor.clear_second_factor(session, None, user)
    say(f"{settings().public_url.rstrip('/')}/reset?token={token}")
    say("It works once, within an hour.")
    return 0


def list_users(wanted: Settings) -> int:
    """Print everybody with an account, by name."""
    _enter(wanted)
    say(f"{'name':<42}{'role':<8}{'since':<12}{'state':<10}e-mail")
    with transaction() as session:
        for user in session.scalars(select(User).order_by(func.lower(User.name))):
            state = "disabled" if user.disabled_at else "active"
            say(f"{user.name:<42}{user.role:<8}{user.created_at:%Y-%m-%d}  {state:<10}{user.email or ''}".rstrip())
    return 0


def _enter(wanted: Settings) -> None:
    """Take on the running studio's settings, which are what the database and the rules for accounts are read from."""
    os.environ.update(as_variables(running_studio(wanted)[1]))


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != password:
        raise BoxError("The two are not the same. Nothing was changed.")
    return password
