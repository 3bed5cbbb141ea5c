"""Signals: one open at a time for a patient, with the whole decision as it was made."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Select,
    case,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import AuditEvent
from app.storage import signal_steps
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of
from app.storage.signal_steps import StepDetails


class SignalRow(TenantRow):
    """One signal, from raised to closed."""

    __tablename__ = "signals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        CheckConstraint("state in ('open', 'acknowledged', 'snoozed', 'closed')", name="state"),
        # One episode, one signal: the database itself refuses a second.
        Index(
            "uq_signals_one_open",
            "clinic_id",
            "patient_id",
            unique=True,
            postgresql_where=text("state <> 'closed'"),
        ),
        Index("ix_signals_closed", "clinic_id", "closed_at", postgresql_where=text("state = 'closed'")),
        Index("ix_signals_patient", "clinic_id", "patient_id", "raised_at"),
        Index("ix_signals_raised", "clinic_id", "raised_at"),
        Index(
            "ix_signals_escalate",
            "clinic_id",
            "escalate_at",
            postgresql_where=text("escalate_at IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    state: Mapped[str]
    level: Mapped[str]
    criterion: Mapped[str]
    # All criteria it was raised on or grew by; the first is `criterion`.
    criteria: Mapped[list[str]]
    raised_at: Mapped[datetime]
    raised_on: Mapped[date]
    # The decision as it was made, and as it stands now; see monitoring for the form.
    decision: Mapped[dict[str, Any]]
    latest: Mapped[dict[str, Any]]
    explanation: Mapped[str]
    steady_since: Mapped[date | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[UUID | None]
    snoozed_until: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    disposition: Mapped[str | None]
    booster_booked_for: Mapped[date | None]
    note_sealed: Mapped[bytes | None]
    version: Mapped[int]
    # When it is escalated unless somebody acknowledges it before; null: not any more.
    escalate_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    # The patient's turn in which it was raised, and what was known beside the reports; see histories.
    turn: Mapped[int]
    known: Mapped[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A signal as stored; ``decision`` and ``latest`` are evaluations in their plain form."""

    id: UUID
    patient_id: UUID
    state: str
    level: str
    criterion: str
    criteria: list[str]
    raised_at: datetime
    raised_on: date
    decision: dict[str, Any]
    latest: dict[str, Any]
    explanation: str
    steady_since: date | None
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    closed_by: UUID | None
    disposition: str | None
    booster_booked_for: date | None
    note_sealed: bytes | None
    version: int
    escalate_at: datetime | None
    escalated_at: datetime | None
    turn: int
    known: dict[str, Any]
    # The patient's, wrapped: it travels with the signal to open its note.
    wrapped_key: bytes | None = None


_COLUMNS: Final = tuple(name for name in Signal.__dataclass_fields__ if name != "wrapped_key")


async def add(work: UnitOfWork, signal: Signal, *, audit: AuditEvent) -> None:
    """Keep a signal that was raised."""
    values = {name: getattr(signal, name) for name in _COLUMNS}
    await work.execute(insert(SignalRow).values(clinic_id=work.clinic_id, **values))
    await signal_steps.keep(work, audit=audit)
    work.add_audit_event(audit)


async def change(
    work: UnitOfWork,
    signal_id: UUID,
    *,
    step: StepDetails | None = None,
    audit: AuditEvent,
    **values: Any,  # noqa: ANN401 - columns
) -> None:
    """Change some columns of a signal whose patient's turn the caller holds, and keep it as a step."""
    await work.execute(
        update(SignalRow)
        .where(SignalRow.clinic_id == work.clinic_id, SignalRow.id == signal_id)
        .values(version=SignalRow.version + 1, **values)
    )
    await signal_steps.keep(work, details=step, audit=audit)
    work.add_audit_event(audit)


async def return_from_snooze(work: UnitOfWork, *, now: datetime) -> list[tuple[UUID, UUID]]:
    """Open the signals whose snooze is over again; gives each signal's and its patient's id.

    The sweep that calls this writes the trail and keeps the steps, one for each.
    """
    returned = await work.execute(
        update(SignalRow)
        .where(
            SignalRow.clinic_id == work.clinic_id,
            SignalRow.state == "snoozed",
            SignalRow.snoozed_until <= now,
        )
        .values(
            state=case((SignalRow.acknowledged_at.is_(None), "open"), else_="acknowledged"),
            snoozed_until=None,
            version=SignalRow.version + 1,
        )
        .returning(SignalRow.id, SignalRow.patient_id),
        unaudited="changes many at once; the command that asked for it writes a line for each",
    )
    return [(row.id, row.patient_id) for row in returned]


async def due_to_escalate(work: UnitOfWork, *, now: datetime, limit: int) -> list[UUID]:
    """List signals that should have been acknowledged by now, the one that waited longest first."""
    found = await work.execute(
        select(SignalRow.id)
        .where(
            SignalRow.clinic_id == work.clinic_id,
            SignalRow.escalate_at <= now,
            SignalRow.state.in_(["open", "snoozed"]),
        )
        .order_by(SignalRow.escalate_at)
        .limit(limit)
    )
    return list(found.scalars())


async def find(work: UnitOfWork, signal_id: UUID) -> Signal | None:
    """Find a signal of this clinic."""
    found = await work.execute(_signals(work).where(SignalRow.id == signal_id))
    row = found.one_or_none()
    return row and Signal(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def latest_of_patient(work: UnitOfWork, patient_id: UUID) -> Signal | None:
    """Find the patient's latest signal, open or not."""
    found = await work.execute(
        _signals(work)
        .where(SignalRow.patient_id == patient_id)
        .order_by(SignalRow.raised_at.desc(), SignalRow.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return row and Signal(**row._mapping)  # noqa: SLF001 - same


async def page(
    work: UnitOfWork, *, states: list[str], patient_id: UUID | None, after: UUID | None, limit: int
) -> list[Signal]:
    """List signals in these states, oldest first."""
    statement = _signals(work).where(SignalRow.state.in_(states)).order_by(SignalRow.id).limit(limit)
    if after is not None:
        statement = statement.where(SignalRow.id > after)
    if patient_id is not None:
        statement = statement.where(SignalRow.patient_id == patient_id)
    return [Signal(**row._mapping) for row in await work.execute(statement)]  # noqa: SLF001 - same


async def days_on_criterion(work: UnitOfWork, patient_id: UUID, criterion: str) -> list[date]:
    """List the days on which a patient's signals were raised that rest on this criterion, among others."""
    found = await work.execute(
        select(SignalRow.raised_on)
        .where(
            SignalRow.clinic_id == work.clinic_id,
            SignalRow.patient_id == patient_id,
            SignalRow.criteria.contains([criterion]),
        )
        .order_by(SignalRow.raised_at)
    )
    return list(found.scalars())


def _signals(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    columns = [getattr(SignalRow, name) for name in _COLUMNS]
    return select(*columns, wrapped_key_of(work, SignalRow.patient_id)).where(
        SignalRow.clinic_id == work.clinic_id
    )
