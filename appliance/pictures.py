"""Pictures that people send, decoded where a broken or hostile one can do no harm: in a process of its own, with bounds."""

import io
import resource
import subprocess
import sys
import warnings

from PIL import Image, ImageOps

from appliance.errors import InvalidInput
from appliance.languages import said

LARGEST_FILE = 5 * 1024 * 1024  # bytes
SIDE = 256  # pixels
_MEMORY = 1 << 30  # bytes of address space; a picture of 50 million pixels needs a fifth of it
_PIXELS = 50_000_000
_SECONDS = 10
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
REFUSED = said("This picture cannot be used. Send a JPEG, PNG, WebP or GIF of up to 5 MB.")


def square_picture(data: bytes) -> bytes:
    """Return the middle of a picture as a WebP of 256 by 256 pixels, with nothing else that was in the file.

    Raises InvalidInput about `picture` for whatever is no picture, too large or takes too long.
    """
    if not 0 < len(data) <= LARGEST_FILE:
        raise InvalidInput.about(picture=REFUSED)
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
    if done.returncode or not done.stdout.startswith(b"RIFF"):
        raise InvalidInput.about(picture=REFUSED)
    return done.stdout


def _bootstrap() -> str:
    return f"import sys; sys.path[:0] = {sys.path!r}; from appliance.pictures import convert; convert()"


def convert() -> None:
    """Turn standard input into a square WebP on standard output, within bounds of memory, time and files: the child's work."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    Image.MAX_IMAGE_PIXELS = _PIXELS
    warnings.simplefilter("error")
    with Image.open(io.BytesIO(sys.stdin.buffer.read(LARGEST_FILE)), formats=_FORMATS) as picture:
        picture.draft("RGB", (2 * SIDE, 2 * SIDE))
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    square = ImageOps.fit(upright, (SIDE, SIDE))
    out = io.BytesIO()
    square.save(out, "WEBP", quality=82)
    sys.stdout.buffer.write(out.getvalue())
