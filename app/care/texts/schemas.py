"""What the gateway passes on, and what staff read of it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.care.texts.commands import IncomingText
from app.web.schemas import ReplyBody, RequestBody, example


class IncomingTextEntry(RequestBody):
    """A text message that came to the gateway's number, answered or not."""

    model_config = example(
        id="SM0f3a1c", kind="sms", **{"from": "+14155550123"}, text="Can we speak tomorrow?"
    )

    id: Annotated[
        str, Field(min_length=1, max_length=200, description="The gateway's own; a repeat has the same")
    ]
    kind: Literal["sms"] = "sms"
    sender: Annotated[
        str, Field(max_length=100, alias="from", description="The number that it came from, E.164")
    ]
    text: Annotated[str, Field(max_length=100_000, description="May be empty, such as of a picture")]

    def incoming(self) -> IncomingText:
        """Take it as sent, without what a text of ours cannot hold."""
        text = self.text.replace("\x00", "")
        return IncomingText(id=self.id, sender=self.sender, text=text)


class IncomingTextReply(ReplyBody):
    """What the gateway sends back."""

    reply: str | None = Field(description="The text to answer with; null: none")


class ReceivedTextReply(ReplyBody):
    """A text message of a patient's."""

    id: UUID
    received_at: datetime
    text: str
    word: Literal["stop", "start"] | None = Field(
        description="What it asked of the service; null: it is for the clinic, and a finding `note` names its id"
    )


class ReceivedTextList(ReplyBody):
    """A patient's text messages, the latest first."""

    items: list[ReceivedTextReply]
