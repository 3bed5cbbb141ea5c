"""The seals of the audit log: one for each event, in one unbroken order for each clinic; never changed."""

from collections.abc import Sequence
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
)
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.audit import StoredEvent
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, column_names
from app.storage.engine.unit_of_work import UnitOfWork

# Released by the end of the transaction, and by the server itself when the sealer dies.
_TAKE_TURN: Final = text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended('audit seals ' || :clinic_id, 0))"
)


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
