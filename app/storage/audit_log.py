"""The audit log, looked through newest first; and its seals, which keep each clinic's events in one order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Select,
    UniqueConstraint,
    Uuid,
    exists,
    func,
    insert,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import ActorKind
from app.storage.engine.audit import IN_STEP, OUT_OF_STEP, StoredEvent, end_id_until, first_id_from
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, column_names, columns_of, one_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork

# Released by the end of the transaction, and by the server itself when the sealer dies.
_LOCK_FOR_UPDATE: Final = text(
    "SELECT pg_try_advisory_xact_lock(hashtextextended('audit seals ' || :clinic_id, 0))"
)

_MAKE_AHEAD: Final = text("SELECT care.make_partitions_ahead()")
_MOVE_LINES: Final = text("SELECT care.move_default_lines()")
# Nobody writes while the default partition is exchanged, and a check-in waits five seconds for a lock, no longer.
_GIVE_WAY: Final = text("SET LOCAL statement_timeout = '4s'")

_KEEP_PLACES: Final = text("LOCK TABLE care.audit_events IN ACCESS SHARE MODE")

# What the partial indexes leave out.
_MOST_FREQUENT: Final = "check_in.recorded"
_DEVICE: Final = ActorKind.DEVICE.value


class Seal(TenantRow):
    """The seal of one event or of several that were sealed together: a link of the clinic's chain.

    Attributes:
        sequence: the last event's place in the clinic's order, which goes from 1 on without a gap.
        event_id: the last event.
        event_ids: all of them in their order, which is that of their ids; None: that one alone.
        marks: a mark of each, which says which of them was changed; None where there is one.
        mac: the chain's link.
    """

    __tablename__ = "audit_seals"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "event_id"),
        {"schema": CARE},
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    mac: Mapped[bytes]
    event_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid()), default=None)
    marks: Mapped[bytes | None] = mapped_column(default=None)

    @property
    def sealed(self) -> Sequence[UUID]:
        """The events, in their order."""
        return self.event_ids or [self.event_id]

    @property
    def first_sequence(self) -> int:
        """The place of the first of them."""
        return self.sequence - len(self.sealed) + 1


_IDS: Final = func.coalesce(Seal.event_ids, array([Seal.event_id]))


async def lock_for_update(work: UnitOfWork) -> bool:
    """Become this clinic's one sealer until the transaction ends; False while another one is at it."""
    found = await work.execute(_LOCK_FOR_UPDATE, {"clinic_id": str(work.clinic_id)})
    return bool(found.scalar_one())


async def keep_places(work: UnitOfWork) -> None:
    """Keep the log's lines where they lie until the transaction ends: the first thing in a long snapshot.

    What goes into another partition meanwhile, or into a file, is not where a snapshot from before looks for it.
    """
    await work.execute(_KEEP_PLACES)


async def make_partitions_ahead(work: UnitOfWork) -> None:
    """Make the partitions of this month and the next three, by the server's clock, where they are missing.

    Where more than 100,000 lines came before their partitions, `move_default_lines` makes them. The database refuses
    where someone reads the whole audit log for longer than two seconds meanwhile.
    """
    await work.execute(_GIVE_WAY)
    await work.execute(_MAKE_AHEAD)


async def move_default_lines(work: UnitOfWork) -> int:
    """Copy some lines of the default partition towards partitions of their months; gives how many (0: none is left).

    The call after the last copies makes them partitions, in a moment that does not grow with the lines. The database
    refuses as in `make_partitions_ahead`, and where others would have to wait for longer than four seconds.
    """
    await work.execute(_GIVE_WAY)
    return int((await work.execute(_MOVE_LINES)).scalar_one())


