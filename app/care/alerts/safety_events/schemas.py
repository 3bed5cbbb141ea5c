"""Requests and replies about safety events."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.care.alerts.safety_events.commands import SafetyOutcome
from app.web.schemas import Moment, RecordReply, ReplyBody, RequestBody, choice_of, example


class SafetyEventReply(RecordReply):
    """A safety event: what happened when, without a word of what was said."""

    id: UUID
    patient_id: UUID
    source: str
    source_id: UUID
    urgent: bool
    state: str
    received_at: datetime
    shown_at: datetime | None = Field(
        description="When the patient was shown crisis help; null: staff entered it, and it was shown to nobody"
    )
    sent_at: datetime | None = Field(description="When an endpoint was first tried")
    delivered_at: datetime | None = Field(description="When an endpoint first took it")
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    assignee_id: UUID | None = Field(description="The member who takes care of it")
    contact_made_at: datetime | None
    outcome: str | None
    closed_at: datetime | None
    closed_by: UUID | None
    escalate_at: datetime | None = Field(
        description="When it is escalated next unless someone acknowledges it before"
    )
    escalated_at: datetime | None = Field(description="When it was escalated first")
    escalations: int = Field(description="How often it was escalated")
    late_entry: bool = Field(
        description="The clinic entered it more than 7 days after it was answered: "
        "for the next working hours, and nobody was paged"
    )
    further_reports: int = Field(
        description="How many more reports of the patient were counted into it, from the 21st within an hour on"
    )


class SafetyEventList(ReplyBody):
    """A page of safety events, oldest first; the Link header points to the next."""

    items: list[SafetyEventReply]


class SafetyClosing(RequestBody):
    """How a safety event ended."""

    model_config = example(outcome="contact_made")

    outcome: Annotated[SafetyOutcome, choice_of(SafetyOutcome)]
    contact_made_at: Moment | None = Field(
        default=None, description="When the person was reached; left out: now, if the outcome says so"
    )
