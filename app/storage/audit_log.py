"""The audit log, looked through newest first; and its seals, one for each event in one order for each clinic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Exists,
    ForeignKeyConstraint,
    Select,
    UniqueConstraint,
    and_,
    exists,
    func,
    insert,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import ActorKind
from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, column_names, columns_of
from app.storage.engine.unit_of_work import UnitOfWork

# Released by the end of the transaction, and by the server itself when the sealer dies.
_TAKE_TURN: Final = text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended('audit seals ' || :clinic_id, 0))"
)

# What the partial indexes leave out.
_MOST_FREQUENT: Final = "check_in.recorded"
_DEVICE: Final = ActorKind.DEVICE.value


class Seal(TenantRow):
    """A seal as stored: its place in the clinic's order, from 1 on without a gap, and the chain's link."""

    __tablename__ = "audit_seals"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "event_id"),
        {"schema": CARE},
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    mac: Mapped[bytes]


async def lock_for_update(work: UnitOfWork) -> bool:
    """Become this clinic's one sealer until the transaction ends; False while another one is at it."""
    found = await work.execute(_TAKE_TURN, {"clinic_id": str(work.clinic_id)})
    return bool(found.scalar_one())


async def head(work: UnitOfWork) -> Seal | None:
    """Give the clinic's last seal; None: nothing is sealed yet."""
    found = await work.execute(_seals(work).order_by(Seal.sequence.desc()).limit(1))
    row = found.one_or_none()
    return row and Seal(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def find(work: UnitOfWork, sequence: int) -> Seal | None:
    """Give the seal at this place."""
    found = await work.execute(_seals(work).where(Seal.sequence == sequence))
    row = found.one_or_none()
    return row and Seal(**row._mapping)  # noqa: SLF001 - same


async def unsealed(work: UnitOfWork, *, since: UUID | None, limit: int) -> list[StoredEvent]:
    """Give events that have no seal, in the order of their ids; with ``since`` only those from this id on."""
    statement = (
        select(*_event_columns())
        .where(StoredEvent.clinic_id == work.clinic_id, ~_has_seal())
        .order_by(StoredEvent.id)
        .limit(limit)
    )
    if since is not None:
        statement = statement.where(StoredEvent.id >= since)
    return [StoredEvent(**row._mapping) for row in await work.execute(statement)]  # noqa: SLF001 - same


async def count_unsealed(work: UnitOfWork) -> int:
    """Count the events that have no seal."""
    found = await work.execute(
        select(func.count()).where(StoredEvent.clinic_id == work.clinic_id, ~_has_seal())
    )
    return int(found.scalar_one())


async def add(work: UnitOfWork, seals: Sequence[Seal]) -> None:
    """Keep seals that follow the head; the caller has the turn."""
    await work.execute(
        insert(Seal),
        [
            {"clinic_id": work.clinic_id, "sequence": one.sequence, "event_id": one.event_id, "mac": one.mac}
            for one in seals
        ],
        unaudited="the audit log's own seals, about what is in it",
    )


async def sealed_events(work: UnitOfWork, *, after: int, limit: int) -> list[tuple[Seal, StoredEvent | None]]:
    """Give the seals after this place in their order, each with its event; None: the event is gone."""
    event = StoredEvent
    statement = (
        select(Seal.sequence, Seal.event_id, Seal.mac, *_event_columns())
        .outerjoin(event, and_(event.clinic_id == Seal.clinic_id, event.id == Seal.event_id))
        .where(Seal.clinic_id == work.clinic_id, Seal.sequence > after)
        .order_by(Seal.sequence)
        .limit(limit)
    )
    return [
        (
            Seal(sequence=row.sequence, event_id=row.event_id, mac=row.mac),
            None if row.id is None else StoredEvent(**{name: row._mapping[name] for name in _EVENT_FIELDS}),  # noqa: SLF001 - same
        )
        for row in await work.execute(statement)
    ]


_EVENT_FIELDS: Final = column_names(StoredEvent)


def _event_columns() -> list[Any]:
    return [getattr(StoredEvent, name) for name in _EVENT_FIELDS]


def _seals(work: UnitOfWork) -> Select[int, UUID, bytes]:
    return select(Seal.sequence, Seal.event_id, Seal.mac).where(Seal.clinic_id == work.clinic_id)


def _has_seal() -> Exists:
    return exists().where(Seal.clinic_id == StoredEvent.clinic_id, Seal.event_id == StoredEvent.id)


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

    Read in the order of an index that leads with the clinic, or the clinic and what is named, then the time. What is
    most frequent is in the index by time alone.
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
    if wanted.action is not None and wanted.action != _MOST_FREQUENT:
        statement = statement.where(event.action != _MOST_FREQUENT)
    if wanted.actor_id is not None and await _is_no_device(work, wanted.actor_id):
        statement = statement.where(event.actor_kind != _DEVICE)
    if wanted.changes_only:
        statement = statement.where(event.action.not_like("%.read"))
    if before is not None:
        statement = statement.where(tuple_(event.at, event.id) < tuple_(*before))
    return [
        (StoredEvent(**dict(zip(column_names(StoredEvent), row[:-1], strict=True))), row[-1])
        for row in await work.execute(statement)
    ]


async def _is_no_device(work: UnitOfWork, actor_id: UUID) -> bool:
    known = exists().where(
        StoredEvent.clinic_id == work.clinic_id,
        StoredEvent.actor_id == actor_id,
        StoredEvent.actor_kind != _DEVICE,
    )
    return bool((await work.execute(select(known))).scalar_one())


async def actions(work: UnitOfWork) -> list[str]:
    """List the actions of the clinic's audit log in order, and that a check-in came, whether or not one did.

    From one to the next by the index: the audit log itself is long, its actions are few.
    """
    event = StoredEvent
    indexed = (event.clinic_id == work.clinic_id, event.action != _MOST_FREQUENT)
    known = select(func.min(event.action).label("action")).where(*indexed).cte("known", recursive=True)
    following = (
        select(func.min(event.action)).where(*indexed, event.action > known.c.action).scalar_subquery()
    )
    known = known.union_all(select(following).where(known.c.action.is_not(None)))
    found = await work.execute(select(known.c.action).where(known.c.action.is_not(None)))
    return sorted({*found.scalars(), _MOST_FREQUENT})


async def changes_of_patient(work: UnitOfWork, patient_id: UUID) -> dict[UUID, datetime]:
    """Give when each of a patient's records was changed last, by the record's id."""
    event = StoredEvent
    found = await work.execute(
        select(event.subject_id, func.max(event.at).label("at"))
        .where(
            event.clinic_id == work.clinic_id,
            event.patient_id == patient_id,
            event.action.not_like("%.read"),
            event.action != "patient.exported",
        )
        .group_by(event.subject_id)
    )
    return {row.subject_id: row.at for row in found}
