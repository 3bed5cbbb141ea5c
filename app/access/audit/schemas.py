"""The audit log as it is shown."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from app.access.audit.service import FoundEvent
from app.web.schemas import ReplyBody


class AuditEventReply(ReplyBody):
    """One line of the audit log."""

    id: UUID
    at: datetime
    actor_kind: str = Field(examples=["api_key"])
    actor_id: UUID | None
    action: str = Field(examples=["signal.acknowledged"])
    subject_kind: str = Field(examples=["signal"])
    subject_id: UUID
    patient_id: UUID | None
    emergency_id: UUID | None = Field(
        description="Why someone could who otherwise may not: the emergency access"
    )
    seal: int | None = Field(description="The place in the sealed order; null: not sealed yet")

    @classmethod
    def of(cls, found: FoundEvent) -> Self:
        """Show one."""
        event = found.event
        return cls(
            id=event.id,
            at=event.at,
            actor_kind=event.actor_kind,
            actor_id=event.actor_id,
            action=event.action,
            subject_kind=event.subject_kind,
            subject_id=event.subject_id,
            patient_id=event.patient_id,
            emergency_id=event.emergency_id,
            seal=found.seal,
        )


class AuditEventList(ReplyBody):
    """Lines of the audit log, newest first."""

    items: list[AuditEventReply]
