"""A browser without a script: it keeps cookies, finds the token in the forms that it was given, and says where it comes from."""

import re
from html import unescape
from typing import Any

from httpx import Cookies, Response
from litestar import Litestar
from litestar.testing import TestClient

PASSWORD = "a kettle on the window"
HTMX = {"HX-Request": "true"}


class Browser:
    """Looks at pages of `client` and sends their forms. Several browsers share one client, each with its own cookies."""

    def __init__(self, client: TestClient[Litestar]) -> None:
        self.client = client
        self.cookies = Cookies()
        self.token = ""

    def ask(self, method: str, path: str, **how: Any) -> Response:
        """Return the answer to a request with this browser's cookies; a failure that nobody expected fails the test."""
        self.client.cookies = self.cookies
        answer = self.client.request(method, path, **how)
        self.cookies = Cookies(self.client.cookies)
        assert answer.status_code != 500, path
        return answer

    def get(self, path: str, **headers: str) -> Response:
        """Return the answer itself, redirects included."""
        return self.ask("GET", path, headers=headers, follow_redirects=False)

    def open(self, path: str, **headers: str) -> Response:
        """Return the page at `path`, with whatever redirects lead to."""
        page = self.ask("GET", path, headers=headers, follow_redirects=True)
        found = re.search(r'name="csrf_token" value="(\w+)"', page.text)
        self.token = found[1] if found else self.token
        return page

    def send(self, path: str, fields: dict[str, Any] | None = None, htmx: bool = False) -> Response:
        """Send a form with the token of the last page, and return the answer itself, redirects included."""
        own = {"Origin": str(self.client.base_url).rstrip("/"), **(HTMX if htmx else {})}
        data = {"csrf_token": self.token, **(fields or {})}
        return self.ask("POST", path, data=data, headers=own, follow_redirects=False)

    def sign_in(self, name: str, password: str = PASSWORD) -> Response:
        """Sign in by the form."""
        self.open("/sign-in")
        answer = self.send("/sign-in", {"user": name, "password": password})
        self.open("/create")
        return answer


def beside(page: Response, field: str) -> str:
    """Return the sentence that a page says beside a field, or nothing."""
    found = re.search(rf'id="{field}-error">.*?</svg>(.*?)</p>', page.text, re.S)
    return unescape(found[1]) if found else ""


def typed(page: Response, field: str) -> str:
    """Return what stands in a field of a page."""
    area = re.search(rf'<textarea id="{field}"[^>]*>\n(.*?)</textarea>', page.text, re.S)
    line = re.search(rf'<input id="{field}"[^>]*? value="([^"]*)"', page.text, re.S)
    found = area or line
    return unescape(found[1]) if found else ""
