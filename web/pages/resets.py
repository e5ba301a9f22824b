"""Who forgot their password: asking for a letter, and the page that a link leads to."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput, NotFound
from appliance.letters import request_reset
from appliance.resets import check_reset_token, reset_password
from appliance.settings import settings
from appliance.taskqueue import ring
from appliance.throttling import TooManyTries
from web.cookies import forget_login, set_half_way
from web.database import after_commit
from web.rendering import NO_REFERRER, Page, render
from web.throttle import count_reset_request, hashing


class ResetPages(Controller):
    """A password anew. Nobody is signed in by it, and nobody's second factor is passed by."""

    @get("/forgot", sync_to_thread=True)
    def forgot(self, request: Request[Any, Any, Any]) -> Page:
        """Ask for the address that a letter is to go to, where the studio can send letters."""
        _require_mail()
        return render(request, "forgot.html", asked=False, form={}, errors={})

    @post("/forgot", sync_to_thread=True)
    def ask_for_letter(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], form: NamedDependency[dict[str, str]]
    ) -> Page:
        """Take the address, and say the same whether or not it is anybody's: the worker looks it up."""
        _require_mail()
        address = form.get("email", "")
        try:
            count_reset_request(request, address)
        except TooManyTries as error:
            errors = {"email": error.message}
            return render(request, "forgot.html", status=error.status, asked=False, form=form, errors=errors)
        request_reset(session, address)
        after_commit(session, lambda: ring("letter_waits"))
        return render(request, "forgot.html", asked=True, form=form, errors={})

    @get("/reset", sync_to_thread=True)
    def reset_form(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], token: FromQuery[str] = ""
    ) -> Page:
        """Show the form. Looking uses nothing up: programs that check mail look at every link."""
        user = check_reset_token(session, token)
        return render(request, "reset.html", headers=NO_REFERRER, token=token, name=user.name, errors={})

    @post("/reset", sync_to_thread=True, secret_in_form="token")
    def reset(
        self, request: Request[Any, Any, Any], session: NamedDependency[Session], form: NamedDependency[dict[str, str]]
    ) -> Page | Redirect:
        """Set the password, which uses the link up and signs the person out everywhere."""
        token = form.get("token", "")
        user = check_reset_token(session, token)
        try:
            with hashing():
                reset_password(session, token, form.get("password", ""))
        except InvalidInput as error:
            session.rollback()
            context = {"token": token, "name": user.name, "errors": error.fields}
            return render(request, "reset.html", None, None, 422, NO_REFERRER, **context)
        answer = Redirect("/sign-in", status_code=303, headers={"clear-site-data": '"cache", "storage"', **NO_REFERRER})
        forget_login(answer)
        set_half_way(answer, None)
        return answer


def _require_mail() -> None:
    if not settings().smtp_host:
        raise NotFound
