"""A wire between two programs that can be made slow, held, or cut: what networks do."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

BLOCK = 16 * 1024  # bytes


class Wire:
    """Leads from a free port of this machine to `target`: a host with a port, or the path of a socket."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self.target = target
        self.delay = 0.0  # seconds that every block waits
        self._goes = threading.Event()
        self._goes.set()
        self._cut = threading.Event()
        self._ends: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        threading.Thread(target=self._listen, name="wire", daemon=True).start()

    @contextmanager
    def slow(self, delay: float) -> Iterator[None]:
        """Have every block of bytes take so many seconds more, until the end of the block."""
        self.delay = delay
        try:
            yield
        finally:
            self.delay = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing through, with all connections open: whoever waits for an answer waits."""
        self._goes.clear()
        try:
            yield
        finally:
            self._goes.set()

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Close all connections, and every new one at once."""
        self._cut.set()
        self._close_all()
        try:
            yield
        finally:
            self._cut.clear()

    def close(self) -> None:
        """End it for good."""
        self._cut.set()
        self._goes.set()
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self._close_all()

    def _close_all(self) -> None:
        for end in tuple(self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        if self._cut.is_set():
            near.close()
            return
        try:
            if isinstance(self.target, str):
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
            else:
                far = socket.create_connection(self.target)
        except OSError:
            near.close()
            return
        self._ends |= {near, far}
        back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
        back.start()
        self._carry(near, far)
        back.join()
        self._ends -= {near, far}
        near.close()
        far.close()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                self._goes.wait()
                if self.delay:
                    time.sleep(self.delay)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
