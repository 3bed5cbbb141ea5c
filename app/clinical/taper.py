"""Maintenance: the taper plan as data, and whether to lengthen, hold or shorten the interval.

The aim is the lowest effective frequency, the longest "ketamine holiday" [How Many Infusions]. So lengthening is the
normal course, holding is the answer to every doubt, and shortening needs two intervals in a row that were
too long and goes back to an interval of the plan, never beyond it. It is a suggestion to a clinician.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from app.clinical.explanation_words import Language
from app.clinical.interval import ResponseDuration
from app.clinical.levels import FindingCode
from app.clinical.protocol import STANDARD, TAPER_STEPS, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TaperStep:
    """Boosters every `interval_days`, `count` times; None: until someone changes it (last step only)."""

    interval_days: int
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaperPlan:
    """The steps of maintenance in order. The clinic edits it."""

    steps: tuple[TaperStep, ...]


START_PLAN: Final = TaperPlan(
    steps=tuple(TaperStep(interval_days=days, count=count) for days, count in TAPER_STEPS)
)
"""What a clinic starts from and edits."""


class PlanProblem(StrEnum):
    """Why a taper plan cannot be used."""

    NO_STEPS = "no_steps"
    INTERVAL_OUT_OF_RANGE = "interval_out_of_range"
    COUNT_NOT_POSITIVE = "count_not_positive"
    OPEN_STEP_NOT_LAST = "open_step_not_last"
    INTERVALS_SHORTEN = "intervals_shorten"


class TaperMove(StrEnum):
    """What is suggested for the next interval."""

    LENGTHEN = "lengthen"
    HOLD = "hold"
    SHORTEN = "shorten"


class TaperCode(StrEnum):
    """Why."""

    STEP_HELD = "step_held"
    STEP_NOT_COMPLETE = "step_not_complete"
    LONGEST_INTERVAL_HELD = "longest_interval_held"
    NO_REFERENCE = "no_reference"
    NOT_OBSERVED = "not_observed"
    FINDING_OPEN = "finding_open"
    BEING_WATCHED = "being_watched"
    LOST_ONCE = "lost_once"
    LOST_IN_A_ROW = "lost_in_a_row"
    BOOSTER_DID_NOT_HOLD = "booster_did_not_hold"
    FREQUENCY_ALREADY_RISING = "frequency_already_rising"
    CAUTION_OPEN = "caution_open"
    NO_SHORTER_STEP = "no_shorter_step"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaperReason:
    """One coded reason with the numbers it used: benefits in days, an interval in days, or counts."""

    code: TaperCode
    days: tuple[int, ...] = ()
    interval_days: int | None = None
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaperSuggestion:
    """Lengthen, hold or shorten, and the interval in days; None means no fixed interval, as needed."""

    move: TaperMove
    interval_days: int | None
    reasons: tuple[TaperReason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """Where a patient stands in maintenance.

    `at_interval` are the benefits that began since the current interval applies, oldest first, the running
    one included. `settled` is that the patient's level now is steady, None without a reference or when it is
    unknown. `observed` is whether the running stretch has been answered enough to say anything.
    """

    interval_days: int
    at_interval: tuple[ResponseDuration, ...]
    boosters_on: tuple[date, ...]
    settled: bool | None
    open_cautions: int = 0
    observed: bool = True
    findings: tuple[FindingCode, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDate:
    """The day of the next booster by the taper plan, and how it was reached; a clinician books it or another.

    Attributes:
        on: `interval_days` after `since`, the day of the last infusion.
        step: which of the plan's `steps` has this interval, the first is 1; None when none has.
        benefits: the finished benefits at the present interval that the suggestion looked at, oldest first.
    """

    on: date
    since: date
    interval_days: int
    step: int | None
    steps: int
    benefits: tuple[ResponseDuration, ...]


def planned_date(
    plan: TaperPlan, now: Maintenance, suggestion: TaperSuggestion, *, last_infusion_on: date | None
) -> PlannedDate | None:
    """The suggested interval after the last infusion; None where boosters are given as needed, or none is due yet."""
    days = suggestion.interval_days
    if days is None or last_infusion_on is None:
        return None
    intervals = [step.interval_days for step in plan.steps]
    return PlannedDate(
        on=last_infusion_on + timedelta(days=days),
        since=last_infusion_on,
        interval_days=days,
        step=intervals.index(days) + 1 if days in intervals else None,
        steps=len(intervals),
        benefits=tuple(one for one in now.at_interval if one.from_day < last_infusion_on),
    )


def problems_of_plan(plan: TaperPlan, protocol: Protocol = STANDARD) -> tuple[PlanProblem, ...]:
    """A plan has steps of 1 day to a year that never grow shorter; only the last may be open."""
    steps = plan.steps
    intervals = [step.interval_days for step in steps]
    found = {
        PlanProblem.NO_STEPS: not steps,
        PlanProblem.INTERVAL_OUT_OF_RANGE: any(
            not 1 <= days <= protocol.taper_longest_days for days in intervals
        ),
        PlanProblem.COUNT_NOT_POSITIVE: any(step.count is not None and step.count < 1 for step in steps),
        PlanProblem.OPEN_STEP_NOT_LAST: any(step.count is None for step in steps[:-1]),
        PlanProblem.INTERVALS_SHORTEN: intervals != sorted(intervals),
    }
    return tuple(problem for problem, present in found.items() if present)


def suggest(
    plan: TaperPlan,
    now: Maintenance,
    *,
    as_of: date,
    protocol: Protocol = STANDARD,
) -> TaperSuggestion:
    """Doubt first, then loss, then success: hold when unsure, shorten when lost twice, else lengthen.

    No reference, an unknown level or a stretch that was not observed holds, and so does any open finding.
    """
    doubt = _doubt(now)
    if doubt is not None:
        return _hold(now, doubt)
    lost_in_a_row = _latest_row(now, lost=True)
    if lost_in_a_row and lost_in_a_row[-1].days <= protocol.not_held_days:
        return _hold(now, _about(TaperCode.BOOSTER_DID_NOT_HOLD, lost_in_a_row[-1:]))
    if len(lost_in_a_row) >= protocol.taper_lost_in_a_row:
        return _shorten(plan, now, lost_in_a_row, as_of, protocol)
    if lost_in_a_row:
        return _hold(now, _about(TaperCode.LOST_ONCE, lost_in_a_row))
    if not now.settled:
        return _hold(now, TaperReason(code=TaperCode.BEING_WATCHED))
    return _lengthen_when_held(plan, now, protocol)


def _doubt(now: Maintenance) -> TaperReason | None:
    """What makes every move wait: no reference, an unknown level, nothing observed, an open finding."""
    if now.settled is None:
        return TaperReason(code=TaperCode.NO_REFERENCE)
    if not now.observed:
        return TaperReason(code=TaperCode.NOT_OBSERVED)
    if now.findings:
        return TaperReason(code=TaperCode.FINDING_OPEN, counts=(len(now.findings),))
    return None


def frequency(boosters_on: Sequence[date], *, as_of: date, days: int) -> tuple[int, int]:
    """Boosters in the last so many days, and in as many days before those."""
    recent = as_of - timedelta(days=days)
    before = recent - timedelta(days=days)
    return (
        sum(recent < day <= as_of for day in boosters_on),
        sum(before < day <= recent for day in boosters_on),
    )


def is_rising(boosters_on: Sequence[date], *, as_of: date, days: int) -> bool:
    """More boosters in the last span than in the one before, once both lie within maintenance."""
    last, before = frequency(boosters_on, as_of=as_of, days=days)
    began = min(boosters_on, default=as_of)
    return (as_of - began).days >= 2 * days and last > before


def _shorten(
    plan: TaperPlan,
    now: Maintenance,
    lost: Sequence[ResponseDuration],
    as_of: date,
    protocol: Protocol,
) -> TaperSuggestion:
    """Back to the plan's next shorter interval, unless a caution is open or the frequency already rises."""
    reason = _about(TaperCode.LOST_IN_A_ROW, lost)
    shorter = [
        step.interval_days
        for step in plan.steps
        if protocol.taper_shortest_days <= step.interval_days < now.interval_days
    ]
    if now.open_cautions:
        return _hold(now, reason, TaperReason(code=TaperCode.CAUTION_OPEN, counts=(now.open_cautions,)))
    if is_rising(now.boosters_on, as_of=as_of, days=protocol.taper_frequency_days):
        counts = frequency(now.boosters_on, as_of=as_of, days=protocol.taper_frequency_days)
        return _hold(now, reason, TaperReason(code=TaperCode.FREQUENCY_ALREADY_RISING, counts=counts))
    if not shorter:
        return _hold(now, reason, TaperReason(code=TaperCode.NO_SHORTER_STEP))
    return TaperSuggestion(move=TaperMove.SHORTEN, interval_days=max(shorter), reasons=(reason,))


