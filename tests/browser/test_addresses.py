"""One address: whatever name the browser has for the machine, it needs no other to play and to seek."""

from urllib.parse import SplitResult, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import NAME, PASSWORD, Made

pytestmark = pytest.mark.browser
PLAY_AND_SEEK = """async (address) => {
  const sound = new Audio(address);
  sound.muted = true;
  await sound.play();
  sound.currentTime = 6;
  await new Promise((done) => sound.addEventListener("seeked", done, {once: true}));
  return [sound.currentTime >= 6, Number.isFinite(sound.duration), sound.currentSrc];
}"""


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "studio.localhost"])
def test_a_song_plays_and_seeks_under_every_name_of_the_machine(browser: Browser, made: Made, host: str) -> None:
    port = urlsplit(made.address).port
    address = f"http://{host}:{port}"
    asked: list[SplitResult] = []
    context = browser.new_context(base_url=address)
    context.on("request", lambda request: asked.append(urlsplit(request.url)))
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("E-mail or name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("link", name="Make a song")).to_be_visible()
    page.goto(made.song)
    has_sought, is_finite, source = page.evaluate(PLAY_AND_SEEK, f"{made.song}/audio")
    assert (has_sought, is_finite) == (True, True)
    assert source.startswith(address)
    assert {url.netloc for url in asked if url.scheme.startswith("http")} == {f"{host}:{port}"}
    context.close()
