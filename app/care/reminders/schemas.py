"""Requests and replies about being reminded."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from app.care.reminders.queries import ReminderState
from app.notifications.messages.web_push import WebPushAddress
from app.outbox import Channel
from app.web.schemas import Day, ReplyBody, RequestBody, example

_POINT = "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM"


class PushKeyReply(ReplyBody):
    """What a browser needs to subscribe (``applicationServerKey``)."""

    public_key: str = Field(examples=[_POINT])


class PushSubscriptionEntry(RequestBody):
    """A browser's subscription: ``endpoint`` and ``keys`` of ``PushSubscription.toJSON()``."""

    model_config = example(
        endpoint="https://push.example.net/p/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        p256dh=_POINT,
        auth="BTBZMqHH6r4Tts7J_aSIgg",
    )

    endpoint: Annotated[str, Field(min_length=1, max_length=2000, examples=["https://push.example.net/p/Jz"])]
    p256dh: Annotated[str, Field(min_length=1, max_length=200, examples=[_POINT])]
    auth: Annotated[str, Field(min_length=1, max_length=100, examples=["BTBZMqHH6r4Tts7J_aSIgg"])]

    def address(self) -> WebPushAddress:
        """Give it as the service knows it."""
        return WebPushAddress(endpoint=self.endpoint, public_key=self.p256dh, auth=self.auth)


class AppPushToken(RequestBody):
    """An app's token at its phone's push service, as the operator's gateway wants it."""

    model_config = example(token="fcm:dGhpcyBpcyBub3QgYSB0b2tlbg")  # noqa: S106 - made up

    token: Annotated[str, Field(min_length=1, max_length=4096, examples=["fcm:dGhpcyBpcyBub3Qg"])]


class NumberCode(RequestBody):
    """The code that was texted to the own number."""

    model_config = example(code="482913")

    code: Annotated[str, Field(min_length=1, max_length=100, examples=["482913"])]


class ReminderReply(ReplyBody):
    """One time that the patient was asked."""

    check_in_day: date
    channel: Channel
    asked_at: datetime


class ReminderStateReply(ReplyBody):
    """How a patient is asked: what they chose, what reaches them, when they were asked."""

    ask_at: str = Field(examples=["18:00"], description="Local time, wherever the patient is")
    quiet_from: str = Field(examples=["21:00"])
    quiet_until: str = Field(examples=["08:00"])
    channels: list[Channel]
    paused_until: date | None
    reached_by: Channel | None = Field(description="Over which channel the next goes; null: none leads there")
    next_due_on: date | None
    next_look_at: datetime
    last_check_in_on: date | None
    overdue: bool = Field(description="No check-in for longer than the plan allows: silence, never worsening")
    latest: list[ReminderReply]

    @classmethod
    def of(cls, state: ReminderState) -> "ReminderStateReply":
        """Make the reply."""
        choices = state.choices
        return cls(
            ask_at=f"{choices.ask_at:%H:%M}",
            quiet_from=f"{choices.quiet_from:%H:%M}",
            quiet_until=f"{choices.quiet_until:%H:%M}",
            channels=list(choices.channels),
            paused_until=choices.paused_until,
            reached_by=state.reached_by,
            next_due_on=state.next_due_on,
            next_look_at=state.next_look_at,
            last_check_in_on=state.last_check_in_on,
            overdue=state.overdue,
            latest=[ReminderReply.model_validate(one, from_attributes=True) for one in state.latest],
        )


class DaysWithoutReminders(RequestBody):
    """The days on which nobody is reminded, by each patient's own calendar; these and no others."""

    model_config = example(days=["2026-12-25", "2027-01-01"])

    days: Annotated[list[Day], Field(max_length=400)]


class DaysWithoutRemindersReply(ReplyBody):
    """The days on which nobody is reminded, the earliest first."""

    days: list[date]
