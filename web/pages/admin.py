"""The machine room: how the studio is, what is in line, what was reported, and how it is set up. For admins."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect
from sqlalchemy.orm import Session

from appliance.failures import get_failure, list_failures
from appliance.line import move_to_front, pause_queue, put_back_in_line, stop_request
from appliance.reports import open_reports, settle_report
from appliance.tables import User
from appliance.taskqueue import ring
from web.database import after_commit
from web.line import queue_of
from web.machine import figures_of
from web.rendering import Page, render
from web.shown_settings import shown_settings
from web.throttle import address_of

AdminRequest = Request[Any, Any, Any]
FAILURES = 30


class AdminPages(Controller):
    """Nobody but admins learns that these pages exist."""

    path = "/admin"

    @get("/", sync_to_thread=True)
    def overview(self, request: AdminRequest, session: NamedDependency[Session], admin: NamedDependency[User]) -> Page:
        """Show how the machine is."""
        return render(request, "admin.html", session, admin, **figures_of(session))

    @get("/queue", sync_to_thread=True)
    def queue(self, request: AdminRequest, session: NamedDependency[Session], admin: NamedDependency[User]) -> Page:
        """Show what is being made and what waits."""
        return render(request, "admin_queue.html", session, admin, **queue_of(session, admin))

    @post("/queue/pause", sync_to_thread=True)
    def pause(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
    ) -> Redirect:
        """Pause the queue (`paused` is 1), or let it go on."""
        paused = form.get("paused") == "1"
        pause_queue(session, admin, paused, address_of(request))
        if not paused:
            after_commit(session, ring)
        return Redirect("/admin/queue", status_code=303)

    @post("/queue/{request_id:uuid}/front", sync_to_thread=True)
    def put_first(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Redirect:
        """Let a request be the next to be made."""
        move_to_front(session, admin, request_id, address_of(request))
        return Redirect("/admin/queue", status_code=303)

    @post("/queue/{request_id:uuid}/stop", sync_to_thread=True)
    def stop(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Redirect:
        """Cancel somebody's request."""
        stop_request(session, admin, request_id, address_of(request))
        return Redirect("/admin/queue", status_code=303)

    @post("/queue/{request_id:uuid}/again", sync_to_thread=True)
    def again(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        request_id: FromPath[UUID],
    ) -> Redirect:
        """Put a request back in line."""
        put_back_in_line(session, admin, request_id, address_of(request))
        after_commit(session, ring)
        return Redirect("/admin/queue", status_code=303)

    @get("/failures", sync_to_thread=True)
    def failures(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        before: FromQuery[UUID | None] = None,
        song: FromQuery[UUID | None] = None,
    ) -> Page:
        """Show the songs that failed and what the log says of each, from below the song `before`; or `song` alone."""
        failed = [get_failure(session, admin, song)] if song else list_failures(session, admin, before, FAILURES + 1)
        older = failed[FAILURES - 1].id if len(failed) > FAILURES else None
        return render(
            request, "admin_failures.html", session, admin, failed=failed[:FAILURES], older=older, alone=bool(song)
        )

    @get("/reports", sync_to_thread=True)
    def reports(self, request: AdminRequest, session: NamedDependency[Session], admin: NamedDependency[User]) -> Page:
        """Show the songs that somebody reported."""
        return render(request, "admin_reports.html", session, admin, reports=open_reports(session, admin))

    @post("/reports/{report_id:uuid}", sync_to_thread=True)
    def settle(
        self,
        request: AdminRequest,
        session: NamedDependency[Session],
        admin: NamedDependency[User],
        form: NamedDependency[dict[str, str]],
        report_id: FromPath[UUID],
    ) -> Redirect:
        """Leave a reported song where it is, or (`down` is 1) take it down."""
        settle_report(session, admin, report_id, form.get("down") == "1", address_of(request))
        return Redirect("/admin/reports", status_code=303)

    @get("/settings", sync_to_thread=True)
    def set_up(self, request: AdminRequest, session: NamedDependency[Session], admin: NamedDependency[User]) -> Page:
        """Show how the studio is set up. It is changed where it is written: in the `.env` file or the environment."""
        return render(request, "admin_settings.html", session, admin, groups=shown_settings())
