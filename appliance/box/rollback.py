"""The way back from an upgrade: the data as it was before it, and which version to start on that."""

from pathlib import Path

from appliance.box import lock
from appliance.box.announce import say
from appliance.box.dump import load_dump
from appliance.box.failure import BoxError
from appliance.box.folder import open_data_folder
from appliance.box.foundation import foundation
from appliance.box.layout import PROJECT, Layout
from appliance.box.major import go_back
from appliance.box.postgres import MAJOR
from appliance.box.restore import AFTERWARDS
from appliance.box.upgrading import DUMPS, dump_before
from appliance.box.versions import Upgrade, forget_upgrade, read_upgrade
from appliance.database import revision
from appliance.settings import Settings


def roll_back(wanted: Settings, act: bool) -> int:
    """Put the data back to how it was before the last upgrade, say which version to start, and return the exit code.

    Where the new version has let people in, what they did since is lost, so it is done only with `act`; what is there now
    is dumped first. Raises BoxError where there is nothing to go back from, and while the studio runs.
    """
    data = open_data_folder(wanted.data_dir)
    layout = Layout(data, data)
    if lock.holder(layout.lock):
        raise BoxError(f"The studio in {data} is running. `make stop` first.")
    found = read_upgrade(data)
    if found is None:
        raise BoxError("There is no upgrade to go back from.")
    if found.tried and not act:
        say(f"The upgrade from {found.before} of {found.began} went well, and the studio has been in use since.")
        say("Whatever was made, bought or changed since then is lost by going back. To do it: make rollback YES=yes")
        return 1
    if found.before.postgres != MAJOR:
        go_back(layout.cluster.parent / found.before.postgres, layout.cluster)
        say(f"The database is that of Postgres {found.before.postgres} again.")
    elif found.dump:
        _load(wanted, found, layout.data / DUMPS)
    forget_upgrade(data)
    say(f"The data is as it was before the upgrade of {found.began}.")
    if (PROJECT / ".git").exists() and found.before.commit:
        say(f"Start {found.before} on it: git checkout {found.before.commit} && make run")
    else:
        say(f"Start {found.before} on it.")
    return 0


def _load(wanted: Settings, found: Upgrade, dumps: Path) -> None:
    dump = Path(found.dump)
    if not dump.exists():
        raise BoxError(f"The dump from before the upgrade is gone: {dump}. `make restore` brings a backup back.")
    with foundation(wanted) as full:
        url = full.database_url.get_secret_value()
        now = revision(url)
        if now == found.before.tables:
            return  # the change failed, and all of it was undone at once
        if found.tried:
            say(f"What is there now is kept in {dump_before(url, dumps, now or 'nothing', found.before.tables, dump)}.")
        say(f"Loading {dump.name} ...")
        load_dump(url, dump, [*AFTERWARDS])
