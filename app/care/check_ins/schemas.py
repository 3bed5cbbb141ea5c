"""A check-in as it is sent and as it is given back."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Final, Literal, get_args
from uuid import UUID

from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import to_json

from app.clinical.domains import REPORTED_NUMBERS
from app.foundation.errors import RefusalError
from app.notifications.messages.crisis_help import CrisisHelpReply
from app.web.correction_schemas import ChangedReply, Confirm, NeverEmptyError, Reason
from app.web.problems import Problem
from app.web.schemas import DescribedAs, Moment, ReplyBody, RequestBody, TimeZoneName, example


class NotQuarterHoursError(RefusalError, ValueError):
    """Sleep hours are counted by quarter hours."""

    code = "not-quarter-hours"


def _quarter_hours(hours: float) -> float:
    # Pydantic's own multiple_of takes 1e-300 for one.
    if not (hours * 4).is_integer():
        raise NotQuarterHoursError
    return hours


def _to_quarter_hours(hours: float) -> float:
    return round(hours * 4) / 4


def _two_places(score: float) -> float:
    return round(score, 2)


WholeScore = Annotated[int, Field(strict=True, ge=0, le=10)]
# Imported averages have fractions. Kept to two places, and rounded here, so that the rule never remembers
# another number than the one it would find when it looks at the whole history again.
AnyScore = Annotated[float, Field(strict=True, ge=0, le=10, allow_inf_nan=False), AfterValidator(_two_places)]
SleepHours = Annotated[
    float,
    Field(strict=True, ge=0, le=24, allow_inf_nan=False, json_schema_extra={"multipleOf": 0.25}),
    AfterValidator(_quarter_hours),
]
# Averages and other systems' minutes: kept to the quarter, and the reply says so.
AnySleepHours = Annotated[
    float, Field(strict=True, ge=0, le=24, allow_inf_nan=False), AfterValidator(_to_quarter_hours)
]
YesOrNo = Annotated[bool, Field(strict=True)]
_AN_ITEM: Final[dict[str, JsonValue]] = {
    "id": "019a48d1-5c4e-7b60-9f0a-2f6f1e0b7c11",
    "recorded_at": "2026-11-03T08:15:00+01:00",
    "time_zone": "Europe/Berlin",
    "mood": 6,
}
NOTE_LENGTH = 4000
MOST_IN_BATCH = 100


class NothingAnsweredError(RefusalError, ValueError):
    """Nothing was answered: send mood, energy or sleep_quality, or a request, or a safety answer."""

    code = "nothing-answered"


class _Answers(RequestBody):
    """What all check-ins have, whoever sends them."""

    recorded_at: Moment = Field(
        description="When the person entered it, with the offset of the phone's clock"
    )
    time_zone: TimeZoneName = Field(description="Where the person was")
    sleep_hours: SleepHours | None = Field(
        default=None,
        description="The night that ended on that day, by quarter hours; it speaks for elevated mood alone",
    )
    note: Annotated[str, Field(max_length=NOTE_LENGTH)] | None = Field(
        default=None, description="Not read by a person right away, and not scanned"
    )
    asks_about_booster: YesOrNo = Field(default=False, description='"I would like to talk about a booster"')
    self_harm_thoughts: YesOrNo = Field(
        default=False,
        description='"I am thinking about harming myself": crisis help comes back, the clinic is notified at once',
    )
    supersedes: UUID | None = Field(default=None, description="The check-in that this one corrects")

    @model_validator(mode="after")
    def _something_is_answered(self) -> "_Answers":
        domains = (getattr(self, name) for name in ("mood", "energy", "sleep_quality"))
        if all(answer is None for answer in domains) and not (
            self.asks_about_booster or self.self_harm_thoughts
        ):
            raise NothingAnsweredError
        return self

    def canonical(self) -> bytes:
        """Write what was said in one way only, so that the same report is known again.

        Without its id, which stands in the path or in the item, and without what was confirmed of it; without
        what was left out, so that a field which is added later does not turn every earlier report into another.
        """
        said = self.model_dump(exclude={"id", "confirm"}, exclude_defaults=True)
        # The same moment, however a phone writes its offset; no words are no note.
        said["recorded_at"] = self.recorded_at.astimezone(UTC)
        if not self.note:
            said.pop("note", None)
        return to_json(dict(sorted(said.items())))


class CheckInEntry(_Answers):
    """A check-in: 0 is worst and 10 is best; a question that was skipped is left out."""

    model_config = example(
        recorded_at="2026-11-03T08:15:00+01:00", time_zone="Europe/Berlin", mood=6, energy=5, sleep_quality=7
    )

    mood: WholeScore | None = None
    energy: WholeScore | None = None
    sleep_quality: WholeScore | None = Field(default=None, description="Last night's sleep")
    input_mode: Literal["radio", "slider"] = "radio"


class CheckInItem(CheckInEntry):
    """A check-in of a batch, with its id."""

    model_config = example(**_AN_ITEM)

    id: UUID


class ImportedCheckInItem(_Answers):
    """A past check-in imported from elsewhere; averages may have fractions."""

    model_config = example(
        id="019a48d1-5c4e-7b60-9f0a-2f6f1e0b7c11",
        recorded_at="2025-03-09T20:00:00+01:00",
        time_zone="Europe/Berlin",
        mood=4.5,
    )

    id: UUID
    mood: AnyScore | None = None
    energy: AnyScore | None = None
    sleep_quality: AnyScore | None = None
    sleep_hours: AnySleepHours | None = Field(
        default=None,
        description="The night that ended on that day; rounded to quarter hours, which `rounded` then says",
    )
    input_mode: Literal["import"] = "import"
    confirm: Confirm = ()


class CheckInAmendment(RequestBody):
    """What is different about an imported check-in; fields left out stay, null takes an answer back."""

    model_config = example(mood=4, reason="Columns swapped in the file")
    ANSWERS: ClassVar[tuple[str, ...]] = (
        *("recorded_at", "time_zone", *REPORTED_NUMBERS),
        *("note", "asks_about_booster", "self_harm_thoughts"),
    )

    recorded_at: Moment | None = None
    time_zone: TimeZoneName | None = None
    mood: AnyScore | None = None
    energy: AnyScore | None = None
    sleep_quality: AnyScore | None = None
    sleep_hours: AnySleepHours | None = Field(
        default=None, description="The night that ended on that day; rounded to quarter hours"
    )
    note: Annotated[str, Field(max_length=NOTE_LENGTH)] | None = None
    asks_about_booster: YesOrNo | None = None
    self_harm_thoughts: YesOrNo | None = None
    reason: Reason
    confirm: Confirm = ()

    @model_validator(mode="after")
    def _stays_a_check_in(self) -> "CheckInAmendment":
        for name in ("recorded_at", "time_zone", "asks_about_booster", "self_harm_thoughts"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise NeverEmptyError
        return self

    def changes(self) -> dict[str, Any]:
        """Give what was named, and nothing else."""
        return {name: getattr(self, name) for name in self.ANSWERS if name in self.model_fields_set}


class _Batch(RequestBody):
    """Items are looked at one by one: a bad one never fails the rest."""


class CheckInBatch(_Batch):
    """Up to 100 check-ins; each gets its own result, in order."""

    model_config = example(items=[_AN_ITEM])

    items: Annotated[
        list[Annotated[Any, DescribedAs(CheckInItem)]], Field(min_length=1, max_length=MOST_IN_BATCH)
    ]


class ImportedCheckInBatch(_Batch):
    """Up to 100 past check-ins; each gets its own result, in order."""

    model_config = example(items=[_AN_ITEM])

    items: Annotated[
        list[Annotated[Any, DescribedAs(ImportedCheckInItem)]], Field(min_length=1, max_length=MOST_IN_BATCH)
    ]


class _Kept(ReplyBody):
    """What is kept of every check-in."""

    id: UUID
    recorded_at: datetime
    time_zone: str
    check_in_day: date = Field(description="From 04:00 to 04:00 where the person was")
    received_at: datetime
    late: bool = Field(description="Reported after its day was over")
    mood: float | None
    energy: float | None
    sleep_quality: float | None
    sleep_hours: float | None = Field(
        description="Hours slept in the night that ended on that day, by quarter hours; null: not answered"
    )
    note: str | None
    asks_about_booster: bool
    self_harm_thoughts: bool
    input_mode: Literal["radio", "slider", "import"]
    supersedes: UUID | None


class CheckInReply(_Kept):
    """A check-in as it is kept."""

    clock_skew_seconds: int | None = Field(
        description="How far the phone's clock was ahead when this was sent; null when the phone did not say"
    )
    superseded_by: UUID | None
    withdrawn_at: datetime | None
    crisis_help: CrisisHelpReply | None = None


class CheckInRecordReply(_Kept):
    """A check-in as the clinic reads it, with its version."""

    status: Literal["active", "withdrawn", "entered_in_error"]
    version: int
    etag: str


class CorrectedCheckInReply(CheckInRecordReply):
    """An imported check-in after a correction, and what the correction changed."""

    changed: ChangedReply


class CheckInRecordList(ReplyBody):
    """Check-ins, latest first; the Link header points to the next page."""

    items: list[CheckInRecordReply]


_Rounded = Literal["sleep_hours"]


def rounded_in(sent: Mapping[str, Any], kept: CheckInReply) -> list[_Rounded]:
    """Name what was kept rounded of what was sent."""
    return [name for name in get_args(_Rounded) if sent.get(name) != getattr(kept, name)]


class BatchResult(ReplyBody):
    """What became of one item: 201 kept, 200 kept before, 409 or 422 not kept (see problem)."""

    id: UUID | None
    status: int
    check_in: CheckInReply | None = None
    rounded: list[_Rounded] = Field(default=[], description="What was kept rounded, as `check_in` has it")
    problem: Problem | None = None
    crisis_help: CrisisHelpReply | None = None


class BatchReply(ReplyBody):
    """One result an item, in order; crisis help stands here too when any item calls for it."""

    results: list[BatchResult]
    crisis_help: CrisisHelpReply | None = None


class CheckInList(ReplyBody):
    """What changed since the cursor: new, corrected and withdrawn check-ins."""

    items: list[CheckInReply]
    cursor: str = Field(description="Send it as `after` next time; it also moves when nothing changed")
