"""Criterion B: a validated total shows that the benefit is being lost, and a second total confirms it.

In real weekly scores of 418 responders only 44 % of single crossings were confirmed by the next one, so
one crossing watches and asks for an earlier repeat, and only a confirmed run says "consider".

What the totals have come to changes only with a total or an infusion, so it is made then and remembered
(`totals_so_far`); what that says on a day takes the day alone (`criterion_b_on`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from app.clinical.check_ins import is_acute
from app.clinical.fast_enums import quick
from app.clinical.levels import CriterionName, Level
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reasons import Criterion, Totals
from app.clinical.review import baseline_total, improvement_since, total_after_induction
from app.clinical.scales import AssessmentTotal, Scale, day_of


@quick
class TotalsCode(StrEnum):
    """Why the totals say what they say."""

    SCALE_RAISES_NOTHING = "scale_raises_nothing"
    INDUCTION_RUNNING = "induction_running"
    REFERENCE_AWAITED = "reference_awaited"
    REFERENCE_NOT_TAKEN = "reference_not_taken"
    RESPONSE_TOO_SMALL = "response_too_small"
    NO_BASELINE = "no_baseline"
    NO_TOTAL_SINCE = "no_total_since"
    BELOW_THRESHOLD = "below_threshold"
    ONE_CROSSING = "one_crossing"
    CROSSINGS_TOO_CLOSE = "crossings_too_close"
    CROSSINGS_CONFIRMED = "crossings_confirmed"
    LAST_TOTAL_OLD = "last_total_old"


class TotalsReason(NamedTuple):
    """One coded reason with the numbers it used: a total, the threshold it was held against, its day.

    `crossings` counts the run's totals. `days` is a span that decided: from the first crossing to the
    last, or since the last total.
    """

    code: TotalsCode
    total: float | None = None
    threshold: float | None = None
    on: date | None = None
    crossings: int | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingThreshold:
    """The total at which one scale crosses (inclusive, in the scale's own direction), and its two parts."""

    total: float
    relapse_level: float
    half_way_back: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsSoFar:
    """What the totals of one scale have come to: all that can be said without the day of asking.

    Attributes:
        last: the latest total of all; it is shown.
        baseline, reference: before the first infusion, and after induction.
        missing: why there is no reference to hold totals against; None when there is one.
        awaited_until: the last day on which the awaited reference may still be taken.
        threshold: from where on a total crosses.
        latest: the last total that can decide.
        crossings: the latest of these in a row at or above the threshold.
    """

    scale: Scale
    last: AssessmentTotal | None
    baseline: AssessmentTotal | None = None
    reference: AssessmentTotal | None = None
    missing: TotalsCode | None = None
    awaited_until: date | None = None
    threshold: CrossingThreshold | None = None
    latest: AssessmentTotal | None = None
    crossings: tuple[AssessmentTotal, ...] = ()


class ScaleCriterion(NamedTuple):
    """What the totals of one scale say on a day, with everything that it rests on."""

    totals: TotalsSoFar
    level: Level
    reasons: tuple[TotalsReason, ...]


def totals_so_far(
    totals: Iterable[AssessmentTotal],
    *,
    scale: Scale,
    first_infusion_at: datetime,
    last_induction_at: datetime,
    as_of: datetime,
    infusions_at: Sequence[datetime] = (),
    protocol: Protocol = STANDARD,
) -> TotalsSoFar:
    """What the totals have come to by now.

    Args:
        totals: the accepted totals of this scale, in any order. Each `taken_at` carries the patient's own
            UTC offset, since windows count check-in days.
        scale: the scale they belong to. One without a relapse level raises nothing.
        first_infusion_at: of this course.
        last_induction_at: of this course; induction itself must be over.
        as_of: now.
        infusions_at: every infusion of the course; a booster restarts the run, never the reference.
        protocol: the active numbers.
    """
    known = sorted(total for total in totals if total.taken_at <= as_of)
    given = sorted({at for at in (*infusions_at, first_infusion_at, last_induction_at) if at <= as_of})
    baseline = baseline_total(known, first_infusion_at=first_infusion_at, protocol=protocol)
    reference = total_after_induction(
        known, last_induction_at=last_induction_at, infusions_at=given, protocol=protocol
    )
    last = known[-1] if known else None
    missing = _why_no_reference(scale, baseline, reference, last_induction_at, given, as_of, protocol)
    if missing is not None or reference is None or scale.relapse is None:
        return TotalsSoFar(
            scale=scale,
            last=last,
            baseline=baseline,
            reference=reference,
            missing=missing,
            awaited_until=day_of(last_induction_at) + timedelta(days=protocol.window_latest_day),
        )
    return _held_against(reference, baseline, known, given, scale, scale.relapse, protocol)


def totals_when_taken_on(
    totals: Iterable[AssessmentTotal],
    *,
    scale: Scale,
    taken_on: date,
    first_infusion_at: datetime | None,
    infusions_at: Sequence[datetime],
    protocol: Protocol = STANDARD,
) -> TotalsSoFar:
    """What the totals of a patient who was taken on in maintenance have come to: they speak at once.

    The reference is the last total by the day of taking on, else the first one after it; without a total from before
    the first known infusion the relapse level alone is the threshold.

    Args:
        totals: those up to now.
        scale: the scale they belong to.
        taken_on: the day.
        first_infusion_at: the first infusion, when it is known which was the first; by the patient's clock.
        infusions_at: every infusion of the course, in order.
        protocol: the active numbers.
    """
    known, given_at = sorted(totals), [one.timestamp() for one in infusions_at]
    baseline = None
    if first_infusion_at is not None:
        baseline = baseline_total(known, first_infusion_at=first_infusion_at, protocol=protocol)
    countable = [
        total
        for total in known
        if not is_acute(total.taken_at.timestamp(), given_at, protocol)
        and (first_infusion_at is None or total.taken_at > first_infusion_at)
    ]
    by_then = [total for total in countable if total.day <= taken_on]
    reference = by_then[-1] if by_then else min(countable, default=None)
    missing = None
    if scale.relapse is None:
        missing = TotalsCode.SCALE_RAISES_NOTHING
    elif reference is None:
        missing = TotalsCode.REFERENCE_AWAITED
    elif not _shows_benefit(scale, baseline, reference, protocol):
        missing = TotalsCode.RESPONSE_TOO_SMALL
    if missing is not None or reference is None or scale.relapse is None:
        last = known[-1] if known else None
        return TotalsSoFar(scale=scale, last=last, baseline=baseline, reference=reference, missing=missing)
    return _held_against(reference, baseline, known, infusions_at, scale, scale.relapse, protocol)


def _held_against(
    reference: AssessmentTotal,
    baseline: AssessmentTotal | None,
    known: Sequence[AssessmentTotal],
    given: Sequence[datetime],
    scale: Scale,
    relapse: float,
    protocol: Protocol,
) -> TotalsSoFar:
    threshold = crossing_threshold(
        scale, relapse=relapse, baseline=baseline, reference=reference, protocol=protocol
    )
    since = totals_since(reference, known, given, protocol)
    return TotalsSoFar(
        scale=scale,
        last=known[-1],
        baseline=baseline,
        reference=reference,
        threshold=threshold,
        latest=since[-1] if since else None,
        crossings=latest_crossings(scale, threshold, since),
    )


def criterion_b_on(totals: TotalsSoFar, day: date, protocol: Protocol) -> ScaleCriterion:
    """No crossing is steady, a confirmed run is consider, anything between is watch and asks again."""
    if totals.missing is not None:
        late = totals.awaited_until is not None and day > totals.awaited_until
        awaited = totals.missing is TotalsCode.REFERENCE_AWAITED
        code = TotalsCode.REFERENCE_NOT_TAKEN if awaited and late else totals.missing
        return ScaleCriterion(totals, Level.NO_REFERENCE, (TotalsReason(code),))
    level, reason = _level_of(totals, day, protocol)
    if totals.baseline is None:
        return ScaleCriterion(totals, level, (reason, TotalsReason(TotalsCode.NO_BASELINE)))
    return ScaleCriterion(totals, level, (reason,))


def totals_since(
    reference: AssessmentTotal,
    known: Sequence[AssessmentTotal],
    given: Sequence[datetime],
    protocol: Protocol = STANDARD,
) -> list[AssessmentTotal]:
    """The totals that can decide: after the reference, after the last infusion, and no acute effects."""
    given_at = [one.timestamp() for one in given]
    return [
        total
        for total in known
        if total > reference
        and (not given or total.taken_at > given[-1])
        and not is_acute(total.taken_at.timestamp(), given_at, protocol)
    ]


def crossing_threshold(
    scale: Scale,
    *,
    relapse: float,
    baseline: AssessmentTotal | None,
    reference: AssessmentTotal,
    protocol: Protocol = STANDARD,
) -> CrossingThreshold:
    """Half of the improvement lost and at the relapse level; without a baseline the relapse level alone."""
    if baseline is None:
        return CrossingThreshold(total=relapse, relapse_level=relapse, half_way_back=None)
    well, ill = scale.severity(reference.total), scale.severity(baseline.total)
    half_way = round(well + protocol.totals_share_lost * (ill - well), 9)
    return CrossingThreshold(
        total=scale.total_at(max(half_way, scale.severity(relapse))),
        relapse_level=relapse,
        half_way_back=scale.total_at(half_way),
    )


def latest_crossings(
    scale: Scale, threshold: CrossingThreshold, since: Sequence[AssessmentTotal]
) -> tuple[AssessmentTotal, ...]:
    """The latest totals in a row at or above the threshold; one total below the threshold ends the row."""
    crossings: list[AssessmentTotal] = []
    for total in reversed(since):
        if scale.severity(total.total) < scale.severity(threshold.total):
            break
        crossings.insert(0, total)
    return tuple(crossings)


def _why_no_reference(
    scale: Scale,
    baseline: AssessmentTotal | None,
    reference: AssessmentTotal | None,
    last_induction_at: datetime,
    given: Sequence[datetime],
    as_of: datetime,
    protocol: Protocol,
) -> TotalsCode | None:
    """A reference needs a scale that can relapse, a total in its window, and a benefit worth the name."""
    if scale.relapse is None:
        return TotalsCode.SCALE_RAISES_NOTHING
    if as_of < last_induction_at:
        return TotalsCode.INDUCTION_RUNNING
    if reference is None:
        boosted = given[-1] > last_induction_at
        return TotalsCode.REFERENCE_NOT_TAKEN if boosted else TotalsCode.REFERENCE_AWAITED
    return None if _shows_benefit(scale, baseline, reference, protocol) else TotalsCode.RESPONSE_TOO_SMALL


def _shows_benefit(
    scale: Scale, baseline: AssessmentTotal | None, reference: AssessmentTotal, protocol: Protocol
) -> bool:
    """At least a partial response; without a baseline, at least below the relapse level."""
    if baseline is None:
        return not scale.at_relapse_level(reference.total)
    improvement = improvement_since(scale, baseline=baseline.total, now=reference.total)
    return improvement is not None and improvement >= protocol.partial_share


def _level_of(totals: TotalsSoFar, day: date, protocol: Protocol) -> tuple[Level, TotalsReason]:
    """Consider: every total of the run crossing, at least two, N days apart, the last one recent."""
    threshold, latest, crossings = totals.threshold, totals.latest, totals.crossings
    if threshold is None or latest is None:
        return Level.STEADY, TotalsReason(TotalsCode.NO_TOTAL_SINCE)
    on = latest.day

    def because(code: TotalsCode, days: int | None = None) -> TotalsReason:
        return TotalsReason(code, latest.total, threshold.total, on, len(crossings), days)

    if not crossings:
        return Level.STEADY, because(TotalsCode.BELOW_THRESHOLD)
    if len(crossings) < protocol.totals_least_crossings:
        return Level.WATCH, because(TotalsCode.ONE_CROSSING)
    span, age = (on - crossings[0].day).days, (day - on).days
    if span < (totals.scale.days_apart or 0):
        return Level.WATCH, because(TotalsCode.CROSSINGS_TOO_CLOSE, span)
    if age > protocol.totals_speak_for_days:
        return Level.WATCH, because(TotalsCode.LAST_TOTAL_OLD, age)
    return Level.CONSIDER_BOOSTER, because(TotalsCode.CROSSINGS_CONFIRMED, span)


def criterion_b(totals: Sequence[TotalsSoFar], day: date, protocol: Protocol) -> tuple[Criterion, ...]:
    """One criterion for each scale that has a relapse level and any total, on a day by the patient's clock."""
    return tuple(_criterion(one, day, protocol) for one in totals if one.scale.relapse is not None)


def _criterion(totals: TotalsSoFar, day: date, protocol: Protocol) -> Criterion:
    found, scale = criterion_b_on(totals, day, protocol), totals.scale.key
    reasons = tuple(
        Totals(one.code.value, scale, one.total, one.threshold, one.on, one.crossings, one.days)
        for one in found.reasons
    )
    crossed = found.totals.crossings if found.level > Level.STEADY else ()
    since = crossed[0].day if crossed else None
    return Criterion(CriterionName.SCALE_RELAPSE, found.level, reasons, since, scale)
