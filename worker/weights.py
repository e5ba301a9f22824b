"""The admin's command line for weights: python -m worker.weights list | check | pull [MODEL ...] [--accept]."""

import argparse
import os
import sys

from appliance.errors import SettingsError
from appliance.settings import Settings, load_settings
from models.catalogue import ALL_MODELS, GB, GIB, AnyModel, Licence, find_model
from models.failures import ModelFailure
from models.weights import size_on_disk, state_of
from worker.accelerator import choose_models, loaded_models, models_folder


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code; expected failures are said in one sentence."""
    asked = _parser().parse_args(arguments)
    try:
        settings = load_settings(os.environ)
        if asked.command == "list":
            return _list(settings)
        if asked.command == "check":
            return _check(settings)
        return _pull(settings, asked.models, asked.accept)
    except (SettingsError, ModelFailure) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130


def _list(settings: Settings) -> int:
    """Print every model of the catalogue: which are chosen, pulled, loaded, and what they take."""
    folder, chosen = models_folder(settings), choose_models(settings).models()
    loaded = loaded_models(folder)
    rows = [("model", "", "weights", "on disk", "memory", "licence")]
    for model in ALL_MODELS:
        state = "loaded" if model.name in loaded else state_of(model, folder)
        on_disk = size_on_disk(model, folder) if state != "missing" else 0
        rows.append(
            (
                model.name,
                "chosen" if model in chosen else "",
                state,
                f"{on_disk / GB:.1f} GB"
                if on_disk
                else f"({sum(source.size for source in model.sources) / GB:.1f} GB)",
                f"{(loaded.get(model.name) or model.weights) / GIB:.1f} GiB",
                model.licence.name + ("" if model.licence.commercial else ": not for commercial use"),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        _say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _check(settings: Settings) -> int:
    """Say which of the chosen models are not here whole, and return 1 where there are any."""
    folder, chosen = models_folder(settings), choose_models(settings).models()
    states = {model.name: state_of(model, folder) for model in chosen}
    if missing := [f"{name} is {state}" for name, state in states.items() if state != "pulled"]:
        _say(f"Weights in {folder}: {', '.join(missing)}.")
        return 1
    _say(f"{', '.join(states) or 'none are chosen'}")
    return 0


def _pull(settings: Settings, names: list[str], accept: bool) -> int:
    """Fetch the named models, or those that the settings choose."""
    # Only pulling needs the Hub's library, which is not there until models-install was made.
    from models.pull import pull_model  # noqa: PLC0415

    models: tuple[AnyModel, ...] = tuple(find_model(name, ALL_MODELS) for name in names)
    for model in models or choose_models(settings).models():
        device = "cuda" if settings.models_device == "cuda" else "cpu"
        pull_model(model, models_folder(settings), lambda licence: accept or _ask(licence), _say, device=device)
    _say("A studio that runs loads them at its next start: make stop, make run.")
    return 0


def _ask(licence: Licence) -> bool:
    """Show the terms and return whether somebody at the terminal accepts them."""
    _say(f"Licence: {licence.name}, {licence.page}")
    if licence.note:
        _say(licence.note)
    if not licence.commercial:
        _say("Its results may not be used commercially.")
    if not sys.stdin.isatty():
        _say("Nobody is here to accept it; ACCEPT=yes does.")
        return False
    return input("Do you accept it? [y/N] ").strip().lower() in ("y", "yes")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is the command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m worker.weights", description="Fetches and lists model weights.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="list the models, and which are here")
    commands.add_parser("check", help="say which of the chosen models are missing")
    pull = commands.add_parser("pull", help="fetch models (without names: those that the settings choose)")
    pull.add_argument("models", nargs="*", metavar="MODEL")
    pull.add_argument("--accept", action="store_true", help="accept the licences without being asked")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