def _lengthen_when_held(plan: TaperPlan, now: Maintenance, protocol: Protocol) -> TaperSuggestion:
    """When the step's intervals ended well, the plan's next longer one; after the last step, as needed."""
    held = _latest_row(now, lost=False)
    wanted = _count_at(plan, now.interval_days, protocol)
    if len(held) < wanted:
        return _hold(now, TaperReason(code=TaperCode.STEP_NOT_COMPLETE, counts=(len(held), wanted)))
    longer = [step.interval_days for step in plan.steps if step.interval_days > now.interval_days]
    code = TaperCode.STEP_HELD if longer else TaperCode.LONGEST_INTERVAL_HELD
    reason = TaperReason(code=code, interval_days=now.interval_days, counts=(len(held), wanted))
    return TaperSuggestion(
        move=TaperMove.LENGTHEN, interval_days=min(longer, default=None), reasons=(reason,)
    )


def _latest_row(now: Maintenance, *, lost: bool) -> list[ResponseDuration]:
    """The latest intervals in a row that were lost (or held).

    An interval counts once it is lost or was censored, and only if it was observed; one still under way, or cut
    short by an early booster, says nothing and is passed over. One that was lost only after its planned end is
    neither.
    """
    row: list[ResponseDuration] = []
    for benefit in reversed(now.at_interval):
        censored = benefit.outlasted_days >= now.interval_days
        if not benefit.observed or (not benefit.lost and not censored):
            continue
        if benefit.lost is not lost or (lost and censored):
            break
        row.insert(0, benefit)
    return row


