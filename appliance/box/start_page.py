"""The page that is there while the studio starts: whoever opens it early reads what is going on, and then sees the studio.

It stands on nothing but the standard library. The socket it listens on is handed to the web app when that is ready to
begin, so that at no moment a connection is refused.
"""

import base64
import contextlib
import hashlib
import html
import json
import socket
import ssl
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

ASK_AGAIN = 2  # seconds until the page loads itself anew
PATIENCE = 2.0  # seconds that one slow visitor may keep the others
STARTING = "The database and the object store are starting."
_STYLE = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1.5rem;color-scheme:light dark}"
_STYLES = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"  # this one and no other
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Backline is starting</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="{seconds}">
<style>{style}</style>
</head><body><main><h1>Backline is starting</h1><p role="status">{said}</p><p>This page shows the studio as soon as it is there.</p></main></body></html>
"""


class StartPage(HTTPServer):
    """Serves the page on an address, until the socket is released to somebody else.

    `progress` is a file whose text says what is being done; it need not be there.
    """

    def __init__(self, host: str, port: int, progress: Path, tls: tuple[str, str] | None = None) -> None:
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        self.progress = progress
        self.timeout = 0.1  # of one turn
        self._tls = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the network for our own name, as HTTPServer would."""
        TCPServer.server_bind(self)
        # Inherited by every connection; asyncio does not recognise a socket that was handed over as one of TCP's.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, encrypted where the studio is."""
        connection, address = super().get_request()
        connection.settimeout(PATIENCE)
        if self._tls:
            connection = self._tls.wrap_socket(connection, server_side=True)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of visitors who leave."""

    def said(self) -> str:
        """Return the sentence about what is being done."""
        with contextlib.suppress(OSError):
            if text := self.progress.read_text().strip():
                return text
        return STARTING

    def release(self) -> int:
        """Return the file descriptor of the listening socket, for the program that this one becomes."""
        self.socket.setblocking(False)
        self.socket.set_inheritable(True)
        return self.socket.detach()


class _Handler(BaseHTTPRequestHandler):
    server: StartPage
    server_version, sys_version = "Backline", ""

    def do_GET(self) -> None:
        """Answer every address with what is being done; programs get JSON from those that are for them."""
        said = self.server.said()
        if self.path == "/health/live":
            self._answer(HTTPStatus.OK, "application/json", json.dumps({"status": "live"}))
        elif self.path.startswith(("/health/", "/api/")):
            told = {"status": "starting", "message": said, "parts": {"start": said}}
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "application/json", json.dumps(told))
        else:
            page = _PAGE.format(style=_STYLE, seconds=ASK_AGAIN, said=html.escape(said))
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/html; charset=utf-8", page)

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Retry-After", str(ASK_AGAIN)),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", f"default-src 'none'; style-src {_STYLES}; frame-ancestors 'none'"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the log for the studio itself."""
