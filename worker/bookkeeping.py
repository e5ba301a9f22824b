"""What keeps credits and orders right while nobody looks: waiting songs, Polar's messages, open checkouts, allowances."""

import logging
from collections.abc import Callable

from appliance import credits, reconciling
from appliance.database import transaction
from appliance.errors import StudioError
from appliance.settings import settings

log = logging.getLogger(__name__)


def start_paid_songs() -> bool:
    """Put in line what waited for credits and can be paid now; return whether anything started."""
    if not credits.are_on():
        return False
    with transaction() as session:
        return credits.start_waiting_songs(session) > 0


def apply_messages() -> None:
    """Apply what Polar has sent; songs that this pays for start at once."""
    if settings().billing == "polar" and reconciling.drain_messages():
        start_paid_songs()


def settle_checkouts() -> None:
    """Look after the checkouts that people have begun: a studio on a LAN gets no messages."""
    if settings().billing == "polar":
        _asking(reconciling.settle_open_checkouts)


def compare_all_orders() -> None:
    """Compare every order with Polar's, which finds refunds of old ones."""
    if settings().billing == "polar":
        _asking(reconciling.reconcile)


def fill_up_accounts() -> None:
    """Give this month's credits to whoever has not got them."""
    with transaction() as session:
        given = credits.grant_allowances(session)
    if given:
        log.info("%s people got this month's credits.", given)


def _asking(look: Callable[[], int]) -> None:
    try:
        look()
    except StudioError as error:
        log.warning("Polar could not be asked: %s", error)
