"""What was done to an alert, step by step: when, by whom, until when, with what, in whose words."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Select, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import Actor
from app.foundation.ids import new_id
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of
from app.storage.engine.unit_of_work import UnitOfWork


class AlertStep(TenantRow):
    """One step in the life of a signal, a safety event or a finding. The application adds them and changes none."""

    __tablename__ = "alert_steps"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        Index("ix_alert_steps_alert", "clinic_id", "alert_id", "at", "id"),
        Index("ix_alert_steps_patient", "clinic_id", "patient_id", "at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    # signal, safety_event or finding.
    alert_kind: Mapped[str]
    alert_id: Mapped[UUID]
    # As in the audit log, such as signal.snoozed.
    action: Mapped[str]
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    # Until when it was snoozed; with what it was closed, or how reaching out ended; to whom it was assigned.
    until: Mapped[datetime | None]
    disposition: Mapped[str | None]
    assignee_id: Mapped[UUID | None]
    # How the patient was reached out to; only on such a step.
    channel: Mapped[str | None]
    # A reason or a note, in someone's own words.
    words_sealed: Mapped[bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDetails:
    """What a step carries beside its line of the audit log; its id seals the words."""

    id: UUID
    until: datetime | None = None
    disposition: str | None = None
    assignee_id: UUID | None = None
    channel: str | None = None
    words_sealed: bytes | None = None


async def keep(
    work: UnitOfWork,
    action: str,
    alert_kind: str,
    alert_id: UUID,
    *,
    patient_id: UUID,
    actor: Actor | None = None,
    details: StepDetails | None = None,
) -> None:
    """Keep a step; its line of the audit log is written by whoever took it."""
    said, who = details or StepDetails(id=new_id()), actor or work.actor
    await work.execute(
        insert(AlertStep).values(
            clinic_id=work.clinic_id,
            id=said.id,
            patient_id=patient_id,
            alert_kind=alert_kind,
            alert_id=alert_id,
            action=action,
            at=work.now,
            actor_kind=who.kind.value,
            actor_id=who.id,
            until=said.until,
            disposition=said.disposition,
            assignee_id=said.assignee_id,
            channel=said.channel,
            words_sealed=said.words_sealed,
        )
    )


async def of_alert(work: UnitOfWork, alert_id: UUID) -> list[AlertStep]:
    """List an alert's steps, oldest first."""
    statement = _steps(work).where(AlertStep.alert_id == alert_id)
    return await _read(work, statement.order_by(AlertStep.at, AlertStep.id))


async def of_patient(
    work: UnitOfWork, patient_id: UUID, *, until: datetime | None, without: Collection[str], limit: int
) -> list[AlertStep]:
    """List the steps about one patient until a time, the latest first, ``without`` these actions."""
    row = AlertStep
    statement = _steps(work).where(row.patient_id == patient_id, row.action.not_in(without))
    if until is not None:
        statement = statement.where(row.at <= until)
    return await _read(work, statement.order_by(row.at.desc(), row.id.desc()).limit(limit))


async def _read(work: UnitOfWork, statement: Select[*tuple[object, ...]]) -> list[AlertStep]:
    found: Sequence[object] = (await work.execute(statement)).all()
    return [AlertStep(**row._mapping) for row in found]  # type: ignore[attr-defined] # noqa: SLF001 - SQLAlchemy's documented name for it


def _steps(work: UnitOfWork) -> Select[*tuple[object, ...]]:
    return select(*columns_of(AlertStep)).where(work.owns(AlertStep))
