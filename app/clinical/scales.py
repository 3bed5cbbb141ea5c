"""The validated scales: what each one asks, how it is scored, and what its totals mean.

Totals are always computed here from the items; nobody's arithmetic is taken on trust. The answer to a
scale's suicide item is handed on whatever else is wrong with the form, so that the safety pathway never
waits for a form to be complete or correct. A clinic's own scales are known by their totals alone.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import TypeGuard

from app.clinical.errors import TimeWithoutZoneError
from app.clinical.protocol import DAY_STARTS_AT_HOUR, STANDARD, Protocol


class Band(StrEnum):
    """The severity word that a scale's authors gave to a range of totals."""

    NONE = "none"
    MINIMAL = "minimal"
    MILD = "mild"
    MODERATE = "moderate"
    MODERATELY_SEVERE = "moderately_severe"
    SEVERE = "severe"
    VERY_SEVERE = "very_severe"


class ProblemCode(StrEnum):
    """Why a form was refused."""

    NOTHING_GIVEN = "nothing_given"
    MISSING_ITEMS = "missing_items"
    MISSING_ONE_OF = "missing_one_of"
    OUT_OF_RANGE_ITEMS = "out_of_range_items"
    UNKNOWN_ITEMS = "unknown_items"
    ITEMS_NOT_SCORED = "items_not_scored"
    TOTAL_OUT_OF_RANGE = "total_out_of_range"
    TOTAL_NOT_WHOLE = "total_not_whole"
    TOTAL_DIFFERS = "total_differs"
    CLINICIAN_RATED = "clinician_rated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loinc:
    """LOINC codes of a scale. Empty where none was found: never a code that nearly fits."""

    panel: str | None = None
    total: str | None = None
    items: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One scale: range and direction, how items make the total, and what the totals mean.

    `groups` are the items that count together: a group scores its highest answer, the total is the sum
    of the groups. Of the items in one of `either_or` a complete form answers at least one. `bands` pair
    the lowest total of each band with its name. `remission` and `relapse` are inclusive, in the scale's
    own direction; None means that the scale has no such level. `days_apart` is how far apart two totals
    must lie to confirm each other; `recall_days` is the time that the questions ask about.
    """

    key: str
    name: str
    minimum: float
    maximum: float
    higher_is_better: bool = False
    groups: tuple[tuple[int, ...], ...] = ()
    either_or: tuple[tuple[int, ...], ...] = ()
    highest_answer: int = 0
    bands: tuple[tuple[float, Band], ...] = ()
    remission: float | None = None
    relapse: float | None = None
    days_apart: int | None = None
    recall_days: int | None = None
    suicide_item: int | None = None
    clinician_rated: bool = False
    loinc: Loinc = Loinc()

    @property
    def items(self) -> tuple[int, ...]:
        """The numbers of the items, in order; empty for a scale that is known by its total alone."""
        return tuple(sorted(item for group in self.groups for item in group))

    def holds(self, total: float) -> bool:
        """Whether a total lies within the scale's range."""
        return self.minimum <= total <= self.maximum

    def severity(self, total: float) -> float:
        """Points above the best possible total, so that more is worse in either direction.

        Nine decimals: a fractional custom total must not miss a level by rounding noise.
        """
        return round(self.maximum - total if self.higher_is_better else total - self.minimum, 9)

    def total_at(self, severity: float) -> float:
        """The total in the scale's own direction that lies this many points from the best one."""
        return round(self.maximum - severity if self.higher_is_better else severity + self.minimum, 9)

    def in_remission(self, total: float) -> bool | None:
        """Remission: the total is at the remission level or better; None when the scale has none."""
        return None if self.remission is None else self.severity(total) <= self.severity(self.remission)

    def at_relapse_level(self, total: float) -> bool | None:
        """Relapse level: the total is at the relapse level or worse; None when the scale has none."""
        return None if self.relapse is None else self.severity(total) >= self.severity(self.relapse)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """An accepted total and what it means. None where the scale says nothing about it."""

    scale: str
    total: float
    band: Band | None
    in_remission: bool | None
    at_relapse_level: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormProblem:
    """One reason why a form was refused: names items by number and never gives an answer.

    The two totals are the exception (set for `total_differs` only): without both of them nobody could
    find the mistake.
    """

    code: ProblemCode
    items: tuple[int, ...] = ()
    stated_total: float | None = None
    computed_total: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredForm:
    """What became of a form: a score or the problems, and in both cases the suicide item as answered.

    `suicide_item` is the raw answer, out of range or not; None only when it was not answered or the
    scale has none. It must never depend on the rest of the form.
    """

    scale: str
    score: Score | None
    problems: tuple[FormProblem, ...]
    suicide_item: int | None


