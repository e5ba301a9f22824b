"""Pictures that people send, decoded where a broken or hostile one can do no harm: in a process of its own, with bounds."""

import io
import resource
import subprocess
import sys
import threading
import warnings

from PIL import Image, ImageOps, MpoImagePlugin  # noqa: F401 - which some JPEGs are, and Pillow loads late

from appliance.errors import InvalidInput, Unavailable, said

LARGEST_FILE = 5 * 1024 * 1024  # bytes
SIDE = 256  # pixels
MOST_PIXELS = 25_000_000
_MEMORY = 1 << 29  # bytes of address space; the largest picture needs half of it
_SECONDS = 10
_AT_ONCE = threading.BoundedSemaphore(2)  # so many children decode at the same moment
# How the files begin of what is taken: JPEG, PNG, WebP, GIF. Nothing else reaches a decoder.
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF87a", b"GIF89a")
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
REFUSED = said("This picture cannot be used. Send a JPEG, PNG, WebP or GIF of up to 5 MB.")


def square_picture(data: bytes) -> bytes:
    """Return the middle of a picture as a WebP of 256 by 256 pixels, with nothing else that was in the file.

    Raises InvalidInput about `picture` for whatever is no picture, too large or takes too long; Unavailable while many others
    are being looked at.
    """
    if not 0 < len(data) <= LARGEST_FILE or not data.startswith(_BEGINNINGS):
        raise InvalidInput.about(picture=REFUSED)
    if not _AT_ONCE.acquire(timeout=_SECONDS):
        raise Unavailable("Many pictures are being looked at. Try again in a few seconds.")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _bootstrap()],
            input=data,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={},
        )
    except subprocess.TimeoutExpired:
        raise InvalidInput.about(picture=REFUSED) from None
    finally:
        _AT_ONCE.release()
    if done.returncode or not done.stdout.startswith(b"RIFF"):
        raise InvalidInput.about(picture=REFUSED)
    return done.stdout


def _bootstrap() -> str:
    return f"import sys; sys.path[:0] = {sys.path!r}; from appliance.pictures import convert, limit_child; convert()"


def limit_child() -> None:
    """Bound this process: its memory and time, and no file, program or address opened from here on."""
    for bound, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        resource.setrlimit(bound, (most, most))


def convert() -> None:
    """Turn standard input into a square WebP on standard output, within bounds: the child's work."""
    for kind in _FORMATS:  # Pillow loads some of itself at the first use, which has to be before no file can be opened
        _square(_specimen(kind))
    data = sys.stdin.buffer.read(LARGEST_FILE)
    limit_child()
    sys.stdout.buffer.write(_square(data))


def _square(data: bytes) -> bytes:
    warnings.simplefilter("error")
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # Pillow warns beyond it, which is an error here, and refuses twice as many
    with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError("This is too large.")
        picture.draft("RGB", (2 * SIDE, 2 * SIDE))
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    out = io.BytesIO()
    ImageOps.fit(upright, (SIDE, SIDE)).save(out, "WEBP", quality=82)
    return out.getvalue()


def _specimen(kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    out = io.BytesIO()
    Image.new("RGB", (2, 2)).save(out, kind, **({} if kind == "GIF" else {"exif": exif}))
    return out.getvalue()
