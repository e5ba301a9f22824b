"""The models that the tests of the worker make songs with: the real ones, loaded once."""

import pytest

from appliance.settings import load_settings
from worker.engines import Engines, load_engines


@pytest.fixture(scope="session")
def engines() -> Engines:
    """Return the sketch engine in all three roles."""
    return load_engines(load_settings({}, None))
