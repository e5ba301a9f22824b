"""The admin's command line: `python -m appliance.box --help` lists the commands."""

import argparse
import os
import sys

from appliance.box import backup_commands, control, library_commands, people, rollback, rotation
from appliance.box.doctor import examine
from appliance.box.failure import EX_CONFIG, BoxError
from appliance.box.run import run
from appliance.box.support_bundle import support_bundle
from appliance.errors import SettingsError, StudioError
from appliance.settings import load_settings


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code; expected failures are said in one sentence."""
    asked = _parser().parse_args(arguments)
    given = {"DATA_DIR": asked.data_dir} if asked.data_dir else {}
    if asked.command == "run" and asked.as_pid_one:
        given["WEB_HOST"] = "0.0.0.0"  # noqa: S104 - which address is published is decided outside the container
    try:
        if asked.command == "doctor":
            return examine({**os.environ, **given})
        wanted = load_settings({**os.environ, **given})
        match asked.command:
            case "run":
                return run(wanted, as_pid_one=asked.as_pid_one, only_worker=asked.only_worker)
            case "up":
                return control.up(wanted)
            case "stop":
                return control.stop(wanted)
            case "status":
                return control.status(wanted)
            case "logs":
                return control.logs(wanted, asked.program)
            case "shell":
                return control.shell(wanted)
            case "setup-url":
                return control.setup_url(wanted)
            case "admin-create":
                return people.create_admin(wanted, asked.name, asked.email)
            case "reset-link":
                return people.reset_link(wanted, asked.name, asked.clear_app)
            case "rotate-secret":
                return rotation.rotate_secret(wanted)
            case "rollback":
                return rollback.roll_back(wanted, asked.yes)
            case "user-list":
                return people.list_users(wanted)
            case "support-bundle":
                return support_bundle(wanted, asked.stdout)
            case "export":
                return library_commands.export(wanted, asked.user, asked.folder)
            case "import":
                return library_commands.take_in(wanted, asked.user, asked.folder)
            case "backup":
                return backup_commands.backup(wanted)
            case "backup-list":
                return backup_commands.list_backups(wanted, asked.kit)
            case "backup-check":
                return backup_commands.check(wanted, asked.kit, asked.when)
            case _:
                return backup_commands.restore(
                    wanted, asked.kit, asked.when, asked.yes, asked.stop, point=not asked.no_point
                )
    except SettingsError as error:
        code, said = EX_CONFIG, error.message
    except BoxError as error:
        code, said = error.exit_code, error.message
    except StudioError as error:
        code, said = 1, error.message
    except PermissionError as error:
        code, said = (
            EX_CONFIG,
            f"{error.filename}: permission denied. Ask as the user who started the studio, or as root.",
        )
    except KeyboardInterrupt:
        return 130
    print(said, file=sys.stderr)  # noqa: T201
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m appliance.box", description="Runs a studio and asks it things.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in (
        ("run", "start the studio in the foreground and show the address to open"),
        ("up", "start it in the background"),
        ("stop", "stop it"),
        ("status", "say what runs and how it is"),
        ("logs", "follow the logs"),
        ("doctor", "look for what is wrong, and say what to do"),
        ("shell", "open a shell with the running studio's settings"),
        ("setup-url", "print a new link for making the first admin"),
        ("support-bundle", "write what somebody who helps needs to see, without secrets, into a file"),
        ("export", "write somebody's songs into a folder of music"),
        ("import", "take such a folder into somebody's library"),
        ("backup", "back the studio up, whether it runs or not"),
        ("backup-list", "list the backups"),
        ("backup-check", "read a whole backup again"),
        ("restore", "say what a restore would change; with --yes, do it"),
        ("rollback", "put the data back to how it was before the last upgrade, and say which version to start"),
        ("admin-create", "make an admin's account; asks for the password"),
        ("reset-link", "print a link with which somebody chooses a new password"),
        ("rotate-secret", "change the secret key; the next start seals everything anew and signs everybody out"),
        ("user-list", "list everybody who has an account"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        if name == "run":
            command.add_argument(
                "--as-pid-one", action="store_true", help="become supervisord, as a container needs it"
            )
            command.add_argument(
                "--only-worker", action="store_true", help="be a second machine of a studio that runs elsewhere"
            )
        if name == "logs":
            command.add_argument("program", nargs="?", help="one program's log only")
        if name in ("export", "import"):
            command.add_argument("user", help="whose songs, by the name they sign in with")
            command.add_argument("folder", help="the folder")
        if name in ("backup-list", "backup-check", "restore"):
            command.add_argument(
                "--kit", default="", help="the recovery kit, where this machine has no passphrase (- reads it)"
            )
        if name in ("backup-check", "restore"):
            command.add_argument("--when", default="", help="a backup's name, a day or a moment; else the newest")
        if name in ("restore", "rollback"):
            command.add_argument("--yes", action="store_true", help="do it")
        if name == "restore":
            command.add_argument("--stop", action="store_true", help="stop the studio first")
            command.add_argument("--no-point", action="store_true", help="make no backup of what is there")
        if name == "support-bundle":
            command.add_argument("--stdout", action="store_true", help="write it to the output, for whoever is outside")
        if name == "admin-create":
            command.add_argument("name", help="the name to sign in with")
            command.add_argument("--email", default="", help="an e-mail address to sign in with")
        if name == "reset-link":
            command.add_argument("name", help="the name they sign in with")
            command.add_argument("--clear-app", action="store_true", help="turn their authenticator app off as well")
        command.add_argument("data_dir", nargs="?", metavar="DATA_DIR", help="instead of the setting DATA_DIR")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
