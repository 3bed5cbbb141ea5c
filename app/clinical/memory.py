"""What must be remembered of a patient so that the next check-in costs a step and no history.

The memory is bounded, and it is the same whether it grew check-in by check-in or was made at once: both
go through `advance`. Nothing in it depends on the moment of asking; what time alone brings about (the end
of the window, the end of induction) is settled when a check-in arrives or an evaluation is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from app.clinical.channels import PerChannel
from app.clinical.check_ins import CheckIn, CheckInDay, day_number
from app.clinical.loss import Loss, loss_after, loss_from
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reference import (
    Baseline,
    NoReference,
    NoReferenceBecause,
    Reference,
    establish,
    establish_chosen,
    window_days,
    window_end,
)
from app.clinical.relapse import TotalsSoFar

SECONDS_AN_HOUR: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """The infusions so far, as far as a decision or its display needs them. Days are day numbers.

    Attributes:
        first_at, first_day: the first infusion of the course.
        last_induction_at, day_zero: its last induction infusion; windows count from it.
        last_at, last_day: the last infusion of all, also of an earlier course.
        last_is_booster: whether that one was a booster of this course.
        induction_over: the day from which induction counts as over, if nothing further is given.
        course_closed: the day on which the course was ended or stopped.
        recent_days: the days of the infusions in the year before the last.
        course_at: the times of the course's infusions, in seconds since 1970.
        total: all infusions ever.
        benefits: days from an infusion to the first day at consider, for past infusions that have one.
    """

    first_at: float | None = None
    first_day: int | None = None
    last_induction_at: float | None = None
    day_zero: int | None = None
    last_at: float | None = None
    last_day: int | None = None
    last_is_booster: bool = False
    induction_over: int | None = None
    course_closed: int | None = None
    recent_days: tuple[int, ...] = ()
    course_at: tuple[float, ...] = ()
    total: int = 0
    benefits: tuple[int, ...] = ()


class DaySoFar(NamedTuple):
    """The latest check-in day that may still grow: sums and counts of its reports, per channel."""

    day: int
    sums: PerChannel[float]
    counts: PerChannel[int]

    @property
    def means(self) -> PerChannel[float | None]:
        """The mean so far, None where nothing was answered."""
        (a, b, c), (i, j, k) = self.sums, self.counts
        return PerChannel(a / i if i else None, b / j if j else None, c / k if k else None)


class Memory(NamedTuple):
    """The bounded state of one patient.

    Attributes:
        time_zone: the patient's present zone.
        treatment: the infusions; a new one means remembering from scratch.
        baseline: before treatment, fixed by the first infusion.
        days: settled check-in days that may enter a baseline or a reference that is not fixed yet.
        today: the latest check-in day that may enter a decision, still open.
        reference: None while it is not yet settled whether there will be one.
        before, now: the loss through the day before `today`, and through `today`.
        recent_days: the latest check-in days with any channel, also those with acute effects.
        last_at, last_day, last_id: the latest check-in, in seconds since 1970, day number and id; the day
            after a chosen window, if that is later: what belongs before it is no step.
        asked_on: the day on which the patient last asked about a booster since the last infusion.
        totals: what the totals of each validated scale have come to.
    """

    time_zone: str
    treatment: Treatment
    baseline: Baseline | None
    days: tuple[CheckInDay, ...]
    today: DaySoFar | None
    reference: Reference | NoReference | None
    before: Loss | None
    now: Loss | None
    recent_days: tuple[int, ...]
    last_at: float | None
    last_day: int
    last_id: str
    asked_on: int | None
    totals: tuple[TotalsSoFar, ...]


def advance(memory: Memory, check_in: CheckIn, *, protocol: Protocol = STANDARD) -> Memory | None:
    """The memory one check-in later, at the cost of a step.

    Returns:
        None when the check-in is not the latest (it was recorded before the last infusion, or belongs
        before the last check-in): what it touches is settled, so the caller must `remember` from scratch.
    """
    day = day_number(check_in.recorded_at, check_in.time_zone)
    at = check_in.recorded_at.timestamp()
    infused_at, last_at = memory.treatment.last_at, memory.last_at
    if infused_at is not None and at < infused_at:
        return None
    in_this_stretch = last_at is not None and (infused_at is None or last_at >= infused_at)
    if in_this_stretch and (day, at, check_in.id) <= (memory.last_day, last_at, memory.last_id):
        return None
    return after_check_in(memory, check_in, day=day, at=at, protocol=protocol)


def after_check_in(memory: Memory, check_in: CheckIn, *, day: int, at: float, protocol: Protocol) -> Memory:
    """The memory after the next check-in in order; `day` and `at` are its day number and its seconds."""
    values = check_in.values
    answered = values != (None, None, None)
    recent = memory.recent_days
    if answered and (not recent or day > recent[-1]):
        recent = (*recent[1 - protocol.recent_days_kept :], day)
    enters = answered and not _is_acute(memory.treatment, at, protocol)
    if enters:
        memory = settled(memory, day, protocol)
    days, today, before, now = memory.days, memory.today, memory.before, memory.now
    if enters and not isinstance(memory.reference, NoReference):
        if today is not None and day != today.day:
            days, before, today = _with_day(memory, today, day, protocol), now, None
        today = _added(today, day, values)
        if isinstance(memory.reference, Reference) and before is not None:
            over = memory.treatment.induction_over
            now = loss_after(
                before,
                memory.reference,
                day=day,
                values=today.means,
                recent_days=recent,
                decides=over is not None and day >= over,
                protocol=protocol,
            )
    return Memory(
        memory.time_zone,
        memory.treatment,
        memory.baseline,
        days,
        today,
        memory.reference,
        before,
        now,
        recent,
        at,
        day,
        check_in.id,
        _asked_on(memory, check_in),
        memory.totals,
    )


def settled(memory: Memory, day: int, protocol: Protocol) -> Memory:
    """The memory with everything settled that ended before the given day: the reference window.

    The reference is fixed at the end of day 8, else at the end of the 4th answered day; after day 15
    there will be none.
    """
    zero = memory.treatment.day_zero
    if memory.reference is not None or zero is None or day <= zero + protocol.window_last_day:
        return memory
    days = known_days(memory)
    end = window_end(days, day_zero=date.fromordinal(zero), protocol=protocol)
    if end is not None and day > end.toordinal():
        return with_reference(memory, end, protocol)
    if day > zero + protocol.window_latest_day:
        return without_reference(memory, NoReferenceBecause.TOO_FEW_DAYS, protocol)
    return memory


def with_reference(memory: Memory, end: date, protocol: Protocol) -> Memory:
    """The reference fixed from the days through `end`; from there on nothing has been lost yet."""
    zero = date.fromordinal(memory.treatment.day_zero or 0)
    window = window_days(known_days(memory), day_zero=zero, until=end, protocol=protocol)
    reference = establish(window, _baseline(memory), protocol=protocol)
    if reference is None:
        return without_reference(memory, NoReferenceBecause.TOO_FEW_DAYS, protocol)
    return _from_reference(memory, reference, window, end=end, protocol=protocol)


def _from_reference(
    memory: Memory, reference: Reference, window: Sequence[CheckInDay], *, end: date, protocol: Protocol
) -> Memory:
    answered = PerChannel(
        *(tuple(one.day.toordinal() for one in window if one.values[index] is not None) for index in range(3))
    )
    loss = loss_from(reference, day=end.toordinal(), days=answered, protocol=protocol)
    return memory._replace(reference=reference, days=(), today=None, before=loss, now=loss)


def with_chosen(memory: Memory, window: Sequence[CheckInDay], *, end: date, protocol: Protocol) -> Memory:
    """The reference that a clinician chose: from the end of its window on nothing has been lost yet.

    Where there are too few days, or no series to compare them with, everything stays as it is. A report of
    the window that comes after this (a traveller's day ends later) may change that, so it is no step.
    """
    memory = memory._replace(last_day=max(memory.last_day, end.toordinal() + 1))
    zero = memory.treatment.day_zero
    if memory.baseline is None or zero is None or not window or window[0].day.toordinal() <= zero:
        return memory
    reference = establish_chosen(window, memory.baseline, protocol=protocol)
    if reference is None:
        return memory
    return _from_reference(memory, reference, window, end=end, protocol=protocol)


def without_reference(memory: Memory, because: NoReferenceBecause, protocol: Protocol) -> Memory:
    """No reference, and why, with the days that there were."""
    zero = memory.treatment.day_zero or 0
    latest = date.fromordinal(zero + protocol.window_latest_day)
    window = window_days(known_days(memory), day_zero=date.fromordinal(zero), until=latest, protocol=protocol)
    missing = NoReference(
        because=because, n_days=len(window), days_needed=protocol.window_least_days, until=latest
    )
    return memory._replace(reference=missing, days=(), today=None, before=None, now=None)


def known_days(memory: Memory) -> tuple[CheckInDay, ...]:
    """The settled days together with the latest one."""
    today = memory.today
    if today is None:
        return memory.days
    return (*memory.days, CheckInDay(day=date.fromordinal(today.day), values=today.means))


def _baseline(memory: Memory) -> Baseline:
    if memory.baseline is None:
        raise AssertionError
    return memory.baseline


def _is_acute(treatment: Treatment, at: float, protocol: Protocol) -> bool:
    """Less than 24 hours after an infusion: kept and shown, but enters no reference and no decision."""
    last_at = treatment.last_at
    return last_at is not None and at - last_at < protocol.acute_hours * SECONDS_AN_HOUR


def _asked_on(memory: Memory, check_in: CheckIn) -> int | None:
    """The day, by the patient's present zone, on which a booster was last asked about."""
    if check_in.asks_about_booster:
        return day_number(check_in.recorded_at, memory.time_zone)
    return memory.asked_on


def _with_day(memory: Memory, today: DaySoFar, day: int, protocol: Protocol) -> tuple[CheckInDay, ...]:
    """The settled days with the one that just ended, while they can still enter a baseline or reference."""
    treatment = memory.treatment
    if memory.reference is not None or (treatment.first_day is not None and treatment.day_zero is None):
        return ()
    ended = CheckInDay(day=date.fromordinal(today.day), values=today.means)
    if treatment.first_day is not None:
        return (*memory.days, ended)
    earliest = date.fromordinal(day - protocol.baseline_days_before)
    return tuple(one for one in (*memory.days, ended) if one.day >= earliest)


def _added(today: DaySoFar | None, day: int, values: PerChannel[float | None]) -> DaySoFar:
    """The day with one more check-in in it."""
    mood, energy, sleep = values
    (a, b, c), (i, j, k) = (today.sums, today.counts) if today else ((0.0, 0.0, 0.0), (0, 0, 0))
    if mood is not None:
        a, i = a + mood, i + 1
    if energy is not None:
        b, j = b + energy, j + 1
    if sleep is not None:
        c, k = c + sleep, k + 1
    return DaySoFar(day, PerChannel(a, b, c), PerChannel(i, j, k))
