"""Every page and its states, in light and dark, on desk and phone: nothing for axe-core to find, no sideways scrolling, and a picture kept."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from litestar.testing import TestClient
from playwright.sync_api import Browser, Page, Request
from sqlalchemy.orm import Session

from appliance.accounts import open_login_session
from appliance.box.start_page import StartPage
from appliance.storage import Storage
from appliance.tables import User
from tests.appliance.people import add_user
from tests.browser.conftest import accessibility_violations, colour_violations, forgive
from tests.browser.test_pages import DESK, PHONE, sideways
from tests.browser.test_studio import SCREENS
from tests.web.api.serving import served
from tests.web.full_house import House, everything_on, furnish, pages
from web.app import create_app

pytestmark = pytest.mark.browser

WORDS = "Salt on the Window"
# Every page is laid out twice, and in each size looked at in both colours.
LOOKS = [("light", "desk"), ("dark", "phone")]
SIZES = {"desk": DESK, "phone": PHONE}
# The same pages with other words in them.
ALIKE = re.compile(r"more=1|after=|kind=|/player|sort=new|show=(?!words)|/health|/metrics|q=(?!xyl)|openapi|/passkeys")
MENUS = ("menu", "download")
Step = Callable[[Page], object]


@pytest.fixture
def address() -> Iterator[str]:
    with everything_on(), served() as address:
        yield address


@pytest.fixture
def people(session: Session) -> dict[str, User]:
    return {name: add_user(session, name, "admin" if name == "Ada" else "user") for name in ("Ada", "Mara", "Jun")}


@pytest.fixture
def house(address: str, session: Session, people: dict[str, User], object_store: Storage) -> House:
    del address  # the settings are those of the studio that is served
    return furnish(session, object_store, people, WORDS)


def press(name: str) -> Step:
    return lambda page: page.get_by_role("button", name=name).first.click()


def opened(selector: str) -> Step:
    """Return what opens a menu, or anything else that opens by its summary."""
    return lambda page: page.locator(f"{selector} > summary").first.click()


def shown(selector: str) -> Step:
    return lambda page: page.evaluate("selector => document.querySelector(selector).showPopover()", selector)


def choose_several(page: Page) -> None:
    page.locator("label", has=page.locator("#choosing")).click()
    page.locator(".pick input:visible").first.check()


def new_key(page: Page) -> None:
    page.get_by_role("textbox", name="Name").fill("A script")
    press("Make the key")(page)
    page.locator("#new-key").wait_for()


def new_invitation(page: Page) -> None:
    press("Make a link")(page)
    page.locator("svg.qr").wait_for()


def second_factor(page: Page) -> None:
    press("Set it up")(page)
    page.locator("svg.qr").wait_for()


def playing(page: Page) -> None:
    page.locator(".hero [data-play]").click()
    page.locator("#player").wait_for()


def wrong(page: Page) -> None:
    page.get_by_text("My words").click()
    press("Make 2 takes")(page)
    page.locator("#prompt[aria-invalid]").wait_for()


def states(house: House) -> dict[str, list[tuple[str, str, Step]]]:
    """Return what is seen only after doing something: whose page, its address, what it is called, and what is done there."""
    song = f"/songs/{house.published}"
    return {
        "Mara": [
            ("/create", "menu", opened(".job .menu")),
            ("/create", "rename", shown(".rename")),
            ("/create", "several", choose_several),
            ("/create", "fine-control", opened("#make .adv")),
            ("/create", "wrong", wrong),
            (song, "download", opened(".hero .menu")),
            (song, "playing", playing),
            (song, "queue", shown("#queue")),
            (song, "keys", shown("#keys")),
            ("/settings/keys", "new", new_key),
            ("/settings/security", "second-factor", second_factor),
        ],
        "Jun": [(song, "report", opened(".report")), ("/create", "empty", lambda _: None), ("/", "kinds", opened(".kinds"))],
        "Ada": [("/admin/invites", "link", new_invitation)],
    }  # fmt: skip


def looked_at(page: Page, name: str, scheme: str, size: str) -> list[str]:
    """Keep a picture of the page, and return what is wrong with it."""
    page.screenshot(path=SCREENS / f"{name}-{size}-{scheme}.png", full_page=True)
    # What a step has brought half under the bar above is no target there, and people scroll.
    page.evaluate("scrollTo(0, 0)")
    found = accessibility_violations(page)
    found += colour_violations(page, scheme)
    return [*found, *([f"{sideways(page)} pixels too wide"] if sideways(page) > 0 else [])]


@pytest.mark.parametrize(("scheme", "size"), LOOKS)
@pytest.mark.parametrize("name", ["Mara", "Ada", "Jun", "nobody"])
def test_every_page_is_for_everybody_and_kept(
    address: str,
    house: House,
    session: Session,
    people: dict[str, User],
    browser: Browser,
    complaints: list[str],
    name: str,
    scheme: str,
    size: str,
) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    look: dict[str, object] = {"color_scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce"}
    context = browser.new_context(base_url=address, **look, **SIZES[size])  # type: ignore[arg-type]
    if name in people:
        token = open_login_session(session, people[name], "A browser", "127.0.0.1")
        session.commit()
        context.add_cookies([{"name": "login", "value": token, "url": address}])
    page, wrong = context.new_page(), {}
    walked = [path for path in pages(TestClient(create_app()), house, "salt") if not ALIKE.search(path)]
    if name == "Ada":
        walked = [path for path in walked if path.startswith("/admin")]
    elif name == "Jun":
        walked = [f"/people/{house.person}", f"/songs/{house.published}", f"/songs/{house.private}"]
    seen = set()
    for path in walked:
        answer = page.request.get(path, headers={"Accept": "text/html"})
        # The door and the page that is not there look alike whatever somebody wanted.
        shown = str(answer.status) if answer.status in (401, 403, 404) else answer.url.split("?next=")[0]
        if answer.headers.get("content-type", "").startswith("text/html") and shown not in seen:
            seen.add(shown)
            page.goto(path)
            wrong[path] = looked_at(page, _called(path, house, name), scheme, size)
    for path, state, step in states(house).get(name, []):
        page.goto(path)
        step(page)
        found = looked_at(page, f"{_called(path, house, name)}-{state}", scheme, size)
        # What lies half under an open menu is no target while it is open.
        wrong[f"{path} {state}"] = [said for said in found if state not in MENUS or not said.startswith("target-size")]
    context.close()
    forgive(complaints, "status of 40", "status of 41")
    assert not any(wrong.values()), "\n".join(
        f"{where}: {said}" for where, all_of_it in wrong.items() for said in all_of_it
    )
    assert len(wrong) >= 4


FIRST_LOAD = 150_000  # bytes, compressed, of Discover with its fonts
MOST_REQUESTS = 15


def test_the_first_load_of_every_page_is_small_and_asks_nobody_else(
    address: str, house: House, session: Session, people: dict[str, User], browser: Browser, complaints: list[str]
) -> None:
    """Every page is opened by a browser that has nothing of the studio yet."""
    token = open_login_session(session, people["Ada"], "A browser", "127.0.0.1")
    session.commit()
    weights = {}
    for path in pages(TestClient(create_app()), house, "salt"):
        if ALIKE.search(path) or not browser_gets_page(browser, f"{address}{path}", token):
            continue
        context = browser.new_context(base_url=address)
        context.add_cookies([{"name": "login", "value": token, "url": address}])
        page, asked, finished = context.new_page(), list[Request](), list[Request]()
        page.on("request", into(asked))
        page.on("requestfinished", into(finished))
        page.goto(path, wait_until="load")
        live = [
            request
            for request in asked
            if request.url.endswith(("/events", "/events?room=machine", "/events?room=queue"))
        ]
        assert len(asked) - len(live) <= MOST_REQUESTS, (path, [request.url for request in asked])
        hosts = {urlsplit(request.url).hostname for request in asked if not request.url.startswith("data:")}
        assert hosts == {"127.0.0.1"}, path
        weights[path] = sum(request.sizes()["responseBodySize"] for request in finished)
        context.close()
    forgive(complaints, "status of 4")
    assert len(weights) > 30
    assert 60_000 < weights["/"] <= FIRST_LOAD, weights["/"]


def into(requests: list[Request]) -> Callable[[Request], None]:
    """Return what keeps requests in a list; Playwright wants a function of Python's."""
    return lambda request: requests.append(request)  # noqa: PLW0108


