"""The restore drill: every night the newest backup is really restored, into a database that is thrown away afterwards."""

import random
from dataclasses import replace
from datetime import UTC, datetime

from appliance.box import runs
from appliance.box.backup import Tell, only_one
from appliance.box.failure import BoxError
from appliance.box.postgres import temporary_cluster
from appliance.box.restore import fetched, load_database
from appliance.box.runs import MANIFEST, Run
from appliance.box.vault import OBJECTS, check_label, open_vault, read_manifest
from appliance.settings import Settings

SAMPLE = 50  # objects


def drill(full: Settings, passphrase: str, tell: Tell) -> Run:
    """Restore the newest run into a scratch database, compare rows, check the ledger, and read fifty objects; return the run.

    The result is remembered, and told by alerts where it failed. Raises BoxError then.
    """
    with only_one(full.data_dir):
        memory = runs.remember(full.data_dir)
        at = datetime.now(UTC).isoformat()
        try:
            run = _drill(full, passphrase, tell)
        except BoxError as error:
            runs.keep_memory(full.data_dir, replace(memory, drilled_at=at, drill_failure=error.message))
            raise
        runs.keep_memory(full.data_dir, replace(memory, drilled_at=at, drill_failure=""))
    return run


def _drill(full: Settings, passphrase: str, tell: Tell) -> Run:
    vault = open_vault(full, passphrase)
    check_label(vault, passphrase)
    run = runs.choose_run(runs.list_runs(vault))
    with fetched(vault, run, full.data_dir) as folder, temporary_cluster(folder) as database_url:
        tell("drill: loading the newest backup into a scratch database")
        load_database(database_url, run, folder)
        manifest = read_manifest((folder / MANIFEST).read_text())
    chosen = random.sample(sorted(manifest), min(SAMPLE, len(manifest)))
    if bad := vault.damaged(OBJECTS, {key: manifest[key] for key in chosen}):
        raise BoxError(f"{len(bad)} of {len(chosen)} objects are damaged: {bad[0]} ...")
    tell(f"drill: {run.id} restores; {sum(run.counts.values())} rows and {len(chosen)} objects are as they were")
    return run
