"""Requests and replies about consent."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.consent.service import ConsentAnswer, ConsentView
from app.messages.consent_text import ConsentText
from app.patients.consent_standing import ConsentStanding
from app.web.schemas import ReplyBody, RequestBody, example


class ConsentGiving(RequestBody):
    """Agreement to the text that was shown. To say no is to withdraw."""

    model_config = example(version="2026-11", accepted=True)

    version: Annotated[str, Field(min_length=1, max_length=40, examples=["2026-11"])]
    accepted: Literal[True]


class ConsentWithdrawal(RequestBody):
    """A withdrawal; a reason is welcome and never asked for."""

    model_config = example(reason="I would rather talk about it in person.")

    reason: Annotated[str, Field(max_length=2000)] | None = None


class ConsentTextReply(ReplyBody):
    """The text in force, in the patient's language."""

    version: str
    locale: str
    title: str
    paragraphs: list[str]
    accept: str = Field(description="What to write on the button")

    @classmethod
    def of(cls, text: ConsentText) -> "ConsentTextReply":
        """Make the reply."""
        return cls.model_validate(text, from_attributes=True)


class ConsentAnswerReply(ReplyBody):
    """One answer: given, or withdrawn."""

    kind: Literal["given", "withdrawn"]
    version: str | None = Field(description="The text it was given to")
    locale: str
    at: datetime
    actor_kind: str = Field(description="Who noted it", examples=["device", "api_key"])
    actor_id: UUID | None
    reason: str | None

    @classmethod
    def of(cls, answer: ConsentAnswer) -> "ConsentAnswerReply":
        """Make the reply."""
        return cls.model_validate(answer, from_attributes=True)


class ConsentReply(ReplyBody):
    """Where a patient stands, the text to ask with, and all answers, oldest first."""

    standing: ConsentStanding
    text: ConsentTextReply
    history: list[ConsentAnswerReply]

    @classmethod
    def of(cls, view: ConsentView) -> "ConsentReply":
        """Make the reply."""
        return cls(
            standing=view.standing,
            text=ConsentTextReply.of(view.text),
            history=[ConsentAnswerReply.of(one) for one in view.history],
        )
