"""Whether what a patient says would reach someone now: one look at the whole safety pathway, over all clinics."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from app.storage import heartbeats
from app.storage.engine.unit_of_work import UnitOfWork

_LOOK: Final = text("SELECT * FROM care.safety_pathway(:now)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyPathway:
    """How it is.

    Attributes:
        looked_ago: how long ago a worker last looked at what is due; None: none ever did, or all have ended.
        unsent_since: since when the oldest safety event that is due has been waiting for us to send it.
        mail_refused_since: since when the mail server has not taken urgent mail.
        live: how many clinics are live.
        live_unreachable: how many of them have no endpoint at which anything got through last.
    """

    looked_ago: timedelta | None
    unsent_since: datetime | None
    mail_refused_since: datetime | None
    live: int
    live_unreachable: int


async def look(work: UnitOfWork, *, now: datetime) -> SafetyPathway:
    """Look at it."""
    row = (await work.execute(_LOOK, {"now": now})).one()
    return SafetyPathway(looked_ago=await heartbeats.last_look(work), **row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
