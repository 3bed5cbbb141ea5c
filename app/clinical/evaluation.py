"""The answer: what a patient's reports say as of a moment, with coded reasons and every number used.

`evaluate` works from a whole history. Where each check-in must cost a step only, keep the `Memory`:
`advance` it with the check-in and `judge` it. Both ways give the same answer, always.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Final, NamedTuple

from app.clinical.channels import CHANNELS, NOTHING, PerChannel
from app.clinical.check_in_grounds import gain_lost, gain_lost_missing, one_channel, patient_asks
from app.clinical.check_ins import check_in_day
from app.clinical.counterfactual import would_have_changed
from app.clinical.grounds import Ground, GroundName, Level, Reason, ReasonCode
from app.clinical.history import History, ScaleTotals
from app.clinical.loss import Loss
from app.clinical.memory import SECONDS_AN_HOUR, Memory, advance, known_days, settled
from app.clinical.protocol import RULE, STANDARD, Protocol
from app.clinical.reference import (
    Baseline,
    NoReference,
    NoReferenceBecause,
    Reference,
    ReferenceKind,
    window_days,
)
from app.clinical.remembering import Crossing, crossings, remember
from app.clinical.scale_grounds import scale_relapse
from app.clinical.thresholds import consider_threshold, median_gap
from app.clinical.worse import WorseThanBefore, worse_than_before

__all__ = [
    "Crossing",
    "DataQuality",
    "Evaluation",
    "Exposure",
    "History",
    "LastTotal",
    "Memory",
    "ScaleTotals",
    "advance",
    "crossings",
    "evaluate",
    "judge",
    "remember",
]

RECENT_DAYS: Final = 10
"""The span of "9 check-ins in the last 10 days"; it describes and decides nothing."""
EXPOSURE_DAYS: Final = (30, 90, 365)
_UNSTEADY: Final = (Level.WATCH, Level.CONSIDER_BOOSTER)


class DataQuality(NamedTuple):
    """How much the answer rests on. `recent_days` are the latest check-in days with any channel.

    `median_gap_days` is the gap that the rule looks back by; None with fewer than two check-in days.
    """

    today: date
    recent_days: tuple[int, ...]
    last_report_at: datetime | None
    last_report_on: date | None
    median_gap_days: float | None

    @property
    def days_in_last_10(self) -> int:
        """Check-in days among the last ten, today included."""
        today = self.today.toordinal()
        return sum(today - day < RECENT_DAYS for day in self.recent_days)

    @property
    def longest_gap_days(self) -> int | None:
        """The longest distance between the latest check-in days, the time since the last one included."""
        if not self.recent_days:
            return None
        ends = (*self.recent_days, max(self.today.toordinal(), self.recent_days[-1]))
        return max(later - earlier for earlier, later in pairwise(ends))


class Exposure(NamedTuple):
    """The infusions so far, so that a rising frequency is visible and never encouraged.

    `last_hours` are the hours since the last infusion; `total` counts all infusions ever; `benefits` are
    the days from earlier infusions to the first day at consider, where there was one.
    """

    last_on: date | None
    days_since_last: int | None
    in_30_days: int
    in_90_days: int
    in_365_days: int
    total: int
    benefits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LastTotal:
    """The last total of a validated scale and its day, in points of that scale."""

    scale: str
    on: date
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the reports say as of a moment. It speaks about now; nothing in it predicts or decides.

    Attributes:
        as_of: the moment. `day` is its check-in day in `time_zone`.
        level: the worst of the grounds.
        grounds: ground A always, others when they have something to say.
        notes: what is said with every level: assumed or falling reference, channels that are off, a
            booster that did not hold, what would have changed the answer.
        held_back: why nothing may be raised now; empty when nothing holds it back.
        reports: mean of each channel's last answered day, in points.
        share_lost: each channel's share of the gain lost on that day, unsmoothed, -1 to 1.25.
        smoothed_share: the same, smoothed.
        smoothed_level: each channel's smoothed report in points.
        weighted: the weighted share of the last check-in day, unsmoothed; `smoothed` is S.
        threshold: the S from which ground A says consider.
        reference: the reference, or why there is none.
        baseline: before treatment.
        worse_than_before: channels below their baseline; never a booster question.
        unsteady_since: the earliest day on which a measured ground left steady; None when all are steady.
        steady_on: the last check-in day on which check-ins were steady, since the last infusion.
        rule, version: what decided.
    """

    as_of: datetime
    day: date
    time_zone: str
    level: Level
    grounds: tuple[Ground, ...]
    notes: tuple[Reason, ...]
    held_back: tuple[Reason, ...]
    reports: PerChannel[float | None]
    share_lost: PerChannel[float | None]
    smoothed_share: PerChannel[float | None]
    smoothed_level: PerChannel[float | None]
    weighted: float | None
    smoothed: float | None
    threshold: float | None
    reference: Reference | NoReference
    baseline: Baseline | None
    data_quality: DataQuality
    exposure: Exposure
    last_totals: tuple[LastTotal, ...]
    worse_than_before: tuple[WorseThanBefore, ...]
    unsteady_since: date | None
    steady_on: date | None
    rule: str
    version: str

    @property
    def is_steady(self) -> bool:
        """Whether there is a reference and every measured ground is steady."""
        return self.unsteady_since is None and any(ground.level == Level.STEADY for ground in self.grounds)


