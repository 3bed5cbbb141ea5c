"""Looking through the audit log, newest first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, tuple_

from app.storage.audit_seals import Seal
from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import column_names, columns_of
from app.storage.engine.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What is looked for; all of it must hold. ``until`` is not included.

    ``changes_only``: without the lines that say that someone looked.
    """

    since: datetime
    until: datetime
    patient_id: UUID | None = None
    actor_id: UUID | None = None
    action: str | None = None
    changes_only: bool = False


async def page(
    work: UnitOfWork, wanted: AuditFilter, *, before: tuple[datetime, UUID] | None, limit: int
) -> list[tuple[StoredEvent, int | None]]:
    """Give events, newest first, each with the place of its seal (None: not yet sealed).

    Read in the order of an index that leads with the clinic, or the clinic and what is named, then the time.
    """
    event = StoredEvent
    named = {"patient_id": wanted.patient_id, "actor_id": wanted.actor_id, "action": wanted.action}
    statement = (
        select(*columns_of(StoredEvent), Seal.sequence)
        .outerjoin(Seal, (Seal.clinic_id == event.clinic_id) & (Seal.event_id == event.id))
        .where(event.clinic_id == work.clinic_id, event.at >= wanted.since, event.at < wanted.until)
        .where(*(getattr(event, name) == value for name, value in named.items() if value is not None))
        .order_by(event.at.desc(), event.id.desc())
        .limit(limit)
    )
    if wanted.changes_only:
        statement = statement.where(event.action.not_like("%.read"))
    if before is not None:
        statement = statement.where(tuple_(event.at, event.id) < tuple_(*before))
    return [
        (StoredEvent(**dict(zip(column_names(StoredEvent), row[:-1], strict=True))), row[-1])
        for row in await work.execute(statement)
    ]


async def actions(work: UnitOfWork) -> list[str]:
    """List the actions that stand on the clinic's audit log, in order.

    From one to the next by the index: the audit log itself is long, its actions are few.
    """
    event = StoredEvent
    known = (
        select(func.min(event.action).label("action"))
        .where(event.clinic_id == work.clinic_id)
        .cte("known", recursive=True)
    )
    following = (
        select(func.min(event.action))
        .where(event.clinic_id == work.clinic_id, event.action > known.c.action)
        .scalar_subquery()
    )
    known = known.union_all(select(following).where(known.c.action.is_not(None)))
    found = await work.execute(select(known.c.action).where(known.c.action.is_not(None)))
    return list(found.scalars())
