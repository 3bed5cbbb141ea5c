"""Signals: one open at a time for a patient, with the whole decision as it was made."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, Executable, Index, case, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.alerts import Alert, AlertTable
from app.storage.engine.rows import CARE, clinic_foreign_key
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork


class Signal(Alert):
    """A signal as stored; ``decision`` and ``latest`` are evaluations in their plain form."""

    __tablename__ = "signals"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
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
        # Holds what a check-in asks of the latest signal, so that it need not read the row.
        Index(
            "ix_signals_latest",
            "clinic_id",
            "patient_id",
            "raised_at",
            postgresql_include=[
                "id",
                "state",
                "criteria",
                "raised_on",
                "steady_since",
                "snoozed_until",
                "closed_at",
                "disposition",
            ],
        ),
        Index("ix_signals_raised", "clinic_id", "raised_at"),
        Index(
            "ix_signals_escalate",
            "clinic_id",
            "escalate_at",
            postgresql_where=text("escalate_at IS NOT NULL"),
        ),
        {"schema": CARE},
    )

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
    steady_since: Mapped[date | None] = mapped_column(default=None)
    snoozed_until: Mapped[datetime | None] = mapped_column(default=None)
    disposition: Mapped[str | None] = mapped_column(default=None)
    booster_booked_for: Mapped[date | None] = mapped_column(default=None)
    note_sealed: Mapped[bytes | None] = mapped_column(default=None)
    # The patient's turn in which it was raised, and what was known beside the reports; see histories.
    turn: Mapped[int]
    known: Mapped[dict[str, Any]]


TABLE: Final = AlertTable(record=Signal)


async def add(work: UnitOfWork, signal: Signal) -> None:
    """Keep a signal that was raised."""
    await work.execute(insert(Signal).values(clinic_id=work.clinic_id, **TABLE.values(signal)))


async def return_from_snooze(work: UnitOfWork) -> list[tuple[UUID, UUID]]:
    """Open the signals whose snooze is over again; gives each signal's and its patient's id.

    The sweep that calls this writes the audit log and keeps the steps, one for each.
    """
    returned = await work.execute(
        update(Signal)
        .where(
            work.owns(Signal),
            Signal.state == "snoozed",
            Signal.snoozed_until <= work.now,
        )
        .values(
            state=case((Signal.acknowledged_at.is_(None), "open"), else_="acknowledged"),
            snoozed_until=None,
            version=Signal.version + 1,
        )
        .returning(Signal.id, Signal.patient_id),
        unaudited="changes many at once; the command that asked for it writes a line for each",
    )
    return [(row.id, row.patient_id) for row in returned]


async def latest_of_patient(work: UnitOfWork, patient_id: UUID) -> Signal | None:
    """Find the patient's latest signal, open or not."""
    found = await TABLE.read(work, _latest(patient_id))
    return found[0] if found else None


@built_once
def _latest(work: Owner, patient_id: UUID) -> Executable:
    statement = TABLE.select(work).where(Signal.patient_id == patient_id)
    return statement.order_by(Signal.raised_at.desc(), Signal.id.desc()).limit(1)


async def days_on_criterion(work: UnitOfWork, patient_id: UUID, criterion: str) -> list[date]:
    """List the days on which a patient's signals were raised that rest on this criterion, among others."""
    found = await work.execute(
        select(Signal.raised_on)
        .where(
            work.owns(Signal),
            Signal.patient_id == patient_id,
            Signal.criteria.contains([criterion]),
        )
        .order_by(Signal.raised_at)
    )
    return list(found.scalars())
