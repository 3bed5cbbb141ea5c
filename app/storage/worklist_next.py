"""Which row of the worklist comes after another, for who works through them page by page."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy import literal, select, union_all

from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.findings import Finding
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal
from app.storage.worklist import KINDS, ListedItem, Place, WorklistFilter, page

# Acknowledged safety events stand in every list, before what nobody has acknowledged in the lanes below.
_LOOKED_THROUGH: Final = 50


async def next_waiting(work: UnitOfWork, item_id: UUID) -> ListedItem | None:
    """Give what nobody has acknowledged after a row as it stood, also one that is done; from the top at the end.

    What is undelivered is the operator's: no step on a patient's page sees to it.
    """
    kinds: tuple[tuple[Any, Any, Any], ...] = (
        (SafetyEvent, literal("safety"), SafetyEvent.received_at),
        (Signal, literal("signal"), Signal.raised_at),
        (Finding, Finding.code, Finding.raised_at),
    )
    parts = [
        select(kind.label("kind"), since.label("since")).where(work.owns(row), row.id == item_id)
        for row, kind, since in kinds
    ]
    found = (await work.execute(union_all(*parts))).one_or_none()
    wanted = WorklistFilter(kinds=frozenset(KINDS) - {"undelivered"}, unseen=True)
    starts: list[Place | None] = [None]
    if found is not None and found.kind in KINDS:
        starts.insert(0, (int(KINDS[found.kind]), 0, list(KINDS).index(found.kind), found.since, item_id))
    for start in starts:
        rows = await page(work, wanted, after=start, limit=_LOOKED_THROUGH, with_sentences=False)
        for one in rows:
            if one.acknowledged_at is None and one.id != item_id:
                return one
    return None
