"""Files that people send: nobody's is read, none is too large, and what is hostile costs a child process and nothing else."""

import asyncio
import io
import re
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from sqlalchemy.orm import Session

from appliance import pictures
from appliance.errors import InvalidInput, Unavailable
from appliance.pictures import LARGEST_FILE, SIDE, square_picture
from appliance.tables import User
from tests.web.browser import Browser, beside
from web.uploads import FREE_FILES

ADDRESS = "/settings/picture"
ROOT = Path(__file__).parents[2]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    """Return a black picture, true to its header, in some kilobytes."""
    rows = zlib.compressobj(9)
    line = bytes((width + 7) // 8 + 1)
    body = b"".join(rows.compress(line) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def encoded(kind: str, image: Image.Image | None = None, **how: Any) -> bytes:
    out = io.BytesIO()
    (image or Image.new("RGB", (300, 200), (200, 30, 30))).save(out, kind, **how)
    return out.getvalue()


def ask(browser: Browser, headers: dict[str, str]) -> tuple[int, int]:
    """Send only the headers of a form with a file; return the status, and how often the studio asked for the body."""
    asked = 0
    told: list[int] = []

    async def receive() -> Any:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.cookies.jar)
    base = str(browser.client.base_url).rstrip("/")
    sent = {"host": base.partition("//")[2], "origin": base, "cookie": cookies} | headers
    scope: Any = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": ADDRESS, "query_string": b"",
        "raw_path": ADDRESS.encode(), "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8080),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()], "state": {}, "extensions": {},
    }  # fmt: skip
    asyncio.run(browser.client.app(scope, receive, send))
    return told[0], asked


FORM = {"content-type": "multipart/form-data; boundary=x"}


def test_nothing_of_a_body_is_read_from_who_may_not_send_one(mara: Browser) -> None:
    assert ask(Browser(mara.client), FORM) == (401, 0)
    assert ask(mara, FORM | {"origin": "http://evil.example"}) == (403, 0)
    too_much = {"content-length": str(LARGEST_FILE * 2)}
    assert ask(mara, FORM | too_much) == (413, 0)
    status, asked = ask(mara, FORM)  # one that does not say how much it is ends where it is too much
    assert status == 413
    assert asked <= LARGEST_FILE // 65536 + 3


def test_nobody_sends_files_without_end(mara: Browser, session: Session, people: dict[str, User]) -> None:
    statuses = [ask(mara, FORM | {"content-length": "99999999"})[0] for _ in range(FREE_FILES + 2)]
    assert statuses == [413] * (FREE_FILES + 1) + [429]
    assert ask(mara, FORM) == (429, 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_picture_is_made_anew_and_nothing_else_of_its_file_is_kept(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "canary in the description"
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "canary in a comment")
    added: dict[str, dict[str, Any]] = {"PNG": {"pnginfo": info}, "GIF": {"comment": b"canary in a comment"}}
    how = added.get(kind, {"exif": exif})
    data = encoded(kind, **how) + b"<script>canary at the end</script>"
    assert b"canary" in data
    made = square_picture(data)
    assert b"canary" not in made
    with Image.open(io.BytesIO(made)) as seen:
        assert (seen.format, seen.size, bool(seen.getexif())) == ("WEBP", (SIDE, SIDE), False)


def test_the_largest_picture_there_may_be_is_taken_and_one_row_more_is_not() -> None:
    assert square_picture(png(5000, 5000)).startswith(b"RIFF")
    with pytest.raises(InvalidInput):
        square_picture(png(5000, 5001))


def _says(width: int, height: int, data: bytes) -> bytes:
    """Return a JPEG whose header says another size."""
    at = re.search(rb"\xff\xc0\x00\x11\x08", data)
    assert at
    return data[: at.end()] + struct.pack(">HH", height, width) + data[at.end() + 4 :]


BOMBS: dict[str, Callable[[], bytes]] = {
    "144 million pixels in 18 kilobytes": lambda: png(12_000, 12_000),
    "a header of 65,500 by 65,500": lambda: _says(65_500, 65_500, encoded("JPEG")),
    "a comment of a gigabyte": lambda: (
        png(8, 8)[:-12] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 28))) + chunk(b"IEND", b"")
    ),
    "a broken end": lambda: encoded("PNG")[:-40],
    "another format": lambda: encoded("TIFF"),
    "another format with a good beginning": lambda: b"RIFF" + encoded("BMP"),
    "postscript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "an icon": lambda: encoded("ICO"),
    "sound": lambda: b"RIFF\x24\0\0\0WAVEfmt ",
    "nothing": lambda: b"",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused_and_cost_this_process_nothing(bomb: str) -> None:
    data = BOMBS[bomb]()
    assert len(data) < LARGEST_FILE
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidInput) as refused:
        square_picture(data)
    assert "picture" in refused.value.fields
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # kilobytes


@pytest.mark.parametrize(
    "does",
    [
        "bytearray(1 << 30)",
        "open('/etc/hostname')",
        "open('/tmp/written', 'w')",
        "__import__('socket').socket()",
        "__import__('subprocess').run(['true'])",
        "__import__('os').environ['SECRET_KEY']",
    ],
)
def test_the_child_has_bounds_that_hold_when_the_decoder_is_taken_over(
    does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs in place of the decoder can neither take memory, nor write, nor start anything, nor read a secret."""
    monkeypatch.setenv("SECRET_KEY", "not for the child")
    start = pictures._bootstrap().replace("convert()", "limit_child()")
    command = [sys.executable, "-I", "-c", f"{start}; {does}; print('done')"]
    done = subprocess.run(command, env={}, capture_output=True, text=True, check=False)
    assert "done" not in done.stdout
    assert "Error" in done.stderr or done.returncode < 0
    allowed = [sys.executable, "-I", "-c", f"{start}; bytearray(1 << 20); print('done')"]
    assert subprocess.run(allowed, env={}, capture_output=True, text=True, check=True).stdout == "done\n"


def test_a_child_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_SECONDS", 0.5)
    monkeypatch.setattr(pictures, "_bootstrap", lambda: "import time; time.sleep(60)")
    with pytest.raises(InvalidInput):
        square_picture(encoded("PNG"))


def test_only_so_many_pictures_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_SECONDS", 0.01)
    places = [pictures._AT_ONCE.acquire(blocking=False) for _ in range(2)]
    try:
        assert places == [True, True]
        with pytest.raises(Unavailable):
            square_picture(encoded("PNG"))
    finally:
        for _ in places:
            pictures._AT_ONCE.release()


def test_a_bomb_through_the_page_is_a_sentence_beside_the_field(mara: Browser) -> None:
    mara.open("/settings")
    own = {"Origin": str(mara.client.base_url).rstrip("/")}
    files = {"picture": ("me.png", png(12_000, 12_000), "image/png")}
    answer = mara.ask("POST", ADDRESS, data={"csrf_token": mara.token}, files=files, headers=own)
    assert answer.status_code == 422
    assert "cannot be used" in beside(answer, "picture")
