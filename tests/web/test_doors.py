"""Invitations, reset links and the record of what admins did, as people and admins meet them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from appliance.audit import session_label
from appliance.resets import mailed_token, reset_link_token
from appliance.settings import settings
from appliance.tables import AuditEntry, Invite, LoginSession, ResetRequest, User
from tests.web.browser import PASSWORD, Browser, beside, typed
from tests.web.test_security import set_up_app

NEW = "a lantern under the stairs"


@pytest.fixture
def ada(client: TestClient[Litestar], people: dict[str, User]) -> Browser:
    """Return the admin's browser, signed in."""
    browser = Browser(client)
    browser.sign_in("Ada")
    return browser


@pytest.fixture
def _with_mail() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SMTP_HOST", "127.0.0.1")
        patch.setenv("SMTP_FROM", "studio@studio.test")
        settings.cache_clear()
        yield
    settings.cache_clear()


def link_in(page_text: str) -> str:
    """Return the path of the link that a page shows once."""
    link = unescape(re.search(r'<code class="wrap">([^<]+)</code>', page_text)[1])  # type: ignore[index]
    assert link.startswith(settings().public_url)
    return link.removeprefix(settings().public_url)


def test_without_an_invitation_there_is_no_form_and_with_one_there_is_one_account(
    ada: Browser, session: Session
) -> None:
    stranger = Browser(ada.client)
    assert "by invitation" in stranger.open("/sign-up").text
    assert 'name="password"' not in stranger.open("/sign-up").text
    stranger.open("/sign-in")
    assert stranger.send("/sign-up", {"name": "Eve", "password": PASSWORD}).status_code == 403
    ada.open("/admin/invites")
    made = ada.send("/admin/invites", {"note": "The drummer", "email": "theo@studio.test"})
    assert '<svg width="' in made.text
    assert made.headers["referrer-policy"] == "no-referrer"
    assert made.headers["cache-control"] == "no-store"
    link = link_in(made.text)
    page = stranger.open(link)
    assert page.headers["referrer-policy"] == "no-referrer"
    assert typed(page, "email") == "theo@studio.test"
    fields = {"invite": link.partition("=")[2], "name": "Theo", "password": PASSWORD}
    assert "another e-mail" in beside(stranger.send("/sign-up", fields | {"email": "eve@studio.test"}), "email")
    assert stranger.send("/sign-up", fields | {"email": "Theo@studio.test"}).headers["location"] == "/create"
    assert stranger.get("/create").status_code == 200
    assert Browser(ada.client).open(link).status_code == 410
    invite = session.scalars(select(Invite)).one()
    assert (invite.note, invite.used_by is not None) == ("The drummer", True)


def test_browsers_that_hide_where_an_invitation_comes_from_are_let_in_by_its_secret_only(ada: Browser) -> None:
    """A page that is told to hide its address makes browsers say `Origin: null`, where there is no https."""
    ada.open("/admin/invites")
    link = link_in(ada.send("/admin/invites").text)
    stranger = Browser(ada.client)
    stranger.open(link)
    fields = {"csrf_token": stranger.token, "name": "Theo", "password": PASSWORD}
    hidden = {"Origin": "null"}

    def send(**more: str) -> int:
        answer = stranger.ask("POST", "/sign-up", data=fields | more, headers=hidden, follow_redirects=False)
        return answer.status_code

    assert send() == 403
    # Not because there is no invitation: a link for a new password that is none would be called used (410).
    forged = {"csrf_token": stranger.token, "password": PASSWORD}
    assert stranger.ask("POST", "/reset", data=forged, headers=hidden).status_code == 403
    assert stranger.ask("POST", "/reset", data=forged | {"token": "x"}, headers=hidden).status_code == 410
    assert send(invite=link.partition("=")[2], csrf_token="0" * 64) == 403
    assert send(invite=link.partition("=")[2]) == 303


def test_invitations_can_be_taken_back_and_what_is_wrong_is_said(ada: Browser) -> None:
    ada.open("/admin/invites")
    page = ada.send("/admin/invites", {"note": "x" * 81, "email": "nonsense"})
    assert page.status_code == 422
    assert beside(page, "note")
    assert beside(page, "email")
    link = link_in(ada.send("/admin/invites", {"note": "Wrong person"}).text)
    listed = ada.open("/admin/invites")
    assert "Wrong person" in listed.text
    assert link.partition("=")[2] not in listed.text
    back = re.search(r'action="(/admin/invites/[0-9a-f]{64}/withdraw)"', listed.text)[1]  # type: ignore[index]
    assert ada.send(back).status_code == 303
    assert ada.send(back).status_code == 404
    wrong = "no hash"
    assert ada.send(f"/admin/invites/{wrong}/withdraw").status_code == 404
    assert Browser(ada.client).open(link).status_code == 410


