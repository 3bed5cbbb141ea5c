"""What must be remembered of a patient so that the next check-in costs a step and no history.

The state is bounded, and it is the same whether it grew check-in by check-in or was made at once: both
go through `advance`. Nothing in it depends on the moment of asking; what time alone brings about (the end
of the window, the end of induction) is settled when a check-in arrives or an evaluation is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from app.clinical.check_ins import CheckIn, CheckInDay, day_number, is_acute
from app.clinical.criterion_b_scale import TotalsSoFar
from app.clinical.domains import PerDomain
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
from app.clinical.state.loss import Loss, loss_after, loss_from


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
        response_durations: days from an infusion to the first day at consider, for past infusions that have one.
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
    response_durations: tuple[int, ...] = ()


class DaySoFar(NamedTuple):
    """The latest check-in day that may still grow: sums and counts of its reports, per domain."""

    day: int
    sums: PerDomain[float]
    counts: PerDomain[int]

    @property
    def means(self) -> PerDomain[float | None]:
        """The mean so far, None where nothing was answered."""
        (a, b, c), (i, j, k) = self.sums, self.counts
        return PerDomain(a / i if i else None, b / j if j else None, c / k if k else None)


class PatientState(NamedTuple):
    """The bounded state of one patient.

    Attributes:
        time_zone: the patient's present zone.
        treatment: the infusions; a new one means remembering from scratch.
        baseline: before treatment, fixed by the first infusion.
        days: settled check-in days that may enter a baseline or a reference that is not fixed yet.
        open_day: the latest check-in day that may enter a decision, still open.
        reference: None while it is not yet settled whether there will be one.
        loss_before, loss: the loss through the day before `open_day`, and through it.
        recent_days: the latest check-in days with any domain, also those with acute effects.
        last_at, last_day, last_id: the latest check-in, in seconds since 1970, day number and id; the day
            after a chosen window, if that is later: what belongs before it is no step.
        asked_on: the day on which the patient last asked about a booster since the last infusion.
        totals: what the totals of each validated scale have come to.
    """

    time_zone: str
    treatment: Treatment
    baseline: Baseline | None
    days: tuple[CheckInDay, ...]
    open_day: DaySoFar | None
    reference: Reference | NoReference | None
    loss_before: Loss | None
    loss: Loss | None
    recent_days: tuple[int, ...]
    last_at: float | None
    last_day: int
    last_id: str
    asked_on: int | None
    totals: tuple[TotalsSoFar, ...]


def advance(state: PatientState, check_in: CheckIn, *, protocol: Protocol = STANDARD) -> PatientState | None:
    """The state one check-in later, at the cost of a step.

    Returns:
        None when the check-in is not the latest (it was recorded before the last infusion, or belongs
        before the last check-in): what it touches is settled, so the caller must `replay` from scratch.
    """
    day = day_number(check_in.recorded_at, check_in.time_zone)
    at = check_in.recorded_at.timestamp()
    infused_at, last_at = state.treatment.last_at, state.last_at
    if infused_at is not None and at < infused_at:
        return None
    in_this_stretch = last_at is not None and (infused_at is None or last_at >= infused_at)
    if in_this_stretch and (day, at, check_in.id) <= (state.last_day, last_at, state.last_id):
        return None
    return after_check_in(state, check_in, day=day, at=at, protocol=protocol)


def after_check_in(
    state: PatientState, check_in: CheckIn, *, day: int, at: float, protocol: Protocol
) -> PatientState:
    """The state after the next check-in in order; `day` and `at` are its day number and its seconds."""
    values = check_in.values
    answered = values != (None, None, None)
    recent = state.recent_days
    if answered and (not recent or day > recent[-1]):
        recent = (*recent[1 - protocol.recent_days_kept :], day)
    enters = answered and not _is_acute(state.treatment, at, protocol)
    if enters:
        state = settled(state, day, protocol)
    days, today, before, now = state.days, state.open_day, state.loss_before, state.loss
    if enters and not isinstance(state.reference, NoReference):
        if today is not None and day != today.day:
            days, before, today = _with_day(state, today, day, protocol), now, None
        today = _added(today, day, values)
        if isinstance(state.reference, Reference) and before is not None:
            over = state.treatment.induction_over
            now = loss_after(
                before,
                state.reference,
                day=day,
                values=today.means,
                recent_days=recent,
                decides=over is not None and day >= over,
                protocol=protocol,
            )
    return PatientState(
        state.time_zone,
        state.treatment,
        state.baseline,
        days,
        today,
        state.reference,
        before,
        now,
        recent,
        at,
        day,
        check_in.id,
        _asked_on(state, check_in),
        state.totals,
    )


def settled(state: PatientState, day: int, protocol: Protocol) -> PatientState:
    """The state with everything settled that ended before the given day: the reference window.

    The reference is fixed at the end of day 8, else at the end of the 4th answered day; after day 15
    there will be none.
    """
    zero = state.treatment.day_zero
    if state.reference is not None or zero is None or day <= zero + protocol.window_last_day:
        return state
    days = known_days(state)
    end = window_end(days, day_zero=date.fromordinal(zero), protocol=protocol)
    if end is not None and day > end.toordinal():
        return with_reference(state, end, protocol)
    if day > zero + protocol.window_latest_day:
        return without_reference(state, NoReferenceBecause.TOO_FEW_DAYS, protocol)
    return state


def with_reference(state: PatientState, end: date, protocol: Protocol) -> PatientState:
    """The reference fixed from the days through `end`; from there on nothing has been lost yet."""
    zero = date.fromordinal(state.treatment.day_zero or 0)
    window = window_days(known_days(state), day_zero=zero, until=end, protocol=protocol)
    reference = establish(window, _baseline(state), protocol=protocol)
    if reference is None:
        return without_reference(state, NoReferenceBecause.TOO_FEW_DAYS, protocol)
    return _from_reference(state, reference, window, end=end, protocol=protocol)


def _from_reference(
    state: PatientState, reference: Reference, window: Sequence[CheckInDay], *, end: date, protocol: Protocol
) -> PatientState:
    answered = PerDomain(
        *(tuple(one.day.toordinal() for one in window if one.values[index] is not None) for index in range(3))
    )
    loss = loss_from(reference, day=end.toordinal(), days=answered, protocol=protocol)
    return state._replace(reference=reference, days=(), open_day=None, loss_before=loss, loss=loss)


def with_chosen(
    state: PatientState, window: Sequence[CheckInDay], *, end: date, protocol: Protocol
) -> PatientState:
    """The reference that a clinician chose: from the end of its window on nothing has been lost yet.

    Where there are too few days, or no series to compare them with, everything stays as it is. A report of
    the window that comes after this (a traveller's day ends later) may change that, so it is no step.
    """
    state = state._replace(last_day=max(state.last_day, end.toordinal() + 1))
    zero = state.treatment.day_zero
    if state.baseline is None or zero is None or not window or window[0].day.toordinal() <= zero:
        return state
    reference = establish_chosen(window, state.baseline, protocol=protocol)
    if reference is None:
        return state
    return _from_reference(state, reference, window, end=end, protocol=protocol)


def without_reference(state: PatientState, because: NoReferenceBecause, protocol: Protocol) -> PatientState:
    """No reference, and why, with the days that there were."""
    zero = state.treatment.day_zero or 0
    latest = date.fromordinal(zero + protocol.window_latest_day)
    window = window_days(known_days(state), day_zero=date.fromordinal(zero), until=latest, protocol=protocol)
    missing = NoReference(
        because=because, n_days=len(window), days_needed=protocol.window_least_days, until=latest
    )
    return state._replace(reference=missing, days=(), open_day=None, loss_before=None, loss=None)


def known_days(state: PatientState) -> tuple[CheckInDay, ...]:
    """The settled days together with the latest one."""
    today = state.open_day
    if today is None:
        return state.days
    return (*state.days, CheckInDay(day=date.fromordinal(today.day), values=today.means))


def _baseline(state: PatientState) -> Baseline:
    if state.baseline is None:
        raise AssertionError
    return state.baseline


def _is_acute(treatment: Treatment, at: float, protocol: Protocol) -> bool:
    """Less than 24 hours after an infusion: kept and shown, but enters no reference and no decision."""
    last_at = treatment.last_at
    return last_at is not None and is_acute(at, (last_at,), protocol)


def _asked_on(state: PatientState, check_in: CheckIn) -> int | None:
    """The day, by the patient's present zone, on which a booster was last asked about."""
    if check_in.asks_about_booster:
        return day_number(check_in.recorded_at, state.time_zone)
    return state.asked_on


def _with_day(state: PatientState, today: DaySoFar, day: int, protocol: Protocol) -> tuple[CheckInDay, ...]:
    """The settled days with the one that just ended, while they can still enter a baseline or reference."""
    treatment = state.treatment
    if state.reference is not None or (treatment.first_day is not None and treatment.day_zero is None):
        return ()
    ended = CheckInDay(day=date.fromordinal(today.day), values=today.means)
    if treatment.first_day is not None:
        return (*state.days, ended)
    earliest = date.fromordinal(day - protocol.baseline_days_before)
    return tuple(one for one in (*state.days, ended) if one.day >= earliest)


def _added(today: DaySoFar | None, day: int, values: PerDomain[float | None]) -> DaySoFar:
    """The day with one more check-in in it."""
    mood, energy, sleep = values
    (a, b, c), (i, j, k) = (today.sums, today.counts) if today else ((0.0, 0.0, 0.0), (0, 0, 0))
    if mood is not None:
        a, i = a + mood, i + 1
    if energy is not None:
        b, j = b + energy, j + 1
    if sleep is not None:
        c, k = c + sleep, k + 1
    return DaySoFar(day, PerDomain(a, b, c), PerDomain(i, j, k))
