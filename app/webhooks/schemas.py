"""Requests and replies about endpoints and deliveries, and the outgoing events as the receiver sees them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.storage.deliveries import Attempt, Delivery
from app.web.schemas import ReplyBody, RequestBody, choice_of, example
from app.webhooks.events import EventType
from app.webhooks.service import EndpointView, NewEndpoint

EventName = Annotated[EventType, choice_of(EventType)]


class EndpointEntry(RequestBody):
    """An address to notify. Safety events come whatever the filter says."""

    model_config = example(url="https://ehr.example.org/afterglow", events=["signal.raised", "signal.closed"])

    url: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://ehr.example.org/afterglow"])]
    events: list[EventName] | None = Field(default=None, description="Only these; null means all")


class EndpointReply(ReplyBody):
    """An endpoint."""

    id: UUID
    url: str
    events: list[str] | None
    state: Literal["enabled", "disabled"]
    disabled_because: str | None
    failing_since: datetime | None
    created_at: datetime

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


class AttemptReply(ReplyBody):
    """One HTTP call and how it ended."""

    started_at: datetime
    milliseconds: int
    http_status: int | None
    error: str | None


class DeliveryReply(ReplyBody):
    """One notification on its way to one endpoint."""

    id: UUID
    webhook_id: UUID
    type: str
    urgency: Literal["safety", "ordinary"]
    state: Literal["pending", "delivered", "exhausted", "held"]
    attempts_made: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    attempts: list[AttemptReply]

    @classmethod
    def of(cls, delivery: Delivery, attempts: list[Attempt]) -> "DeliveryReply":
        """Make the reply."""
        return cls.model_validate(
            {
                "id": delivery.id,
                "webhook_id": delivery.notification_id,
                "type": delivery.type,
                "urgency": delivery.urgency,
                "state": delivery.state,
                "attempts_made": delivery.attempts_made,
                "next_attempt_at": delivery.next_attempt_at,
                "delivered_at": delivery.delivered_at,
                "attempts": [AttemptReply.model_validate(one, from_attributes=True) for one in attempts],
            }
        )


class DeliveryList(ReplyBody):
    """A page of deliveries, newest first; the Link header points to the next."""

    items: list[DeliveryReply]


class EventData(ReplyBody):
    """What an event says: ids, codes, a link. Fetch the rest with the clinic's key."""

    patient_id: UUID | None = None
    signal_id: UUID | None = None
    safety_event_id: UUID | None = None
    erasure_request_id: UUID | None = None
    endpoint_id: UUID | None = None
    level: str | None = None
    ground: str | None = None
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
            "ground": "gain_lost",
            "sequence": 3,
            "mode": "live",
            "url": "https://afterglow.example.org/v1/signals/019a48d1-6a10-7c02-8b31-51f7a9be0d44",
        },
    )

    type: EventType
    timestamp: datetime
    data: EventData
