"""How a browser on the LAN comes to trust the studio's own certificate."""

from pathlib import Path
from typing import Any

from litestar import Controller, Request, Response, get

from appliance.box.certificates import fingerprint
from appliance.errors import NotFound
from appliance.settings import settings
from web.rendering import Page, render


class TrustPages(Controller):
    """Open to everybody: the authority's certificate is no secret, its key never leaves the data folder."""

    path = "/trust"

    @get("/", sync_to_thread=True)
    def trust(self, request: Request[Any, Any, Any]) -> Page:
        """Show what to do on each system, and the fingerprint to compare with."""
        return render(request, "trust.html", fingerprint=fingerprint(_authority()))

    @get("/backline-ca.pem", sync_to_thread=True)
    def authority(self) -> Response[bytes]:
        """Return the authority's certificate."""
        return Response(
            _authority().read_bytes(), media_type="application/x-x509-ca-cert", headers={"cache-control": "no-store"}
        )


def _authority() -> Path:
    """Return the file of the authority's certificate. Raises NotFound where the studio has none of its own."""
    certificate = settings().tls_certificate
    if settings().tls != "lan" or certificate is None:
        raise NotFound(
            "This studio has no authority of its own: its certificate, where it has one, is trusted already."
        )
    return certificate.with_name("ca.pem")
