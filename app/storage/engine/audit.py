"""The audit log's table: the application may add to it and read it, never change it (its grants say so)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import AuditEvent
from app.storage.engine.rows import CARE, TenantRow


class StoredEvent(TenantRow):
    """An event of the audit log as stored; ids only."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_patient", "clinic_id", "patient_id", "at"),
        Index("ix_audit_events_at", "clinic_id", "at", "id"),
        # Without what is most frequent: that a check-in came, and what else patients' devices do.
        Index(
            "ix_audit_events_actor",
            "clinic_id",
            "actor_id",
            "at",
            "id",
            postgresql_where=text("actor_kind <> 'device'"),
        ),
        Index(
            "ix_audit_events_action",
            "clinic_id",
            "action",
            "at",
            "id",
            postgresql_where=text("action <> 'check_in.recorded'"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    patient_id: Mapped[UUID | None]
    emergency_id: Mapped[UUID | None]


def audit_values(event: AuditEvent, *, clinic_id: UUID, id: UUID) -> dict[str, Any]:  # noqa: A002 - the column's name
    """Give the column values of one line."""
    return {
        "clinic_id": clinic_id,
        "id": id,
        "at": event.at,
        "actor_kind": event.actor.kind.value,
        "actor_id": event.actor.id,
        "action": event.action,
        "subject_kind": event.subject_kind,
        "subject_id": event.subject_id,
        "patient_id": event.patient_id,
        "emergency_id": event.actor.emergency_id,
    }
