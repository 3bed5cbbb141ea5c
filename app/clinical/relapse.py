"""Ground B: a validated total shows that the benefit is being lost, and a second total confirms it.

In real weekly scores of 418 responders only 44 % of single crossings were confirmed by the next one, so
one crossing watches and asks for an earlier repeat, and only a confirmed run says "consider".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.clinical.check_ins import is_acute
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.review import (
    RESPONSE_NUMBERS,
    baseline_total,
    improvement_since,
    total_after_induction,
)
from app.clinical.scales import AssessmentTotal, Scale, day_of


class TotalsLevel(StrEnum):
    """What the totals of one scale say, mildest first; the words are those of a patient's level."""

    NO_REFERENCE = "no_reference"
    STEADY = "steady"
    WATCH = "watch"
    CONSIDER_BOOSTER = "consider_booster"


class TotalsCode(StrEnum):
    """Why the totals say what they say."""

    SCALE_RAISES_NOTHING = "scale_raises_nothing"
    INDUCTION_RUNNING = "induction_running"
    REFERENCE_AWAITED = "reference_awaited"
    REFERENCE_NOT_TAKEN = "reference_not_taken"
    RESPONSE_TOO_SMALL = "response_too_small"
    NO_BASELINE = "no_baseline"
    NO_TOTAL_SINCE = "no_total_since"
    BELOW_LINE = "below_line"
    ONE_CROSSING = "one_crossing"
    CROSSINGS_TOO_CLOSE = "crossings_too_close"
    CROSSINGS_CONFIRMED = "crossings_confirmed"
    LAST_TOTAL_OLD = "last_total_old"


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalsReason:
    """One coded reason with the numbers it used: a total, the line it was held against, its day, a count.

    `days` is a span that decided: between first and last crossing, or since the last total.
    """

    code: TotalsCode
    total: float | None = None
    line: float | None = None
    on: date | None = None
    count: int | None = None
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingLine:
    """The total at which one scale crosses (inclusive, in the scale's own direction), and its two parts."""

    total: float
    relapse_level: float
    half_way_back: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundB:
    """What the totals of one scale say as of now, with everything that it rests on.

    `crossings` are the latest totals in a row at the line or beyond it; `share_lost` is the share of the
    improvement that the latest total has lost; `repeat_wanted_by` is the day from which a repeat confirms.
    """

    scale: str
    level: TotalsLevel
    reasons: tuple[TotalsReason, ...]
    baseline: AssessmentTotal | None = None
    reference: AssessmentTotal | None = None
    line: CrossingLine | None = None
    latest: AssessmentTotal | None = None
    crossings: tuple[AssessmentTotal, ...] = ()
    share_lost: float | None = None
    repeat_wanted_by: date | None = None


def judge_totals(
    totals: Sequence[AssessmentTotal],
    *,
    scale: Scale,
    first_infusion_at: datetime,
    last_induction_at: datetime,
    as_of: datetime,
    infusions_at: Sequence[datetime] = (),
    protocol: Protocol = STANDARD,
) -> GroundB:
    """Hold the totals since the last infusion against the reference that induction left.

    Args:
        totals: the accepted totals of this scale, in any order. Each `taken_at` carries the patient's own
            UTC offset, since windows count check-in days.
        scale: the scale they belong to. One without a relapse level raises nothing.
        first_infusion_at: of this course.
        last_induction_at: of this course; induction itself must be over.
        as_of: the moment that the answer speaks about, by the patient's clock; nothing later has any
            effect.
        infusions_at: every infusion of the course; a booster restarts the run, never the reference.
        protocol: the numbers in force.
    """
    known = sorted(total for total in totals if total.taken_at <= as_of)
    given = sorted({at for at in (*infusions_at, first_infusion_at, last_induction_at) if at <= as_of})
    baseline = baseline_total(known, first_infusion_at=first_infusion_at, protocol=protocol)
    reference = total_after_induction(
        known, last_induction_at=last_induction_at, infusions_at=given, protocol=protocol
    )
    missing = _why_no_reference(scale, baseline, reference, last_induction_at, given, as_of, protocol)
    if missing is not None or reference is None or scale.relapse is None:
        return _no_reference(scale, missing, baseline, reference)
    line = crossing_line(
        scale, relapse=scale.relapse, baseline=baseline, reference=reference, protocol=protocol
    )
    since = totals_since(reference, known, given, protocol)
    return _judge_run(
        scale, line, since, baseline=baseline, reference=reference, as_of=as_of, protocol=protocol
    )


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
        and total.taken_at > given[-1]
        and not is_acute(total.taken_at.timestamp(), given_at, protocol)
    ]


def crossing_line(
    scale: Scale,
    *,
    relapse: float,
    baseline: AssessmentTotal | None,
    reference: AssessmentTotal,
    protocol: Protocol = STANDARD,
) -> CrossingLine:
    """Half of the improvement lost and at the relapse level; without a baseline the relapse level alone."""
    if baseline is None:
        return CrossingLine(total=relapse, relapse_level=relapse, half_way_back=None)
    well, ill = scale.burden(reference.total), scale.burden(baseline.total)
    half_way = round(well + protocol.totals_share_lost * (ill - well), 9)
    return CrossingLine(
        total=scale.total_at(max(half_way, scale.burden(relapse))),
        relapse_level=relapse,
        half_way_back=scale.total_at(half_way),
    )


