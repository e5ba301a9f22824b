"""Many people at the same moment: they wait for each other, and everybody is answered."""

from concurrent.futures import ThreadPoolExecutor

from appliance.tables import User
from tests.web.browser import Browser
from web.app import THREADS


def test_more_people_than_there_are_threads_and_connections_are_all_answered(mara: Browser) -> None:
    many = 6 * THREADS
    with ThreadPoolExecutor(many) as crowd:
        pages = list(crowd.map(lambda _: mara.client.get("/", follow_redirects=False).status_code, range(many)))
    assert set(pages) == {200}


def test_who_is_turned_away_keeps_nobody_waiting(browser: Browser, people: dict[str, User]) -> None:
    for _ in range(2 * THREADS):
        assert browser.get("/settings").status_code == 303
    assert browser.sign_in("Mara").status_code == 303
    for _ in range(2 * THREADS):
        assert browser.get("/admin").status_code == 404
        assert browser.get("/songs/00000000-0000-4000-8000-000000000000").status_code == 404
        assert browser.send("/create", {}).status_code == 422
    assert browser.get("/").status_code == 200
