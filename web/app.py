"""The web app, wired: `uvicorn web.app:create_app --factory`."""

import asyncio
import gc
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.datastructures import CacheControlHeader
from litestar.datastructures.state import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.static_files import create_static_files_router

from appliance.errors import StudioError
from appliance.log import set_up_logging
from appliance.settings import settings
from web.api.acestep import ACE_STEP, health
from web.api.document import openapi
from web.api.keys import RateLimit, say_rate
from web.api.router import API
from web.api.seed import SEED
from web.assets import DIST, PREFIX
from web.cookies import send_renewed_login
from web.counting import count_requests
from web.csrf import refuse_foreign_requests
from web.database import leave_no_seat, provide_session
from web.downloads import Downloads
from web.events import events, newsroom_open
from web.failures import on_bug, on_http_error, on_studio_error
from web.forms import read_form, refuse_nul
from web.hardening import harden
from web.media import Media
from web.pages.accounts import AccountPages
from web.pages.admin import AdminPages
from web.pages.admin_access import AdminAccessPages
from web.pages.admin_credits import AdminCreditPages
from web.pages.admin_live import admin_events
from web.pages.create import StudioPages
from web.pages.credits import CreditPages
from web.pages.discover import discover, nowhere
from web.pages.health import HealthPages
from web.pages.hooks import polar_message
from web.pages.keys import KeyPages, api_page
from web.pages.metrics import metrics
from web.pages.oidc import OidcPages
from web.pages.passkeys import PasskeyPages
from web.pages.people import PeoplePages
from web.pages.player import PlayerPages
from web.pages.reports import report
from web.pages.resets import ResetPages
from web.pages.security import SecurityPages
from web.pages.settings import SettingsPages
from web.pages.shelf import ShelfPages
from web.pages.songs import SongPages
from web.pages.trust import TrustPages
from web.pages.webhooks import WebhookPages
from web.pages.words import WordPages
from web.patience import lose_patience
from web.viewers import provide_admin, provide_confirmed, provide_confirmed_admin, provide_viewer, provide_visitor

LARGEST_BODY = 512 * 1024  # bytes; the largest form is some pages of lyrics
# Requests that are answered side by side. More get in each other's way: with sixteen the slowest hundredth of Discover takes twice
# as long under load, and fewer are answered in all.
SEATS = 5
THREADS = 16  # what waits for others, and has no seat, does so besides; the database has room for twenty sessions
COMPRESSION = 4  # less than half of the time that 6 takes, for pages a tenth larger
FOR_EVER = CacheControlHeader(public=True, max_age=31536000, immutable=True)
# Streams, and what is compressed already.
UNCOMPRESSED = [
    "(/admin)?/events",
    "/songs/archive",
    "/songs/.*/(audio|download|cover|thumbnail)",
    "/requests/.*/events",
    r"\.woff2$",
]


def create_app() -> Litestar:
    """Return the app for the settings of this process."""
    wanted = settings()
    set_up_logging()
    app = Litestar(
        route_handlers=[
            ACE_STEP,
            API,
            SEED,
            AccountPages,
            AdminAccessPages,
            AdminCreditPages,
            AdminPages,
            CreditPages,
            Downloads,
            HealthPages,
            KeyPages,
            Media,
            ShelfPages,
            OidcPages,
            PasskeyPages,
            PlayerPages,
            PeoplePages,
            ResetPages,
            SecurityPages,
            SettingsPages,
            SongPages,
            StudioPages,
            TrustPages,
            WebhookPages,
            WordPages,
            admin_events,
            api_page,
            discover,
            events,
            health,
            metrics,
            polar_message,
            report,
            nowhere,
            openapi,
            create_static_files_router(PREFIX, [DIST], cache_control=FOR_EVER),
        ],
        dependencies={
            "session": Provide(provide_session),
            "visitor": Provide(provide_visitor, sync_to_thread=True),
            "viewer": Provide(provide_viewer, sync_to_thread=False),
            "form": Provide(read_form),
            "admin": Provide(provide_admin, sync_to_thread=False),
            "confirmed": Provide(provide_confirmed, sync_to_thread=True),
            "confirmed_admin": Provide(provide_confirmed_admin, sync_to_thread=True),
        },
        guards=[refuse_nul, refuse_foreign_requests],
        exception_handlers={StudioError: on_studio_error, HTTPException: on_http_error, Exception: on_bug},
        compression_config=CompressionConfig(backend="gzip", gzip_compress_level=COMPRESSION, exclude=UNCOMPRESSED),
        request_max_body_size=LARGEST_BODY,
        before_send=[say_rate, send_renewed_login],
        lifespan=[_threads_ready, newsroom_open],
        state=State({"rate_limit": RateLimit()}),
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = harden(count_requests(lose_patience(leave_no_seat(app.asgi_handler), wanted)), wanted)
    return app


@asynccontextmanager
async def _threads_ready(app: Litestar) -> AsyncIterator[None]:
    """Give the handlers their threads and their seats. They belong to the loop, which exists only now.

    What is loaded by now stays: the garbage collector need not look through it again and again, for 0.2 s each time.
    """
    app.state.seats = asyncio.Semaphore(SEATS)
    gc.freeze()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="web"))
    yield
    gc.unfreeze()
