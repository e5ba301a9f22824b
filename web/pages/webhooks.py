"""Webhooks: where one's own programs are told that a song is ready, what came of it, and whether they listen at all."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.errors import StudioError
from appliance.tables import User
from appliance.taskqueue import ring
from appliance.webhooks import (
    add_endpoint,
    allowed_hosts,
    delete_endpoint,
    last_deliveries,
    list_endpoints,
    request_test,
    secret_of,
)
from web.database import after_commit
from web.rendering import Page, render

WebhookRequest = Request[Any, Any, Any]
HERE = "/settings/webhooks"


class WebhookPages(Controller):
    """Everybody's own addresses."""

    path = HERE

    @get("/", sync_to_thread=True)
    def overview(
        self, request: WebhookRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Page:
        """Show the viewer's addresses, each with the newest message to it."""
        return _page(request, session, viewer, {}, {})

    @post("/", sync_to_thread=True)
    def add(
        self,
        request: WebhookRequest,
        session: NamedDependency[Session],
        confirmed: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page:
        """Have another address told, and show the secret that its messages are signed with, this once."""
        try:
            endpoint = add_endpoint(session, confirmed, form.get("url", "").strip())
        except StudioError as error:
            session.rollback()
            errors = error.fields or {"url": error.message}
            return _page(request, session, confirmed, form, errors, status=error.status)
        return _page(request, session, confirmed, {}, {}, made=(endpoint.url, secret_of(endpoint)))

    @post("/{webhook_id:uuid}/test", sync_to_thread=True)
    def test(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], webhook_id: FromPath[UUID]
    ) -> Redirect:
        """Send an address a message that means nothing, once. The page shows what comes of it."""
        request_test(session, webhook_id, viewer)
        after_commit(session, lambda: ring("delivery_waits"))
        return Redirect(HERE, status_code=303)

    @post("/{webhook_id:uuid}/remove", sync_to_thread=True)
    def remove(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], webhook_id: FromPath[UUID]
    ) -> Redirect:
        """Tell an address nothing more."""
        delete_endpoint(session, webhook_id, viewer)
        return Redirect(HERE, status_code=303)


def _page(
    request: WebhookRequest,
    session: Session,
    viewer: User,
    form: dict[str, str],
    errors: dict[str, str],
    made: tuple[str, str] | None = None,
    status: int = 200,
) -> Page:
    newest = last_deliveries(session, viewer)
    return render(
        request,
        "webhooks.html",
        session,
        viewer,
        status=status,
        form=form,
        errors=errors,
        made=made,
        hosts=allowed_hosts(),
        endpoints=[(each, newest.get(each.id)) for each in list_endpoints(session, viewer)],
        is_awaited=any(each.event == "webhook.test" and each.state == "waiting" for each in newest.values()),
    )
