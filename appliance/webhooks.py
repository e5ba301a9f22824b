"""Webhooks: somebody's program is told when a song is ready or has failed; only at addresses that the admin's settings allow.

What is sent is signed as Standard Webhooks has it (standardwebhooks.com). Messages are written in the transaction that they
tell of, and sent by the worker, again and again with growing pauses, until the address takes them or eight tries are over.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import urllib3
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, joinedload

from appliance.errors import Conflict, InvalidInput, NotFound
from appliance.sealing import WEBHOOK, Unreadable, seal, webhook_secret
from appliance.settings import settings
from appliance.tables import Song, User, WebhookDelivery, WebhookEndpoint

MOST_ENDPOINTS = 10  # for each person
MAX_URL = 500
TEST = "webhook.test"  # the event that means nothing
PATIENCE = 10.0  # seconds for one try
# Pauses after the first try, the second ...; after the last of them it is given up.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 300, 600, 600))
KEPT = timedelta(days=7)
_ports = {"http": 80, "https": 443}


def allowed(url: str) -> bool:
    """Tell whether the settings name the host of this address, its port included where it is not the usual one."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme not in _ports or not parts.hostname or "@" in parts.netloc or not url.isascii() or "\\" in url:
        return False
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    names = {f"{host}:{port or _ports[parts.scheme]}"} | ({host} if port in (None, _ports[parts.scheme]) else set())
    return bool(names & set(allowed_hosts()))


def allowed_hosts() -> list[str]:
    """Return the hosts that the settings name, as `host` or `host:port`."""
    return [name.strip().lower() for name in settings().webhook_hosts.split(",") if name.strip()]


def add_endpoint(session: Session, user: User, url: str) -> WebhookEndpoint:
    """Return the new address, which hears of everything from now on. Raises InvalidInput, Conflict."""
    if len(url) > MAX_URL or not url.isprintable() or " " in url or not allowed(url):
        raise InvalidInput.about(url="Webhooks go only to hosts that this studio's setting WEBHOOK_HOSTS names.")
    session.execute(select(User.id).where(User.id == user.id).with_for_update(key_share=True))
    count = session.scalars(select(func.count()).where(WebhookEndpoint.user_id == user.id)).one()
    if count >= MOST_ENDPOINTS:
        raise Conflict(f"You have {MOST_ENDPOINTS} webhooks already. Delete one that is not used any more.")
    endpoint = WebhookEndpoint(user_id=user.id, url=url, secret=seal(WEBHOOK, secrets.token_bytes(32)))
    session.add(endpoint)
    session.flush()
    return endpoint


def list_endpoints(session: Session, viewer: User) -> list[WebhookEndpoint]:
    """Return the viewer's own addresses, newest first."""
    mine = select(WebhookEndpoint).where(WebhookEndpoint.user_id == viewer.id)
    return list(session.scalars(mine.order_by(WebhookEndpoint.created_at.desc())))


def delete_endpoint(session: Session, endpoint_id: UUID, viewer: User) -> None:
    """Tell one of the viewer's own addresses nothing more. Raises NotFound."""
    session.delete(get_endpoint(session, endpoint_id, viewer))
    session.flush()


def last_deliveries(session: Session, viewer: User) -> dict[UUID, WebhookDelivery]:
    """Return the newest message to each of the viewer's own addresses that has had any, by the id of the address."""
    newest = (
        select(WebhookDelivery)
        .join(WebhookDelivery.endpoint)
        .where(WebhookEndpoint.user_id == viewer.id)
        .ext(distinct_on(WebhookDelivery.endpoint_id))
        .order_by(WebhookDelivery.endpoint_id, WebhookDelivery.created_at.desc())
    )
    return {each.endpoint_id: each for each in session.scalars(newest)}


def request_test(session: Session, endpoint_id: UUID, viewer: User) -> None:
    """Write a message that means nothing to one of the viewer's own addresses. It is sent once. Raises NotFound, Conflict."""
    endpoint = get_endpoint(session, endpoint_id, viewer)
    session.execute(select(WebhookEndpoint.id).where(WebhookEndpoint.id == endpoint.id).with_for_update())
    waits = (WebhookDelivery.endpoint_id == endpoint.id) & (WebhookDelivery.state == "waiting")
    if session.scalar(select(WebhookDelivery.id).where(waits, WebhookDelivery.event == TEST).limit(1)):
        raise Conflict("A test is on its way there already.")
    content = {
        "type": TEST,
        "timestamp": datetime.now(UTC).isoformat(),
        "data": {"studio": settings().studio_name, "message": "This is a test. Nothing has happened."},
    }
    session.add(WebhookDelivery(endpoint_id=endpoint.id, event=TEST, content=content))
    session.flush()


