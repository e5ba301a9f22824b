"""The viewer's own settings: name, picture, language and looks. What opens their door is on a page of its own."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.errors import InvalidInput
from appliance.languages import LANGUAGES
from appliance.pictures import LARGEST_FILE
from appliance.profiles import change_name, change_picture
from appliance.storage import storage
from appliance.tables import User
from web.cookies import set_choice
from web.database import after_commit
from web.forms import files_of
from web.rendering import Page, render

SettingsRequest = Request[Any, Any, Any]
HERE = "/settings"
THEMES = ("", "light", "dark")


class SettingsPages(Controller):
    """Settings of the person who looks at them."""

    path = HERE

    @get("/", sync_to_thread=True)
    def overview(
        self, request: SettingsRequest, session: NamedDependency[Session], viewer: NamedDependency[User]
    ) -> Page:
        """Show all settings."""
        return _page(request, session, viewer, {})

    @post("/name", sync_to_thread=True)
    def name(
        self,
        request: SettingsRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Take another name."""
        try:
            change_name(session, viewer, form.get("name", ""))
        except InvalidInput as error:
            session.rollback()
            return _page(request, session, viewer, error.fields, form.get("name", ""), error.status)
        return Redirect(HERE, status_code=303)

    @post("/picture", sync_to_thread=True, request_max_body_size=LARGEST_FILE + 64 * 1024, takes_files=True)
    def picture(
        self,
        request: SettingsRequest,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Page | Redirect:
        """Show another picture, or with `remove` none."""
        try:
            old = change_picture(session, viewer, None if form.get("remove") else files_of(request).get("picture", b""))
        except InvalidInput as error:
            session.rollback()
            return _page(request, session, viewer, error.fields, status=error.status)
        after_commit(session, lambda: storage().delete(old))
        return Redirect(HERE, status_code=303)

    @post("/looks", sync_to_thread=True)
    def looks(
        self,
        session: NamedDependency[Session],
        viewer: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Redirect:
        """Choose the language and light or dark. Both travel in cookies, so that pages are right from their first byte."""
        language, theme = form.get("language", ""), form.get("theme", "")
        viewer.language = language if language in LANGUAGES else None
        session.flush()
        answer: Redirect = Redirect(HERE, status_code=303)
        set_choice(answer, "language", viewer.language or "")
        set_choice(answer, "theme", theme if theme in THEMES else "")
        return answer


def _page(
    request: SettingsRequest,
    session: Session,
    viewer: User,
    errors: dict[str, str],
    name: str | None = None,
    status: int = 200,
) -> Page:
    return render(
        request,
        "settings.html",
        session,
        viewer,
        status=status,
        form={"name": viewer.name if name is None else name},
        errors=errors,
        languages=LANGUAGES,
        chosen=viewer.language or "",
    )
