"""Asks the web app whether the studio is ready and says what is not; for Docker, which asks every few seconds.

Usage: python -m appliance.box.probe, with the settings in the environment. It stands on nothing but the standard library, so
that asking costs next to nothing.
"""

import http.client
import json
import os
import ssl
import sys


def main() -> int:
    """Return 0 where the studio is ready, else 1 after a line for everything that is not."""
    port = int(os.environ.get("WEB_PORT") or 8080)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=9)
    if os.environ.get("TLS", "off") != "off":  # whether the certificate is a good one is for browsers to say
        unasked = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=9, context=unasked)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        told = json.load(answer)
    except (OSError, http.client.HTTPException, ValueError):
        print("The web app does not answer.")  # noqa: T201 - Docker keeps what is said here
        return 1
    for name, trouble in told["parts"].items():
        print(f"{name}: {trouble}")  # noqa: T201
    return int(answer.status != http.client.OK)


if __name__ == "__main__":
    sys.exit(main())
