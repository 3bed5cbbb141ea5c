"""Safety events: every time at which something happened is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Select,
    UniqueConstraint,
    exists,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import AuditEvent
from app.storage.engine.rows import CARE, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class SafetyEventRow(TenantRow):
    """One thing a patient reported that a person must look at now."""

    __tablename__ = "safety_events"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "patient_id"], [f"{CARE}.patients.clinic_id", f"{CARE}.patients.id"]
        ),
        # The same report sent twice is one event.
        UniqueConstraint("clinic_id", "patient_id", "source", "source_id"),
        CheckConstraint("state in ('open', 'acknowledged', 'closed')", name="state"),
        Index("ix_safety_events_state", "clinic_id", "state", "id"),
        Index("ix_safety_events_received", "clinic_id", "received_at"),
        Index("ix_safety_events_patient", "clinic_id", "patient_id", "received_at"),
        Index(
            "ix_safety_events_escalate",
            "clinic_id",
            "escalate_at",
            postgresql_where=text("escalate_at IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    source: Mapped[str]
    source_id: Mapped[UUID]
    urgent: Mapped[bool]
    state: Mapped[str]
    received_at: Mapped[datetime]
    shown_at: Mapped[datetime | None]
    notification_id: Mapped[UUID | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[UUID | None]
    contact_made_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UUID | None]
    version: Mapped[int]
    # When it is escalated next unless somebody acknowledges it before; null: not any more.
    escalate_at: Mapped[datetime | None]
    # When it was escalated first, and how often it was.
    escalated_at: Mapped[datetime | None]
    escalations: Mapped[int]
    # The clinic entered it long after it was answered: for the next working hours, and nobody is paged.
    late_entry: Mapped[bool]
    # How many more reports of the same patient were counted into it.
    further_reports: Mapped[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyEvent:
    """A safety event as stored."""

    id: UUID
    patient_id: UUID
    source: str
    source_id: UUID
    urgent: bool
    state: str
    received_at: datetime
    shown_at: datetime | None
    notification_id: UUID | None
    sent_at: datetime | None
    delivered_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    contact_made_at: datetime | None
    outcome: str | None
    closed_at: datetime | None
    closed_by: UUID | None
    version: int
    escalate_at: datetime | None
    escalated_at: datetime | None
    escalations: int
    late_entry: bool = False
    further_reports: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastOfPatient:
    """A patient's last event, and how many came since a time and since anybody took one up.

    ``is_same_report``: the report that asks made an event before.
    """

    id: UUID
    state: str
    urgent: bool
    reports: int
    is_same_report: bool


async def last_of_patient(
    work: UnitOfWork, patient_id: UUID, *, after: datetime, source: str, source_id: UUID
) -> LastOfPatient | None:
    """Give a patient's last event that pages people; None: there was none yet."""
    own = (SafetyEventRow.clinic_id == work.clinic_id) & (SafetyEventRow.patient_id == patient_id)
    pages = own & SafetyEventRow.late_entry.is_(False)
    taken_up = select(func.max(SafetyEventRow.acknowledged_at)).where(own).scalar_subquery()
    reports = (
        select(func.count())
        .where(
            pages,
            SafetyEventRow.received_at > after,
            SafetyEventRow.received_at > func.coalesce(taken_up, after),
        )
        .scalar_subquery()
    )
    same = exists().where(own, SafetyEventRow.source == source, SafetyEventRow.source_id == source_id)
    found = await work.execute(
        select(
            SafetyEventRow.id,
            SafetyEventRow.state,
            SafetyEventRow.urgent,
            reports.label("reports"),
            same.label("is_same_report"),
        )
        .where(pages)
        .order_by(SafetyEventRow.received_at.desc(), SafetyEventRow.id.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return row and LastOfPatient(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def count_further(work: UnitOfWork, event_id: UUID, *, audit: AuditEvent) -> None:
    """Count one more report into an event."""
    await change(work, event_id, audit=audit, further_reports=SafetyEventRow.further_reports + 1)


async def add(work: UnitOfWork, event: SafetyEvent, *, audit: AuditEvent) -> bool:
    """Keep an event, unless this very report made one already; says whether it is new."""
    values = {name: getattr(event, name) for name in SafetyEvent.__dataclass_fields__}
    added = await work.execute(
        insert(SafetyEventRow)
        .values(clinic_id=work.clinic_id, **values)
        .on_conflict_do_nothing(
            index_elements=[
                SafetyEventRow.clinic_id,
                SafetyEventRow.patient_id,
                SafetyEventRow.source,
                SafetyEventRow.source_id,
            ]
        )
        .returning(SafetyEventRow.id),
        unaudited="a report that made an event before changes nothing; a new one is audited below",
    )
    if added.one_or_none() is None:
        return False
    work.add_audit_event(audit)
    return True


async def id_of_source(work: UnitOfWork, patient_id: UUID, *, source: str, source_id: UUID) -> UUID:
    """Give the event that this very report made."""
    found = await work.execute(
        select(SafetyEventRow.id).where(
            SafetyEventRow.clinic_id == work.clinic_id,
            SafetyEventRow.patient_id == patient_id,
            SafetyEventRow.source == source,
            SafetyEventRow.source_id == source_id,
        )
    )
    return UUID(str(found.scalar_one()))


async def find(work: UnitOfWork, event_id: UUID, *, lock: bool = False) -> SafetyEvent | None:
    """Find an event of this clinic, locked for a change if so wished."""
    statement = _events(work).where(SafetyEventRow.id == event_id)
    found = await work.execute(statement.with_for_update() if lock else statement)
    row = found.one_or_none()
    return row and SafetyEvent(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


async def page(
    work: UnitOfWork, *, states: list[str], patient_id: UUID | None, after: UUID | None, limit: int
) -> list[SafetyEvent]:
    """List events in these states, oldest first."""
    statement = _events(work).where(SafetyEventRow.state.in_(states)).order_by(SafetyEventRow.id).limit(limit)
    if after is not None:
        statement = statement.where(SafetyEventRow.id > after)
    if patient_id is not None:
        statement = statement.where(SafetyEventRow.patient_id == patient_id)
    return [SafetyEvent(**row._mapping) for row in await work.execute(statement)]  # noqa: SLF001 - same


async def due_to_escalate(work: UnitOfWork, *, now: datetime, limit: int) -> list[UUID]:
    """List events that should have been acknowledged by now, the one that waited longest first."""
    found = await work.execute(
        select(SafetyEventRow.id)
        .where(
            SafetyEventRow.clinic_id == work.clinic_id,
            SafetyEventRow.escalate_at <= now,
            SafetyEventRow.state == "open",
        )
        .order_by(SafetyEventRow.escalate_at)
        .limit(limit)
    )
    return list(found.scalars())


async def waits_escalated(work: UnitOfWork) -> bool:
    """Say whether an event was escalated and still waits for somebody."""
    found = await work.execute(
        select(
            exists().where(
                SafetyEventRow.clinic_id == work.clinic_id,
                SafetyEventRow.state == "open",
                SafetyEventRow.escalated_at.is_not(None),
            )
        )
    )
    return bool(found.scalar_one())


async def patients_with_open(work: UnitOfWork, patient_ids: Sequence[UUID]) -> set[UUID]:
    """Of several patients, those with an event that nobody has closed."""
    found = await work.execute(
        select(SafetyEventRow.patient_id)
        .where(
            SafetyEventRow.clinic_id == work.clinic_id,
            SafetyEventRow.patient_id.in_(patient_ids),
            SafetyEventRow.state != "closed",
        )
        .distinct()
    )
    return set(found.scalars())


async def change(work: UnitOfWork, event_id: UUID, *, audit: AuditEvent, **values: Any) -> None:  # noqa: ANN401 - columns
    """Change some columns of an event that the caller has locked."""
    await work.execute(
        update(SafetyEventRow)
        .where(SafetyEventRow.clinic_id == work.clinic_id, SafetyEventRow.id == event_id)
        .values(version=SafetyEventRow.version + 1, **values)
    )
    work.add_audit_event(audit)


async def note_sent(work: UnitOfWork, notification_id: UUID, *, now: datetime) -> None:
    """Note when the event first went out to anybody."""
    await _note(work, notification_id, SafetyEventRow.sent_at.is_(None), sent_at=now)


async def note_delivered(work: UnitOfWork, notification_id: UUID, *, now: datetime) -> None:
    """Note when the event first arrived anywhere."""
    await _note(work, notification_id, SafetyEventRow.delivered_at.is_(None), delivered_at=now)


async def _note(
    work: UnitOfWork,
    notification_id: UUID,
    still: ColumnElement[bool],
    **values: datetime,
) -> None:
    await work.execute(
        update(SafetyEventRow)
        .where(
            SafetyEventRow.clinic_id == work.clinic_id,
            SafetyEventRow.notification_id == notification_id,
            still,
        )
        .values(**values)
    )


def _events(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    columns = [getattr(SafetyEventRow, name) for name in SafetyEvent.__dataclass_fields__]
    return select(*columns).where(SafetyEventRow.clinic_id == work.clinic_id)