def browser_gets_page(browser: Browser, url: str, token: str) -> bool:
    """Tell whether there is a page at an address, and no file or JSON."""
    with browser.new_context() as context:
        context.add_cookies([{"name": "login", "value": token, "url": url}])
        return context.request.get(url).headers.get("content-type", "").startswith("text/html")


def _called(path: str, house: House, name: str) -> str:
    """Return a file's name for an address, in which ids are what they stand for."""
    for field in house.__slots__:
        path = path.replace(str(getattr(house, field)), field)
    return f"{name}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-') or 'discover'}"


def test_a_bug_and_a_studio_that_starts_are_for_everybody_too(
    address: str, session: Session, people: dict[str, User], browser: Browser, complaints: list[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    SCREENS.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr("web.pages.create.desk_of", lambda *_: 1 / 0)
    starting = StartPage("127.0.0.1", 0, tmp_path / "progress")
    serving = threading.Thread(target=starting.serve_forever)
    serving.start()
    token = open_login_session(session, people["Jun"], "A browser", "127.0.0.1")
    session.commit()
    try:
        for scheme, size in LOOKS:
            context = browser.new_context(color_scheme=scheme, reduced_motion="reduce", bypass_csp=True, **SIZES[size])  # type: ignore[arg-type]
            context.add_cookies([{"name": "login", "value": token, "url": address}])
            page = context.new_page()
            page.goto(f"{address}/create")
            assert looked_at(page, "bug", scheme, size) == []
            page.goto(f"http://127.0.0.1:{starting.server_address[1]}/")
            # It has no script, and nothing on it can be lost by its loading anew.
            found = looked_at(page, "starting", scheme, size)
            assert [said for said in found if not said.startswith("meta-refresh")] == []
            context.close()
    finally:
        starting.shutdown()
        serving.join()
        starting.server_close()
    forgive(complaints, "status of 50", "favicon.ico")
