"""A clinic's numbers over a period, put together from what was read. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.care.insights.figures import (
    Period,
    SafetyNumbers,
    Share,
    SignalNumbers,
    count_safety,
    count_signals,
    rate,
)
from app.care.insights.outcomes import (
    BenefitNumbers,
    CheckInDays,
    InductionNumbers,
    Part,
    below_half,
    benefit_numbers,
    check_in_days,
    ends_in,
    induction_numbers,
    stretches,
    watched_days,
)
from app.clinical.history import ScaleTotals
from app.clinical.protocol import Protocol
from app.clinical.waiting import WaitingLimits
from app.storage.care_pasts import CarePast
from app.storage.insights import CountedSignal, NotOut, ReportedSafety

_DAYS_A_YEAR: Final = 365.25
_WEEK: Final = 7
_LONGEST_BY_WEEK: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """All that is counted, as it was read in one transaction."""

    care: Sequence[CarePast]
    signals: Sequence[CountedSignal]
    safety: Sequence[ReportedSafety]
    not_out: Sequence[NotOut]
    totals: Mapping[UUID, Sequence[ScaleTotals]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Over whom the rule watched: after induction, in a course that was going on.

    `reporting`: of all patients under care, those with any check-in in the period.
    """

    patients: int
    days: int
    reporting: int

    @property
    def years(self) -> float:
        """Patient-years of 365.25 days."""
        return self.days / _DAYS_A_YEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInNumbers:
    """Adherence: of the days on which the plan asked, those that were answered; `beside` were not asked for."""

    patients: int
    answered: Share
    beside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """Deliveries about these patients that are undelivered: `safety` of them are safety events."""

    held: int
    exhausted: int
    safety: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A week of the period, or four of a long one: what was raised, reported and answered in it."""

    begins: date
    raised: int
    in_time: Share
    precision: Share
    safety_in_time: Share
    answered: Share
    below_half: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Insights:
    """A clinic's numbers."""

    period: Period
    computed_at: datetime
    mode: str
    watched: Watched
    signals: SignalNumbers
    per_patient_year: float | None
    safety: SafetyNumbers
    check_ins: CheckInNumbers
    inductions: InductionNumbers
    benefits: BenefitNumbers
    below_half: Share
    steps: tuple[Step, ...]
    undelivered: Undelivered


def insights_from(
    read: Read, *, period: Period, mode: str, limits: WaitingLimits, now: datetime, protocol: Protocol
) -> Insights:
    """Count everything. What has not happened by `now` is in no number."""
    parts = [
        (past, part)
        for past in read.care
        for part in stretches(past, period=period, now=now, protocol=protocol)
    ]
    watched = _watched(read, parts)
    signals = count_signals(read.signals, limits=limits, as_of=now)
    states = Counter(one.state for one in read.not_out)
    return Insights(
        period=period,
        computed_at=now,
        mode=mode,
        watched=watched,
        signals=signals,
        per_patient_year=rate(signals.raised, watched.years),
        safety=count_safety(read.safety, limits=limits, as_of=now),
        check_ins=_check_ins(parts, now=now, protocol=protocol),
        inductions=induction_numbers(parts, read.totals, period=period, now=now, protocol=protocol),
        benefits=benefit_numbers(parts, read.signals),
        below_half=below_half(parts, read.signals),
        steps=tuple(
            _step(read, parts, one, limits=limits, now=now, protocol=protocol) for one in steps_of(period)
        ),
        undelivered=Undelivered(
            held=states["held"],
            exhausted=states["exhausted"],
            safety=sum(one.urgency == "safety" for one in read.not_out),
        ),
    )


def steps_of(period: Period) -> list[Period]:
    """Cut a period into weeks, a long one into four weeks each; they end with it, so the first may be shorter."""
    days = (period.end - period.first).days
    length = _WEEK if days <= _LONGEST_BY_WEEK else 4 * _WEEK
    ends = [period.end - timedelta(days=back) for back in range(0, days, length)][::-1]
    return [replace(period, first=max(period.first, end - timedelta(days=length)), end=end) for end in ends]


def _step(
    read: Read,
    parts: Sequence[Part],
    step: Period,
    *,
    limits: WaitingLimits,
    now: datetime,
    protocol: Protocol,
) -> Step:
    """Count again what lies in this step; a loss before it still counts as below half in it."""
    raised = [one for one in read.signals if step.began_at <= one.raised_at < step.ended_at]
    signals = count_signals(raised, limits=limits, as_of=now)
    reported = [one for one in read.safety if step.began_at <= one.received_at < step.ended_at]
    within = [
        (past, replace(part, first=max(part.first, step.first), stop=min(part.stop, step.end)))
        for past, part in parts
        if part.first < step.end and part.stop > step.first
    ]
    return Step(
        begins=step.first,
        raised=len(raised),
        in_time=signals.in_time,
        precision=signals.precision,
        safety_in_time=count_safety(reported, limits=limits, as_of=now).in_time,
        answered=_check_ins(within, now=now, protocol=protocol).answered,
        below_half=below_half(within, read.signals),
    )


def totals_wanted(
    care: Iterable[CarePast], *, period: Period, now: datetime, protocol: Protocol
) -> tuple[list[UUID], datetime]:
    """Whose totals say what an induction of the period achieved, and since when they are needed."""
    ids: dict[UUID, None] = {}
    since = period.began_at
    before = timedelta(days=protocol.baseline_days_before + 1)
    for past in care:
        for part in stretches(past, period=period, now=now, protocol=protocol):
            if ends_in(past, part, period=period, now=now):
                ids[past.patient_id] = None
                since = min(since, part.given[0].given_at - before)
    return list(ids), since


def _watched(read: Read, parts: Sequence[Part]) -> Watched:
    days: Counter[UUID] = Counter()
    for past, part in parts:
        days[past.patient_id] += watched_days(part)
    return Watched(
        patients=sum(count > 0 for count in days.values()),
        days=days.total(),
        reporting=sum(bool(past.check_in_days) for past in read.care),
    )


def _check_ins(parts: Sequence[Part], *, now: datetime, protocol: Protocol) -> CheckInNumbers:
    asked: set[UUID] = set()
    found: list[CheckInDays] = []
    for past, part in parts:
        days = check_in_days(past, part, now=now, protocol=protocol)
        found.append(days)
        if days.due:
            asked.add(past.patient_id)
    return CheckInNumbers(
        patients=len(asked),
        answered=Share(sum(one.answered for one in found), sum(one.due for one in found)),
        beside=sum(one.beside for one in found),
    )
