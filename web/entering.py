"""Coming in: what a browser gets when somebody has proved who they are."""

from typing import Any

from litestar import Request
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.accounts import close_login_session, open_login_session
from appliance.guesses import device_cookie, device_of
from appliance.tables import User
from web.cookies import device_value, login_token, set_choice, set_device, set_half_way, set_login
from web.throttle import address_of


def enter(
    request: Request[Any, Any, Any], session: Session, user: User, after: str, came_by: str = "password"
) -> Redirect:
    """Open a login session for this browser in place of any that it had, and go on to `after`.

    `came_by` is kept with it: `password`, `passkey` or `oidc`.
    """
    if old := login_token(request):
        close_login_session(session, old)
    browser = request.headers.get("user-agent", "")
    token = open_login_session(session, user, browser, address_of(request), came_by)
    answer: Redirect = Redirect(after, status_code=303)
    set_login(answer, token)
    set_half_way(answer, None)
    if user.language:
        set_choice(answer, "language", user.language)
    if device_of(session, device_value(request), user.name) is None:
        set_device(answer, device_cookie(user))
    return answer
