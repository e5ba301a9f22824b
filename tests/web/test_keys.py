"""Making and revoking API keys in a browser, and the page about the API."""

import re

from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.tables import ApiKey
from tests.web.browser import Browser, beside


def test_a_key_is_shown_once_and_opens_the_api(mara: Browser, client: TestClient[Litestar], session: Session) -> None:
    mara.open("/settings/keys")
    page = mara.send("/settings/keys", {"name": "The hall", "may:songs:read": "on", "may:generate": "on", "days": "30"})
    assert page.status_code == 200
    shown = re.search(r'id="new-key">(bl_[0-9a-f]{16}\.[\w-]{43})<', page.text)
    assert shown
    assert page.headers["cache-control"] == "no-store"
    assert shown[1].rpartition(".")[2] not in mara.open("/settings/keys").text
    row = session.scalars(select(ApiKey)).one()
    assert (row.name, row.scopes, row.expires_at is not None) == ("The hall", ["generate", "songs:read"], True)
    headers = {"Authorization": f"Bearer {shown[1]}"}
    client.cookies.clear()
    assert client.get("/api/v1/me", headers=headers).json()["key_name"] == "The hall"
    assert client.get("/api/v1/credits", headers=headers).status_code == 403
    assert mara.send(f"/settings/keys/{row.id}/revoke").status_code == 303
    assert client.get("/api/v1/me", headers=headers).status_code == 401
    assert "No program has a key of yours." in mara.open("/settings/keys").text


def test_what_cannot_be_made_is_said_beside_its_field(mara: Browser, session: Session) -> None:
    mara.open("/settings/keys")
    page = mara.send("/settings/keys", {"name": " ", "days": "30"})
    assert page.status_code == 422
    assert beside(page, "name").startswith("Name the key")
    assert beside(page, "scopes").startswith("Choose at least one")
    page = mara.send("/settings/keys", {"name": "x", "may:songs:read": "on", "days": "31"})
    assert beside(page, "days") == "Choose one from the list."
    assert session.scalars(select(ApiKey)).all() == []


def test_nobody_revokes_somebody_elses_key(mara: Browser, jun: Browser, session: Session) -> None:
    mara.send("/settings/keys", {"name": "x", "may:songs:read": "on"})
    key_id = session.scalars(select(ApiKey.id)).one()
    assert jun.send(f"/settings/keys/{key_id}/revoke").status_code == 404
    assert jun.send("/settings/keys/nothing/revoke").status_code == 404
    assert key_id[:6] not in jun.open("/settings/keys").text


def test_the_api_page_names_every_route_of_the_document(mara: Browser, client: TestClient[Litestar]) -> None:
    page = mara.open("/api").text
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    routes = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    assert len(routes) > 20
    for method, path in routes:
        assert f"<code>{method} {path}</code>" in page
    assert "Salt on the Window" in page
