"""Requests and replies about signals, safety events and findings."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from app.care.alerts.decision_schemas import Decision
from app.care.alerts.finding_commands import FindingOutcome
from app.care.alerts.queries import OpenedStep, SignalView
from app.care.alerts.safety_event_commands import SafetyOutcome
from app.clinical.episodes import CHOSEN_BY_STAFF
from app.web.schemas import (
    Day,
    DescribedAs,
    Moment,
    MomentOrDay,
    RecordReply,
    ReplyBody,
    RequestBody,
    choice_of,
    example,
)


class _StateFilter(StrEnum):
    """Which to list, by state: one state, `open` for all that nobody has closed, or `all`."""

    @property
    def states(self) -> list[str]:
        """The stored states that it stands for."""
        every = [one.value for one in type(self) if one.value != "all"]
        if self.value == "open":
            return [state for state in every if state != "closed"]
        return every if self.value == "all" else [self.value]


class AlertFilter(_StateFilter):
    """Which safety events or findings to list; `open` means all that nobody has closed."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    ALL = "all"


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


# Sent as it was stored, to the last digit.
StoredDecision = Annotated[dict[str, Any], DescribedAs(Decision)]


class SignalFilter(_StateFilter):
    """Which signals to list; `open` means all that nobody has closed."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    CLOSED = "closed"
    ALL = "all"


class ExposureReply(ReplyBody):
    """The infusions so far, as of now, so that a rising frequency is visible and never encouraged."""

    last_on: date | None
    days_since_last: int | None
    in_30_days: int
    in_90_days: int
    in_365_days: int
    total: int = Field(description="All infusions ever")


class SignalReply(ReplyBody):
    """A signal, with the decision as it was made, as it stands now, and what is shown with every signal."""

    id: UUID
    patient_id: UUID
    state: str
    level: str
    criterion: str
    criteria: list[str]
    raised_at: datetime
    explanation: str = Field(description="While a safety event is open, that comes first")
    exposure: ExposureReply
    cautions: list[str] = Field(description="Cautions that are open now; they decide nothing")
    cautions_then: list[str] = Field(description="Cautions that were open when it was raised")
    safety_event_open: bool = Field(description="See to the patient's safety event first")
    decision: StoredDecision = Field(description="The evaluation that raised it")
    latest: StoredDecision = Field(description="The evaluation after the last evidence was added")
    steady_since: date | None
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    assignee_id: UUID | None = Field(description="The member who takes care of it")
    snoozed_until: datetime | None
    closed_at: datetime | None
    closed_by: UUID | None
    disposition: str | None
    booster_booked_for: date | None
    note: str | None
    escalate_at: datetime | None = Field(
        description="When it is escalated unless someone acknowledges it before"
    )
    escalated_at: datetime | None

    @classmethod
    def of(cls, view: SignalView) -> "SignalReply":
        """Make the reply."""
        beside = {
            "explanation": view.explanation,
            "exposure": ExposureReply.model_validate(view.exposure, from_attributes=True),
            "cautions": list(view.cautions),
            "cautions_then": view.signal.known["cautions"],
            "safety_event_open": view.safety_event_open,
            "note": view.note,
        }
        kept = {name: getattr(view.signal, name) for name in set(cls.model_fields) - set(beside)}
        return cls(**kept, **beside)


class SignalList(ReplyBody):
    """A page of signals, oldest first; the Link header points to the next."""

    items: list[SignalReply]


class Snooze(RequestBody):
    """Until when a signal is to be out of sight."""

    model_config = example(until="2026-11-10T09:00:00+01:00", reason="On holiday until then")

    until: MomentOrDay = Field(description="A time, or a day: its morning where the patient is")
    reason: Annotated[str, Field(max_length=1000)] | None = Field(
        default=None, description="Why; kept with this step of the signal"
    )


class Reopening(RequestBody):
    """Why a closed signal is opened again."""

    model_config = example(reason="Closed by mistake")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), Field(max_length=1000)]


class SignalClosing(RequestBody):
    """The outcome of a signal."""

    model_config = example(disposition="booster_booked", booster_booked_for="2026-11-12")

    disposition: Annotated[
        str,
        choice_of(CHOSEN_BY_STAFF),
        Field(json_schema_extra={"enum": [str(one) for one in CHOSEN_BY_STAFF]}),
    ]
    booster_booked_for: Day | None = Field(default=None, description="The day of the booked booster")
    note: Annotated[str, Field(max_length=4000)] | None = None
