"""Credits as the admins see them: who has what, giving some, packs, orders that need a person, and whether the ledger is in order."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance import billing, credits, polar_gateway, reconciling
from appliance.audit import record
from appliance.errors import InvalidInput, NotFound, StudioError, said
from appliance.people import get_person, list_people
from appliance.settings import settings
from appliance.tables import BillingOrder, CreditAccount, CreditPack, User, WebhookMessage
from appliance.taskqueue import ring
from web.cookies import new_token
from web.database import after_commit
from web.desk import day
from web.pages.credits import what_of
from web.rendering import Page, render
from web.throttle import address_of

AdminRequest = Request[Any, Any, Any]
PEOPLE = 50


class AdminCreditPages(Controller):
    """The ledger for admins. Nobody else learns that these pages exist."""

    path = "/admin/credits"

    @get("/", sync_to_thread=True)
    def overview(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        q: FromQuery[str] = "",
        after: FromQuery[str] = "",
    ) -> Page:
        """Show accounts, packs, orders with a problem, parked messages and the state of the ledger."""
        return _page(request, session, viewer, {}, {}, words=q, after=after)

    @get("/{user_id:uuid}", sync_to_thread=True)
    def person(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        user_id: FromPath[UUID],
        before: FromQuery[int | None] = None,
    ) -> Page:
        """Show somebody's history."""
        _admins_only(viewer)
        user = get_person(session, user_id, viewer)
        entries = credits.list_entries(session, user, before, limit=51)
        return render(
            request,
            "admin_credits_person.html",
            session,
            viewer,
            user=user,
            account=credits.account_of(session, user.id),
            entries=[(entry, day(entry.created_at), what_of(entry)) for entry in entries[:50]],
            older=entries[49].seq if len(entries) > 50 else None,
        )

    @post("/grant", sync_to_thread=True)
    def grant(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Give somebody credits, or take some away."""
        _admins_only(viewer)
        try:
            user = _named(session, form.get("user", ""))
            amount = _whole(form.get("amount", ""), "amount")
            if credits.grant_credits(session, viewer, user, amount, form.get("note", ""), form.get("once", "")[:60]):
                given = {"credits": amount, "note": form.get("note", "")}
                record(session, viewer, "credits", user.name, after=given, address=address_of(request))
        except InvalidInput as error:
            session.rollback()
            return _page(request, session, viewer, error.fields, form, status=422)
        after_commit(session, ring)
        return Redirect("/admin/credits", status_code=303)

    @post("/packs", sync_to_thread=True)
    def price(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Decide how many credits a product is worth; an empty number takes it off the page."""
        _admins_only(viewer)
        _sellers_only()
        try:
            number = form.get("credits", "").strip()
            pack = billing.price_pack(session, form.get("product", ""), _whole(number, "credits") if number else None)
        except InvalidInput as error:
            session.rollback()
            return _page(request, session, viewer, {"packs": error.message}, form, status=422)
        record(session, viewer, "pack", pack.name, after={"credits": pack.credits}, address=address_of(request))
        return Redirect("/admin/credits", status_code=303)

    @post("/look", sync_to_thread=True)
    def look(
        self, request: AdminRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Page | Redirect:
        """Ask Polar for all products and orders now."""
        _admins_only(viewer)
        _sellers_only()
        session.rollback()
        try:
            reconciling.reconcile()
        except StudioError as error:
            return _page(request, session, viewer, {"look": error.message}, {}, status=error.status)
        ring()
        return Redirect("/admin/credits", status_code=303)


def _admins_only(viewer: User) -> None:
    if not viewer.is_admin or not credits.are_on():
        raise NotFound


def _sellers_only() -> None:
    if settings().billing != "polar":
        raise NotFound


def _named(session: Session, name: str) -> User:
    user = session.scalar(select(User).where(func.lower(User.name) == name.strip().lower()))
    if user is None:
        raise InvalidInput.about(user="Nobody here has this name.")
    return user


def _whole(text: str, field: str) -> int:
    try:
        number = int(text.strip().replace("−", "-"))
    except ValueError:
        number = 0
    if number == 0 or abs(number) > credits.LARGEST_GRANT:
        raise InvalidInput.about(
            **{field: said("Give a whole number up to %(most)s, and not 0.", most=f"{credits.LARGEST_GRANT:,}")}
        )
    return number


def _page(
    request: AdminRequest,
    session: Session,
    viewer: User,
    errors: dict[str, str],
    form: dict[str, str],
    status: int = 200,
    words: str = "",
    after: str = "",
) -> Page:
    _admins_only(viewer)
    people = list_people(session, viewer, words, after, PEOPLE + 1)
    shown = people[:PEOPLE]
    held = select(CreditAccount).where(CreditAccount.user_id.in_([user.id for user in shown]))
    accounts = {account.user_id: account for account in session.scalars(held)}
    problems = session.scalars(select(BillingOrder).where(BillingOrder.problem != "")).all()
    parked = session.scalars(select(WebhookMessage).where(WebhookMessage.state == "parked")).all()
    return render(
        request,
        "admin_credits.html",
        session,
        viewer,
        status=status,
        accounts=[(user, accounts.get(user.id)) for user in shown],
        words=words,
        more="?" + urlencode({"q": words, "after": shown[-1].name}) if len(people) > PEOPLE else None,
        packs=session.scalars(select(CreditPack).where(~CreditPack.archived).order_by(CreditPack.name)).all(),
        sells=settings().billing == "polar",
        problems=problems,
        parked=parked,
        skew=round(polar_gateway.clock_skew()),
        broken=credits.broken_invariants(session),
        once=new_token()[:20],
        errors=errors,
        form=form,
    )