def test_an_admin_hands_over_a_link_and_never_sees_the_password(
    ada: Browser, mara: Browser, people: dict[str, User], session: Session
) -> None:
    mara_id = people["Mara"].id
    page = ada.open(f"/admin/access/{mara_id}")
    assert "Mara" in page.text
    made = ada.send(f"/admin/access/{mara_id}/reset-link")
    assert made.headers["referrer-policy"] == "no-referrer"
    link = link_in(made.text)
    person = Browser(ada.client)
    for _ in range(2):  # looking uses nothing up
        page = person.open(link)
        assert page.status_code == 200
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
    token = link.partition("=")[2]
    assert beside(person.send("/reset", {"token": token, "password": "short"}), "password")
    answer = person.send("/reset", {"token": token, "password": NEW})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "storage" in answer.headers["clear-site-data"]
    assert mara.get("/create").status_code == 303  # signed out everywhere
    assert person.get("/create").status_code == 303  # and nobody signed in by it
    assert person.open(link).status_code == 410
    assert person.send("/reset", {"token": token, "password": NEW}).status_code == 410
    assert Browser(ada.client).sign_in("Mara", NEW).headers["location"] != "/sign-in"
    deed = session.scalars(select(AuditEntry)).one()
    assert (deed.action, deed.target, deed.actor_id) == ("reset link", "Mara", people["Ada"].id)
    assert deed.address
    assert token not in str(deed.after)


def test_reset_links_name_the_studio_by_its_settings_and_not_by_the_request(
    ada: Browser, people: dict[str, User]
) -> None:
    mara_id = people["Mara"].id
    ada.open("/admin/access")
    headers = {"Host": "192.168.7.7", "X-Forwarded-Host": "evil.example", "Origin": "http://192.168.7.7"}
    path = f"/admin/access/{mara_id}/reset-link"
    page = ada.ask("POST", path, data={"csrf_token": ada.token}, headers=headers)
    assert page.status_code == 200
    assert "evil.example" not in page.text
    assert link_in(page.text).startswith("/reset?token=")


def test_a_reset_link_does_not_pass_by_the_second_factor_and_clearing_it_is_a_deed_of_its_own(
    ada: Browser, mara: Browser, people: dict[str, User], session: Session
) -> None:
    mara_id = people["Mara"].id
    set_up_app(mara)
    ada.open("/admin/access")
    link = link_in(ada.send(f"/admin/access/{mara_id}/reset-link").text)
    person = Browser(ada.client)
    person.open(link)
    person.send("/reset", {"token": link.partition("=")[2], "password": NEW})
    assert person.sign_in("Mara", NEW).headers["location"].startswith("/sign-in/code")
    assert "Lost the telephone?" in ada.open(f"/admin/access/{mara_id}").text
    assert ada.send(f"/admin/access/{mara_id}/clear-app").status_code == 303
    assert person.sign_in("Mara", NEW).headers["location"] == "/"
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["reset link", "clear second factor"]


