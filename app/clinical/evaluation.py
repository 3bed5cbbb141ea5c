"""The answer: what a patient's reports say as of a moment, with coded reasons and every number used.

`evaluate` works from a whole history. Where each check-in must cost a step only, keep the `Memory`:
`advance` it with the check-in and `judge` it. Both ways give the same answer, always.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

from app.clinical.answer import DataQuality, Evaluation, Exposure, LastTotal, exposure_on
from app.clinical.channels import NOTHING, PerChannel
from app.clinical.check_in_grounds import gain_lost, gain_lost_missing, one_channel, patient_asks
from app.clinical.check_ins import day_number
from app.clinical.grounds import Ground, GroundName, Level, worst_level
from app.clinical.history import History, ScaleTotals
from app.clinical.loss import Loss
from app.clinical.memory import Memory, advance, known_days, settled
from app.clinical.protocol import RULE, STANDARD, Protocol
from app.clinical.reference import NoReference, NoReferenceBecause, Reference, window_days
from app.clinical.remarks import held_back, notes_on
from app.clinical.remembering import Crossing, Past, crossings, past_after, past_of, remember
from app.clinical.scale_grounds import scale_relapse
from app.clinical.thresholds import consider_threshold
from app.clinical.worse import worse_than_before

__all__ = [
    "Crossing",
    "DataQuality",
    "Evaluation",
    "Exposure",
    "History",
    "LastTotal",
    "Memory",
    "Past",
    "ScaleTotals",
    "advance",
    "crossings",
    "evaluate",
    "judge",
    "past_after",
    "past_of",
    "remember",
]

_UNSTEADY: Final = (Level.WATCH, Level.CONSIDER_BOOSTER)


def evaluate(history: History, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a whole history. The order of its parts has no effect, nor has anything later."""
    memory = remember(history, as_of=as_of, protocol=protocol)
    return judge(memory, as_of=as_of, protocol=protocol)


def judge(memory: Memory, *, as_of: datetime, protocol: Protocol = STANDARD) -> Evaluation:
    """The answer from a memory, which must not know anything later than `as_of`."""
    day = day_number(as_of, memory.time_zone)
    today = max(day, memory.last_day)
    memory = settled(memory, today, protocol)
    reference, loss = _reference_now(memory, today, protocol), memory.now
    asks = _patient_asks(memory, today, protocol)
    if isinstance(reference, NoReference) or loss is None:
        missing = reference if isinstance(reference, NoReference) else _not_treated()
        grounds = (gain_lost_missing(missing), *_scales(memory, missing, day, protocol), *asks)
        return _answer(memory, as_of, today, grounds, missing, None, protocol)
    grounds = (
        gain_lost(loss.weighted, reference, today, memory.recent_days, protocol),
        *one_channel(loss, reference, today, memory.recent_days, protocol),
        *scale_relapse(memory, day, protocol),
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
    level = worst_level(grounds)
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
        notes=notes_on(memory, grounds, level, known, loss, today, protocol) if known and loss else (),
        held_back=held_back(memory, grounds, level, reference, as_of, today, protocol),
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


def _scales(memory: Memory, missing: NoReference, day: int, protocol: Protocol) -> tuple[Ground, ...]:
    """Scales speak without check-ins, but not while induction is running."""
    running = missing.because is NoReferenceBecause.INDUCTION_RUNNING
    return () if running else scale_relapse(memory, day, protocol)


def _patient_asks(memory: Memory, today: int, protocol: Protocol) -> tuple[Ground, ...]:
    if memory.asked_on is None:
        return ()
    ground = patient_asks(memory.asked_on, today, protocol)
    return () if ground is None else (ground,)


def _unsteady_since(grounds: Sequence[Ground], day: date) -> date | None:
    """The earliest day on which a measured ground left steady; a wish to talk is no measurement."""
    left = [
        ground.since or day
        for ground in grounds
        if ground.level in _UNSTEADY and ground.name is not GroundName.PATIENT_ASKS
    ]
    return min(left) if left else None


def _data_quality(memory: Memory, day: date, protocol: Protocol) -> DataQuality:
    at = memory.last_at
    return DataQuality(
        day,
        memory.recent_days,
        None if at is None else datetime.fromtimestamp(at, UTC),
        date.fromordinal(memory.recent_days[-1]) if memory.recent_days else None,
        protocol.gaps_counted,
    )


def _exposure(memory: Memory, today: int) -> Exposure:
    treatment = memory.treatment
    return exposure_on(treatment.recent_days, today, total=treatment.total, benefits=treatment.benefits)


def _last_totals(memory: Memory) -> tuple[LastTotal, ...]:
    return tuple(
        LastTotal(totals.scale.key, totals.last.day, totals.last.total)
        for totals in memory.totals
        if totals.last is not None
    )