@dataclass(frozen=True, slots=True, order=True)
class AssessmentTotal:
    """One accepted total of a scale. `taken_at` is by the patient's clock, so that its day is theirs.

    `day` is its check-in day, from 04:00 to 04:00 by that clock.

    Raises:
        TimeWithoutZoneError: when `taken_at` has no offset.
    """

    taken_at: datetime
    total: float
    day: date = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Keep the wall time with a fixed offset: between two times of one zone, Python forgets DST."""
        offset = self.taken_at.utcoffset()
        if offset is None:
            raise TimeWithoutZoneError(field="taken_at")
        object.__setattr__(self, "taken_at", self.taken_at.astimezone(timezone(offset)))
        object.__setattr__(self, "day", day_of(self.taken_at))


def day_of(moment: datetime) -> date:
    """The check-in day of a moment, by the clock that the moment itself carries."""
    return (moment - timedelta(hours=DAY_STARTS_AT_HOUR)).date()


def _each_alone(count: int) -> tuple[tuple[int, ...], ...]:
    return tuple((item,) for item in range(1, count + 1))


MADRS = Scale(
    key="madrs",
    name="Montgomery-Åsberg Depression Rating Scale",
    minimum=0,
    maximum=60,
    groups=_each_alone(10),
    highest_answer=6,
    bands=((0, Band.NONE), (7, Band.MILD), (20, Band.MODERATE), (35, Band.SEVERE)),
    remission=10,
    relapse=22,
    days_apart=5,
    recall_days=7,
    suicide_item=10,
    clinician_rated=True,
)
"""Rated by a clinician. A patient's own answers are MADRS-S (0-54), which is another scale."""

QIDS_SR16 = Scale(
    key="qids-sr16",
    name="Quick Inventory of Depressive Symptomatology, self-report",
    minimum=0,
    maximum=27,
    groups=((1, 2, 3, 4), (5,), (6, 7, 8, 9), (10,), (11,), (12,), (13,), (14,), (15, 16)),
    either_or=((6, 7), (8, 9)),
    highest_answer=3,
    bands=((0, Band.NONE), (6, Band.MILD), (11, Band.MODERATE), (16, Band.SEVERE), (21, Band.VERY_SEVERE)),
    remission=5,
    relapse=11,
    days_apart=5,
    recall_days=7,
    suicide_item=12,
)
"""Sixteen items, nine symptoms. The form asks for 6 or 7 and for 8 or 9 (less or more than usual)."""

PHQ_9 = Scale(
    key="phq-9",
    name="Patient Health Questionnaire",
    minimum=0,
    maximum=27,
    groups=_each_alone(9),
    highest_answer=3,
    bands=(
        (0, Band.MINIMAL),
        (5, Band.MILD),
        (10, Band.MODERATE),
        (15, Band.MODERATELY_SEVERE),
        (20, Band.SEVERE),
    ),
    remission=4,
    relapse=10,
    days_apart=10,
    recall_days=14,
    suicide_item=9,
    loinc=Loinc(
        panel="44249-1",
        total="44261-6",
        items=(
            "44250-9",
            "44255-8",
            "44259-0",
            "44254-1",
            "44251-7",
            "44258-2",
            "44252-5",
            "44253-3",
            "44260-8",
        ),
        answers=("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"),
    ),
)

GAD_7 = Scale(
    key="gad-7",
    name="Generalized Anxiety Disorder scale",
    minimum=0,
    maximum=21,
    groups=_each_alone(7),
    highest_answer=3,
    bands=((0, Band.MINIMAL), (5, Band.MILD), (10, Band.MODERATE), (15, Band.SEVERE)),
    recall_days=14,
    loinc=Loinc(
        panel="69737-5",
        total="70274-6",
        items=("69725-0", "68509-9", "69733-4", "69734-2", "69735-9", "69689-8", "69736-7"),
        answers=("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9"),
    ),
)
"""Shown beside the others. It has no remission and no relapse level, and raises nothing."""

STANDARD_SCALES: Mapping[str, Scale] = {scale.key: scale for scale in (MADRS, QIDS_SR16, PHQ_9, GAD_7)}
_TAKEN = frozenset({*STANDARD_SCALES, "long-exposure"})


def with_remission_of(scale: Scale, protocol: Protocol) -> Scale:
    """The scale with the clinic's own remission level, where the field knows several: MADRS."""
    if scale.key != MADRS.key:
        return scale
    return replace(scale, remission=protocol.madrs_remission)


def numbered(answers: Sequence[int | None]) -> dict[int, int | None]:
    """Answers given in the form's order, keyed by item number from 1."""
    return dict(enumerate(answers, start=1))