def test_reset_links_and_roles_ask_an_admin_for_the_password_again(
    ada: Browser, people: dict[str, User], session: Session
) -> None:
    mara_id = people["Mara"].id
    session.execute(update(LoginSession).values(confirmed_at=datetime.now(UTC) - timedelta(minutes=11)))
    session.commit()
    ada.open(f"/admin/access/{mara_id}")
    for action in ("reset-link", "clear-app", "role"):
        answer = ada.send(f"/admin/access/{mara_id}/{action}", {"role": "admin"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/confirm?next=/"), action
    assert session.scalars(select(AuditEntry)).all() == []


def test_roles_and_doors_are_changed_by_admins_and_every_change_is_written_down(
    ada: Browser, mara: Browser, people: dict[str, User], session: Session
) -> None:
    mara_id, ada_id = people["Mara"].id, people["Ada"].id
    ada.open(f"/admin/access/{mara_id}")
    assert ada.send(f"/admin/access/{mara_id}/role", {"role": "owner"}).status_code == 409
    assert ada.send(f"/admin/access/{mara_id}/role", {"role": "admin"}).status_code == 303
    assert mara.get("/create").status_code == 303
    mara.sign_in("Mara")
    assert mara.get("/admin/access").status_code == 200
    assert ada.send(f"/admin/access/{mara_id}/role", {"role": "user"}).status_code == 303
    mara.sign_in("Mara")
    assert mara.get("/admin/access").status_code == 404
    assert ada.send(f"/admin/access/{mara_id}/sign-out").status_code == 303
    assert mara.get("/create").status_code == 303
    assert ada.send(f"/admin/access/{mara_id}/disable").status_code == 303
    assert mara.sign_in("Mara").status_code == 422
    assert ada.send(f"/admin/access/{mara_id}/enable").status_code == 303
    assert mara.sign_in("Mara").status_code == 303
    assert ada.send(f"/admin/access/{ada_id}/role", {"role": "user"}).status_code == 409
    assert ada.send(f"/admin/access/{ada_id}/disable").status_code == 409
    page = ada.open("/admin/audit").text
    for said in ("role: user", "role: admin", "sign out", "disable", "enable", "Mara", "Ada"):
        assert said in page
    deeds = session.scalars(select(AuditEntry)).all()
    assert {(each.actor_id, each.session, each.address) for each in deeds} == {
        (ada_id, session_label(ada.cookies["login"]), "testclient")
    }
    assert len({session_label(each.cookies["login"]) for each in (ada, mara)}) == 2


def test_a_deed_keeps_its_session_when_the_token_is_replaced_and_gives_no_way_in(ada: Browser) -> None:
    token = ada.cookies["login"]
    ada.open("/settings/security")
    ada.send("/settings/security/password", {"old": PASSWORD, "new": NEW})
    assert ada.cookies["login"] != token
    assert session_label(ada.cookies["login"]) == session_label(token)
    assert session_label(token) not in token


def test_the_record_goes_on_on_an_older_page(ada: Browser, session: Session, people: dict[str, User]) -> None:
    session.add_all(AuditEntry(actor_id=None, action="reset link", target=f"Person {number}") for number in range(60))
    session.commit()
    page = ada.open("/admin/audit")
    assert "Person 59" in page.text
    assert "Person 9<" not in page.text
    assert "The command line" in page.text
    older = re.search(r'href="(/admin/audit\?before=\d+)"', page.text)[1]  # type: ignore[index]
    assert "Person 9<" in ada.open(older).text


def test_where_no_mail_can_be_sent_there_is_no_page_for_it(browser: Browser, people: dict[str, User]) -> None:
    assert browser.get("/forgot").status_code == 404
    browser.open("/sign-in")
    assert browser.send("/forgot", {"email": "mara@studio.test"}).status_code == 404
    assert "Forgot" not in browser.open("/sign-in").text


@pytest.mark.usefixtures("_with_mail")
def test_asking_for_a_letter_says_and_does_the_same_for_every_address(
    browser: Browser, people: dict[str, User], session: Session
) -> None:
    people["Mara"].email, people["Jun"].email = "mara@studio.test", "jun@studio.test"
    people["Jun"].disabled_at = datetime.now(UTC)
    session.commit()
    assert "Forgot" in browser.open("/sign-in").text
    said = set()
    for address in ("mara@studio.test", "jun@studio.test", "nobody@studio.test"):
        browser.open("/forgot")
        answer = browser.send("/forgot", {"email": address})
        said.add((answer.status_code, re.sub(r'value="\w+"', "", answer.text)))
    assert len(said) == 1
    assert len(session.scalars(select(ResetRequest)).all()) == 3
    for _ in range(6):
        last = browser.send("/forgot", {"email": "mara@studio.test"})
    assert last.status_code == 429


@pytest.mark.usefixtures("_with_mail")
def test_a_mailed_link_is_the_same_page(browser: Browser, people: dict[str, User], session: Session) -> None:
    token = mailed_token(session, people["Mara"])
    session.commit()
    browser.open(f"/reset?token={token}")
    assert browser.send("/reset", {"token": token, "password": NEW}).status_code == 303
    assert browser.sign_in("Mara", NEW).status_code == 303


def test_people_are_found_among_many_and_listed_page_by_page(ada: Browser, session: Session) -> None:
    session.add_all(User(name=f"Person {number:02}", password_hash="!") for number in range(60))
    session.commit()
    first = ada.open("/admin/access").text
    assert "Ada</a>" in first
    assert "Person 59" not in first
    onward = re.search(r'href="(/admin/access\?q=&amp;after=[^"]+)"', first)
    assert onward
    second = ada.open(unescape(onward[1])).text
    assert "Person 59" in second
    assert "Ada</a>" not in second
    assert "after=" not in second
    found = ada.open("/admin/access?q=PERSON+07").text
    assert "Person 07" in found
    assert "Person 08" not in found
    assert "Nobody here has this name." in ada.open("/admin/access?q=%25").text


@pytest.mark.usefixtures("_with_mail")
def test_a_letter_that_anybody_asks_for_does_not_undo_the_link_that_an_admin_handed_over(
    browser: Browser, people: dict[str, User], session: Session
) -> None:
    handed = reset_link_token(session, people["Ada"], people["Mara"])
    mailed = [mailed_token(session, people["Mara"]) for _ in range(2)]
    session.commit()
    for token in (handed, *mailed):
        assert browser.open(f"/reset?token={token}").status_code == 200
    assert browser.send("/reset", {"token": handed, "password": NEW}).status_code == 303
    for token in (handed, *mailed):  # they were all for the password that there was
        assert browser.open(f"/reset?token={token}").status_code == 410
    session.refresh(people["Mara"])
    first = reset_link_token(session, people["Ada"], people["Mara"])
    second = reset_link_token(session, people["Ada"], people["Mara"])
    session.commit()
    assert browser.open(f"/reset?token={first}").status_code == 410
    assert browser.open(f"/reset?token={second}").status_code == 200
