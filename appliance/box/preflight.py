"""What has to be true before anything starts: the ports of the studio are free. Whatever is not is named, with its setting."""

import contextlib
import errno
import socket

import psutil

from appliance.box import store
from appliance.box.failure import BoxError
from appliance.settings import Settings


def check_ports(wanted: Settings) -> None:
    """Raise BoxError, naming the port and the setting to change, unless every port of the studio can be opened."""
    behind = [] if wanted.object_store == "s3" else store.ports(wanted.object_store, wanted.store_port)
    if wanted.web_port in behind:
        raise BoxError.about_configuration(
            f"WEB_PORT={wanted.web_port} is one of the object store's ports ({_spans(behind)}). "
            "Choose another WEB_PORT or STORE_PORT."
        )
    if said := _trouble(wanted.web_host, wanted.web_port):
        raise BoxError.about_configuration(_about_web(wanted, *said))
    for port in behind:
        if said := _trouble(store.HOST, port):
            raise BoxError.about_configuration(
                f"Port {port} {said[1]}. The object store needs {_spans(behind)}: choose another STORE_PORT."
            )


def _about_web(wanted: Settings, code: int, said: str) -> str:
    if code == errno.EACCES:
        return f"WEB_PORT={wanted.web_port}: only root may open ports below 1024. Choose a higher one, such as 8080."
    if code == errno.EADDRINUSE:
        return f"Port {wanted.web_port} {said}. Stop that, or choose another WEB_PORT."
    return f"WEB_HOST={wanted.web_host} is no address of this machine ({said}). 127.0.0.1 and 0.0.0.0 always are."


def _trouble(host: str, port: int) -> tuple[int, str] | None:
    """Return the error number and what is wrong with listening there, or None."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family, kind) as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
            door.listen(1)
    except OSError as error:
        said = f"is taken{_by_whom(port)}" if error.errno == errno.EADDRINUSE else str(error.strerror or error).lower()
        return error.errno or 0, said
    return None


def _by_whom(port: int) -> str:
    # Only root sees everybody's sockets; the name is a kindness, not a need.
    with contextlib.suppress(psutil.Error, OSError):
        for each in psutil.net_connections("tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
                return f" by {psutil.Process(each.pid).name()} (process {each.pid})"
    return ""


def _spans(ports: list[int]) -> str:
    """Name neighbouring ports by the first and the last."""
    first = [port for port in ports if port - 1 not in ports]
    last = [port for port in ports if port + 1 not in ports]
    return " and ".join(str(low) if low == high else f"{low} to {high}" for low, high in zip(first, last, strict=True))
