"""Whose key it is, the account's credits, the categories, and the addresses that are told of songs."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from litestar.response import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.credits import are_on, list_entries
from appliance.errors import InvalidInput
from appliance.tables import ApiKey, Category, User
from appliance.webhooks import add_endpoint, delete_endpoint, get_endpoint, list_deliveries, list_endpoints, secret_of
from web.api.bodies import NewWebhook
from web.api.reading import read_json, read_page
from web.api.songs import once
from web.api.views import (
    CategoryList,
    CategoryView,
    CreditsView,
    DeliveryList,
    EntryList,
    MeView,
    NewWebhookView,
    WebhookList,
    WebhookView,
    credits_view,
    delivery_view,
    entry_view,
    webhook_view,
)

ApiRequest = Request[Any, Any, Any]


class Account(Controller):
    """Whose key it is, and what they can spend."""

    opt = {"section": "Account"}  # noqa: RUF012  # as Litestar has it

    @get("/me", answer=MeView, sync_to_thread=False)
    def me(self, request: Request[User, ApiKey, Any]) -> MeView:
        """Return whose key this is and what it may do."""
        user, key = request.user, request.auth
        return MeView(user.id, user.name, "admin" if user.is_admin else "user", key.name, list(key.scopes))

    @get("/credits", scope="billing:read", answer=CreditsView, sync_to_thread=True)
    def credits(self, session: NamedDependency[Session], viewer: NamedDependency[User]) -> CreditsView:
        """Return what you can spend."""
        return credits_view(session, viewer)

    @get("/credits/history", scope="billing:read", answer=EntryList, query=("cursor", "limit"), sync_to_thread=True)
    def history(
        self, request: ApiRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> EntryList:
        """List every change of your credits, newest first."""
        cursor, limit = read_page(request)
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
            raise InvalidInput("This cursor was not made here. Begin without one.")
        found = list_entries(session, viewer, int(cursor) if cursor else None, limit + 1) if are_on() else []
        after = str(found[limit - 1].seq) if len(found) > limit else None
        return EntryList([entry_view(entry) for entry in found[:limit]], after)

    @get("/categories", answer=CategoryList, sync_to_thread=True)
    def categories(self, session: NamedDependency[Session]) -> CategoryList:
        """List the categories that songs are filed under."""
        found = session.scalars(select(Category).order_by(Category.id))
        return CategoryList([CategoryView(each.name, each.slug) for each in found])


class Webhooks(Controller):
    """Addresses that are told when a song of yours is ready or has failed."""

    path = "/webhooks"
    opt = {"section": "Webhooks"}  # noqa: RUF012  # as Litestar has it

    @get("/", scope="songs:write", answer=WebhookList, sync_to_thread=True)
    def mine(self, session: NamedDependency[Session], viewer: NamedDependency[User]) -> WebhookList:
        """List your addresses."""
        return WebhookList([webhook_view(each) for each in list_endpoints(session, viewer)])

    @post(
        "/",
        scope="songs:write",
        body=NewWebhook,
        answer=NewWebhookView,
        status_code=201,
        idempotent=True,
        sync_to_thread=True,
    )
    def add(
        self, request: ApiRequest, session: NamedDependency[Session], viewer: NamedDependency[User], body: RawBody
    ) -> Response[Any]:
        """Have an address told. It must be on a host that the studio's admin allows."""
        asked = read_json(request, body, NewWebhook)

        def make() -> WebhookView:
            return webhook_view(add_endpoint(session, viewer, asked.url))

        answer = once(request, session, viewer, msgspec.json.encode(asked), 201, make)
        # What is kept for a request that comes twice has no secret in it: that lies in the database sealed or not at all.
        told = msgspec.to_builtins(answer.content)
        answer.content = {**told, "secret": secret_of(get_endpoint(session, UUID(told["id"]), viewer))}
        return answer

    @delete("/{webhook_id:uuid}", scope="songs:write", status_code=204, sync_to_thread=True)
    def remove(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], webhook_id: FromPath[UUID]
    ) -> None:
        """Tell an address of yours nothing more."""
        delete_endpoint(session, webhook_id, viewer)

    @get("/{webhook_id:uuid}/deliveries", scope="songs:write", answer=DeliveryList, sync_to_thread=True)
    def deliveries(
        self, session: NamedDependency[Session], viewer: NamedDependency[User], webhook_id: FromPath[UUID]
    ) -> DeliveryList:
        """List the newest messages to an address of yours and what came of them."""
        return DeliveryList([delivery_view(each) for each in list_deliveries(session, webhook_id, viewer)])
