"""Requests and replies about completed forms and scales."""

from datetime import datetime
from itertools import repeat
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, PlainValidator, TypeAdapter

from app.care.assessments.commands import Form
from app.care.assessments.queries import Assessment
from app.care.assessments.questionnaires import Questionnaire
from app.clinical.review import ResponseCategory
from app.clinical.scales import Band, numbered
from app.notifications.messages.crisis_help import CrisisHelpReply
from app.storage.record_versions import RecordStatus
from app.web.correction_schemas import ChangedReply, Confirm, ExternalId, Reason, Source
from app.web.headers import etag_of
from app.web.schemas import Moment, RecordReply, ReplyBody, RequestBody, TimeZoneName, example


def _key(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(" ", "-")


ScaleKey = Annotated[str, Field(min_length=1, max_length=40, examples=["phq-9"]), AfterValidator(_key)]
Answer = Annotated[int, Field(strict=True, ge=-1000, le=1000)]
ItemNumber = Annotated[str, Field(pattern=r"^[1-9][0-9]?$")]
Total = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1_000_000, le=1_000_000)]
_InOrder = Annotated[list[Answer | None], Field(max_length=99)]
_ByNumber = Annotated[dict[ItemNumber, Answer | None], Field(max_length=99)]
_IN_ORDER: Final[TypeAdapter[list[int | None]]] = TypeAdapter(_InOrder)
_BY_NUMBER: Final[TypeAdapter[dict[str, int | None]]] = TypeAdapter(_ByNumber)


def _in_order_or_by_number(value: object) -> list[int | None] | dict[str, int | None]:
    """Read the one that was sent: what is wrong is said once, at the item, and not for each reading of it."""
    return _BY_NUMBER.validate_python(value) if isinstance(value, dict) else _IN_ORDER.validate_python(value)


Items = Annotated[
    _InOrder | _ByNumber,
    PlainValidator(_in_order_or_by_number, json_schema_input_type=_InOrder | _ByNumber),
]


def by_number(items: list[int | None] | dict[str, int | None]) -> dict[int, int | None]:
    """Take answers by their items' numbers, however they were sent."""
    if isinstance(items, dict):
        return {int(number): answer for number, answer in items.items()}
    return numbered(items)


class AssessmentEntry(RequestBody):
    """A completed form: its answers, its total, or both. A skipped answer is null, never 0."""

    model_config = example(
        scale="phq-9", taken_at="2026-11-03T08:15:00+01:00", items=[1, 1, 2, 1, 0, 1, 1, 0, 0], total=7
    )

    scale: ScaleKey
    taken_at: Moment
    items: Items | None = Field(default=None, description="In the form's order, or by item number")
    total: Total | None = Field(default=None, description="Compared with what the items add up to")
    external_id: ExternalId | None = Field(
        default=None, description="Your own id for it; sent again with the same content, it is the same form"
    )
    source: Source = Field(default="", description="Which of your systems the id is from")
    confirm: Confirm = ()

    def form(self) -> Form:
        """Take it as it was sent."""
        items = None if self.items is None else by_number(self.items)
        return Form(
            scale=self.scale,
            taken_at=self.taken_at,
            items=items,
            total=self.total,
            external_id=self.external_id,
            source=self.source,
            confirm=self.confirm,
        )


class AssessmentAmendment(RequestBody):
    """What is different about a form; fields left out stay. New items give a new total."""

    model_config = example(total=17, reason="Mistyped")

    taken_at: Moment | None = None
    items: Items | None = None
    total: Total | None = None
    reason: Reason
    confirm: Confirm = ()

    def changes(self) -> dict[str, Any]:
        """Give what was named, and nothing else."""
        named = {name: getattr(self, name) for name in ("taken_at", "items", "total")}
        changes = {name: value for name, value in named.items() if value is not None}
        if self.items is not None:
            changes["items"] = by_number(self.items)
        return changes


class AssessmentReply(ReplyBody):
    """A completed form as it is kept, and what its total means."""

    id: UUID
    scale: str
    taken_at: datetime
    received_at: datetime
    total: float
    band: Band | None
    remission: bool | None = Field(description="Null where the scale has no such level")
    relapse_level: bool | None
    response: ResponseCategory | None = Field(
        description="Beside the last total before treatment; null where there is none, and before treatment"
    )
    items: dict[str, int | None] | None
    entered_by: Literal["clinic", "patient"]
    external_id: str | None
    source: str
    status: RecordStatus
    version: int
    etag: str = Field(description="Send it as If-Match with a change")
    safety_event_id: UUID | None = Field(
        default=None, description="The safety event that the answer to the suicide item made"
    )

    @classmethod
    def of(cls, assessment: Assessment, **more: Any) -> Self:  # noqa: ANN401 - a subclass's own fields
        """Make the reply."""
        stored, score = assessment.stored, assessment.score
        return cls(
            id=stored.id,
            scale=stored.scale,
            taken_at=assessment.taken_at,
            received_at=stored.received_at,
            total=stored.total,
            band=score.band,
            remission=score.in_remission,
            relapse_level=score.at_relapse_level,
            response=assessment.response,
            items=stored.items,
            entered_by=stored.entered_by,  # type: ignore[arg-type] # the table's own check allows these two only
            external_id=stored.external_id,
            source=stored.source,
            status=assessment.status,
            version=stored.version,
            etag=etag_of(stored.version),
            safety_event_id=assessment.safety_event_id,
            **more,
        )


class CorrectedAssessmentReply(AssessmentReply):
    """A form after a correction, and what the correction changed."""

    changed: ChangedReply


class AssessmentList(ReplyBody):
    """A page of forms, those completed last first; the Link header points to the next."""

    items: list[AssessmentReply]


class ScalesEntry(RequestBody):
    """Scales of the clinic's own, by key, each known by its total alone. A kept scale never changes."""

    model_config = example(
        scales={
            "bdi": {
                "name": "Beck Depression Inventory",
                "minimum": 0,
                "maximum": 63,
                "higher_is_better": False,
                "remission": 9,
                "relapse": 20,
                "days_apart": 5,
            }
        }
    )

    scales: Annotated[dict[str, Any], Field(min_length=1, max_length=20)]


class ScaleReply(RecordReply):
    """A scale: its range, direction and levels."""

    key: str
    name: str
    minimum: float
    maximum: float
    higher_is_better: bool
    remission: float | None
    relapse: float | None
    days_apart: int | None
    items: list[int] = Field(description="Empty for a scale that is known by its total alone")
    clinician_rated: bool


class ScaleList(ReplyBody):
    """Scales."""

    items: list[ScaleReply]


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
