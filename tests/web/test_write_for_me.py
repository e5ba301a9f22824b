"""Write for me: words come into the form before anything is asked for."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.drafts import claim_draft, finish_draft, report_words
from appliance.tables import SongRequest, User, WordDraft
from tests.web.browser import Browser, beside, typed

FIELDS = {"mode": "lyrics", "prompt": "folk", "title": "Ferry", "lyrics": "", "duration": "60", "key": "D minor"}
JSON = {"Accept": "application/json"}


def ask(browser: Browser, fields: dict[str, str]) -> dict[str, str]:
    headers = {**JSON, "Origin": str(browser.client.base_url).rstrip("/")}
    answer = browser.ask("POST", "/words", data={"csrf_token": browser.token, **fields}, headers=headers)
    told: dict[str, str] = answer.json()
    return told


def test_lines_come_as_they_are_written_and_nothing_is_asked_for_or_charged(
    mara: Browser, jun: Browser, session: Session, people: dict[str, User]
) -> None:
    mara.open("/create")
    told = ask(mara, FIELDS)
    assert told["state"] == "waiting"
    draft = claim_draft(session)
    assert draft is not None
    report_words(session, draft.id, "[Verse]\nOne")
    session.commit()
    draft_id = told["id"]
    look = f"/words/{draft_id}"
    assert mara.get(look, **JSON).json() | {"id": ""} == {
        "id": "", "state": "writing", "words": "[Verse]\nOne", "title": "", "reason": "",
    }  # fmt: skip
    assert jun.get(look, **JSON).status_code == 404
    finish_draft(session, draft.id, "[Verse]\nOne\nTwo", "Ferry")
    session.commit()
    assert mara.get(look, **JSON).json()["words"] == "[Verse]\nOne\nTwo"
    assert session.scalar(select(func.count()).select_from(SongRequest)) == 0


def test_words_can_be_stopped(mara: Browser, jun: Browser, session: Session) -> None:
    mara.open("/create")
    draft_id = ask(mara, FIELDS)["id"]
    assert jun.send(f"/words/{draft_id}/stop").status_code == 404
    assert mara.send(f"/words/{draft_id}/stop").json()["state"] == "stopped"
    assert claim_draft(session) is None


def test_without_a_script_the_form_comes_back_with_the_words(mara: Browser, session: Session) -> None:
    mara.open("/create")
    answer = mara.send("/words", FIELDS)
    assert answer.status_code == 303
    draft = session.scalars(select(WordDraft)).one()
    assert answer.headers["location"] == f"/create?words={draft.id}"
    page = mara.open(f"/create?words={draft.id}").text
    assert '<noscript><meta http-equiv="refresh" content="2">' in page
    claim_draft(session)
    finish_draft(session, draft.id, "[Verse]\nOne", "Ferry")
    session.commit()
    done = mara.open(f"/create?words={draft.id}")
    assert 'http-equiv="refresh"' not in done.text
    assert typed(done, "lyrics") == "[Verse]\nOne"
    assert (typed(done, "prompt"), typed(done, "title")) == ("folk", "Ferry")
    assert '<option value="D minor" selected>' in done.text


def test_a_form_that_says_nothing_is_asked_what_the_words_are_about(mara: Browser, session: Session) -> None:
    mara.open("/create")
    told = ask(mara, {"mode": "lyrics"})
    assert "Say first what the words should be about" in told["message"]
    assert mara.send("/words", {"mode": "lyrics"}).status_code == 422
    assert beside(mara.open("/create"), "lyrics") == ""
