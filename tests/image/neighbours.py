"""What containers on the machine's own network reach: a database behind a port, where ours has a socket only."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from appliance.box.postgres import temporary_cluster


@contextlib.contextmanager
def database_behind_a_port() -> Iterator[str]:
    """Run a Postgres of its own and yield its address on 127.0.0.1, as a second host would be given it."""
    with temporary_cluster() as url:
        parts = urlsplit(url)
        folder = Path(parse_qs(parts.query)["host"][0])
        _Porter.path = str(folder / ".s.PGSQL.5432")
        with _Porters(("127.0.0.1", 0), _Porter) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield f"{parts.scheme}://{parts.username}:{parts.password}@127.0.0.1:{server.server_address[1]}{parts.path}"
            finally:
                server.shutdown()


class _Porters(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class _Porter(socketserver.BaseRequestHandler):
    """Carries what is said to the socket, and what it answers back."""

    path = ""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as inside:
            inside.connect(self.path)
            back = threading.Thread(target=_carry, args=(inside, self.request), daemon=True)
            back.start()
            _carry(self.request, inside)
            back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while said := source.recv(65536):
            target.sendall(said)
        target.shutdown(socket.SHUT_WR)