def _count_at(plan: TaperPlan, interval_days: int, protocol: Protocol) -> int:
    """How many intervals of this length the plan wants to see."""
    counts = [step.count for step in plan.steps if step.interval_days == interval_days and step.count]
    return max(counts, default=protocol.taper_open_step_count)


def _about(code: TaperCode, benefits: Sequence[ResponseDuration]) -> TaperReason:
    return TaperReason(code=code, days=tuple(benefit.days for benefit in benefits))


def _hold(now: Maintenance, *reasons: TaperReason) -> TaperSuggestion:
    return TaperSuggestion(move=TaperMove.HOLD, interval_days=now.interval_days, reasons=reasons)


_BENEFITS_SAID: Final = 4
"""So many of the latest benefits are said with a planned date."""


def suggestion_sentence(suggestion: TaperSuggestion, language: Language) -> str:
    """What is suggested, in one sentence; a clinician decides."""
    if suggestion.interval_days is None:
        return language.say("taper_as_needed")
    interval = language.count(suggestion.interval_days, "day")
    return language.say(f"taper_move_{suggestion.move.value}", interval=interval)


def reasons_said(suggestion: TaperSuggestion, language: Language) -> tuple[str, ...]:
    """Why, a sentence for each reason."""
    return tuple(_reason(one, language) for one in suggestion.reasons)


def planned_said(planned: PlannedDate, language: Language, year: int) -> str:
    """The planned date and how it was reached: the interval, the plan's step, the benefits at it so far."""
    benefits = [_benefit_said(one, language, year) for one in planned.benefits[-_BENEFITS_SAID:]]
    return language.say(
        "planned",
        on=language.day(planned.on, year),
        days=language.count(planned.interval_days, "day"),
        since=language.day(planned.since, year),
        step=language.say("planned_step", step=planned.step, steps=planned.steps) if planned.step else "",
        benefits=language.say("planned_benefits", what=language.listed(benefits)) if benefits else "",
    )


def _benefit_said(one: ResponseDuration, language: Language, year: int) -> str:
    on = language.day(one.from_day, year)
    if not one.observed:
        return language.say("planned_unseen", on=on)
    if not one.lost:
        return language.say("planned_held", days=language.count(one.outlasted_days, "day"), on=on)
    most = one.days if one.at_most_days is None else one.at_most_days
    ranged = most - one.days > 1
    least = language.say("held_range", least=one.days, most=most) if ranged else f"{one.days}"
    return language.say("planned_lost", held=least, days=language.count(most, "day").partition(" ")[2], on=on)


def _reason(reason: TaperReason, language: Language) -> str:
    held, wanted = (*reason.counts, 0, 0)[:2]
    return language.say(
        f"taper_{reason.code.value}",
        held=held,
        wanted=wanted,
        interval=language.count(reason.interval_days or 0, "day"),
        days=language.listed([str(days) for days in reason.days]),
    )
