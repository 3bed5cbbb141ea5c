"""Requests and replies about findings."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.care.alerts.findings.commands import FindingOutcome
from app.web.schemas import RecordReply, ReplyBody, RequestBody, choice_of, example


class FindingReply(RecordReply):
    """Something about a patient to see to: no safety event, and no question about a booster."""

    id: UUID
    patient_id: UUID
    code: str = Field(examples=["worse_than_before"])
    state: str
    source_id: UUID | None = Field(description="The report or request that it came with")
    raised_at: datetime
    raised_on: date = Field(description="The patient's check-in day then")
    due_at: datetime | None
    facts: dict[str, Any] = Field(description="The rule's numbers, by name")
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    assignee_id: UUID | None = Field(description="The member who takes care of it")
    closed_at: datetime | None
    closed_by: UUID | None
    outcome: str | None = Field(description="With what it was closed; `ended`: it no longer holds")
    escalate_at: datetime | None
    escalated_at: datetime | None


class FindingList(ReplyBody):
    """A page of findings, oldest first; the Link header points to the next."""

    items: list[FindingReply]


class FindingClosing(RequestBody):
    """The outcome of a finding."""

    model_config = example(outcome="contacted")

    outcome: Annotated[FindingOutcome, choice_of(FindingOutcome)]
    note: Annotated[str, Field(max_length=4000)] | None = None
