"""Where browsers let a page use passkeys: over https under a real name, or on localhost."""

from urllib.parse import urlsplit

from appliance.passkeys import Site
from appliance.settings import settings
from web.cookies import Connection
from web.hardening import is_registrable


def passkey_site(connection: Connection) -> Site | None:
    """Return the site that passkeys are bound to for this request, or None where browsers would refuse them.

    That is PUBLIC_URL, whichever name a proxy asks by, or `localhost` for whoever sits at the machine. The page's script
    shows the button only where the browser agrees about the origin.
    """
    asked = urlsplit(f"//{connection.headers.get('host', '').lower()}")
    if asked.hostname == "localhost":
        return Site("localhost", f"{connection.scope['scheme']}://{asked.netloc}")
    public = urlsplit(settings().public_url)
    if public.scheme != "https" or not is_registrable(public.hostname or ""):
        return None
    return Site(public.hostname or "", f"https://{public.netloc.lower()}".removesuffix(":443"))