async def head(work: UnitOfWork) -> Seal | None:
    """Give the clinic's last seal; None: nothing is sealed yet."""
    found = await work.execute(_seals(work).order_by(Seal.sequence.desc()).limit(1))
    row = found.one_or_none()
    return row and Seal(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def seal_before(work: UnitOfWork, sequence: int) -> Seal | None:
    """Give the seal that ends before this place; None: it is the first."""
    found = await work.execute(
        _seals(work).where(Seal.sequence < sequence).order_by(Seal.sequence.desc()).limit(1)
    )
    row = found.one_or_none()
    return row and Seal(**row._mapping)  # noqa: SLF001 - same


async def unsealed(work: UnitOfWork, *, since: UUID | None, limit: int) -> list[StoredEvent]:
    """Give events that have no seal, in the order of their ids; with ``since`` only those from this id on."""
    statement = select(*_event_columns()).where(*_unsealed(work, since)).order_by(StoredEvent.id).limit(limit)
    return [StoredEvent(**row._mapping) for row in await work.execute(statement)]  # noqa: SLF001 - same


async def count_unsealed(work: UnitOfWork) -> int:
    """Count the events that have no seal."""
    found = await work.execute(select(func.count()).where(*_unsealed(work, None)))
    return int(found.scalar_one())


def _unsealed(work: UnitOfWork, since: UUID | None) -> list[ColumnElement[bool]]:
    # What has an id from there on is in seals whose last id is from there on.
    seals = select(func.unnest(_IDS).label("id")).where(work.owns(Seal))
    mine = [work.owns(StoredEvent)]
    if since is not None:
        seals = seals.where(Seal.event_id >= since)
        mine.append(StoredEvent.id >= since)
    sealed = seals.subquery()
    return [*mine, ~exists().where(sealed.c.id == StoredEvent.id)]


async def add(work: UnitOfWork, seal: Seal) -> None:
    """Keep a seal that follows the head; the caller has the turn."""
    await work.execute(
        insert(Seal).values(clinic_id=work.clinic_id, **values_of(seal)),
        unaudited="the audit log's own seals, about what is in it",
    )


async def seals_after(
    work: UnitOfWork, sequence: int, *, limit: int, within: tuple[UUID, UUID] | None = None
) -> list[tuple[Seal, dict[UUID, StoredEvent]]]:
    """Give the seals after this place in their order, each with those of its events that are there.

    ``within``: only seals of which an event may have an id from the first of these on, and before the second.
    """
    statement = _seals(work).where(Seal.sequence > sequence)
    if within is not None:
        statement = statement.where(Seal.event_id >= within[0], _IDS[1] < within[1])
    found = await work.execute(statement.order_by(Seal.sequence).limit(limit))
    seals = [Seal(**row._mapping) for row in found]  # noqa: SLF001 - same
    wanted = [one for seal in seals for one in seal.sealed]
    statement = select(*_event_columns()).where(work.owns(StoredEvent), one_of(StoredEvent.id, wanted))
    events = [StoredEvent(**row._mapping) for row in await work.execute(statement)]  # noqa: SLF001 - same
    by_id = {one.id: one for one in events}
    return [(seal, {one: by_id[one] for one in seal.sealed if one in by_id}) for seal in seals]


_EVENT_FIELDS: Final = column_names(StoredEvent)


def _event_columns() -> list[Any]:
    return [getattr(StoredEvent, name) for name in _EVENT_FIELDS]


def _seals(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    return select(*columns_of(Seal)).where(work.owns(Seal))


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
    """Give events, newest first, each with the place of its seal (None: not yet sealed)."""
    statement = _wanted(work, wanted)
    if before is not None:
        statement = statement.where(tuple_(StoredEvent.at, StoredEvent.id) < tuple_(*before))
    if (ordered := await _indexed(work, wanted, statement)) is not None:
        return await _found(work, ordered.limit(limit))
    until = wanted.until if before is None else min(wanted.until, before[0])
    return await _by_ids(work, statement, wanted.since, until, limit)


def _wanted(work: UnitOfWork, wanted: AuditFilter) -> Select[*tuple[Any, ...]]:
    event = StoredEvent
    place = _place().lateral()
    named = {"patient_id": wanted.patient_id, "actor_id": wanted.actor_id, "action": wanted.action}
    statement = (
        select(*columns_of(StoredEvent), place.c.place)
        .outerjoin(place, true())
        .where(work.owns(event), event.at >= wanted.since, event.at < wanted.until)
        .where(*(getattr(event, name) == value for name, value in named.items() if value is not None))
    )
    return statement.where(event.action.not_like("%.read")) if wanted.changes_only else statement


async def _indexed(
    work: UnitOfWork, wanted: AuditFilter, statement: Select[*tuple[Any, ...]]
) -> Select[*tuple[Any, ...]] | None:
    """Have the statement read by an index of what is named; None: there is none.

    What is most frequent is in no index but that of the ids and that of the patients, whose lines are few.
    """
    event, named = StoredEvent, wanted.patient_id is not None
    if wanted.action is not None and wanted.action != _MOST_FREQUENT:
        statement, named = statement.where(event.action != _MOST_FREQUENT), True
    if wanted.actor_id is not None and await _is_no_device(work, wanted.actor_id):
        statement, named = statement.where(event.actor_kind != _DEVICE), True
    return statement.order_by(event.at.desc(), event.id.desc()) if named else None


async def _by_ids(
    work: UnitOfWork, statement: Select[*tuple[Any, ...]], since: datetime, until: datetime, limit: int
) -> list[tuple[StoredEvent, int | None]]:
    """Read in the order of the ids, which is that of the times but for a minute, and put it right.

    Lines with ids that are not of their time are read by an index of these alone.
    """
    event = StoredEvent
    in_step = statement.where(IN_STEP, event.id >= first_id_from(since)).order_by(event.id.desc())
    found = await _found(work, in_step.where(event.id < end_id_until(until)).limit(limit))
    if len(found) == limit:
        # Lines with lower ids may have later times than some of these.
        oldest, last = min(one.at for one, _ in found), found[-1][0].id
        late = in_step.where(event.id < last, event.id >= first_id_from(oldest), event.at >= oldest)
        found += await _found(work, late)
    odd = statement.where(OUT_OF_STEP).order_by(event.at.desc(), event.id.desc()).limit(limit)
    found += await _found(work, odd)
    return sorted(found, key=lambda one: (one[0].at, one[0].id), reverse=True)[:limit]


async def _found(
    work: UnitOfWork, statement: Select[*tuple[Any, ...]]
) -> list[tuple[StoredEvent, int | None]]:
    names = column_names(StoredEvent)
    return [
        (StoredEvent(**dict(zip(names, row[:-1], strict=True))), row[-1])
        for row in await work.execute(statement)
    ]


def _place() -> Select[int]:
    """Select an event's place by its seal: the first, from the event on, that has it."""
    before = func.array_position(_IDS, StoredEvent.id) - func.cardinality(_IDS)
    return (
        select((Seal.sequence + before).label("place"))
        .where(
            Seal.clinic_id == StoredEvent.clinic_id,
            Seal.event_id >= StoredEvent.id,
            _IDS[1] <= StoredEvent.id,
            StoredEvent.id == func.any(_IDS),
        )
        .order_by(Seal.event_id)
        .limit(1)
        .correlate(StoredEvent)
    )


async def _is_no_device(work: UnitOfWork, actor_id: UUID) -> bool:
    known = exists().where(
        work.owns(StoredEvent),
        StoredEvent.actor_id == actor_id,
        StoredEvent.actor_kind != _DEVICE,
    )
    return bool((await work.execute(select(known))).scalar_one())


async def actions(work: UnitOfWork) -> list[str]:
    """List the actions of the clinic's audit log in order, and that a check-in came, whether or not one did.

    From one to the next by the index: the audit log itself is long, its actions are few.
    """
    event = StoredEvent
    indexed = (work.owns(event), event.action != _MOST_FREQUENT)
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
            work.owns(event),
            event.patient_id == patient_id,
            event.action.not_like("%.read"),
            event.action != "patient.exported",
        )
        .group_by(event.subject_id)
    )
    return {row.subject_id: row.at for row in found}
