"""Sends what webhooks have to be told, and tries again what was not taken."""

import logging

from appliance.database import transaction
from appliance.webhooks import note_delivery, send, take_delivery

log = logging.getLogger(__name__)
MOST_AT_ONCE = 100  # the rest waits for the next minute


def send_messages() -> int:
    """Send every message that is due, one after the other, and return how many were taken.

    Nothing is locked while an address takes its time, and one that does not answer puts off its own message only.
    """
    taken_in_all = 0
    for _ in range(MOST_AT_ONCE):
        with transaction() as session:
            delivery = take_delivery(session)
        if delivery is None:
            break
        taken, result = send(delivery)
        log.info("Message %s, try %s: %s", delivery.id, delivery.tries, result)
        with transaction() as session:
            note_delivery(session, delivery.id, taken, result)
        taken_in_all += taken
    return taken_in_all
