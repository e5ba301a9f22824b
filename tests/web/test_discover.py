"""Discover: the chart, the rails, the search, pages without end, and nothing private on any page."""

import re
import time

from sqlalchemy import text
from sqlalchemy.orm import Session

from appliance.songs import like_song, publish_song
from appliance.storage import Storage
from appliance.tables import User
from tests.appliance.test_feed import put_out
from tests.web.browser import Browser
from tests.web.making import make
from tests.web.test_hardening import fill, routes


def listed(page: str) -> list[str]:
    return re.findall(r'(?:class="who"|<h3)><a href="/songs/([\w-]+)"', page)


def test_the_studio_shows_its_chart_its_rails_and_everything_else(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    songs = [put_out(session, people["Jun"], f"Song {number}", category="Jazz") for number in range(9)]
    like_song(session, songs[4].id, people["Mara"])
    session.commit()
    page = mara.open("/").text
    assert re.search(
        r'<h2 id="h-chart">Most played now</h2><article class="lead">.*?<h3><a href="/songs/[\w-]+">Song 4<', page
    )
    headings = re.findall(r'<h2 id="h-[\w-]+">([^<]+)<', page)
    assert headings == ["Most played now", "New from the studio", "Jazz", "Everything else"]
    assert page.count('class="card"') == 16
    assert len(listed(page)) == 9
    assert 'href="/?category=jazz"' in page
    assert "All new songs" in page


def test_the_search_says_how_much_it_found(mara: Browser, session: Session, people: dict[str, User]) -> None:
    put_out(session, people["Jun"], "Salt on the Window")
    put_out(session, people["Jun"], "Tram 14", lyrics="salt")
    session.commit()
    page = mara.open("/?q=salt").text
    assert re.search(r'id="count" role="status" aria-live="polite">2 songs for “salt”<', page)
    assert page.index("Salt on the Window") < page.index("Tram 14")
    assert "1 song for “tram”" in mara.open("/?q=tram").text
    nothing = mara.open("/?q=%3Cb%3Enothing").text
    assert "No match for “&lt;b&gt;nothing”" in nothing
    assert "Nothing of this kind yet" in mara.open("/?category=jazz").text
    assert "Nothing of this kind yet" in mara.open("/?show=slow").text
    assert mara.open("/?q=%01%ff%20&show=x&category=y&sort=z&after=w").status_code == 200


def test_a_search_that_finds_nothing_proposes_a_near_spelling(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    put_out(session, people["Jun"], "Waltz", prompt="accordion", bpm=60.0)
    session.commit()
    page = mara.open("/?q=accordian&show=slow").text
    assert "No match for “accordian”" in page
    assert "Did you mean accordion? 1 song has it." in page
    assert '<a class="btn go" href="/?q=accordion&amp;show=slow">Search accordion</a>' in page
    assert "1 song for “accordion”" in mara.open("/?q=accordion&show=slow").text
    assert "Did you mean" not in mara.open("/?q=xylograph").text


def test_a_page_that_is_open_asks_how_much_of_others_is_new(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User]
) -> None:
    page = mara.open("/").text
    since = re.search(r'id="new-songs" [^>]*hx-get="/\?since=(\d+)"', page)
    assert since
    secret = put_out(session, people["Jun"], "Secret")
    publish_song(session, secret.id, people["Jun"], published=False)
    for number in range(3):
        put_out(session, people["Jun"], f"Song {number}")
    session.commit()
    address = f"/?since={since[1]}"
    assert '<a class="btn" href="/?sort=new">3 new songs · Show</a>' in mara.get(address).text
    assert "<a" not in jun.get(address).text  # they are Jun's own
    later = int(time.time() * 1000) + 60_000
    for moment in (later, -1, 10**30):
        answer = mara.get(f"/?since={moment}")
        assert (answer.status_code, "new-songs" in answer.text) == (200, True)
    assert "<a" not in mara.get(f"/?since={later}").text


def test_an_empty_studio_invites_to_make_the_first_song(mara: Browser) -> None:
    assert "Nothing is published yet" in mara.open("/").text


def test_lists_go_on_without_end_and_without_a_script(mara: Browser, session: Session, people: dict[str, User]) -> None:
    for number in range(50):
        put_out(session, people["Jun"], f"Song {number}")
    session.commit()
    for address in ("/?sort=new", "/?q=song", "/?show=words"):
        pages, asked = [mara.open(address).text], address
        while found := re.search(r'class="btn" href="([^"]+)" hx-get="([^"]+)"', pages[-1]):
            asked = found[1].replace("&amp;", "&")
            pages.append(mara.open(asked).text)
            piece = mara.get(found[2].replace("&amp;", "&"), **{"HX-Request": "true"})
            assert '<hx-partial hx-target="#feed" hx-swap="beforeend">' in piece.text
            assert listed(piece.text) == listed(pages[-1])
        ids = [each for page in pages for each in listed(page)]
        assert [len(listed(page)) for page in pages] == [24, 24, 2], address
        assert len(set(ids)) == 50
        assert "50 songs" in pages[0]


def test_a_private_song_is_found_nowhere(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], object_store: Storage
) -> None:
    secret = "Xylograph"
    song, other = make(session, object_store, people["Mara"], title=secret).songs
    song.prompt, song.lyrics = "quokkacore", "[Verse]\nzymurgy by night"
    session.commit()
    publish_song(session, song.id, people["Mara"], published=True)
    like_song(session, song.id, people["Jun"])
    session.commit()
    assert secret in jun.open("/").text
    publish_song(session, song.id, people["Mara"], published=False)
    session.commit()
    shown = [path for method, path in routes(jun.client) if method == "GET" and path not in ("/events", "/{anywhere}")]
    asked = ["xylograph", "quokkacore", "zymurgy", "mara"]
    addresses = [fill(path, each) for path in shown for each in (song, other)]
    addresses += [f"/?q={word}" for word in asked] + [
        "/?sort=new",
        "/?category=folk",
        "/?show=words",
        "/?show=languages",
    ]
    addresses += [f"/create?like={song.id}", f"/create?made={song.request_id}"]
    for address in addresses:
        answer = jun.ask("GET", address, follow_redirects=True)
        for word in (secret, "quokkacore", "zymurgy", str(song.id), str(other.id)):
            # The search says again what was asked for, and nothing more.
            if f"q={word.lower()}" not in address:
                assert word.lower() not in answer.text.lower(), (address, word)
        if "q=" in address:
            assert "0 songs" in answer.text
    # Its words are not even kept where searches look.
    assert session.scalar(text("SELECT count(*) FROM songs WHERE search IS NOT NULL")) == 0


