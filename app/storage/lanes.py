"""Which lanes of the outbox have something due, over all clinics, in one question.

A lane is what takes turns: one endpoint's safety or ordinary events, or a clinic's messages of one channel. The
question is answered by functions that see all clinics and give ids only; an idle clinic costs nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from app.storage.engine.unit_of_work import UnitOfWork

_DUE: Final = text(
    "SELECT clinic_id, endpoint_id, channel, urgent FROM care.due_lanes(:now, CAST(:channels AS text[]))"
)
_DUE_URGENT: Final = text(
    "SELECT clinic_id, endpoint_id, channel, urgent FROM care.due_lanes(:now, CAST(:channels AS text[])) WHERE urgent"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One lane: an endpoint's events, or a clinic's messages of one channel; urgent, or not."""

    clinic_id: UUID
    endpoint_id: UUID | None
    channel: str | None
    urgent: bool


async def due(
    work: UnitOfWork, *, now: datetime, channels: Collection[str], only_urgent: bool = False
) -> list[Lane]:
    """List the lanes in which something is due now, the urgent ones first.

    ``channels``: those that are set up; messages of the others wait.
    """
    found = await work.execute(_DUE_URGENT if only_urgent else _DUE, {"now": now, "channels": list(channels)})
    lanes = [Lane(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's documented name for it
    return sorted(lanes, key=lambda lane: not lane.urgent)
