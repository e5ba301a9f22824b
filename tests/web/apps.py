"""The web app of the tests' clients: one for all tests with the same settings, since an app takes a fifth of a second to make."""

from collections import deque

from litestar import Litestar

from appliance.log import set_up_logging
from appliance.settings import Settings, settings
from web.api.keys import RateLimit
from web.app import create_app

_made: deque[tuple[Settings, Litestar]] = deque(maxlen=8)


def app_now() -> Litestar:
    """Return an app for the settings of this moment, as it is right after its making: nothing was counted yet."""
    wanted = settings()
    for known, app in _made:
        if known == wanted:
            set_up_logging()
            app.state["rate_limit"] = RateLimit()
            return app
    _made.append((wanted, create_app()))
    return _made[-1][1]