def test_whoever_comes_back_gets_as_many_pages_as_they_had_seen(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    for number in range(60):
        put_out(session, people["Jun"], f"Number {number:02}")
    session.commit()
    for path in ("/?sort=new", f"/people/{people['Jun'].id}?x=1"):
        for pages, expected in ((-3, 24), (1, 24), (2, 48), (9**9, 60)):
            feed = mara.open(f"{path}&pages={pages}").text.split('id="feed"')[1].split("</ol>")[0]
            assert feed.count('<li class="row">') == expected, (path, pages)


def test_a_row_that_is_kept_says_whatever_has_changed_since(
    mara: Browser, session: Session, people: dict[str, User]
) -> None:
    song = put_out(session, people["Jun"], "Tram 14")
    session.commit()

    def row() -> str:
        found = re.search(r'<li class="row">.*?</li>(?=<li class="row">|</ol>)', mara.open("/?sort=new").text)
        assert found
        return found[0]

    before = row()
    assert row() == before
    changes = {
        "title = 'Tram 15'": ">Tram 15<",
        "prompt = 'bossa nova'": ">bossa nova<",
        "listen_count = 7": ">7 plays<",
        "duration = 61": ">1:01<",
        "model = 'sketch'": "· sketch<",
        "cover_key = 'covers/x'": f'<img class="cover" src="/songs/{song.id}/thumbnail"',
        # What is made anew has other sections.
        'sections = \'[{"name": "Outro", "kind": "outro", "start": 0, "duration": 61, "energy": 0.5}]\', '
        "finished_at = clock_timestamp()": '<path class="k-outro"',
    }
    for change, said in changes.items():
        assert said not in row(), change
        session.execute(text(f"UPDATE songs SET {change} WHERE id = '{song.id}'"))
        session.commit()
        assert said in row(), change
    session.execute(text("UPDATE users SET name = 'June' WHERE name = 'Jun'"))
    session.commit()
    assert ">June</a>" in row()
    like_song(session, song.id, people["Mara"])
    session.commit()
    assert 'value="0" aria-pressed="true"' in row()
    assert "csrf_token" not in row()
    mara.cookies.set("language", "de")
    assert ">7 Mal gehört<" in row()
