"""Requests and replies about endpoints and deliveries."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.notifications.webhooks.commands import EndpointChange, LoggedDelivery, NewEndpoint
from app.notifications.webhooks.disabling import Because
from app.notifications.webhooks.endpoint_view import EndpointView
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.retry_schedule import AttemptError
from app.storage.deliveries import Attempt
from app.web.schemas import Moment, ReplyBody, RequestBody, choice_of, example

EventName = Annotated[EventType, choice_of(EventType)]


class EndpointEntry(RequestBody):
    """An address to notify. Safety events come whatever the filter says."""

    model_config = example(url="https://ehr.example.org/afterglow", events=["signal.raised", "signal.closed"])

    url: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://ehr.example.org/afterglow"])]
    events: list[EventName] | None = Field(
        default=None,
        description="Only these; null means those that a person has to act on, an empty list safety events only",
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

    @property
    def change(self) -> EndpointChange:
        """The change as a value."""
        return EndpointChange(url=self.url, events=self.events, filters="events" in self.model_fields_set)


class EndpointReply(ReplyBody):
    """An endpoint."""

    id: UUID
    url: str
    events: list[str] | None
    state: Literal["enabled", "disabled"]
    disabled_because: Because | None
    failing_since: datetime | None = Field(description="Since when nothing at all has got through")
    created_at: datetime
    previous_secret_until: datetime | None = Field(
        description="Until then the secret before the last rotation signs too"
    )

    @classmethod
    def of(cls, endpoint: EndpointView) -> "EndpointReply":
        """Make the reply."""
        return cls.model_validate(endpoint, from_attributes=True)


class NewEndpointReply(EndpointReply):
    """A new endpoint, with the secret that verifies its events; shown this once."""

    secret: str = Field(examples=["whsec_…"])

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
