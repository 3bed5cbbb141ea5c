"""An event as it is sent, by webhook and in the stream alike."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from app.notifications.webhooks.events import EventType
from app.web.schemas import ReplyBody, example


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
