"""Requests and replies about the care team's channels, and about what did not get out."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from app.foundation.errors import RefusalError
from app.notifications.webhooks.notice_channels import NoticeChannelView, NoticeKind
from app.notifications.webhooks.notices import UNLESS_CHOSEN, NoticeEvent
from app.notifications.webhooks.queries import UndeliveredSummary
from app.web.schemas import EmailAddress, LocaleTag, ReplyBody, RequestBody, choice_of, example

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

    @model_validator(mode="after")
    def _mail_has_a_mail_address(self) -> "NoticeChannelEntry":
        if self.kind is NoticeKind.EMAIL:
            try:
                _EMAIL.validate_python(self.address)
            except ValidationError:
                raise NoEmailAddressError from None
        return self


class NoticeChannelReply(ReplyBody):
    """A channel; its address is shown only masked."""

    id: UUID
    kind: Literal["email", "slack", "teams"]
    address: str = Field(examples=["https://hooks.slack.com/…"])
    events: list[str]
    locale: str
    state: Literal["enabled", "ended"] = Field(description="Ended: its chat service says that it is no more")
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, channel: NoticeChannelView) -> "NoticeChannelReply":
        """Make the reply."""
        return cls.model_validate(channel, from_attributes=True)


class NoticeChannelList(ReplyBody):
    """All channels of the clinic."""

    items: list[NoticeChannelReply]


class NoticeTestReply(ReplyBody):
    """A test is on its way."""

    message_id: UUID


class UndeliveredAtEndpointReply(ReplyBody):
    """What did not get out to one endpoint."""

    endpoint_id: UUID
    endpoint_state: Literal["enabled", "disabled"]
    held: int
    exhausted: int
    safety: int = Field(description="How many of them are safety events")
    oldest_at: datetime = Field(description="When the oldest of them happened")


class UndeliveredSummaryReply(ReplyBody):
    """What did not get out, now."""

    count: int
    safety: bool = Field(description="Whether safety events are among them")
    oldest_at: datetime | None
    endpoints: list[UndeliveredAtEndpointReply] = Field(description="What waits longest comes first")

    @classmethod
    def of(cls, summary: UndeliveredSummary) -> "UndeliveredSummaryReply":
        """Make the reply."""
        return cls.model_validate(summary, from_attributes=True)
