"""A passkey in a real browser: made on the security page, and used at the door, with a device that Chromium plays."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import NAME, PASSWORD, Made, accessibility_violations, listen_to

pytestmark = pytest.mark.browser
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_made_and_signs_in_and_another_address_offers_none(browser: Browser, made: Made) -> None:
    port = urlsplit(made.address).port
    complaints: list[str] = []
    context = browser.new_context(base_url=f"http://localhost:{port}", bypass_csp=False)
    listen_to(context, complaints)
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

    page.goto("/sign-in")
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_visible()
    page.get_by_label("E-mail or name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("link", name="Make a song")).to_be_visible()

    page.goto("/settings/security")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("What you call it").fill("The key ring")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have them").click()
    expect(page.get_by_text("The key ring", exact=True)).to_be_visible()
    page.get_by_label("Change The key ring").click()
    expect(page.get_by_role("button", name="Rename")).to_be_visible()
    held = devtools.send("WebAuthn.getCredentials", {"authenticatorId": device})["credentials"]
    assert [(each["isResidentCredential"], each["rpId"]) for each in held] == [(True, "localhost")]

    # The same device is not asked for a second one.
    page.goto("/settings/security/passkeys/new")
    page.get_by_label("What you call it").fill("Again")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_have_text("This device has a passkey for you already.")

    page.goto("/create")
    page.locator(".side").get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("link", name="Make a song")).to_be_visible()
    page.goto("/settings/security")
    expect(page.get_by_text("with a passkey")).to_be_visible()

    # Whoever cannot prove that the device is theirs stays outside, and is told so.
    page.locator(".side").get_by_role("button", name="Sign out").click()
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("No passkey was used.")
    # By the password, the passkey is the second step.
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
    page.get_by_label("E-mail or name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Your code")).to_be_visible()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("link", name="Make a song")).to_be_visible()

    # An address is no name that a passkey could be bound to.
    page.goto(f"{made.address}/sign-in")
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_have_count(0)

    # Mara, whom other tests sign in by her password alone, has none afterwards.
    page.goto(f"http://localhost:{port}/settings/security")
    page.get_by_label("Change The key ring").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_label("Change The key ring")).to_have_count(0)
    context.close()
    assert complaints == []


@pytest.mark.parametrize("path", ["/sign-in", "/settings/security", "/settings/security/passkeys/new"])
def test_pages_with_passkeys_have_no_accessibility_violations(browser: Browser, made: Made, path: str) -> None:
    port = urlsplit(made.address).port
    context = browser.new_context(base_url=f"http://localhost:{port}", bypass_csp=True)
    page = context.new_page()
    if path != "/sign-in":
        page.goto("/sign-in")
        page.get_by_label("E-mail or name").fill(NAME)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("link", name="Make a song")).to_be_visible()
    page.goto(path)
    assert accessibility_violations(page) == []
    context.close()
