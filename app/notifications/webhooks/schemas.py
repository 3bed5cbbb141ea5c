"""Requests and replies about endpoints and deliveries, and an event as it is sent, by webhook and in the stream."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from app.foundation.errors import RefusalError
from app.notifications.webhooks.commands import EndpointChange, LoggedDelivery, NewEndpoint
from app.notifications.webhooks.endpoints import Format
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notice_channels import UNLESS_CHOSEN, NoticeEvent, NoticeKind
from app.notifications.webhooks.retry_schedule import AttemptError
from app.notifications.webhooks.trouble import Because
from app.storage.deliveries import Attempt
from app.web.schemas import (
    EmailAddress,
    LocaleTag,
    Moment,
    RecordReply,
    ReplyBody,
    RequestBody,
    ShownOnce,
    choice_of,
    example,
)


class EventData(ReplyBody):
    """What an event says: ids, codes, a link. Fetch the rest with the clinic's key."""

    patient_id: UUID | None = None
    signal_id: UUID | None = None
    safety_event_id: UUID | None = None
    erasure_request_id: UUID | None = None
    endpoint_id: UUID | None = None
    finding_id: UUID | None = None
    infusion_id: UUID | None = None
    assessment_id: UUID | None = None
    state: str | None = Field(default=None, description="What the signal, safety event or finding is now")
    level: str | None = None
    previous_level: str | None = None
    code: str | None = Field(default=None, description="Which finding")
    outcome: str | None = Field(default=None, description="With what a safety event or finding was closed")
    reason: str | None = Field(default=None, description="Why a patient was archived")
    merged_into: UUID | None = None
    cause: str | None = Field(default=None, description="`correction`: a corrected record made it so")
    kind: str | None = Field(default=None, description="What was corrected")
    level_changed: bool | None = None
    reference_changed: bool | None = None
    signal_ids: str | None = Field(default=None, description="Signals that a correction changed, by blanks")
    superseded_event_ids: str | None = Field(
        default=None, description="Events that were sent before and no longer hold, by blanks"
    )
    criterion: str | None = None
    urgent: bool | None = None
    disposition: str | None = None
    sequence: int | None = Field(default=None, description="Counts this patient's events")
    mode: Literal["test", "live"] | None = None
    url: str | None = Field(default=None, description="Where to read more, with the clinic's key")


class OutgoingEvent(ReplyBody):
    """The body of every webhook, signed by Standard Webhooks 1.0."""

    model_config = example(
        type="signal.raised",
        timestamp="2026-11-03T07:15:02Z",
        data={
            "patient_id": "019a48d1-5c4e-7b60-9f0a-2f6f1e0b7c11",
            "signal_id": "019a48d1-6a10-7c02-8b31-51f7a9be0d44",
            "level": "consider_booster",
            "criterion": "gain_lost",
            "sequence": 3,
            "mode": "live",
            "url": "https://afterglow.example.org/v1/signals/019a48d1-6a10-7c02-8b31-51f7a9be0d44",
        },
    )

    type: EventType
    timestamp: datetime
    data: EventData


_CARE_TEAM: Final = (
    "Only of patients in whose care team this member is, if someone of it is reached; safety always"
)
EventName = Annotated[EventType, choice_of(EventType)]


class EndpointEntry(RequestBody):
    """An address to notify. Safety events come whatever the filter says."""

    model_config = example(url="https://ehr.example.org/afterglow", events=["signal.raised", "signal.closed"])

    url: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://ehr.example.org/afterglow"])]
    events: list[EventName] | None = Field(
        default=None,
        description="Only these; null means those that a person has to act on, an empty list safety events only",
    )
    care_team: UUID | None = Field(default=None, description=_CARE_TEAM)
    format: Annotated[Format, choice_of(Format)] = Field(
        default=Format.STANDARD,
        description="As what events are written: `fhir` is the notification of a FHIR R4 Subscription, with ids only",
    )


class EndpointPatch(RequestBody):
    """What to change; a field that is left out stays, and so does the secret."""

    model_config = example(events=["signal.raised", "signal.escalated", "signal.closed"])

    url: Annotated[str, Field(min_length=1, max_length=2000)] | None = Field(
        default=None, examples=["https://ehr.example.org/afterglow"]
    )
    events: list[EventName] | None = Field(
        default=None,
        description="Only these; null means those that a person has to act on, an empty list safety events only",
    )
    care_team: UUID | None = Field(default=None, description=_CARE_TEAM)

    @property
    def change(self) -> EndpointChange:
        """The change as a value."""
        named = self.model_fields_set
        return EndpointChange(
            url=self.url,
            events=self.events,
            filters="events" in named,
            care_team=self.care_team,
            narrows="care_team" in named,
        )


class EndpointReply(RecordReply):
    """An endpoint."""

    id: UUID
    url: str
    events: list[str] | None
    care_team: UUID | None
    state: Literal["enabled", "disabled"]
    disabled_because: Because | None
    failing_since: datetime | None = Field(description="Since when nothing at all has got through")
    created_at: datetime
    format: Annotated[Format, choice_of(Format)] = Field(description="As what events are written")
    previous_secret_until: datetime | None = Field(
        description="Until then the secret before the last rotation signs too"
    )


class NewEndpointReply(EndpointReply):
    """A new endpoint, with the secret that verifies its events; shown this once."""

    secret: ShownOnce = Field(examples=["whsec_…"])

    @classmethod
    def of_new(cls, new: NewEndpoint) -> "NewEndpointReply":
        """Make the reply."""
        return cls(**EndpointReply.of(new.endpoint).model_dump(), secret=new.secret)


