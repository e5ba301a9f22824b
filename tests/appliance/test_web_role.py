"""The web app's login to the database: it can do its work, and cannot rewrite the ledger or the admins' record."""

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from appliance import credits, database
from appliance.box import postgres
from appliance.tables import User
from tests.appliance.ledger import add_buyer, count_credits, numbers
from tests.appliance.people import ask


@pytest.fixture
def web_url(database_url: str) -> str:
    """Return the address of the tests' database for the web app's role."""
    owner = make_url(database_url)
    superuser = owner.set(username=postgres.SUPERUSER)  # a cluster of the tests has one password for all
    postgres.make_web_role(superuser.render_as_string(hide_password=False), "only-for-tests")
    postgres.make_web_role(superuser.render_as_string(hide_password=False), "only-for-tests")
    postgres.limit_web_role(database_url, postgres.WEB_ROLE)
    return owner.set(username=postgres.WEB_ROLE, password="only-for-tests").render_as_string(hide_password=False)


def test_the_web_app_can_ask_for_songs_and_cannot_touch_what_was_written(
    session: Session, web_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count_credits(monkeypatch)
    user = add_buyer(session, "Ada", 5)
    engine = database.build_engine(web_url)
    with Session(engine) as web:
        ask(web, web.get_one(User, user.id))
        web.commit()
        assert credits.account_of(web, user.id).available == 3
        for statement in (
            "UPDATE credit_entries SET amount = 99",
            "DELETE FROM credit_entries",
            "TRUNCATE credit_entries",
            "UPDATE audit_entries SET action = ''",
            "DELETE FROM audit_entries",
            "ALTER TABLE credit_entries DISABLE TRIGGER USER",
            "DROP TABLE credit_entries",
            "SET ROLE backline",
        ):
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
                web.execute(text(statement))
            web.rollback()
    engine.dispose()
    assert numbers(session, user) == (5, 2)
