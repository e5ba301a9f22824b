"""A Hub on this machine: serves repositories from folders with the Hub's own protocol, and misbehaves when told to."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_INFO = re.compile(r"/api/models/(?P<repository>[^/]+/[^/]+)/revision/(?P<revision>[^/]+)")
_FILE = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)")


@dataclass
class TinyHub:
    """`repositories` are folders by name; `log` holds what was asked: method, path, first byte."""

    repositories: dict[str, Path]
    endpoint: str = ""
    log: list[tuple[str, str, int]] = field(default_factory=list)
    cut_after: dict[str, int] = field(default_factory=dict)  # file name: bytes after which the connection breaks, once
    damage: set[str] = field(default_factory=set)  # file names that arrive with a bit turned

    def fetched(self, name: str) -> list[int]:
        """Return the first bytes of all transfers of a file."""
        return [start for method, path, start in self.log if method == "GET" and path.endswith(f"/{name}")]


@contextmanager
def tiny_hub(repositories: dict[str, Path]) -> Iterator[TinyHub]:
    """Serve repositories on a free port until the end."""
    hub = TinyHub(repositories)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def _answer(self, with_body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            if found := _INFO.fullmatch(path):
                self._info(found["repository"], found["revision"])
            elif (found := _FILE.fullmatch(path)) and found["repository"] in hub.repositories:
                self._file(hub.repositories[found["repository"]] / found["name"], path, with_body)
            else:
                self._refuse("RepoNotFound")

        def _info(self, repository: str, revision: str) -> None:
            if repository not in hub.repositories:
                self._refuse("RepoNotFound")
                return
            if revision not in ("main", COMMIT):
                self._refuse("RevisionNotFound")
                return
            folder = hub.repositories[repository]
            siblings = [_describe(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]
            body = json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode()
            self._head(HTTPStatus.OK, {"Content-Type": "application/json", "Content-Length": str(len(body))})
            self.wfile.write(body)

        def _file(self, path: Path, asked: str, with_body: bool) -> None:
            if not path.is_file():
                self._refuse("EntryNotFound")
                return
            data = path.read_bytes()
            tag = hashlib.sha256(data).hexdigest()
            start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
            hub.log.append((self.command, asked, start))
            if path.name in hub.damage:
                data = bytes([data[0] ^ 1]) + data[1:]
            headers = {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            headers["Content-Length"] = str(len(data) - start)
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._head(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK, headers)
            if not with_body:
                return
            if path.name in hub.cut_after:
                self.wfile.write(data[start : hub.cut_after.pop(path.name)])
                self.close_connection = True
                return
            self.wfile.write(data[start:])

        def _refuse(self, code: str) -> None:
            self._head(HTTPStatus.NOT_FOUND, {"X-Error-Code": code, "Content-Length": "0"})

        def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _describe(path: Path, folder: Path) -> dict[str, object]:
    data = path.read_bytes()
    described: dict[str, object] = {
        "rfilename": path.relative_to(folder).as_posix(),
        "size": len(data),
        "blobId": hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest(),
    }
    if path.suffix == ".safetensors":
        described["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return described
