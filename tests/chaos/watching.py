"""People in a studio in which something goes wrong: they look, they listen, they ask for songs, and they note what they got."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape

import httpx

from tests.box.studio import Studio
from tests.web.browser import PASSWORD, Browser

LONGEST = 30.0  # seconds; whatever takes longer hangs
SONG = {"mode": "described_lyrics", "prompt": "piano", "instrumental": "on", "duration": "10", "takes": "1"}
PEOPLE = ("Mara", "Jun", "Lee")


@dataclass
class Seen:
    """What people saw during a fault: how often each status (0: the connection failed), the sentences, and the longest wait."""

    statuses: Counter[int] = field(default_factory=Counter)
    sentences: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    hung: int = 0
    accepted: int = 0

    def told(self) -> str:
        """Return it as a line of the table."""
        counts = ", ".join(
            f"{count} × {status or 'no connection'}" for status, count in sorted(self.statuses.items(), reverse=True)
        )
        said = "; ".join(f"“{sentence}”" for sentence, _ in self.sentences.most_common(2))
        return f"{counts}{'; ' + said if said else ''}; longest wait {self.longest:.1f} s"


class Household:
    """The people of a studio, signed in. Each has a browser of their own and asks for a song now and then."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.accepted = 0
        self._people: list[Browser] = []
        self._song = ""

    def move_in(self) -> None:
        """Set the studio up, sign everybody up, and make a first song for all to hear."""
        with self.studio.browser() as admin:
            self.studio.set_up(admin)
        for name in PEOPLE:
            browser = Browser(httpx.Client(base_url=f"http://127.0.0.1:{self.studio.port}", timeout=LONGEST))  # type: ignore[arg-type]
            browser.open("/sign-up")
            made = browser.send("/sign-up", {"name": name, "password": PASSWORD})
            assert made.status_code == 303, made.text
            self._people.append(browser)
        self.ask_for_songs(1)

    def ask_for_songs(self, each: int) -> None:
        """Have everybody ask for so many songs while all is well."""
        for browser in self._people:
            for _ in range(each):
                browser.open("/create")
                answer = browser.send("/create", SONG)
                assert answer.status_code == 303, answer.text[:2000]
                self.accepted += 1

    def hear(self, song: str) -> None:
        """Have this song heard from now on."""
        self._song = song

    @contextmanager
    def looking(self, seen: Seen) -> Iterator[None]:
        """Have people look, listen and ask until the end of the block, each in a thread, and note what they see."""
        over = threading.Event()
        pages = (("/", "/create"), (f"/songs/{self._song}", f"/songs/{self._song}/audio"), ("/create", "+"))
        threads = [
            threading.Thread(target=self._look, args=(browser, each, seen, over))
            for browser, each in zip(self._people, pages, strict=True)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()
            self.accepted += seen.accepted

    def _look(self, browser: Browser, pages: tuple[str, ...], seen: Seen, over: threading.Event) -> None:
        asked = 0
        while not over.is_set():
            for page in pages:
                began = time.monotonic()
                try:
                    if page == "+":
                        # Two songs are enough to see whether one is taken; the rest of the time is for making them.
                        if asked >= 2:
                            continue
                        answer = browser.send("/create", SONG)
                        asked += answer.status_code == 303
                        seen.accepted += answer.status_code == 303
                    else:
                        answer = browser.open(page)
                except httpx.TimeoutException:
                    seen.hung += 1
                    seen.longest = LONGEST
                    continue
                except httpx.HTTPError:
                    seen.statuses[0] += 1
                    continue
                finally:
                    seen.longest = max(seen.longest, time.monotonic() - began)
                seen.statuses[answer.status_code] += 1
                if answer.status_code >= 400:
                    seen.sentences[sentence_of(answer)] += 1
            over.wait(0.3)


def sentence_of(answer: httpx.Response) -> str:
    """Return what an error page says, or the start page that stands in for a studio that is not up yet."""
    text = re.sub(r"<(head|nav|script|style|svg)\b.*?</\1>", " ", answer.text, flags=re.S)
    found = re.search(r'class="empty">.*?<p>(.*?)</p>', text, re.S) or re.search(
        r'class="err"[^>]*>(.*?)</p>', text, re.S
    )
    said = found[1] if found else text
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", said).split()))[:160]
