"""The contract that every object store must keep: the bundled one, MinIO where there is one, and any that is named.

CONTRACT_S3_ENDPOINT, CONTRACT_S3_ACCESS_KEY and CONTRACT_S3_SECRET_KEY name another, and CONTRACT_S3_BUCKET an empty bucket of
it; CONTRACT_S3_REGION, _ADDRESSING and _ENCRYPTION are as the settings without CONTRACT_.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from appliance.box.store import answers, free_store_port, minio_command, minio_environment, new_keys
from appliance.box.waiting import wait_until
from appliance.errors import NotFound, Unavailable
from appliance.settings import Settings, load_settings, settings
from appliance.storage import Storage, attachment

NAMED = "CONTRACT_S3_ENDPOINT"
BODY = bytes(range(256)) * 4096  # 1 MiB in which every place can be told from its neighbours


STORES = ["bundled", *(["minio"] if shutil.which("minio") else []), *(["named"] if NAMED in os.environ else [])]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """Yield each store in turn, and leave nothing in it."""
    if request.param == "bundled":
        found: Storage = request.getfixturevalue("object_store")
    else:
        found = Storage(_minio(request) if request.param == "minio" else _named())
        found.ensure_bucket()
    yield found
    found.delete(found.list())


def _named() -> Settings:
    given = {
        name.removeprefix("CONTRACT_"): value for name, value in os.environ.items() if name.startswith("CONTRACT_")
    }
    own = {"OBJECT_STORE": "s3", "S3_PUBLIC_URL": given["S3_ENDPOINT"], "S3_BUCKET": f"contract-{uuid4()}"}
    return load_settings(own | given, None)


def _minio(request: pytest.FixtureRequest) -> Settings:
    """Return the settings for a MinIO of the tests' own, which ends with the test."""
    keys, port = new_keys(), free_store_port()
    folder = request.getfixturevalue("tmp_path") / "minio"
    server = subprocess.Popen(
        minio_command(folder, port), env=os.environ | minio_environment(keys, "us-east-1"), stdout=subprocess.DEVNULL
    )

    def end() -> None:
        server.terminate()
        server.wait(30)

    request.addfinalizer(end)
    endpoint = f"http://127.0.0.1:{port}"
    assert wait_until(lambda: answers(endpoint), 30)
    given = {"S3_ENDPOINT": endpoint, "S3_PUBLIC_URL": endpoint, "S3_ACCESS_KEY": keys.access_key}
    return load_settings({"OBJECT_STORE": "s3", "S3_SECRET_KEY": keys.secret_key} | given, None)


def test_what_is_written_is_read_again_whole_and_in_part(store: Storage) -> None:
    store.write("songs/a/1/audio.mp3", BODY, "audio/mpeg")
    assert b"".join(store.read("songs/a/1/audio.mp3")) == BODY
    assert b"".join(store.read("songs/a/1/audio.mp3", 1000, 1256)) == BODY[1000:1256]
    assert b"".join(store.read("songs/a/1/audio.mp3", len(BODY) - 5)) == BODY[-5:]
    assert b"".join(store.read("songs/a/1/audio.mp3", 7, 7)) == b""
    assert store.size("songs/a/1/audio.mp3") == len(BODY)


def test_a_file_larger_than_one_part_arrives_whole(store: Storage, tmp_path: Path) -> None:
    file = tmp_path / "master.flac"
    file.write_bytes(BODY * 12)
    store.write("songs/a/1/master.flac", file, "audio/flac")
    assert store.size("songs/a/1/master.flac") == file.stat().st_size
    assert b"".join(store.read("songs/a/1/master.flac")) == file.read_bytes()


def test_the_store_is_asked_to_encrypt_and_what_it_encrypts_is_read_as_it_was(object_store: Storage) -> None:
    encrypting = Storage(settings().model_copy(update={"s3_encryption": "AES256"}))
    encrypting.write("songs/a/1/master.flac", BODY, "audio/flac")
    url = encrypting.presigned_url("songs/a/1/master.flac", timedelta(minutes=5))
    assert url is not None
    heard = httpx.get(url, headers={"range": "bytes=300-309"})
    assert heard.headers["x-amz-server-side-encryption"] == "AES256"
    assert (heard.status_code, heard.content) == (206, BODY[300:310])
    plain = object_store.presigned_url("songs/plain", timedelta(minutes=5))
    assert plain is not None
    object_store.write("songs/plain", b"x", "text/plain")
    assert "x-amz-server-side-encryption" not in httpx.get(plain).headers


