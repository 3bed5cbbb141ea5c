"""Questionnaires as patients get them, and answer them. Nothing here says what an answer is worth."""

from datetime import datetime
from itertools import repeat
from uuid import UUID

from pydantic import Field

from app.care.assessments.commands import Form
from app.care.assessments.queries import Assessment
from app.care.assessments.questionnaires import Questionnaire
from app.care.assessments.schemas import Items, ScaleKey, by_number
from app.notifications.messages.help_reply import CrisisHelpReply
from app.web.schemas import Moment, ReplyBody, RequestBody, TimeZoneName, example


class QuestionReply(ReplyBody):
    """One question, word for word."""

    number: int
    text: str
    loinc: str | None


class AnswerWordReply(ReplyBody):
    """One of the answers that every question offers."""

    value: int
    text: str
    loinc: str | None


class QuestionnaireReply(ReplyBody):
    """A questionnaire as it must be shown: every word, in this order, with its copyright line."""

    key: str
    locale: str = Field(description="The language it is in", examples=["en"])
    title: str
    instructions: str
    recall_days: int | None = Field(description="The days that the questions ask about", examples=[14])
    items: list[QuestionReply]
    answers: list[AnswerWordReply]
    copyright: str
    loinc: str | None = Field(description="The panel's code")

    @classmethod
    def of(cls, asked: Questionnaire) -> "QuestionnaireReply":
        """Make the reply."""
        scale, wording = asked.scale, asked.wording
        return cls(
            key=scale.key,
            locale=asked.language,
            title=wording.title,
            instructions=wording.instructions,
            recall_days=scale.recall_days,
            items=[
                QuestionReply(number=number, text=text, loinc=code)
                for number, text, code in zip(
                    scale.items, wording.items, scale.loinc.items or repeat(None), strict=False
                )
            ],
            answers=[
                AnswerWordReply(value=value, text=text, loinc=code)
                for value, (text, code) in enumerate(
                    zip(wording.answers, scale.loinc.answers or repeat(None), strict=False)
                )
            ],
            copyright=wording.copyright,
            loinc=scale.loinc.panel,
        )


class QuestionnaireList(ReplyBody):
    """Every questionnaire that a patient may answer."""

    items: list[QuestionnaireReply]


class OwnFormEntry(RequestBody):
    """A questionnaire that the patient has answered, every item of it; one left out is named, never taken for 0."""

    model_config = example(
        scale="phq-9",
        taken_at="2026-11-03T08:15:00+01:00",
        time_zone="Europe/Berlin",
        items=[1, 1, 2, 1, 0, 1, 1, 0, 0],
    )

    scale: ScaleKey
    taken_at: Moment = Field(description="When it was completed, with the offset of the phone's clock")
    time_zone: TimeZoneName = Field(description="Where the person was")
    items: Items = Field(description="In the form's order, or by item number")

    def form(self, assessment_id: UUID) -> Form:
        """Take it as it was sent."""
        return Form(
            id=assessment_id,
            scale=self.scale,
            taken_at=self.taken_at,
            time_zone=self.time_zone,
            items=by_number(self.items),
        )


class OwnFormReply(ReplyBody):
    """A questionnaire as it is kept. No total: what it means is for the clinic to say, in person."""

    id: UUID
    scale: str
    taken_at: datetime
    time_zone: str
    received_at: datetime
    items: dict[str, int | None] | None
    crisis_help: CrisisHelpReply | None = Field(
        default=None, description="To be shown at once, in full, before anything else"
    )

    @classmethod
    def of(cls, assessment: Assessment, help_now: CrisisHelpReply | None) -> "OwnFormReply":
        """Make the reply."""
        stored = assessment.stored
        return cls(
            id=stored.id,
            scale=stored.scale,
            taken_at=assessment.taken_at,
            time_zone=stored.time_zone,
            received_at=stored.received_at,
            items=stored.items,
            crisis_help=help_now,
        )
