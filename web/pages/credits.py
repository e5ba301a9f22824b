"""Credits: what somebody has, what became of it, and buying more."""

import csv
import io
from collections import Counter
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance import billing, credits, polar_gateway, reconciling
from appliance.errors import Conflict, NotFound, StudioError, Unavailable, said
from appliance.languages import gettext as _
from appliance.languages import translated
from appliance.settings import settings
from appliance.songs import get_request
from appliance.tables import BillingOrder, CreditEntry, User
from appliance.taskqueue import ring
from web.database import after_commit
from web.desk import day
from web.rendering import Page, render

CreditsRequest = Request[Any, Any, Any]

KINDS = {
    "signup": said("Welcome to the studio"),
    "allowance": said("This month's credits"),
    "purchase": said("Bought"),
    "clawback": said("Refunded by the payment service"),
    "refund_reversal": said("A refund was taken back"),
    "capture": said("Song"),
    "admin": said("From an admin"),
}


class CreditPages(Controller):
    """The viewer's credits. Where the studio counts none, none of these pages is there."""

    path = "/credits"

    @get("/", sync_to_thread=True)
    def overview(
        self,
        request: CreditsRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        before: FromQuery[int | None] = None,
    ) -> Page:
        """Show balance, packs and history; `before` is the entry that an older page of the history begins below."""
        return _page(request, session, viewer, {}, before)

    @get("/history.csv", sync_to_thread=True)
    def history(self, session: NamedDependency[Session], viewer: NamedDependency[User]) -> Response[str]:
        """Return the whole history as a table for a spreadsheet."""
        _require_credits()
        told = io.StringIO()
        table = csv.writer(told)
        table.writerow(["number", "when", "kind", "what", "credits", "balance"])
        for entry in reversed(credits.list_entries(session, viewer, limit=1_000_000)):
            when = entry.created_at.astimezone(UTC).isoformat(timespec="seconds")
            table.writerow(
                [entry.seq, when, entry.kind, _plain_cell(what_of(entry)), entry.amount, entry.balance_after]
            )
        name = f"credits-{datetime.now(UTC):%Y-%m-%d}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(told.getvalue(), media_type="text/csv", headers=headers)

    @post("/checkout", sync_to_thread=True)
    def buy(
        self,
        request: CreditsRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Begin a checkout for a pack and go on to Polar's page for it. Price and credits are the database's."""
        _require_shop()
        home = settings().public_url.rstrip("/")
        try:
            pack = billing.get_pack(session, form.get("pack", ""))
            checkout_id, address = polar_gateway.create_checkout(
                pack.product_id,
                str(viewer.id),
                f"{home}/credits/return?checkout_id={{CHECKOUT_ID}}",
                f"{home}/credits",
                request.client.host if request.client else None,
            )
        except NotFound:
            errors = {"pack": _("This pack is not for sale any more. Choose another one.")}
            return _page(request, session, viewer, errors, status=422)
        except StudioError as error:
            return _page(request, session, viewer, {"pack": error.message}, status=error.status)
        billing.keep_intent(session, viewer, checkout_id, pack)
        return Redirect(address, status_code=303)

    @get("/return", sync_to_thread=True)
    def come_back(
        self,
        request: CreditsRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        checkout_id: FromQuery[str] = "",
    ) -> Page | Redirect:
        """Say what became of a checkout. Coming here proves nothing: the payment service is asked."""
        _require_shop()
        intent = billing.get_intent(session, checkout_id, viewer)
        session.rollback()  # asking takes a while, and what it finds is written in transactions of its own
        over = False
        with suppress(Unavailable):  # the page says that it waits, and looks again
            over = reconciling.settle_checkout(intent.checkout_id)
        ring()
        order = session.scalar(select(BillingOrder).where(BillingOrder.checkout_id == intent.checkout_id))
        bought = order.applied if order else 0
        account = credits.account_of(session, viewer.id)
        template = "credits_return.html"
        return render(
            request, template, session, viewer, over=over, bought=bought, account=account, promised=intent.credits
        )

    @post("/portal", sync_to_thread=True)
    def receipts(
        self, request: CreditsRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Page | Redirect:
        """Go on to Polar's page with the viewer's receipts. Its address is a secret that is not kept."""
        _require_shop()
        try:
            address = polar_gateway.portal_url(str(viewer.id), f"{settings().public_url.rstrip('/')}/credits")
        except Conflict:
            return _page(request, session, viewer, {"portal": _("There are no receipts yet.")}, status=409)
        except StudioError as error:
            return _page(request, session, viewer, {"portal": error.message}, status=error.status)
        return Redirect(address, status_code=303)

    @post("/wait/{request_id:uuid}", sync_to_thread=True)
    def wait(
        self,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        request_id: FromPath[UUID],
    ) -> Redirect:
        """Say whether a request that waits for credits starts by itself once there are enough (`itself` is 1)."""
        get_request(session, request_id, viewer).start_when_paid = form.get("itself") == "1"
        after_commit(session, ring)
        return Redirect("/create#mine", status_code=303)

    @post("/start/{request_id:uuid}", sync_to_thread=True)
    def start(
        self,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        request_id: FromPath[UUID],
    ) -> Redirect:
        """Put a request that waits for credits in line now, or (`takes`) only so many of its takes."""
        request = get_request(session, request_id, viewer)
        takes = int(form["takes"]) if form.get("takes", "") in ("1", "2", "3") else None
        if not credits.start_request(session, request, takes):
            raise Conflict("There are not enough credits for it yet.")
        after_commit(session, ring)
        return Redirect("/create#mine", status_code=303)


def _require_credits() -> None:
    if not credits.are_on():
        raise NotFound


def _require_shop() -> None:
    if settings().billing != "polar":
        raise NotFound


def what_of(entry: CreditEntry) -> str:
    """Return what an entry stands for, in words."""
    if entry.kind == "capture":
        return entry.note or _("Song")
    kind = translated(KINDS[entry.kind])
    return f"{kind}: {entry.note}" if entry.note else kind


def _plain_cell(text: str) -> str:
    """Return a text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def _used_by_day(session: Session, viewer: User, today: date) -> list[int]:
    """Return how many credits were used on each day of this month up to today."""
    first = today.replace(day=1)
    made = func.date(CreditEntry.created_at)
    rows = session.execute(
        select(made, func.sum(-CreditEntry.amount))
        .where(CreditEntry.user_id == viewer.id, CreditEntry.kind == "capture", made >= first)
        .group_by(made)
    )
    used = Counter({row[0].day: int(row[1]) for row in rows})
    return [used[number] for number in range(1, today.day + 1)]


def _page(
    request: CreditsRequest,
    session: Session,
    viewer: User,
    errors: dict[str, str],
    before: int | None = None,
    status: int = 200,
) -> Page:
    _require_credits()
    entries = credits.list_entries(session, viewer, before, limit=51)
    has_bought = session.scalar(select(func.count()).where(BillingOrder.user_id == viewer.id)) or 0
    return render(
        request,
        "credits.html",
        session,
        viewer,
        status=status,
        account=credits.account_of(session, viewer.id),
        price=credits.price_of_take(),
        packs=billing.offered_packs(session) if settings().billing == "polar" else [],
        sells=settings().billing == "polar",
        has_bought=bool(has_bought),
        monthly=settings().monthly_credits,
        entries=[(entry, day(entry.created_at), what_of(entry)) for entry in entries[:50]],
        older=entries[49].seq if len(entries) > 50 else None,
        used=_used_by_day(session, viewer, datetime.now(UTC).date()),
        errors=errors,
    )