def score_form(
    scale: Scale,
    *,
    items: Mapping[int, int | None] | None = None,
    stated_total: float | None = None,
    by_patient: bool = False,
    protocol: Protocol = STANDARD,
) -> ScoredForm:
    """Score a form: the total is what its items add up to, and the suicide item is always handed on.

    Args:
        scale: the scale that was filled in.
        items: answers by item number; None marks a skipped answer, which is never a zero.
        stated_total: the total that came with the form, if any. Without items it is the total.
        by_patient: the patient gave the answers (a clinician-rated scale is then refused).
        protocol: the numbers; remission is defined by them.
    """
    answers = {number: answer for number, answer in (items or {}).items() if answer is not None}
    suicide_item = None if scale.suicide_item is None else answers.get(scale.suicide_item)
    problems = _problems_of_form(scale, answers=answers, stated_total=stated_total, by_patient=by_patient)
    if problems:
        return ScoredForm(scale=scale.key, score=None, problems=problems, suicide_item=suicide_item)
    total = stated_total if stated_total is not None else _total_of(scale, answers)
    score = score_total(scale, total, protocol=protocol)
    return ScoredForm(scale=scale.key, score=score, problems=(), suicide_item=suicide_item)


def score_total(scale: Scale, total: float, *, protocol: Protocol = STANDARD) -> Score:
    """What a total within the scale's range means."""
    scale = with_remission_of(scale, protocol)
    return Score(
        scale=scale.key,
        total=int(total) if total == int(total) else total,
        band=band_of(scale, total),
        in_remission=scale.in_remission(total),
        at_relapse_level=scale.at_relapse_level(total),
    )


def band_of(scale: Scale, total: float) -> Band | None:
    """The band is the last one whose lowest total has been reached."""
    reached = [band for lowest, band in scale.bands if total >= lowest]
    return reached[-1] if reached else None


def _total_of(scale: Scale, answers: Mapping[int, int]) -> int:
    """Each group of items counts once, with its highest answer; the total is the sum of the groups."""
    return sum(max((answers[item] for item in group if item in answers), default=0) for group in scale.groups)


def _problems_of_form(
    scale: Scale, *, answers: Mapping[int, int], stated_total: float | None, by_patient: bool
) -> tuple[FormProblem, ...]:
    """Who filled it in, then the items, then the totals; totals are compared only over sound items."""
    problems: list[FormProblem] = []
    if by_patient and scale.clinician_rated:
        problems.append(FormProblem(code=ProblemCode.CLINICIAN_RATED))
    if not answers:
        return (*problems, *_problems_of_total(scale, stated_total))
    problems += _problems_of_items(scale, answers)
    if not problems and stated_total is not None and stated_total != _total_of(scale, answers):
        problems.append(
            FormProblem(
                code=ProblemCode.TOTAL_DIFFERS,
                stated_total=stated_total,
                computed_total=_total_of(scale, answers),
            )
        )
    return tuple(problems)


def _problems_of_items(scale: Scale, answers: Mapping[int, int]) -> list[FormProblem]:
    """Every item answered once, with a whole number that the scale offers, and no others."""
    if not scale.groups:
        return [FormProblem(code=ProblemCode.ITEMS_NOT_SCORED)]
    known = scale.items
    paired = {item for pair in scale.either_or for item in pair}
    offered = range(scale.highest_answer + 1)
    found = {
        ProblemCode.MISSING_ITEMS: [i for i in known if i not in answers and i not in paired],
        ProblemCode.OUT_OF_RANGE_ITEMS: [i for i in known if i in answers and answers[i] not in offered],
        ProblemCode.UNKNOWN_ITEMS: sorted(i for i in answers if i not in known),
    }
    problems = [FormProblem(code=code, items=tuple(numbers)) for code, numbers in found.items() if numbers]
    unanswered = [pair for pair in scale.either_or if not any(item in answers for item in pair)]
    return problems + [FormProblem(code=ProblemCode.MISSING_ONE_OF, items=pair) for pair in unanswered]


def _problems_of_total(scale: Scale, total: float | None) -> tuple[FormProblem, ...]:
    """A total on its own lies within the range; where items make it, it is a whole number."""
    if total is None:
        return (FormProblem(code=ProblemCode.NOTHING_GIVEN),)
    if not scale.holds(total):
        return (FormProblem(code=ProblemCode.TOTAL_OUT_OF_RANGE),)
    if scale.groups and total != int(total):
        return (FormProblem(code=ProblemCode.TOTAL_NOT_WHOLE),)
    return ()


