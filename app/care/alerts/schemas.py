"""What requests and replies about every kind of alert share."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from app.care.alerts.history import OpenedStep
from app.web.schemas import ReplyBody


class AlertFilter(StrEnum):
    """Which safety events or findings to list; `open` means all that nobody has closed."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    ALL = "all"

    @property
    def states(self) -> list[str]:
        """The stored states that it stands for."""
        if self is AlertFilter.OPEN:
            return ["open", "acknowledged"]
        return ["open", "acknowledged", "closed"] if self is AlertFilter.ALL else [self.value]


class AlertStepReply(ReplyBody):
    """One step in the life of a signal, a safety event or a finding."""

    action: str = Field(description="As in the audit log", examples=["signal.snoozed"])
    at: datetime
    by_kind: str = Field(description="`staff`, `api_key`, `system` or `device`")
    by: UUID | None = Field(description="Which member or key")
    until: datetime | None = Field(description="Until when it was snoozed")
    disposition: str | None = Field(description="With what it was closed, or how reaching out ended")
    assignee_id: UUID | None = Field(description="To whom it was assigned")
    channel: str | None = Field(description="How the patient was reached out to")
    words: str | None = Field(description="The reason or note, in the words of whoever took the step")

    @classmethod
    def of(cls, opened: OpenedStep) -> "AlertStepReply":
        """Make the reply."""
        step = opened.step
        return cls(
            action=step.action,
            at=step.at,
            by_kind=step.actor_kind,
            by=step.actor_id,
            until=step.until,
            disposition=step.disposition,
            assignee_id=step.assignee_id,
            channel=step.channel,
            words=opened.words,
        )


class AlertHistory(ReplyBody):
    """What was done to an alert, oldest first."""

    items: list[AlertStepReply]
