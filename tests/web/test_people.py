"""Profiles and settings: what others see of somebody, their name, picture, language and looks."""

import io
import struct
import zlib

import pytest
from PIL import Image
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput
from appliance.pictures import SIDE, square_picture
from appliance.songs import like_song, publish_song, record_listen
from appliance.storage import Storage
from appliance.tables import User
from tests.appliance.test_feed import put_out
from tests.web.browser import Browser, beside, typed
from web.languages import choose


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 200)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind)
    return out.getvalue()


def test_a_profile_shows_what_is_published_and_how_it_was_received(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User]
) -> None:
    person = people["Mara"]
    songs = [put_out(session, person, f"Song {number}") for number in range(26)]
    hidden = put_out(session, person, "Hidden away")
    publish_song(session, hidden.id, person, published=False)
    like_song(session, songs[3].id, people["Jun"])
    record_listen(session, songs[3].id, people["Jun"])
    session.commit()
    page = jun.open(f"/people/{person.id}").text
    assert "<h1>Mara</h1>" in page
    assert "26 songs · 1 play · 1 like" in page
    assert page.index("Song 3<") < page.index("Song 4<")
    assert "Hidden away" not in page
    assert page.count('class="who"><a href="/songs/') == 24
    assert 'href="/settings"' not in page[page.index("<main") :]
    more = jun.get(f"/people/{person.id}?more=1&after=" + page.split("after=")[1].split('"')[0]).text
    assert more.count('class="who"><a href="/songs/') == 2
    assert "Nothing of yours is published" in jun.open(f"/people/{people['Jun'].id}").text
    assert jun.open("/people/00000000-0000-0000-0000-000000000000").status_code == 404


def test_a_name_is_changed_where_nobody_has_it(mara: Browser, session: Session, people: dict[str, User]) -> None:
    page = mara.open("/settings")
    assert typed(page, "name") == "Mara"
    assert mara.send("/settings/name", {"name": " Mara  Lindqvist "}).status_code == 303
    assert "Mara Lindqvist" in mara.open("/settings").text
    for wrong, said in (("JUN", "Somebody here"), ("", "1 to 40"), ("a@b", "no @"), ("x" * 41, "1 to 40")):
        refused = mara.send("/settings/name", {"name": wrong})
        assert refused.status_code == 422
        assert said in beside(refused, "name")
    assert mara.send("/settings/name", {"name": "mara lindqvist"}).status_code == 303


def test_a_picture_is_shown_small_and_square_and_can_be_taken_away(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User], streamed: None, object_store: Storage
) -> None:
    person = people["Mara"]
    address = f"/people/{person.id}/picture"
    assert jun.get(address).status_code == 404
    own = {"Origin": str(mara.client.base_url).rstrip("/")}
    mara.open("/settings")

    def send(data: bytes, **fields: str) -> int:
        files = {"picture": ("me.png", data, "image/png")}
        form = {"csrf_token": mara.token, **fields}
        return mara.ask(
            "POST", "/settings/picture", data=form, files=files, headers=own, follow_redirects=False
        ).status_code

    assert send(picture()) == 303
    shown = jun.get(address)
    assert Image.open(io.BytesIO(shown.content)).size == (SIDE, SIDE)
    assert f'src="{address}"' in jun.open(f"/people/{people['Mara'].id}").text
    assert send(picture("JPEG", (900, 1200))) == 303
    assert len(object_store.list("people/")) == 1
    assert send(b"no picture") == 422
    assert jun.get(address).status_code == 200
    assert send(b"", remove="1") == 303
    assert object_store.list("people/") == []
    assert mara.ask(
        "POST",
        "/settings/picture",
        content=b"--x\r\nbroken",
        headers=own | {"Content-Type": "multipart/form-data; boundary=x"},
    ).status_code in (403, 422)
    assert (
        mara.ask(
            "POST", "/settings/picture", files={"picture": ("a.png", picture(), "image/png")}, headers=own
        ).status_code
        == 403
    )


def huge_png() -> bytes:
    """A PNG of a few kilobytes that says it is 30,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        huge_png(),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture()[:-40],
        bytes(5 * 1024 * 1024 + 1),
    ],
)
def test_what_is_no_good_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        square_picture(data)
    assert "picture" in refused.value.fields


def test_language_and_looks_are_kept(mara: Browser, session: Session, people: dict[str, User]) -> None:
    assert '<html lang="en">' in mara.open("/settings").text
    assert mara.send("/settings/looks", {"language": "de", "theme": "dark"}).status_code == 303
    page = mara.open("/settings").text
    assert '<html lang="de" data-theme="dark">' in page
    assert "<h1>Einstellungen</h1>" in page
    session.expire_all()
    assert session.get_one(User, people["Mara"].id).language == "de"
    # Another browser of hers learns it when she signs in.
    other = Browser(mara.client)
    other.sign_in("Mara")
    assert '<html lang="de">' in other.open("/").text
    assert mara.send("/settings/looks", {"language": "xx", "theme": "pink"}).status_code == 303
    assert '<html lang="en">' in mara.open("/settings").text
    assert '<html lang="de">' in mara.open("/settings", **{"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}).text


@pytest.mark.parametrize(
    ("chosen", "accepted", "expected"),
    [
        (None, "", "en"), ("de", "en", "de"), ("xx", "de", "de"), (None, "fr, de;q=0.4, en;q=0.6", "en"),
        (None, "de;q=0", "en"), (None, "de;q=x,;;,", "en"), (None, "DE-CH", "de"),
    ],
)  # fmt: skip
def test_the_language_is_the_persons_or_the_browsers(chosen: str | None, accepted: str, expected: str) -> None:
    assert choose(chosen, accepted) == expected
