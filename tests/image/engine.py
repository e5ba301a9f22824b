"""The programs that build and run images on this machine: Docker where there is one, else buildah, podman and runc."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

PROJECT = Path(__file__).parents[2]
IMAGE = os.environ.get("BACKLINE_TEST_IMAGE", "localhost/backline:test")
BASE = "localhost/backline-base:bookworm"
# What a Debian machine needs to build and run images without Docker.
DEBIAN_PACKAGES = ("buildah", "podman", "runc", "debootstrap")
_STORAGE = ("--storage-driver", "overlay")
# crun, podman's usual choice, fails in sandboxes without systemd; runc does not.
_RUNNING = (*_STORAGE, "--cgroup-manager", "cgroupfs", "--runtime", "runc")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


@lru_cache
def has_docker() -> bool:
    """Whether a Docker engine answers here."""
    return (
        shutil.which("docker") is not None
        and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    )


def engine(*arguments: str) -> list[str]:
    """Return the command line of the program that runs containers."""
    return ["docker", *arguments] if has_docker() else ["podman", *_RUNNING, *arguments]


def call(command: Sequence[str], **how: object) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it said; a failure raises CalledProcessError."""
    return subprocess.run(command, check=True, capture_output=True, text=True, **how)  # type: ignore[call-overload, no-any-return]


def what_is_missing() -> str:
    """Install what is missing where we may, and return why images cannot be built here; empty where they can."""
    if has_docker():
        return ""
    missing = [name for name in DEBIAN_PACKAGES if not shutil.which(name)]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", *step], check=False, env=os.environ | quiet, stdout=subprocess.DEVNULL)
        missing = [name for name in DEBIAN_PACKAGES if not shutil.which(name)]
    if missing:
        return f"there is neither Docker nor {', '.join(missing)}"
    if os.geteuid() != 0:
        return "without Docker, only root can make the base image"
    tried = subprocess.run(["buildah", *_STORAGE, "from", "scratch"], capture_output=True, text=True, check=False)
    if tried.returncode:
        return f"buildah cannot work here: {tried.stderr.strip().splitlines()[-1]}"
    subprocess.run(["buildah", *_STORAGE, "rm", tried.stdout.strip()], capture_output=True, check=False)
    return ""


def build() -> None:
    """Build the cpu image as IMAGE; without Docker on a Debian of our own making. Raises CalledProcessError."""
    arguments = {"VARIANT": "cpu", "OBJECT_STORE": "seaweedfs"}
    secret = []
    if AUTHORITIES.exists():  # a network may have authorities of its own
        secret = ["--secret", f"id=ca,src={AUTHORITIES}"]
        arguments["CA"] = "/run/secrets/ca.pem"
    if has_docker():
        command = ["docker", "build", "--quiet"]
    else:
        _make_base()
        arguments["BASE"] = BASE
        command = ["buildah", *_STORAGE, "bud", "--quiet", "--isolation", "chroot", "--layers", "--format", "docker"]
    given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
    subprocess.run([*command, *secret, *given, "--tag", IMAGE, str(PROJECT)], check=True)


def _make_base() -> None:
    if subprocess.run(engine("image", "exists", BASE), check=False).returncode == 0:
        return
    root = Path("/var/tmp/backline-base")
    shutil.rmtree(root, ignore_errors=True)
    call(["debootstrap", "--variant=minbase", "bookworm", str(root)])
    left_out = ("./var/cache/apt", "./var/lib/apt/lists", "./dev")
    with subprocess.Popen(
        ["tar", "-C", str(root), *(f"--exclude={path}/*" for path in left_out), "-c", "."], stdout=subprocess.PIPE
    ) as packing:
        subprocess.run(engine("import", "-", BASE), stdin=packing.stdout, check=True, capture_output=True)
    shutil.rmtree(root)


def size() -> int:
    """Return the size of the image in bytes, as its layers lie on the disk."""
    return int(call(engine("image", "inspect", IMAGE, "--format", "{{.Size}}")).stdout)


def main() -> int:
    """Build the image and say how long that took; 77 (automake's word for "skipped") where images cannot be built here."""
    if said := what_is_missing():
        sys.stdout.write(f"SKIPPED: the image was not built or tested, since {said}.\n")
        return 77
    began = time.monotonic()
    build()
    sys.stdout.write(f"Built the cpu image in {time.monotonic() - began:.0f} s: {size() / 1e6:.0f} MB.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
