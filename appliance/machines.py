"""What the studio's machines offer, as their workers say."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from appliance.tables import WorkerSeen

_ALIVE = timedelta(minutes=1)


def offered_knobs(session: Session) -> dict[str, tuple[float, float, float]]:
    """Return what the present composer lets people turn, by name: least, usual and greatest value.

    Names are those of `appliance.briefs.Brief`: "guidance_scale" and "steps". Empty where no worker is alive.
    """
    about = session.scalar(
        select(WorkerSeen.about)
        .where(WorkerSeen.last_seen > func.clock_timestamp() - _ALIVE)
        .order_by(WorkerSeen.last_seen.desc())
        .limit(1)
    )
    knobs = (about or {}).get("knobs", {})
    return {name: (least, usual, most) for name, (least, usual, most) in knobs.items()}
