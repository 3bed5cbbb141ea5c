"""What a clinic's numbers of a period are counted from: what it was sent in it, read once. Nothing is written."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select, true

from app.storage.deliveries import DeliveryRow, Notification
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRow
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Whose rows, and of when: patients of this mode, days and moments from the first on and before the end."""

    mode: str
    first: date
    end: date
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedSignal:
    """A signal, as far as it is counted."""

    patient_id: UUID
    level: str
    criterion: str
    raised_at: datetime
    raised_on: date
    acknowledged_at: datetime | None
    closed_at: datetime | None
    escalated_at: datetime | None
    disposition: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedSafety:
    """A safety event, as far as it is counted."""

    urgent: bool
    received_at: datetime
    acknowledged_at: datetime | None
    escalated_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOut:
    """An undelivered delivery."""

    state: str
    urgency: str


async def signals_in(work: UnitOfWork, window: Window) -> list[CountedSignal]:
    """List the signals that were raised in the window."""
    row = Signal
    columns = [getattr(row, name) for name in CountedSignal.__dataclass_fields__]
    return await work.all(
        CountedSignal,
        select(*columns)
        .join(PatientRow, _counted(Signal, window))
        .where(
            work.owns(row),
            row.raised_at >= window.began_at,
            row.raised_at < window.ended_at,
        )
        .order_by(row.raised_at, row.id),
    )


async def safety_in(work: UnitOfWork, window: Window) -> list[ReportedSafety]:
    """List the safety events that came in the window."""
    row = SafetyEvent
    columns = [getattr(row, name) for name in ReportedSafety.__dataclass_fields__]
    return await work.all(
        ReportedSafety,
        select(*columns)
        .join(PatientRow, _counted(SafetyEvent, window))
        .where(
            work.owns(row),
            row.received_at >= window.began_at,
            row.received_at < window.ended_at,
        ),
    )


async def not_out(work: UnitOfWork, window: Window) -> list[NotOut]:
    """List the deliveries of the window's events that are held or exhausted now."""
    sent = Notification
    # Looked up for each event of the window: without the offset, all that ever got stuck may be read first.
    stuck = (
        select(DeliveryRow.state, DeliveryRow.urgency)
        .where(
            DeliveryRow.clinic_id == sent.clinic_id,
            DeliveryRow.notification_id == sent.id,
            DeliveryRow.state.in_(["exhausted", "held"]),
        )
        .offset(0)
        .lateral("stuck")
    )
    return await work.all(
        NotOut,
        select(stuck.c.state, stuck.c.urgency)
        .select_from(sent)
        .join(PatientRow, _counted(Notification, window))
        .join(stuck, true())
        .where(
            work.owns(sent),
            sent.occurred_at >= window.began_at,
            sent.occurred_at < window.ended_at,
        ),
    )


def _counted(
    row: type[Signal] | type[SafetyEvent] | type[Notification], window: Window
) -> ColumnElement[bool]:
    """Belongs to a patient of the mode: those registered in test mode are no part of a live clinic's numbers."""
    return and_(
        PatientRow.clinic_id == row.clinic_id,
        PatientRow.id == row.patient_id,
        PatientRow.mode == window.mode,
    )