def evaluate(history: History, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a whole history. The order of its parts has no effect, nor has anything later."""
    memory = remember(history, as_of=as_of, protocol=protocol)
    return judge(memory, as_of=as_of, protocol=protocol)


def judge(memory: Memory, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a memory, which must not know anything later than `as_of`."""
    today = max(check_in_day(as_of, memory.time_zone).toordinal(), memory.last_day)
    memory = settled(memory, today, protocol)
    reference, loss = _reference_now(memory, today, protocol), memory.now
    asks = _patient_asks(memory, today, protocol)
    if isinstance(reference, NoReference) or loss is None:
        missing = reference if isinstance(reference, NoReference) else _not_treated()
        grounds = (gain_lost_missing(missing), *_scales(memory, missing, as_of, protocol), *asks)
        return _answer(memory, as_of, today, grounds, missing, None, protocol)
    grounds = (
        gain_lost(loss.weighted, reference, today, memory.recent_days, protocol),
        *one_channel(loss, reference, today, memory.recent_days, protocol),
        *scale_relapse(memory, as_of=as_of, protocol=protocol),
        *asks,
    )
    return _answer(memory, as_of, today, grounds, reference, loss, protocol)


def _answer(
    memory: Memory,
    as_of: datetime,
    today: int,
    grounds: tuple[Ground, ...],
    reference: Reference | NoReference,
    loss: Loss | None,
    protocol: Protocol,
) -> Evaluation:
    level = grounds[0].level if len(grounds) == 1 else max(ground.level for ground in grounds)
    day = date.fromordinal(today)
    known = reference if isinstance(reference, Reference) else None
    mood, energy, sleep = loss.channels if loss else (None, None, None)
    weighted = loss.weighted if loss else None
    return Evaluation(
        as_of=as_of,
        day=day,
        time_zone=memory.time_zone,
        level=level,
        grounds=grounds,
        notes=_notes(memory, grounds, level, known, loss, today, protocol) if known and loss else (),
        held_back=_held_back(memory, grounds, level, reference, as_of, today, protocol),
        reports=loss.reports if loss else NOTHING,
        share_lost=PerChannel(
            mood.share if mood else None, energy.share if energy else None, sleep.share if sleep else None
        ),
        smoothed_share=PerChannel(
            mood.smoothed if mood else None,
            energy.smoothed if energy else None,
            sleep.smoothed if sleep else None,
        ),
        smoothed_level=loss.levels if loss else NOTHING,
        weighted=weighted.share if weighted else None,
        smoothed=weighted.smoothed if weighted else None,
        threshold=consider_threshold(known, protocol) if known else None,
        reference=reference,
        baseline=memory.baseline,
        data_quality=_data_quality(memory, day, protocol),
        exposure=_exposure(memory, today),
        last_totals=_last_totals(memory),
        worse_than_before=(
            worse_than_before(loss, known, today, memory.recent_days, protocol) if known and loss else ()
        ),
        unsteady_since=_unsteady_since(grounds, day) if level in _UNSTEADY else None,
        steady_on=date.fromordinal(loss.steady_on) if loss and loss.steady_on is not None else None,
        rule=RULE,
        version=protocol.version,
    )


def _reference_now(memory: Memory, today: int, protocol: Protocol) -> Reference | NoReference:
    """The reference, or the reason why there is none now; none holds while induction is running."""
    treatment = memory.treatment
    if treatment.first_day is None:
        return _not_treated()
    if treatment.day_zero is None or treatment.induction_over is None:
        return NoReference(because=NoReferenceBecause.NO_INDUCTION_INFUSION)
    if today < treatment.induction_over:
        until = date.fromordinal(treatment.induction_over)
        return NoReference(because=NoReferenceBecause.INDUCTION_RUNNING, until=until)
    if memory.reference is not None:
        return memory.reference
    zero = date.fromordinal(treatment.day_zero)
    until = date.fromordinal(treatment.day_zero + protocol.window_latest_day)
    window = window_days(known_days(memory), day_zero=zero, until=until, protocol=protocol)
    return NoReference(
        because=NoReferenceBecause.WINDOW_OPEN,
        n_days=len(window),
        days_needed=protocol.window_least_days,
        until=until,
    )


def _not_treated() -> NoReference:
    return NoReference(because=NoReferenceBecause.NOT_TREATED)


def _scales(memory: Memory, missing: NoReference, as_of: datetime, protocol: Protocol) -> tuple[Ground, ...]:
    """Scales speak without check-ins, but not while induction is running."""
    running = missing.because is NoReferenceBecause.INDUCTION_RUNNING
    return () if running else scale_relapse(memory, as_of=as_of, protocol=protocol)


def _patient_asks(memory: Memory, today: int, protocol: Protocol) -> tuple[Ground, ...]:
    if memory.asked_at is None:
        return ()
    asked_on = check_in_day(datetime.fromtimestamp(memory.asked_at, UTC), memory.time_zone)
    ground = patient_asks(asked_on, today, protocol)
    return () if ground is None else (ground,)


def _unsteady_since(grounds: Sequence[Ground], day: date) -> date | None:
    """The earliest day on which a measured ground left steady; a wish to talk is no measurement."""
    return min(
        (
            ground.since or day
            for ground in grounds
            if ground.level >= Level.WATCH and ground.name is not GroundName.PATIENT_ASKS
        ),
        default=None,
    )


def _held_back(
    memory: Memory,
    grounds: Sequence[Ground],
    level: Level,
    reference: Reference | NoReference,
    as_of: datetime,
    today: int,
    protocol: Protocol,
) -> tuple[Reason, ...]:
    """Why nothing may be raised now: no reference, induction, acute effects, a course that is over."""
    held: list[Reason] = []
    treatment = memory.treatment
    if isinstance(reference, NoReference):
        if reference.because is NoReferenceBecause.INDUCTION_RUNNING:
            held.append(Reason(ReasonCode.INDUCTION_RUNNING, (("until", reference.until),)))
        elif level < Level.CONSIDER_BOOSTER:
            held.extend(grounds[0].reasons)
    if treatment.last_at is not None:
        hours = (as_of.timestamp() - treatment.last_at) / SECONDS_AN_HOUR
        if hours < protocol.acute_hours:
            facts = (("hours", hours), ("needed", protocol.acute_hours))
            held.append(Reason(ReasonCode.WITHIN_A_DAY_OF_INFUSION, facts))
    closed = treatment.course_closed
    if closed is not None and closed <= today:
        held.append(Reason(ReasonCode.COURSE_CLOSED, (("on", date.fromordinal(closed)),)))
    return tuple(held)


def _notes(
    memory: Memory,
    grounds: Sequence[Ground],
    level: Level,
    reference: Reference,
    loss: Loss,
    today: int,
    protocol: Protocol,
) -> tuple[Reason, ...]:
    complete = None not in reference.values
    if level is not Level.CONSIDER_BOOSTER and complete and reference.kind is ReferenceKind.MEASURED:
        return ()
    notes: list[Reason] = []
    if level is Level.CONSIDER_BOOSTER:
        notes.extend(_did_not_hold(memory, grounds, loss, today, protocol))
    if reference.assumes_baseline:
        notes.append(Reason(ReasonCode.ASSUMED_BASELINE, (("threshold", protocol.consider_at_assumed),)))
    if reference.falling:
        notes.append(Reason(ReasonCode.FALLING_REFERENCE, (("n_days", reference.n_days),)))
    for channel, value, n_days in zip(CHANNELS, reference.values, reference.days, strict=True):
        if value is None:
            facts = (
                ("channel", channel.value),
                ("n_days", n_days),
                ("days_needed", protocol.window_least_days),
            )
            notes.append(Reason(ReasonCode.CHANNEL_OFF, facts))
    by_check_ins = [
        ground.name
        for ground in grounds
        if ground.level == Level.CONSIDER_BOOSTER and ground.name is not GroundName.SCALE_RELAPSE
    ]
    if by_check_ins and len(by_check_ins) == sum(
        ground.level == Level.CONSIDER_BOOSTER for ground in grounds
    ):
        notes.append(
            would_have_changed(
                memory.before,
                loss,
                reference,
                gain_lost=GroundName.GAIN_LOST in by_check_ins,
                mood_alone=GroundName.ONE_CHANNEL in by_check_ins,
                protocol=protocol,
            )
        )
    return tuple(notes)


def _did_not_hold(
    memory: Memory, grounds: Sequence[Ground], loss: Loss, today: int, protocol: Protocol
) -> tuple[Reason, ...]:
    """Consider again within 14 days of a booster: review rather than repeat."""
    treatment = memory.treatment
    if not treatment.last_is_booster or treatment.last_day is None:
        return ()
    since = [loss.considered_on] if loss.considered_on is not None else []
    since += [
        ground.since.toordinal()
        for ground in grounds
        if ground.name is GroundName.SCALE_RELAPSE and ground.level == Level.CONSIDER_BOOSTER and ground.since
    ]
    lasted = min(since, default=today) - treatment.last_day
    if not 0 <= lasted <= protocol.not_held_days:
        return ()
    facts = (("booster_on", date.fromordinal(treatment.last_day)), ("days", lasted))
    return (Reason(ReasonCode.BOOSTER_DID_NOT_HOLD, facts),)


def _data_quality(memory: Memory, day: date, protocol: Protocol) -> DataQuality:
    at = memory.last_at
    return DataQuality(
        day,
        memory.recent_days,
        None if at is None else datetime.fromtimestamp(at, UTC),
        date.fromordinal(memory.recent_days[-1]) if memory.recent_days else None,
        median_gap(memory.recent_days, protocol) or None,
    )


def _exposure(memory: Memory, today: int) -> Exposure:
    treatment = memory.treatment
    last_day = treatment.last_day
    if last_day is None:
        return Exposure(None, None, 0, 0, 0, 0, ())
    days = treatment.recent_days
    month, quarter, year = EXPOSURE_DAYS
    return Exposure(
        date.fromordinal(last_day),
        today - last_day,
        len(days) - bisect_right(days, today - month),
        len(days) - bisect_right(days, today - quarter),
        len(days) - bisect_right(days, today - year),
        treatment.total,
        treatment.benefits,
    )


def _last_totals(memory: Memory) -> tuple[LastTotal, ...]:
    return tuple(
        LastTotal(entry.scale.key, entry.totals[-1].day, entry.totals[-1].total) for entry in memory.totals
    )
