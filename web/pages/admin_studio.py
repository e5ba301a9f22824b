"""How the studio is, for its admins: what is wrong in words, its parts, the last good backup, the disk, and the workers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.box import health, runs
from appliance.box.alerts import alerts
from appliance.diskspace import room
from appliance.settings import settings
from appliance.tables import User, WorkerSeen
from web.rendering import Page, render


@get("/admin/studio", sync_to_thread=True)
def admin_studio(
    request: Request[Any, Any, Any], session: NamedDependency[Session], admin: NamedDependency[User]
) -> Page:
    """Show how the studio is at this moment."""
    wanted = settings()
    memory = runs.remember(wanted.data_dir)
    good = memory.last_good
    return render(
        request,
        "admin_studio.html",
        session,
        admin,
        alerts=alerts(wanted),
        parts=health.parts(wanted),
        target=wanted.backup_target,
        hour=wanted.backup_hour,
        backup=memory.good,
        backup_hours=(datetime.now(UTC) - good) / timedelta(hours=1) if good else None,
        room=room(wanted),
        workers=session.scalars(select(WorkerSeen).order_by(WorkerSeen.name)).all(),
    )
