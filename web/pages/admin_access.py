"""Who gets in, as the admins see it: invitations, everybody's way in, and the record of what admins did."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance import credits
from appliance.audit import list_deeds
from appliance.errors import InvalidInput
from appliance.invites import LIVES, MOST_CREDITS, invite, open_invites, withdraw_invite
from appliance.languages import gettext as _
from appliance.people import disable, enable, get_person, list_browsers, list_people, set_role, sign_out_person
from appliance.resets import reset_link_token
from appliance.second_factor import clear_second_factor, has_second_factor
from appliance.settings import settings
from appliance.tables import SecondFactor, User
from web.desk import day
from web.pages.security import hash_in
from web.rendering import NO_REFERRER, Page, render
from web.throttle import address_of

AdminRequest = Request[Any, Any, Any]
DEEDS = 50
PEOPLE = 50


class AdminAccessPages(Controller):
    """The doors, for admins. Nobody else learns that these pages exist."""

    path = "/admin"

    @get("/invites", sync_to_thread=True)
    def invites(self, request: AdminRequest, session: NamedDependency[Session], admin: NamedDependency[User]) -> Page:
        """Show the invitations that can still be used, and the form for a new one."""
        return _invites_page(request, session, admin, {}, {})

    @post("/invites", sync_to_thread=True)
    def make_invite(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page:
        """Make an invitation, and show its link this once."""
        try:
            wanted = form.get("credits", "").strip() or "0"
            amount = int(wanted) if wanted.isascii() and wanted.isdigit() else MOST_CREDITS + 1
            token = invite(session, admin, form.get("note", ""), form.get("email", ""), amount, address_of(request))
        except InvalidInput as error:
            session.rollback()
            return _invites_page(request, session, admin, form, error.fields, 422)
        return _link_page(request, session, admin, f"/sign-up?invite={token}", form.get("note", ""), LIVES.days * 24)

    @post("/invites/{token_hash:str}/withdraw", sync_to_thread=True)
    def withdraw(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        token_hash: FromPath[str],
    ) -> Redirect:
        """Take an invitation back."""
        withdraw_invite(session, hash_in(token_hash), admin, address_of(request))
        return Redirect("/admin/invites", status_code=303)

    @get("/access", sync_to_thread=True)
    def everybody(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        q: FromQuery[str] = "",
        after: FromQuery[str] = "",
    ) -> Page:
        """Show people, by name, their role, and whether they have a second factor; `q` is looked for in their names."""
        people = list_people(session, admin, q, after, PEOPLE + 1)
        shown = people[:PEOPLE]
        confirmed = select(SecondFactor.user_id).where(SecondFactor.confirmed_at.is_not(None))
        with_app = set(session.scalars(confirmed.where(SecondFactor.user_id.in_([user.id for user in shown]))))
        return render(
            request,
            "admin_access.html",
            session,
            admin,
            people=shown,
            with_app=with_app,
            words=q,
            more="?" + urlencode({"q": q, "after": shown[-1].name}) if len(people) > PEOPLE else None,
        )

    @get("/access/{user_id:uuid}", sync_to_thread=True)
    def person(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        user_id: FromPath[UUID],
    ) -> Page:
        """Show one person's way in, and what can be done about it."""
        user = get_person(session, user_id, admin)
        return render(
            request,
            "admin_access_person.html",
            session,
            admin,
            user=user,
            has_factor=has_second_factor(session, user),
            browsers=[(each, day(each.last_seen_at)) for each in list_browsers(session, user)],
        )

    @post("/access/{user_id:uuid}/reset-link", sync_to_thread=True)
    def make_reset_link(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        confirmed_admin: NamedDependency[User],
        user_id: FromPath[UUID],
    ) -> Page:
        """Make a link with which somebody sets a new password, and show it this once."""
        user = get_person(session, user_id, confirmed_admin)
        token = reset_link_token(session, confirmed_admin, user, address_of(request))
        return _link_page(request, session, confirmed_admin, f"/reset?token={token}", user.name, 1)

    @post("/access/{user_id:uuid}/clear-app", sync_to_thread=True)
    def clear_app(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        confirmed_admin: NamedDependency[User],
        user_id: FromPath[UUID],
    ) -> Redirect:
        """Turn off the second factor of somebody who lost it."""
        user = get_person(session, user_id, confirmed_admin)
        clear_second_factor(session, confirmed_admin, user, address_of(request))
        return _back_to(user)

    @post("/access/{user_id:uuid}/role", sync_to_thread=True)
    def change_role(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        confirmed_admin: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        user_id: FromPath[UUID],
    ) -> Redirect:
        """Make somebody an admin, or a user."""
        return _back_to(set_role(session, confirmed_admin, user_id, form.get("role", ""), address_of(request)))

    @post("/access/{user_id:uuid}/disable", sync_to_thread=True)
    def keep_out(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        user_id: FromPath[UUID],
    ) -> Redirect:
        """Keep somebody out: signed out, keys revoked, songs kept."""
        return _back_to(disable(session, admin, user_id, address_of(request)))

    @post("/access/{user_id:uuid}/enable", sync_to_thread=True)
    def let_in_again(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        user_id: FromPath[UUID],
    ) -> Redirect:
        """Let somebody in again."""
        return _back_to(enable(session, admin, user_id, address_of(request)))

    @post("/access/{user_id:uuid}/sign-out", sync_to_thread=True)
    def let_out(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        user_id: FromPath[UUID],
    ) -> Redirect:
        """Sign somebody out everywhere."""
        return _back_to(sign_out_person(session, admin, user_id, address_of(request)))

    @get("/audit", sync_to_thread=True)
    def audit(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        before: FromQuery[int | None] = None,
    ) -> Page:
        """Show what admins did, newest first, from below the entry `before`."""
        deeds = list_deeds(session, admin, before, DEEDS + 1)
        actors = {each.actor_id for each in deeds}
        names = {user.id: user.name for user in session.scalars(select(User).where(User.id.in_(actors)))}
        return render(
            request,
            "admin_audit.html",
            session,
            admin,
            deeds=[
                (each, names[each.actor_id] if each.actor_id else _("The command line"), day(each.created_at))
                for each in deeds[:DEEDS]
            ],
            older=deeds[DEEDS - 1].id if len(deeds) > DEEDS else None,
        )


def _back_to(user: User) -> Redirect:
    return Redirect(f"/admin/access/{user.id}", status_code=303)


def _link_page(request: AdminRequest, session: Session, admin: User, path: str, whom: str, hours: int) -> Page:
    """Show a link that only its hash is kept of. It names the studio by its settings, never by the request."""
    link = settings().public_url.rstrip("/") + path
    return render(
        request,
        "admin_link.html",
        session,
        admin,
        200,
        NO_REFERRER,
        link=link,
        whom=" ".join(whom.split()),
        hours=hours,
    )


def _invites_page(
    request: AdminRequest,
    session: Session,
    admin: User,
    form: dict[str, str],
    errors: dict[str, str],
    status: int = 200,
) -> Page:
    return render(
        request,
        "admin_invites.html",
        session,
        admin,
        status=status,
        invites=open_invites(session, admin),
        mode=settings().registration,
        with_credits=credits.are_on(),
        form=form,
        errors=errors,
    )