class CustomProblemCode(StrEnum):
    """Why a clinic's own scale was refused."""

    NOT_AN_OBJECT = "not_an_object"
    KEY_NOT_USABLE = "key_not_usable"
    KEY_TAKEN = "key_taken"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    WRONG_KIND = "wrong_kind"
    EMPTY_RANGE = "empty_range"
    OUTSIDE_RANGE = "outside_range"
    REMISSION_NOT_BETTER = "remission_not_better"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomScaleProblem:
    """One thing wrong with a clinic's own scale: which scale, which field, what."""

    scale: str
    field: str | None
    code: CustomProblemCode


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomScales:
    """The scales that could be read, by key, and what was wrong with the others."""

    scales: Mapping[str, Scale]
    problems: tuple[CustomScaleProblem, ...]


_CUSTOM_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_CUSTOM_REQUIRED = ("name", "minimum", "maximum", "higher_is_better", "remission", "relapse")
CUSTOM_DAYS_APART = 5


def read_custom_scales(document: object) -> CustomScales:
    """A clinic's own scales from their JSON form: each stands or falls by itself.

    The form is `{key: {name, minimum, maximum, higher_is_better, remission, relapse, days_apart}}`;
    only `days_apart` may be left out (5 days). All levels are inclusive. Such a scale is known by its
    total alone: its items, wording and suicide item are not.
    """
    if not isinstance(document, Mapping):
        whole = CustomScaleProblem(scale="", field=None, code=CustomProblemCode.NOT_AN_OBJECT)
        return CustomScales(scales={}, problems=(whole,))
    scales: dict[str, Scale] = {}
    problems: list[CustomScaleProblem] = []
    for key, fields in document.items():
        found = _problems_of_custom(str(key), fields)
        problems += [CustomScaleProblem(scale=str(key), field=field, code=code) for field, code in found]
        if not found:
            scales[str(key)] = _custom_scale(str(key), fields)
    return CustomScales(scales=scales, problems=tuple(problems))


def _custom_scale(key: str, fields: Mapping[str, object]) -> Scale:
    number = {name: value for name, value in fields.items() if _is_number(value)}
    return Scale(
        key=key,
        name=str(fields["name"]),
        minimum=number["minimum"],
        maximum=number["maximum"],
        higher_is_better=fields["higher_is_better"] is True,
        remission=number["remission"],
        relapse=number["relapse"],
        days_apart=int(number.get("days_apart", CUSTOM_DAYS_APART)),
    )


def _problems_of_custom(key: str, fields: object) -> list[tuple[str | None, CustomProblemCode]]:
    """The key, then the fields, then the levels; levels are compared only once they are numbers."""
    if key in _TAKEN:
        return [(None, CustomProblemCode.KEY_TAKEN)]
    if not _CUSTOM_KEY.fullmatch(key):
        return [(None, CustomProblemCode.KEY_NOT_USABLE)]
    if not isinstance(fields, Mapping):
        return [(None, CustomProblemCode.NOT_AN_OBJECT)]
    return _problems_of_custom_fields(fields) or _problems_of_custom_levels(fields)


def _problems_of_custom_fields(
    fields: Mapping[str, object],
) -> list[tuple[str | None, CustomProblemCode]]:
    """Every field that is needed, no other, each of its kind."""
    known = (*_CUSTOM_REQUIRED, "days_apart")
    wrong = [name for name in known if name in fields and not _is_of_its_kind(name, fields[name])]
    return [
        *((name, CustomProblemCode.MISSING_FIELD) for name in _CUSTOM_REQUIRED if name not in fields),
        *((str(name), CustomProblemCode.UNKNOWN_FIELD) for name in fields if name not in known),
        *((name, CustomProblemCode.WRONG_KIND) for name in wrong),
    ]


def _problems_of_custom_levels(fields: Mapping[str, object]) -> list[tuple[str | None, CustomProblemCode]]:
    """The range is not empty, both levels lie in it, and remission is better than relapse."""
    scale = _custom_scale("levels", fields)
    if scale.minimum >= scale.maximum:
        return [("maximum", CustomProblemCode.EMPTY_RANGE)]
    levels = {"remission": scale.remission, "relapse": scale.relapse}
    outside = [n for n, level in levels.items() if level is None or not scale.holds(level)]
    if not outside and scale.remission is not None and scale.at_relapse_level(scale.remission):
        return [("remission", CustomProblemCode.REMISSION_NOT_BETTER)]
    return [(name, CustomProblemCode.OUTSIDE_RANGE) for name in outside]


def _is_of_its_kind(name: str, value: object) -> bool:
    if name == "name":
        return isinstance(value, str) and bool(value.strip())
    if name == "higher_is_better":
        return isinstance(value, bool)
    if name == "days_apart":
        return isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return _is_number(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -math.inf < value < math.inf