@pytest.mark.parametrize(
    ("addressing", "endpoint", "begins"),
    [
        ("auto", "https://s3.eu-central-1.amazonaws.com", "https://songs.s3.eu-central-1.amazonaws.com/a/b?"),
        ("path", "https://s3.eu-central-1.amazonaws.com", "https://s3.eu-central-1.amazonaws.com/songs/a/b?"),
        ("auto", "https://store.example", "https://store.example/songs/a/b?"),
        ("virtual", "https://store.example", "https://songs.store.example/a/b?"),
    ],
)
def test_the_buckets_name_stands_where_the_store_wants_it_and_the_region_is_signed(
    addressing: str, endpoint: str, begins: str
) -> None:
    keys = {"OBJECT_STORE": "s3", "S3_ENDPOINT": endpoint, "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
    place = {"S3_PUBLIC_URL": endpoint, "S3_BUCKET": "songs", "S3_REGION": "eu-central-1", "S3_ADDRESSING": addressing}
    storage = Storage(load_settings(keys | place, None))
    url = storage.presigned_url("a/b", timedelta(minutes=5))
    assert url is not None
    assert url.startswith(begins)
    assert url.startswith(storage.public_origin + "/")
    assert "eu-central-1%2Fs3%2Faws4_request" in url


def test_writing_again_replaces(store: Storage) -> None:
    for body in (b"first", b"second"):
        store.write("songs/a/1/cover.webp", body, "image/webp")
    assert b"".join(store.read("songs/a/1/cover.webp")) == b"second"


def test_keys_are_listed_by_prefix_and_deleted_even_when_already_gone(store: Storage) -> None:
    for key in ("songs/a/1/x", "songs/a/2/x", "songs/b/1/x"):
        store.write(key, b"x", "text/plain")
    assert sorted(store.list("songs/a/")) == ["songs/a/1/x", "songs/a/2/x"]
    store.delete(["songs/a/1/x", "songs/never/was"])
    assert sorted(store.list("songs/")) == ["songs/a/2/x", "songs/b/1/x"]


def test_what_is_not_there_is_not_found(store: Storage) -> None:
    with pytest.raises(NotFound):
        store.size("songs/none")
    with pytest.raises(NotFound):
        list(store.read("songs/none"))


def test_a_presigned_address_reads_one_object_in_ranges(store: Storage) -> None:
    store.write("songs/a/1/audio.mp3", BODY, "audio/mpeg")
    url = store.presigned_url("songs/a/1/audio.mp3", timedelta(minutes=5), "Tide – Übung.mp3")
    assert url is not None
    whole = httpx.get(url)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "audio/mpeg")
    assert "filename*=UTF-8''Tide%20%E2%80%93%20%C3%9Cbung.mp3" in whole.headers["content-disposition"]
    part = httpx.get(url, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, BODY[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(BODY)}"


def test_tampered_foreign_and_missing_signatures_are_refused(store: Storage) -> None:
    for key in ("songs/a", "songs/b"):
        store.write(key, BODY, "audio/mpeg")
    url = store.presigned_url("songs/a", timedelta(minutes=5))
    assert url is not None
    bare = url.split("?")[0]
    for wrong in (bare, url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("songs/a", "songs/b")):
        assert httpx.get(wrong).status_code == 403
    assert httpx.put(bare, content=b"mine").status_code == 403
    assert httpx.put(url, content=b"mine").status_code == 403
    assert b"".join(store.read("songs/a")) == BODY


def test_an_address_stops_working_when_it_expires(store: Storage) -> None:
    store.write("songs/a", BODY, "audio/mpeg")
    url = store.presigned_url("songs/a", timedelta(seconds=1))
    assert url is not None
    deadline = time.monotonic() + 20
    while (answer := httpx.get(url)).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.2)  # only time makes an address expire
    assert answer.status_code == 403


def test_without_a_public_address_there_are_no_presigned_ones() -> None:
    keys = {"OBJECT_STORE": "s3", "S3_ENDPOINT": "http://127.0.0.1:9", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
    assert Storage(load_settings(keys, None)).presigned_url("songs/a", timedelta(minutes=1)) is None


def test_a_store_that_is_gone_says_so_in_words() -> None:
    keys = {"OBJECT_STORE": "s3", "S3_ENDPOINT": "http://127.0.0.1:9", "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "b"}
    with pytest.raises(Unavailable, match="does not answer"):
        Storage(load_settings(keys, None)).size("songs/a")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ('say "hi"\r\nX: y', "attachment; filename=\"say hiX y\"; filename*=UTF-8''say%20hiX%20y"),
        ("../../etc/passwd", "attachment; filename=\"etcpasswd\"; filename*=UTF-8''etcpasswd"),
        ("雨", "attachment; filename=\"_\"; filename*=UTF-8''%E9%9B%A8"),
        ("", "attachment; filename=\"song\"; filename*=UTF-8''song"),
    ],
)
def test_a_title_cannot_break_out_of_the_download_header(name: str, header: str) -> None:
    assert attachment(name) == header
