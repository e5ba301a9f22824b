"""The object store: songs, covers and masters, in any S3."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error
from minio.sse import Sse, SseKMS, SseS3

from appliance.errors import NotFound, Unavailable
from appliance.settings import Settings, settings

BLOCK = 256 * 1024  # bytes read from the store at a time when we stream
# Folders, ids and file names as we make them: nothing in them is a path, an escape or somebody's text.
_KEY = re.compile(r"[a-z]+(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){1,4}", re.ASCII)


# Seconds between two bytes of an answer. Who writes may have sent a large object that the store first has to put away;
# who reads is a page, which must not hang on a store that says nothing.
WRITING, READING = 60, 5


def _client(address: str, wanted: Settings, patience: float, tries: int) -> Minio:
    """Return a client for the store at `address`."""
    parts = urlsplit(address)
    client = Minio(
        endpoint=parts.netloc,
        access_key=wanted.s3_access_key.get_secret_value(),
        secret_key=wanted.s3_secret_key.get_secret_value(),
        region=wanted.s3_region,
        secure=parts.scheme == "https",
        http_client=urllib3.PoolManager(
            maxsize=16,
            timeout=urllib3.Timeout(connect=3, read=patience),
            retries=urllib3.Retry(total=tries, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
        ),
    )
    if wanted.s3_addressing == "virtual":
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    elif wanted.s3_addressing == "path":
        client.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return client


def _checked(key: str) -> str:
    """Return `key` if it is one that we could have made. Raises NotFound, so that no other ever reaches the store."""
    if not _KEY.fullmatch(key):
        raise NotFound("This file is not in the object store.")
    return key


def _encryption(wanted: Settings) -> Sse | None:
    if not wanted.s3_encryption:
        return None
    return SseS3() if wanted.s3_encryption == "AES256" else SseKMS(wanted.s3_encryption, {})


class Storage:
    """One bucket. Keys are built from ids only, never from what somebody typed.

    Reads of what is not there raise NotFound; a store that does not answer raises Unavailable.
    """

    def __init__(self, wanted: Settings) -> None:
        self.bucket = wanted.s3_bucket
        self._store = _client(wanted.s3_endpoint, wanted, WRITING, tries=3)
        self._reader = _client(wanted.s3_endpoint, wanted, READING, tries=1)
        self._encryption = _encryption(wanted)
        self._public = _client(wanted.s3_public_url, wanted, READING, tries=1) if wanted.s3_public_url else None

    def ensure_bucket(self) -> None:
        """Create the bucket where it is missing."""
        with _plain_words():
            if not self._store.bucket_exists(bucket_name=self.bucket):
                self._store.make_bucket(bucket_name=self.bucket)

    def write(self, key: str, data: bytes | Path, content_type: str) -> None:
        """Store the bytes, or the file, under `key`, in place of whatever was there."""
        with _plain_words():
            if isinstance(data, Path):
                self._store.fput_object(
                    bucket_name=self.bucket,
                    object_name=_checked(key),
                    file_path=str(data),
                    content_type=content_type,
                    sse=self._encryption,
                )
            else:
                self._store.put_object(
                    bucket_name=self.bucket,
                    object_name=_checked(key),
                    data=BytesIO(data),
                    length=len(data),
                    content_type=content_type,
                    sse=self._encryption,
                )

    def size(self, key: str) -> int:
        """Return the length of an object in bytes."""
        with _plain_words():
            return int(self._reader.stat_object(bucket_name=self.bucket, object_name=_checked(key)).size or 0)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield an object's bytes from `start` up to and without `stop`, in blocks."""
        length = 0 if stop is None else stop - start
        if stop is not None and length <= 0:
            return
        with _plain_words():
            answer = self._reader.get_object(
                bucket_name=self.bucket, object_name=_checked(key), offset=start, length=length
            )
            try:
                yield from answer.stream(BLOCK)
            finally:
                answer.close()
                answer.release_conn()

    def list(self, prefix: str = "") -> list[str]:
        """Return all keys that begin with `prefix`."""
        with _plain_words():
            found = self._store.list_objects(bucket_name=self.bucket, prefix=prefix, recursive=True)
            return [str(each.object_name) for each in found]

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these objects; what is not there any more is no error."""
        with _plain_words():
            wanted = [DeleteObject(name=_checked(key)) for key in keys]
            for error in self._store.remove_objects(bucket_name=self.bucket, delete_object_list=wanted):
                raise Unavailable(f"The object store did not delete {error.name}: {error.message}.")

    @property
    def public_origin(self) -> str:
        """Where presigned addresses lead, as browsers name it (`https://bucket.store.example`); empty where there are none."""
        parts = urlsplit(self.presigned_url("any/file", timedelta(minutes=1)) or "")
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""

    def presigned_url(self, key: str, expires: timedelta, filename: str | None = None) -> str | None:
        """Return an address that reads one object until `expires`, or None where browsers cannot reach the store.

        With `filename` the browser saves the object under that name instead of showing it.
        """
        if self._public is None:
            return None
        extra: dict[str, Any] = {}
        if filename:
            extra["response-content-disposition"] = attachment(filename)
        return self._public.presigned_get_object(
            bucket_name=self.bucket, object_name=_checked(key), expires=expires, extra_query_params=extra
        )


def attachment(filename: str) -> str:
    """Return a Content-Disposition header that saves under `filename`, in any script (RFC 6266)."""
    clean = "".join(each for each in filename if each.isprintable() and each not in '/\\:*?"<>|').strip(" .") or "song"
    plain = clean.encode("ascii", "replace").decode().replace("?", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"


class _plain_words:
    """Turns the failures of the store into ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, S3Error):
            if error.code in ("NoSuchKey", "NoSuchBucket", "NotFound"):
                raise NotFound("This file is not in the object store.") from error
            raise Unavailable(f"The object store refused: {error.code}.") from error
        if isinstance(error, MinioException):
            raise Unavailable("What answers in the object store's place does not speak S3.") from error
        if isinstance(error, urllib3.exceptions.HTTPError):
            raise Unavailable("The object store does not answer.") from error


@lru_cache
def storage() -> Storage:
    """Return this process's way to the object store."""
    return Storage(settings())