def latest_crossings(
    scale: Scale, line: CrossingLine, since: Sequence[AssessmentTotal]
) -> tuple[AssessmentTotal, ...]:
    """The latest totals in a row at the line or beyond it; one total below the line ends the row."""
    crossings: list[AssessmentTotal] = []
    for total in reversed(since):
        if scale.burden(total.total) < scale.burden(line.total):
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
        window = timedelta(days=protocol.window_latest_day)
        closed = day_of(as_of) > day_of(last_induction_at) + window or given[-1] > last_induction_at
        return TotalsCode.REFERENCE_NOT_TAKEN if closed else TotalsCode.REFERENCE_AWAITED
    if not _shows_benefit(scale, baseline, reference):
        return TotalsCode.RESPONSE_TOO_SMALL
    return None


def _no_reference(
    scale: Scale,
    because: TotalsCode | None,
    baseline: AssessmentTotal | None,
    reference: AssessmentTotal | None,
) -> GroundB:
    return GroundB(
        scale=scale.key,
        level=TotalsLevel.NO_REFERENCE,
        reasons=() if because is None else (TotalsReason(code=because),),
        baseline=baseline,
        reference=reference,
    )


def _shows_benefit(scale: Scale, baseline: AssessmentTotal | None, reference: AssessmentTotal) -> bool:
    """At least a partial response; without a baseline, at least below the relapse level."""
    if baseline is None:
        return not scale.at_relapse_level(reference.total)
    improvement = improvement_since(scale, baseline=baseline.total, now=reference.total)
    return improvement is not None and improvement >= RESPONSE_NUMBERS.partial_share


def _judge_run(
    scale: Scale,
    line: CrossingLine,
    since: Sequence[AssessmentTotal],
    *,
    baseline: AssessmentTotal | None,
    reference: AssessmentTotal,
    as_of: datetime,
    protocol: Protocol,
) -> GroundB:
    """No crossing is steady, a confirmed run is consider, anything between is watch and asks again."""
    crossings = latest_crossings(scale, line, since)
    latest = since[-1] if since else None
    level, reason = _level_of(scale, line, crossings, latest, as_of=as_of, protocol=protocol)
    assumed = () if baseline is not None else (TotalsReason(code=TotalsCode.NO_BASELINE),)
    return GroundB(
        scale=scale.key,
        level=level,
        reasons=(reason, *assumed),
        baseline=baseline,
        reference=reference,
        line=line,
        latest=latest,
        crossings=crossings,
        share_lost=_share_lost(scale, baseline, reference, latest),
        repeat_wanted_by=_repeat_wanted_by(scale, reason, crossings, as_of),
    )


def _level_of(
    scale: Scale,
    line: CrossingLine,
    crossings: Sequence[AssessmentTotal],
    latest: AssessmentTotal | None,
    *,
    as_of: datetime,
    protocol: Protocol,
) -> tuple[TotalsLevel, TotalsReason]:
    """Consider: every total of the run crossing, at least two, N days apart, the last one recent."""
    if latest is None:
        return TotalsLevel.STEADY, TotalsReason(code=TotalsCode.NO_TOTAL_SINCE)
    span = (crossings[-1].day - crossings[0].day).days if crossings else 0
    age = (day_of(as_of) - latest.day).days

    def because(code: TotalsCode, days: int | None = None) -> TotalsReason:
        return TotalsReason(
            code=code, total=latest.total, line=line.total, on=latest.day, count=len(crossings), days=days
        )

    if not crossings:
        return TotalsLevel.STEADY, because(TotalsCode.BELOW_LINE)
    if len(crossings) < protocol.totals_least_crossings:
        return TotalsLevel.WATCH, because(TotalsCode.ONE_CROSSING)
    if span < (scale.days_apart or 0):
        return TotalsLevel.WATCH, because(TotalsCode.CROSSINGS_TOO_CLOSE, span)
    if age > protocol.totals_speak_for_days:
        return TotalsLevel.WATCH, because(TotalsCode.LAST_TOTAL_OLD, age)
    return TotalsLevel.CONSIDER_BOOSTER, because(TotalsCode.CROSSINGS_CONFIRMED, span)


def _share_lost(
    scale: Scale,
    baseline: AssessmentTotal | None,
    reference: AssessmentTotal,
    latest: AssessmentTotal | None,
) -> float | None:
    """The share of the improvement since before treatment that the latest total no longer shows."""
    if baseline is None or latest is None:
        return None
    well, ill = scale.burden(reference.total), scale.burden(baseline.total)
    return round((scale.burden(latest.total) - well) / (ill - well), 9)


def _repeat_wanted_by(
    scale: Scale, reason: TotalsReason, crossings: Sequence[AssessmentTotal], as_of: datetime
) -> date | None:
    """Unconfirmed: as soon as a repeat can confirm. Confirmed but old: now."""
    if reason.code in {TotalsCode.ONE_CROSSING, TotalsCode.CROSSINGS_TOO_CLOSE}:
        return crossings[0].day + timedelta(days=scale.days_apart or 0)
    return day_of(as_of) if reason.code is TotalsCode.LAST_TOTAL_OLD else None
