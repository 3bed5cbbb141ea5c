"""What must be remembered of a patient so that the next check-in costs a step and no history.

The state is bounded, and it is the same whether it grew check-in by check-in or was made at once: both
go through `advance`. Nothing in it depends on the moment of asking; what time alone brings about (the end
of the window, the end of induction) is settled when a check-in arrives or an evaluation is asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from app.clinical.answering import Answering, answered_on
from app.clinical.boosters import Boosters
from app.clinical.check_ins import CheckIn, CheckInDay, day_number, is_acute
from app.clinical.criterion_b_scale import TotalsSoFar
from app.clinical.domains import PerDomain
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reference import (
    NO_BASELINE,
    Baseline,
    NoReference,
    NoReferenceBecause,
    Reference,
    establish,
    establish_chosen,
    proposed_period,
    window_closed,
    window_days,
)
from app.clinical.schedule import Cadence, asks_on, cadence_on
from app.clinical.signs import Day, Signs, levels_from, signs_after
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
        taken_on: the day on which the patient was taken on in maintenance.
        earlier: infusions before that which are only known as "about so many"; they are in no other count.
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
    taken_on: int | None = None
    earlier: int = 0

    @property
    def proposes_from(self) -> int | None:
        """The first day that may be proposed as the reference of a patient who was taken on."""
        if self.taken_on is None or self.first_day is None or self.first_day >= self.taken_on:
            return self.taken_on
        return self.first_day + 1


class DaySoFar(NamedTuple):
    """The latest check-in day that may still grow: sums and counts of its reports, per domain and of sleep."""

    day: int
    sums: PerDomain[float]
    counts: PerDomain[int]
    hours: float = 0.0
    n_hours: int = 0

    @property
    def sleep_hours(self) -> float | None:
        """The mean of the hours of sleep so far, None where none were reported."""
        return self.hours / self.n_hours if self.n_hours else None

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
        signs_before, signs: what findings rest on, as `loss_before` and `loss`.
        answering: the asked and the answered days, through the latest check-in day.
        boosters: what the stretches before the last infusion left behind.
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
    signs_before: Signs = Signs()
    signs: Signs = Signs()
    answering: Answering | None = None
    boosters: Boosters = Boosters()


def advance(state: PatientState, check_in: CheckIn, *, protocol: Protocol = STANDARD) -> PatientState | None:
    """The state one check-in later, at the cost of a step.

    Returns:
        None when the check-in is not the latest (it was recorded before the last infusion, or belongs
        before the last check-in): what it touches is settled, so the caller must `replay` from scratch.
    """
    day = day_number(check_in.recorded_at, check_in.time_zone)
    at = check_in.recorded_at.timestamp()
    if not _is_after(state, day, at, check_in.id):
        return None
    return after_check_in(state, check_in, day=day, at=at, protocol=protocol)


def is_after(state: PatientState, check_in: CheckIn) -> bool:
    """Whether a check-in comes after all that a state was made of, so that it is a step for `advance`."""
    day = day_number(check_in.recorded_at, check_in.time_zone)
    return _is_after(state, day, check_in.recorded_at.timestamp(), check_in.id)


def _is_after(state: PatientState, day: int, at: float, check_in_id: str) -> bool:
    infused_at, last_at = state.treatment.last_at, state.last_at
    if infused_at is not None and at < infused_at:
        return False
    in_this_stretch = last_at is not None and (infused_at is None or last_at >= infused_at)
    return not in_this_stretch or (day, at, check_in_id) > (state.last_day, last_at, state.last_id)


def after_check_in(
    state: PatientState, check_in: CheckIn, *, day: int, at: float, protocol: Protocol
) -> PatientState:
    """The state after the next check-in in order; `day` and `at` are its day number and its seconds."""
    values = check_in.values
    answered = values != (None, None, None)
    recent = state.recent_days
    if answered and (not recent or day > recent[-1]):
        recent = (*recent[1 - protocol.recent_days_kept :], day)
    answering = state.answering
    if answered and protocol.generation > 1:
        answering = answered_on(answering, day, asked_on(state, protocol))
    if answered and not _is_acute(state.treatment, at, protocol):
        state = settled(state, day, protocol)
        days, open_day, before, loss, signs_before, signs = _entered(state, check_in, day, recent, protocol)
    else:
        days, open_day, before, loss = state.days, state.open_day, state.loss_before, state.loss
        signs_before, signs = state.signs_before, state.signs
    # Made whole and by place: replacing parts of so wide a tuple takes as long as the arithmetic.
    return PatientState(
        state.time_zone,
        state.treatment,
        state.baseline,
        days,
        open_day,
        state.reference,
        before,
        loss,
        recent,
        at,
        day,
        check_in.id,
        _asked_on(state, check_in),
        state.totals,
        signs_before,
        signs,
        answering,
        state.boosters,
    )


Entered = tuple[tuple[CheckInDay, ...], DaySoFar | None, Loss | None, Loss | None, Signs, Signs]
"""Days, open day, the loss before it and through it, and what findings rest on, likewise."""


def _entered(
    state: PatientState, check_in: CheckIn, day: int, recent: tuple[int, ...], protocol: Protocol
) -> Entered:
    """What changes with a check-in that may enter a decision: its day has one more report."""
    reference, first_rule = state.reference, protocol.generation == 1
    days, open_day, loss, signs = state.days, state.open_day, state.loss, state.signs
    loss_before, signs_before = state.loss_before, state.signs_before
    if first_rule and isinstance(reference, NoReference):
        return days, open_day, loss_before, loss, signs_before, signs
    if open_day is not None and day != open_day.day:
        days = _with_day(state, open_day, day, protocol)
        loss_before, signs_before, open_day = loss, signs, None
    open_day = _added(open_day, day, check_in)
    if isinstance(reference, Reference) and loss_before is not None:
        over = state.treatment.induction_over
        loss = loss_after(
            loss_before,
            reference,
            day=day,
            values=open_day.means,
            recent_days=recent,
            decides=over is not None and day >= over,
            protocol=protocol,
        )
    taken_on = state.treatment.taken_on is not None
    if not first_rule and (taken_on or state.treatment.first_day is not None):
        signs = signs_after(
            signs_before,
            _day_of(open_day, loss_before, loss),
            reference=reference if isinstance(reference, Reference) else None,
            baseline=state.baseline,
            levels_begin=taken_on or reference is not None,
            protocol=protocol,
        )
    return days, open_day, loss_before, loss, signs_before, signs


def _day_of(open_day: DaySoFar, before: Loss | None, loss: Loss | None) -> Day:
    """The open day as findings see it."""
    track = loss.weighted if loss else None
    spoke = track is not None and track.day == open_day.day
    recovered = before is not None and loss is not None and loss.considered_on is None
    return Day(
        open_day.day,
        open_day.means,
        open_day.sleep_hours,
        track.share if track and spoke else None,
        track.smoothed if track and spoke else None,
        before.considered_on if before and recovered else None,
    )


def cadence_of(state: PatientState, day: int, protocol: Protocol) -> Cadence:
    """How often the patient is asked on a day after the latest report, by the plan of check-ins."""
    treatment, loss, answering = state.treatment, state.loss, state.answering
    over = treatment.induction_over
    return cadence_on(
        day - (treatment.last_day or day),
        maintained=over is not None and day >= over,
        after_booster=treatment.last_is_booster,
        bursting=loss.burst if loss else False,
        taken_on_days=None if treatment.taken_on is None else day - treatment.taken_on,
        silent_days=day - answering.day if answering else 0,
        steady=True,
        protocol=protocol,
    )


def asked_on(state: PatientState, protocol: Protocol) -> Callable[[int], bool]:
    """On which days after the latest report a check-in is asked for, by the plan of check-ins."""
    started = state.treatment.last_day

    def is_asked(day: int) -> bool:
        return started is None or asks_on(cadence_of(state, day, protocol), day - started)

    return is_asked


def settled(state: PatientState, day: int, protocol: Protocol) -> PatientState:
    """The state with everything settled that ended before the given day: the reference window."""
    zero = state.treatment.day_zero
    if state.reference is not None or zero is None or day <= zero + protocol.window_last_day:
        return state
    closed = window_closed(known_days(state), day_zero=date.fromordinal(zero), before=day, protocol=protocol)
    if isinstance(closed, date):
        return with_reference(state, closed, protocol)
    return state if closed is None else without_reference(state, closed, protocol)


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
    signs = state.signs
    if protocol.generation > 1 and signs.levels == (None, None, None):
        levels = levels_from(reference, day=end.toordinal(), days=answered, protocol=protocol)
        signs = signs._replace(levels=levels)
    return state._replace(
        reference=reference,
        days=(),
        open_day=None,
        loss_before=loss,
        loss=loss,
        signs_before=signs,
        signs=signs,
    )


def with_chosen(
    state: PatientState, window: Sequence[CheckInDay], *, end: date, protocol: Protocol
) -> PatientState:
    """The reference that a clinician chose: from the end of its window on nothing has been lost yet.

    Where there are too few days, or no series to compare them with, everything stays as it is. A report of
    the window that comes after this (a traveler's day ends later) may change that, so it is no step.
    """
    state = state._replace(last_day=max(state.last_day, end.toordinal() + 1))
    zero, baseline = state.treatment.day_zero, state.baseline
    if state.treatment.taken_on is not None:
        baseline = baseline or NO_BASELINE
    elif zero is None or not window or window[0].day.toordinal() <= zero:
        return state
    if baseline is None:
        return state
    reference = establish_chosen(window, baseline, protocol=protocol)
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
    return state._replace(
        reference=missing, days=(), open_day=None, loss_before=None, loss=None, signs_before=state.signs
    )


def days_to_propose(
    state: PatientState, days: Sequence[CheckInDay], day: int, protocol: Protocol
) -> tuple[CheckInDay, ...]:
    """The settled days that a patient who was taken on may need: for the baseline, and for a proposal.

    Once a period can be proposed no later day is kept.
    """
    if state.reference is not None:
        return ()
    before, treatment = date.fromordinal(day), state.treatment
    own = tuple(one for one in days if one.day.toordinal() >= (treatment.proposes_from or 0))
    proposed = proposed_period(own, before=before, protocol=protocol)
    earliest = date.fromordinal(day - protocol.baseline_days_before)
    if treatment.first_day is None:
        return tuple(one for one in days if one.day >= earliest or one in proposed)
    return proposed or tuple(one for one in own if one.day >= earliest)


def proposed_now(state: PatientState, day: int, protocol: Protocol) -> tuple[CheckInDay, ...]:
    """The days that are proposed as the reference of a patient who was taken on; none is empty."""
    first, before = state.treatment.proposes_from or 0, date.fromordinal(day)
    own = [one for one in known_days(state) if first <= one.day.toordinal() < day]
    return proposed_period(own, before=before, protocol=protocol)


def known_days(state: PatientState) -> tuple[CheckInDay, ...]:
    """The settled days together with the latest one."""
    open_day = state.open_day
    if open_day is None:
        return state.days
    return (*state.days, _check_in_day(open_day))


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


def _with_day(
    state: PatientState, open_day: DaySoFar, day: int, protocol: Protocol
) -> tuple[CheckInDay, ...]:
    """The settled days with the one that just ended, while they can still enter a baseline or reference."""
    treatment = state.treatment
    taken_on = treatment.taken_on is not None
    if not taken_on and (
        state.reference is not None or (treatment.first_day is not None and treatment.day_zero is None)
    ):
        return ()
    ended = _check_in_day(open_day)
    if taken_on:
        return days_to_propose(state, (*state.days, ended), day, protocol)
    if treatment.first_day is not None:
        return (*state.days, ended)
    earliest = date.fromordinal(day - protocol.baseline_days_before)
    return tuple(one for one in (*state.days, ended) if one.day >= earliest)


def _check_in_day(open_day: DaySoFar) -> CheckInDay:
    day = date.fromordinal(open_day.day)
    return CheckInDay(day=day, values=open_day.means, sleep_hours=open_day.sleep_hours)


def _added(open_day: DaySoFar | None, day: int, check_in: CheckIn) -> DaySoFar:
    """The day with one more check-in in it."""
    mood, energy, sleep = check_in.values
    (a, b, c), (i, j, k) = (open_day.sums, open_day.counts) if open_day else ((0.0, 0.0, 0.0), (0, 0, 0))
    hours, n_hours = (open_day.hours, open_day.n_hours) if open_day else (0.0, 0)
    if mood is not None:
        a, i = a + mood, i + 1
    if energy is not None:
        b, j = b + energy, j + 1
    if sleep is not None:
        c, k = c + sleep, k + 1
    if check_in.sleep_hours is not None:
        hours, n_hours = hours + check_in.sleep_hours, n_hours + 1
    return DaySoFar(day, PerDomain(a, b, c), PerDomain(i, j, k), hours, n_hours)
