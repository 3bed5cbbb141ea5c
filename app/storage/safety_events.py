"""Safety events: every time at which something happened is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    UniqueConstraint,
    exists,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.alerts import Alert, AlertTable
from app.storage.engine.rows import CARE, clinic_foreign_key, one_of
from app.storage.engine.unit_of_work import UnitOfWork


class SafetyEvent(Alert):
    """A safety event as stored."""

    __tablename__ = "safety_events"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
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

    source: Mapped[str]
    source_id: Mapped[UUID]
    urgent: Mapped[bool]
    received_at: Mapped[datetime]
    shown_at: Mapped[datetime | None] = mapped_column(default=None)
    notification_id: Mapped[UUID | None] = mapped_column(default=None)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    contact_made_at: Mapped[datetime | None] = mapped_column(default=None)
    outcome: Mapped[str | None] = mapped_column(default=None)
    # How often it was escalated.
    escalations: Mapped[int] = mapped_column(default=0)
    # The clinic entered it long after it was answered: for the next working hours, and nobody is paged.
    late_entry: Mapped[bool] = mapped_column(default=False)
    # Which more reports of the same patient were counted into it, each as ``counted_as`` writes it.
    further_sources: Mapped[list[str]] = mapped_column(default_factory=list)
    # Keyed digests of the reports that it was made of, as they were sent: the same again is the same report, also
    # where it is not kept this time, and was before.
    said_as: Mapped[list[str]] = mapped_column(default_factory=list)

    @property
    def further_reports(self) -> int:
        """How many more reports of the same patient were counted into it."""
        return len(self.further_sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastOfPatient:
    """A patient's last event, and how many came since a time and since anybody took one up."""

    id: UUID
    state: str
    urgent: bool
    reports: int


def counted_as(source: str, source_id: UUID) -> str:
    """Write a report's name, under which it is counted into an event."""
    return f"{source}:{source_id}"


async def last_of_patient(work: UnitOfWork, patient_id: UUID, *, after: datetime) -> LastOfPatient | None:
    """Give a patient's last event that pages people; None: there was none yet."""
    own = work.owns(SafetyEvent) & (SafetyEvent.patient_id == patient_id)
    pages = own & SafetyEvent.late_entry.is_(False)
    taken_up = select(func.max(SafetyEvent.acknowledged_at)).where(own).scalar_subquery()
    reports = (
        select(func.count())
        .where(
            pages,
            SafetyEvent.received_at > after,
            SafetyEvent.received_at > func.coalesce(taken_up, after),
        )
        .scalar_subquery()
    )
    return await work.one(
        LastOfPatient,
        select(
            SafetyEvent.id,
            SafetyEvent.state,
            SafetyEvent.urgent,
            reports.label("reports"),
        )
        .where(pages)
        .order_by(SafetyEvent.received_at.desc(), SafetyEvent.id.desc())
        .limit(1),
    )


async def count_further(
    work: UnitOfWork, event_id: UUID, *, source: str, source_id: UUID, said_as: str | None
) -> bool:
    """Count one more report into an event; says whether it was not counted before."""
    name = counted_as(source, source_id)
    more = {} if said_as is None else {"said_as": func.array_append(SafetyEvent.said_as, said_as)}
    counted = await work.execute(
        update(SafetyEvent)
        .where(
            work.owns(SafetyEvent),
            SafetyEvent.id == event_id,
            SafetyEvent.further_sources.contains([name]).is_(False),
        )
        .values(
            further_sources=func.array_append(SafetyEvent.further_sources, name),
            version=SafetyEvent.version + 1,
            **more,
        )
        .returning(SafetyEvent.id),
        unaudited="a report that was counted before changes nothing; a new one is audited by the intake",
    )
    return counted.one_or_none() is not None


TABLE: Final = AlertTable(record=SafetyEvent)


async def add(work: UnitOfWork, event: SafetyEvent) -> bool:
    """Keep an event, unless this very report made one already; says whether it is new."""
    added = await work.execute(
        insert(SafetyEvent)
        .values(clinic_id=work.clinic_id, **TABLE.values(event))
        .on_conflict_do_nothing(
            index_elements=[
                SafetyEvent.clinic_id,
                SafetyEvent.patient_id,
                SafetyEvent.source,
                SafetyEvent.source_id,
            ]
        )
        .returning(SafetyEvent.id),
        unaudited="a report that made an event before changes nothing; a new one is audited by the intake",
    )
    return added.one_or_none() is not None


async def id_of_report(
    work: UnitOfWork,
    patient_id: UUID,
    *,
    source: str,
    source_id: UUID,
    said_as: str | None,
    after: datetime | None,
) -> UUID | None:
    """Give the event that this very report made or was counted into; None: it was not reported before.

    ``after``: what was sent is the same report only while its event is open, or if that was received since then;
    None: whenever it was sent.
    """
    same = ((SafetyEvent.source == source) & (SafetyEvent.source_id == source_id)) | (
        SafetyEvent.further_sources.contains([counted_as(source, source_id)])
    )
    if said_as is not None:
        still = true() if after is None else (SafetyEvent.state == "open") | (SafetyEvent.received_at > after)
        same |= SafetyEvent.said_as.contains([said_as]) & still
    found = await work.execute(
        select(SafetyEvent.id)
        .where(
            work.owns(SafetyEvent),
            SafetyEvent.patient_id == patient_id,
            same,
        )
        .order_by(SafetyEvent.received_at.desc(), SafetyEvent.id.desc())
        .limit(1)
    )
    return found.scalar_one_or_none()


async def waits_escalated(work: UnitOfWork) -> bool:
    """Say whether an event was escalated and still waits for someone."""
    found = await work.execute(
        select(
            exists().where(
                work.owns(SafetyEvent),
                SafetyEvent.state == "open",
                SafetyEvent.escalated_at.is_not(None),
            )
        )
    )
    return bool(found.scalar_one())


async def patients_with_open(work: UnitOfWork, patient_ids: Sequence[UUID]) -> set[UUID]:
    """Of several patients, those with an event that nobody has closed."""
    found = await work.execute(
        select(SafetyEvent.patient_id)
        .where(
            work.owns(SafetyEvent),
            one_of(SafetyEvent.patient_id, patient_ids),
            SafetyEvent.state != "closed",
        )
        .distinct()
    )
    return set(found.scalars())


async def name_notification(work: UnitOfWork, event_id: UUID, notification_id: UUID) -> None:
    """Say which notification announces a new event, so that its times are noted with the event."""
    await work.execute(
        update(SafetyEvent)
        .where(work.owns(SafetyEvent), SafetyEvent.id == event_id)
        .values(notification_id=notification_id)
    )


async def note_sent(work: UnitOfWork, notification_id: UUID, *, now: datetime) -> None:
    """Note when the event first went out to anybody."""
    await _note(work, notification_id, SafetyEvent.sent_at.is_(None), sent_at=now)


async def note_delivered(work: UnitOfWork, notification_id: UUID, *, now: datetime) -> None:
    """Note when the event first arrived anywhere."""
    await _note(work, notification_id, SafetyEvent.delivered_at.is_(None), delivered_at=now)


async def _note(
    work: UnitOfWork,
    notification_id: UUID,
    still: ColumnElement[bool],
    **values: datetime,
) -> None:
    await work.execute(
        update(SafetyEvent)
        .where(
            work.owns(SafetyEvent),
            SafetyEvent.notification_id == notification_id,
            still,
        )
        .values(**values)
    )