def list_deliveries(session: Session, endpoint_id: UUID, viewer: User, limit: int = 50) -> list[WebhookDelivery]:
    """Return the newest messages to one of the viewer's own addresses. Raises NotFound."""
    endpoint = get_endpoint(session, endpoint_id, viewer)
    wanted = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id)
    return list(session.scalars(wanted.order_by(WebhookDelivery.created_at.desc()).limit(limit)))


def get_endpoint(session: Session, endpoint_id: UUID, viewer: User) -> WebhookEndpoint:
    """Return one of the viewer's own addresses. Raises NotFound."""
    endpoint = session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None or endpoint.user_id != viewer.id:
        raise NotFound
    return endpoint


def secret_of(endpoint: WebhookEndpoint) -> str:
    """Return the secret that messages to this address are signed with, as Standard Webhooks writes it. Raises Unreadable."""
    return "whsec_" + base64.b64encode(webhook_secret(endpoint)).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message, as Standard Webhooks has it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed).decode()


def tell_of(session: Session, song: Song) -> None:
    """Write a message to every address of the song's owner: it is ready, or it has failed. In the transaction that made it so."""
    event = {"processed": "song.ready", "failed": "song.failed"}[song.status]
    content = {
        "type": event,
        "timestamp": datetime.now(UTC).isoformat(),
        "data": {
            "song_id": str(song.id),
            "request_id": str(song.request_id),
            "take": song.take,
            "title": song.title,
            "reason": song.reason,
        },
    }
    for endpoint_id in session.scalars(select(WebhookEndpoint.id).where(WebhookEndpoint.user_id == song.user_id)):
        session.add(WebhookDelivery(endpoint_id=endpoint_id, event=event, content=content))
    session.flush()


def take_delivery(session: Session) -> WebhookDelivery | None:
    """Return the message that is due next, with its address, and put off its next try; None when none is due.

    It is put off before it is sent, so a worker that dies over it does not send it without end.
    """
    delivery = session.scalar(
        select(WebhookDelivery)
        .where(WebhookDelivery.state == "waiting", WebhookDelivery.next_try_at <= func.clock_timestamp())
        .order_by(WebhookDelivery.next_try_at)
        .limit(1)
        .options(joinedload(WebhookDelivery.endpoint, innerjoin=True))
        .with_for_update(skip_locked=True, of=WebhookDelivery)
    )
    if delivery is None:
        return None
    pause = PAUSES[min(delivery.tries, len(PAUSES) - 1)]
    delivery.tries += 1
    delivery.next_try_at = datetime.now(UTC) + pause
    return delivery


def send(delivery: WebhookDelivery) -> tuple[bool, str]:
    """Send a message and return whether it was taken, and what came of it in words.

    The settings are asked again, since they may have changed; redirects are not followed, and nothing of the answer is read.
    """
    url = delivery.endpoint.url
    if not allowed(url):
        return False, "The setting WEBHOOK_HOSTS does not name this host any more."
    try:
        secret = secret_of(delivery.endpoint)
    except Unreadable:
        return False, "Its secret cannot be read any more. Add the address anew."
    body = json.dumps(delivery.content, separators=(",", ":")).encode()
    timestamp = int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": "Backline",
        "webhook-id": str(delivery.id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, str(delivery.id), timestamp, body),
    }
    with urllib3.PoolManager(num_pools=1) as outside:
        try:
            answer = outside.request(
                "POST",
                url,
                body=body,
                headers=headers,
                redirect=False,
                retries=False,
                timeout=PATIENCE,
                preload_content=False,
            )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            return False, f"It did not answer: {type(error).__name__}."
        status = answer.status
        answer.close()
    return 200 <= status < 300, f"It answered {status}."


def note_delivery(session: Session, delivery_id: UUID, taken: bool, result: str) -> None:
    """Keep what came of a try."""
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True, populate_existing=True)
    if delivery is None:  # its address was deleted meanwhile
        return
    delivery.result = result[:120]
    if taken:
        delivery.state = "delivered"
    elif delivery.tries > len(PAUSES) or delivery.event == TEST:
        delivery.state = "given_up"


def purge_deliveries(session: Session) -> None:
    """Forget messages that are done with, after a week."""
    old = WebhookDelivery.created_at < datetime.now(UTC) - KEPT
    session.execute(delete(WebhookDelivery).where(old, WebhookDelivery.state != "waiting"))
