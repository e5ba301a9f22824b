"""A container for the whole module; the image has been built by `make test-image`."""

from collections.abc import Iterator

import pytest

from tests.image.container import Container


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """Yield a container on a new volume, started once and ready."""
    container = Container()
    try:
        container.create().until_ready()
        yield container
    finally:
        container.remove()
