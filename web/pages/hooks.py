"""What other programs tell us: messages from Polar, which are checked, stored and answered at once."""

from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import RawBody
from litestar.response import Response
from sqlalchemy.orm import Session

from appliance import billing, polar_gateway
from appliance.taskqueue import ring
from web.database import after_commit


@post(
    "/hooks/polar",
    status_code=202,
    sync_to_thread=True,
    signed_by_sender=True,
    request_max_body_size=polar_gateway.MAX_MESSAGE,
)
def polar_message(request: Request[Any, Any, Any], session: NamedDependency[Session], body: RawBody) -> Response[None]:
    """Keep a message whose signature is right, new or not; whatever it says is dealt with by the worker.

    An answer other than 2xx would make Polar send again, and after ten of them stop sending at all; so only what is not Polar's
    is refused; without a secret in the settings that is everything.
    """
    webhook_id, content = polar_gateway.read_message(body, dict(request.headers))
    if billing.keep_message(session, webhook_id, content):
        after_commit(session, lambda: ring("message_waits"))
    return Response(None, status_code=202)