class EndpointList(ReplyBody):
    """All endpoints of the clinic."""

    items: list[EndpointReply]


class TestSentReply(ReplyBody):
    """A test event is on its way."""

    webhook_id: UUID


class RecoverEntry(RequestBody):
    """From when on to send again."""

    model_config = example(since="2026-11-03T00:00:00Z")

    since: Moment
    also_delivered: bool = Field(
        default=False, description="Also what did arrive: for a receiver that lost what it had"
    )


class RecoveredReply(ReplyBody):
    """So many deliveries are on their way again."""

    deliveries: int


class AttemptReply(ReplyBody):
    """One HTTP call and how it ended."""

    started_at: datetime
    milliseconds: int
    http_status: int | None
    error: AttemptError | None = Field(description="Null: the receiver took the message")
    detail: str | None = Field(description="The error in a sentence")

    @classmethod
    def of(cls, attempt: Attempt) -> "AttemptReply":
        """Make the reply."""
        error = None if attempt.error is None else AttemptError(attempt.error)
        return cls(
            started_at=attempt.started_at,
            milliseconds=attempt.milliseconds,
            http_status=attempt.http_status,
            error=error,
            detail=None if error is None else error.sentence,
        )


DeliveryState = Literal["pending", "delivered", "exhausted", "held"]


class DeliveryReply(ReplyBody):
    """One notification on its way to one endpoint."""

    id: UUID
    endpoint_id: UUID
    webhook_id: UUID
    type: str
    occurred_at: datetime
    urgency: Literal["safety", "ordinary"]
    state: DeliveryState
    attempts_made: int = Field(description="Since it was last begun; `attempts` holds those before too")
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    attempts: list[AttemptReply]

    @classmethod
    def of(cls, logged: LoggedDelivery) -> "DeliveryReply":
        """Make the reply."""
        delivery, attempts = logged
        return cls.model_validate(
            {
                "id": delivery.id,
                "endpoint_id": delivery.endpoint_id,
                "webhook_id": delivery.notification_id,
                "type": delivery.type,
                "occurred_at": delivery.occurred_at,
                "urgency": delivery.urgency,
                "state": delivery.state,
                "attempts_made": delivery.attempts_made,
                "next_attempt_at": delivery.next_attempt_at,
                "delivered_at": delivery.delivered_at,
                "attempts": [AttemptReply.of(one) for one in attempts],
            }
        )


class DeliveryList(ReplyBody):
    """A page of deliveries, newest first; the Link header points to the next."""

    items: list[DeliveryReply]


_EMAIL: Final = TypeAdapter(EmailAddress)
NoticeEventName = Annotated[NoticeEvent, choice_of(NoticeEvent)]


class NoEmailAddressError(RefusalError, ValueError):
    """A channel by e-mail needs one e-mail address, such as ortega@clinic.example."""

    code = "no-email-address"


class NoticeChannelEntry(RequestBody):
    """A channel of the care team: a mail address, or what a chat gave for posting there."""

    model_config = example(
        kind="slack", address="https://hooks.slack.com/services/T0000/B0000/XXXX", events=["signal.raised"]
    )

    kind: Annotated[NoticeKind, choice_of(NoticeKind)]
    address: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2000,
            description="An e-mail address; a Slack incoming webhook; the address of a Teams Workflow. A secret",
        ),
    ]
    events: Annotated[list[NoticeEventName], Field(min_length=1, max_length=len(NoticeEvent))] | None = Field(
        default=None, description=f"What it is notified of; null: {', '.join(UNLESS_CHOSEN)}"
    )
    locale: LocaleTag = Field(default="en", description="English or Spanish; all others read English")
    care_team: UUID | None = Field(default=None, description=_CARE_TEAM)

    @model_validator(mode="after")
    def _mail_has_a_mail_address(self) -> "NoticeChannelEntry":
        if self.kind is NoticeKind.EMAIL:
            try:
                _EMAIL.validate_python(self.address)
            except ValidationError:
                raise NoEmailAddressError from None
        return self


class NoticeChannelReply(RecordReply):
    """A channel; its address is shown only masked."""

    id: UUID
    kind: Literal["email", "slack", "teams"]
    address: str = Field(examples=["https://hooks.slack.com/…"])
    events: list[str]
    locale: str
    care_team: UUID | None
    state: Literal["enabled", "ended"] = Field(description="Ended: its chat service says that it is no more")
    created_at: datetime
    ended_at: datetime | None


class NoticeChannelList(ReplyBody):
    """All channels of the clinic."""

    items: list[NoticeChannelReply]


class NoticeTestReply(ReplyBody):
    """A test is on its way."""

    message_id: UUID


class UndeliveredAtEndpointReply(ReplyBody):
    """What is undelivered to one endpoint."""

    endpoint_id: UUID
    endpoint_state: Literal["enabled", "disabled"]
    held: int
    exhausted: int
    safety: int = Field(description="How many of them are safety events")
    oldest_at: datetime = Field(description="When the oldest of them happened")


class UndeliveredSummaryReply(RecordReply):
    """What is undelivered now."""

    count: int
    safety: bool = Field(description="Whether safety events are among them")
    oldest_at: datetime | None
    endpoints: list[UndeliveredAtEndpointReply] = Field(description="What waits longest comes first")
