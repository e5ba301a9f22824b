"""How the studio is, for whoever watches over it."""

from typing import Any

from litestar import Controller, Response, get

from appliance.box.health import parts
from appliance.settings import settings


class HealthPages(Controller):
    """Open to everybody: they say nothing about people or songs."""

    path = "/health"

    @get("/live", sync_to_thread=False)
    def live(self) -> dict[str, str]:
        """Say that this program runs."""
        return {"status": "live"}

    @get("/ready", sync_to_thread=True)
    def ready(self) -> Response[dict[str, Any]]:
        """Say whether every part that the pages stand on answers; 503 where one does not."""
        asked = parts(settings())
        ready = not any(part.trouble for part in asked)
        told = {
            "status": "ready" if ready else "not ready",
            "parts": {part.name: part.trouble or "ready" for part in asked},
        }
        return Response(told, status_code=200 if ready else 503, headers={"cache-control": "no-store"})
