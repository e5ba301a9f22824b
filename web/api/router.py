"""The API, wired: every route behind a key, except the document that describes them."""

from litestar import Router
from litestar.di import Provide

from web.api.account import Account, Webhooks
from web.api.keys import provide_caller, refuse_odd_queries, refuse_options, require_key
from web.api.requests import Requests
from web.api.songs import Songs

LARGEST_BODY = 64 * 1024  # bytes; the longest lyrics are 5,000 characters, of up to 12 bytes as JSON escapes them

API = Router(
    "/api/v1",
    route_handlers=[Account, Requests, Songs, Webhooks],
    dependencies={"viewer": Provide(provide_caller, sync_to_thread=False)},
    guards=[require_key, refuse_options, refuse_odd_queries],
    # A key in a header, which no other site can have a browser send.
    opt={"by_key": True, "signed_by_sender": True},
    request_max_body_size=LARGEST_BODY,
)
