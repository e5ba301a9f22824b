"""The program that makes songs: `huey_consumer worker.consumer.huey -k thread -w 5 -g TERM -t 3`.

Of its threads one is free for the periodic tasks, and each of the others carries a request, where the engines share a card;
a sketch is made alone. TERM puts the running songs back in line at once; Huey's own default would lose them.
"""

import logging
import os
from datetime import UTC, datetime, timedelta
from functools import partial

from huey import crontab
from huey.consumer import Consumer
from sqlalchemy import delete

from appliance.accounts import purge_login_sessions
from appliance.challenges import purge_used_challenges
from appliance.database import transaction
from appliance.drafts import purge_drafts
from appliance.idempotency import purge_answers
from appliance.letters import purge_reset_requests, send_waiting_letters
from appliance.log import set_up_logging
from appliance.settings import settings
from appliance.shelf import purge_bin
from appliance.storage import storage
from appliance.tables import WorkerSeen
from appliance.taskqueue import answer_bell, taskqueue
from appliance.throttling import purge_tries
from appliance.webhooks import purge_deliveries
from worker.bookkeeping import apply_messages, compare_all_orders, fill_up_accounts, settle_checkouts
from worker.engines import load_engines
from worker.leftovers import sweep_leftovers
from worker.messages import send_messages
from worker.nightly import look_after_backups
from worker.studio import Studio
from worker.words import write_drafts

NICE = 10  # a sketch takes every core that it gets, and pages go first: somebody waits for them
_FORGET_WORKERS_AFTER = timedelta(days=7)

huey = taskqueue()


class SongConsumer(Consumer):  # type: ignore[misc]  # Huey has no types
    """Huey's consumer, with the models in memory before it begins, and the song put back when it ends."""

    def start(self) -> None:
        """Load the models and begin. What goes wrong ends the program, where a start-up hook of Huey would only log it."""
        set_up_logging()
        os.nice(NICE)
        logging.getLogger("huey").handlers.clear()  # the consumer's own, which would say everything twice
        self.studio = Studio(load_engines(settings()))
        self.studio.open()
        answer_bell(self.studio.answer)
        answer_bell(apply_messages, "message_waits")
        answer_bell(partial(write_drafts, self.studio.engines.songwriter), "words_wait")
        answer_bell(send_messages, "delivery_waits")
        answer_bell(send_waiting_letters, "letter_waits")
        if self.periodic:
            look_after_backups()
        super().start()

    def stop(self, graceful: bool = False) -> None:
        """Give the running requests back, and end."""
        self.studio.close()
        self.studio.engines.close()  # so that nobody waits for words that nobody wants any more
        super().stop(graceful)


huey.create_consumer = partial(SongConsumer, huey)


@huey.periodic_task(crontab(minute="23", hour="4"))  # type: ignore[untyped-decorator]
def purge_old_rows() -> None:
    """Forget browsers that cannot come back, old tries, workers that are gone, and what programs were told."""
    with transaction() as session:
        purge_login_sessions(session)
        purge_drafts(session)
        purge_tries(session)
        purge_used_challenges(session)
        purge_reset_requests(session)
        purge_answers(session)
        purge_deliveries(session)
        session.execute(delete(WorkerSeen).where(WorkerSeen.last_seen < datetime.now(UTC) - _FORGET_WORKERS_AFTER))


huey.periodic_task(crontab(minute="*"))(send_messages)
huey.periodic_task(crontab(minute="*/2"))(settle_checkouts)
huey.periodic_task(crontab(minute="*"))(send_waiting_letters)
huey.periodic_task(crontab(minute="7"))(fill_up_accounts)
huey.periodic_task(crontab(minute="37", hour="3"))(compare_all_orders)


@huey.periodic_task(crontab(minute="29"))  # type: ignore[untyped-decorator]
def empty_bin() -> None:
    """Delete for good what has been in somebody's bin for a month."""
    with transaction() as session:
        keys = purge_bin(session)
    storage().delete(keys)  # what a store that is away keeps now, the sweep finds


@huey.periodic_task(crontab(minute="41"))  # type: ignore[untyped-decorator]
def sweep_objects() -> None:
    """Delete the objects that no song names."""
    sweep_leftovers()
