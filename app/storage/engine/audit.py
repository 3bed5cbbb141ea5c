"""The audit log's table: the application may add to it and read it, never change it (its grants say so)."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Index, and_, or_, text
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.audit import AuditEvent
from app.foundation.ids import first_id
from app.storage.engine.rows import CARE, TenantRow

# An id is made when its line is written, after the time that the line says: up to a minute where others were waited
# for, or before it where a clock was set meanwhile. What is further apart was timed by another clock.
_EARLIEST: Final = timedelta(seconds=-1)
_LATEST: Final = timedelta(minutes=1)
# As text, because the index's condition and that of who asks by it have to be the same.
_OUT_OF_STEP: Final = (
    "to_timestamp(('x' || translate(left({0}id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) - {0}at"
    " NOT BETWEEN interval '-1 second' AND interval '1 minute'"
)


class StoredEvent(TenantRow):
    """An event of the audit log as stored; ids only."""

    __tablename__ = "audit_events"
    __table_args__ = (
        # Without the time, so that a patient's lines share what is stored of their key.
        Index("ix_audit_events_patient", "clinic_id", "patient_id"),
        # All other lines are found by time in the primary key.
        Index(
            "ix_audit_events_out_of_step",
            "clinic_id",
            "at",
            "id",
            postgresql_where=text(_OUT_OF_STEP.format("")),
        ),
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


OUT_OF_STEP: Final = text(_OUT_OF_STEP.format(f"{CARE}.audit_events."))
"""Says that a line's time is not about that of its id: these few are indexed by time."""
IN_STEP: Final = text(f"({OUT_OF_STEP.text}) IS NOT TRUE")
"""Says that it is, so that lines of a time are found by their ids."""


def first_id_from(moment: datetime) -> UUID:
    """Give an id before which no line in step has a time from this moment on."""
    return first_id(moment, _EARLIEST)


def end_id_until(moment: datetime) -> UUID:
    """Give an id from which on no line in step has a time up to this moment."""
    return first_id(moment, _LATEST + timedelta(milliseconds=1))


def from_moment(moment: datetime) -> ColumnElement[bool]:
    """Say that a line's time is from this moment on, as indexes find it: nearly always by its id."""
    in_step = and_(IN_STEP, StoredEvent.id >= first_id_from(moment))
    return and_(StoredEvent.at >= moment, or_(in_step, OUT_OF_STEP))


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
