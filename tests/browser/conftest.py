"""A whole studio in a folder of its own, and a Chromium that notes everything a page complains about."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from appliance.box import postgres
from appliance.settings import load_settings
from tests.box.studio import Studio

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NAME, PASSWORD = "Mara Lindqvist", "a kettle on the stove"
SECONDS = 10  # the shortest song there is
MAKING = 60_000  # milliseconds that two takes of it may need on a busy machine

# A violation of the content policy is told to the page, so the page tells the console.
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`content policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));"""


@dataclass
class Made:
    """A studio in which somebody has made one song."""

    address: str
    signed_in: StorageState
    song: str
    other_take: str


@pytest.fixture(scope="session")
def _first() -> list[tuple[Path, Made]]:
    """The folder of a studio, stopped, in which somebody has made a song, once there is one."""
    return []


# One studio a module: what people have played is kept on the server, and no module should find another's there. The first song
# is made once, and every module has a copy of the folder.
@pytest.fixture(scope="module")
def studio(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, _first: list[tuple[Path, Made]]
) -> Iterator[Studio]:
    if not _first:
        first = Studio(tmp_path_factory.mktemp("first") / "data")
        try:
            _first.append((first.data, _make_the_first_song(first.start().until_ready(), browser)))
            assert first.stop() == 0, first.said
        finally:
            first.end()
    studio = Studio(tmp_path_factory.mktemp("browser") / "data")
    shutil.copytree(_first[0][0], studio.data)
    try:
        yield studio.start().until_ready()
    finally:
        studio.end()


# Playwright keeps an event loop in this thread while it runs, which tests elsewhere would trip over: so one a module.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.fail("The browser tests need Chromium: as root, apt-get install -y chromium.")
    # Chromium cannot build its sandbox as root, in most containers.
    options = ["--mute-audio", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=options)
        yield browser
        browser.close()


def connection_of(studio: Studio) -> psycopg.Connection:
    """Return a connection to the database of a studio that runs."""
    return postgres.connect(
        load_settings(json.loads(studio.layout.settings.read_text()), None).database_url.get_secret_value()
    )


def listen_to(context: BrowserContext, complaints: list[str]) -> None:
    """Write every error and warning of the context's pages, and every request that failed, into `complaints`."""
    context.add_init_script(TELL_VIOLATIONS)
    # Chromium puts every refused form on the console; that a form is refused is what some tests are about.
    context.on(
        "console",
        lambda said: (
            complaints.append(f"{said.text} ({said.location['url']})")
            if said.type in ("error", "warning") and "status of 422" not in said.text
            else None
        ),
    )
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    # What a page drops when it is left is no failure.
    context.on(
        "requestfailed",
        lambda request: (
            complaints.append(f"{request.url}: {request.failure}")
            if "ERR_ABORTED" not in (request.failure or "")
            else None
        ),
    )


@pytest.fixture(autouse=True)
def complaints(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Everything that any page complains about during a test. There must be nothing at its end: see `forgive`."""
    heard: list[str] = []
    new_context = browser.new_context

    def new_context_with_ears(**options: object) -> BrowserContext:
        context = new_context(**options)  # type: ignore[arg-type]
        listen_to(context, heard)
        return context

    monkeypatch.setattr(browser, "new_context", new_context_with_ears)
    yield heard
    assert heard == []


def forgive(complaints: list[str], *expected: str) -> None:
    """Forget the complaints in which one of these stands: those of a test that breaks something on purpose."""
    complaints[:] = [said for said in complaints if not any(each in said for each in expected)]


@pytest.fixture
def made(studio: Studio, _first: list[tuple[Path, Made]]) -> Made:
    """The studio after its first song, made in a browser from the link that the terminal showed."""
    before, address = _first[0][1], f"http://127.0.0.1:{studio.port}"
    signed_in = json.loads(json.dumps(before.signed_in).replace(before.address, address))
    return Made(address, signed_in, before.song, before.other_take)


def _make_the_first_song(studio: Studio, browser: Browser) -> Made:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    link = studio.link()
    assert link, studio.said
    page.goto(link)
    page.get_by_label("Name people will see").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the admin's account").click()
    expect(page.get_by_role("heading", name="Make a song")).to_be_visible()

    page.get_by_label("What should it be about").fill("A slow waltz about the last ferry home, warm and a bit tired")
    page.get_by_text("Fine control").click()
    page.get_by_label("Length").fill(str(SECONDS))
    page.get_by_role("button", name="Make 2 takes").click()
    takes = page.locator(".takes > li")
    expect(page.locator("#desk .job")).to_have_count(1)
    expect(takes).to_have_count(2, timeout=MAKING)
    expect(page.locator(".job.done")).to_have_count(1)

    songs = [takes.nth(number).get_by_role("link").get_attribute("href") or "" for number in (0, 1)]
    address = re.match(r"https?://[^/]+", link)
    assert address
    made = Made(address[0], context.storage_state(), songs[0], songs[1])
    context.close()
    return made


@pytest.fixture
def open_page(browser: Browser, made: Made) -> Iterator[Callable[..., Page]]:
    """Open a page of the studio, signed in; the options are those of a browser context."""
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/create", **options: object) -> Page:
        settings: dict[str, object] = {"storage_state": made.signed_in, "viewport": {"width": 1440, "height": 900}}
        context = browser.new_context(base_url=made.address, **(settings | options))  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def accessibility_violations(page: Page, rules: list[str] = RULES) -> list[str]:
    """Return what axe-core finds on the page as it stands, one line each. The page must be open with `bypass_csp`."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", rules)
    return [
        f"{violation['id']}: {violation['help']}: {violation['nodes'][0]['html'][:160]}"
        for violation in found["violations"]
    ]


COLOURS = ["color-contrast", "link-in-text-block"]  # the only rules that look at colours


def colour_violations(page: Page, scheme: str) -> list[str]:
    """Return what axe-core, which must be on the page already, finds in it in the other colours."""
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    found = page.evaluate("rules => axe.run({runOnly: {type: 'rule', values: rules}})", COLOURS)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    return [
        f"{violation['id']}, in the other colours: {violation['nodes'][0]['html'][:160]}"
        for violation in found["violations"]
    ]
