"""The numbers of each part of an explanation, by name: its reasons' own, and what was reported, given or read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum, StrEnum
from typing import Final

from app.clinical.answer import Evaluation
from app.clinical.domains import DOMAINS
from app.clinical.headline import Beside
from app.clinical.levels import FindingCode
from app.clinical.reasons import BoosterDidNotHold, Counterfactual, Fact, MoodElevated, Reason, Recurs
from app.clinical.reference import Reference


class PartCode(StrEnum):
    """What a part of an explanation speaks of."""

    HEADLINE = "headline"
    REPORTS = "reports"
    THEN_NOW = "then_now"
    FOR = "for"
    AGAINST = "against"
    TREATMENT = "treatment"
    DATA = "data"
    WOULD_CHANGE = "would_change"
    SMALL_PRINT = "small_print"


Named = tuple[str, Fact]


def numbers_of(code: PartCode, evaluation: Evaluation, beside: Beside) -> tuple[Named, ...]:
    """The numbers of one part; its text names no other."""
    return tuple(_OF_PART[code](evaluation, beside))


def _headline(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    yield from _of_criteria(evaluation, beside)
    yield from _of_reasons(
        [one for one in evaluation.notes if isinstance(one, MoodElevated | BoosterDidNotHold | Recurs)]
    )
    for finding in evaluation.findings:
        if finding.code is not FindingCode.BELOW_BEST:
            yield from _within(finding.code.value, finding.numbers)
    if beside.raised is not None:
        yield from (("raised.on", beside.raised[0]), ("raised.smoothed", beside.raised[1]))
    if beside.call_by is not None:
        yield "call_by", beside.call_by


def _reports(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    del beside
    for number, one in enumerate(evaluation.last_days):
        yield f"{number}.on", date.fromordinal(one.day)
        for domain, value in zip(DOMAINS, one.values, strict=True):
            yield f"{number}.{domain.value}", value
        yield f"{number}.sleep_hours", one.sleep_hours


def _then_now(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    del beside
    reference = evaluation.reference
    if not isinstance(reference, Reference):
        return
    # As the text: rule 1.0 said its smoothed levels.
    now = evaluation.smoothed_level if evaluation.version.startswith("1.") else evaluation.means_now
    for index, domain in enumerate(DOMAINS):
        yield f"{domain.value}.now", now[index]
        yield f"{domain.value}.after_induction", reference.values[index]
        yield f"{domain.value}.days_after_induction", reference.days[index]
        yield f"{domain.value}.before", reference.baseline.values[index]


def _for(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    yield from _of_criteria(evaluation, beside)
    for domain, share in zip(DOMAINS, evaluation.smoothed_share, strict=True):
        yield f"{domain.value}.smoothed_share", share


def _against(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    yield from _of_criteria(evaluation, beside)
    yield from _of_reasons([one for one in evaluation.notes if isinstance(one, Recurs)])


def _treatment(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    for name, value in evaluation.exposure._asdict().items():
        yield from _within(name, value)
    if beside.raised is not None:
        yield "raised.on", beside.raised[0]
    if beside.planned is not None:
        yield from _within("planned", beside.planned)
        for number, one in enumerate(beside.planned.benefits):
            yield f"planned.benefits.{number}.outlasted_days", one.outlasted_days


def _data(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    del beside
    yield "days_in_last_10", evaluation.data_quality.days_in_last_10
    if evaluation.answered is not None:
        yield "answered.answered", evaluation.answered.recent.answered
        yield "answered.asked", evaluation.answered.recent.asked
    yield from _of_reasons(evaluation.notes)
    for finding in evaluation.findings:
        if finding.code is FindingCode.BELOW_BEST:
            yield from _within(finding.code.value, finding.numbers)
    for last in evaluation.last_totals:
        yield f"{last.scale}.on", last.on


def _would_change(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    del beside
    yield from _of_reasons([one for one in evaluation.notes if isinstance(one, Counterfactual)])


def _small_print(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    del beside
    reference = evaluation.reference
    if isinstance(reference, Reference):
        yield from (("reference.from_day", reference.from_day), ("reference.to_day", reference.to_day))
        yield "reference.n_days", reference.n_days
    yield "last_report_on", evaluation.data_quality.last_report_on
    yield "as_of", evaluation.day
    yield "version", evaluation.version


_OF_PART: Final[Mapping[PartCode, Callable[[Evaluation, Beside], Iterator[Named]]]] = {
    PartCode.HEADLINE: _headline,
    PartCode.REPORTS: _reports,
    PartCode.THEN_NOW: _then_now,
    PartCode.FOR: _for,
    PartCode.AGAINST: _against,
    PartCode.TREATMENT: _treatment,
    PartCode.DATA: _data,
    PartCode.WOULD_CHANGE: _would_change,
    PartCode.SMALL_PRINT: _small_print,
}


def _of_criteria(evaluation: Evaluation, beside: Beside) -> Iterator[Named]:
    del beside
    yield from _of_reasons([reason for criterion in evaluation.criteria for reason in criterion.reasons])


def _of_reasons(reasons: Sequence[Reason]) -> Iterator[Named]:
    return ((f"{one.code.value}.{name}", value) for one in reasons for name, value in one.facts)


def _within(name: str, value: object) -> Iterator[Named]:
    """The numbers within a record or a row of them, each by its path."""
    if is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            yield from _within(f"{name}.{one.name}", getattr(value, one.name))
    elif isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _within(f"{name}.{number}", one)
    elif isinstance(value, Enum):
        yield name, str(value.value)
    elif value is None or isinstance(value, float | int | str | date):
        yield name, value
