"""Making the state of a whole history, one step each, and its stretch since the last infusion."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import inf
from typing import Final, NamedTuple

from app.clinical.answering import answered_on, since_infusion
from app.clinical.boosters import Boosters, Stretch, held, with_stretch
from app.clinical.check_ins import CheckIn, CheckInDay, check_in_day, day_number, days_of, is_acute, zone_of
from app.clinical.course import Course, Infusion, InfusionPhase, induction_end, infusions_of_course
from app.clinical.criterion_a_gain import criterion_a
from app.clinical.criterion_b_scale import TotalsCode, TotalsSoFar, totals_so_far, totals_when_taken_on
from app.clinical.criterion_c_domain import criterion_c
from app.clinical.domains import PerDomain
from app.clinical.history import History, ScaleTotals
from app.clinical.known_now import was_observed
from app.clinical.levels import Level
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reasons import worst_level
from app.clinical.reference import NO_BASELINE, Reference, baseline_of, is_stable_period, window_closed
from app.clinical.scales import AssessmentTotal
from app.clinical.signs import Signs
from app.clinical.state.loss import Loss, loss_after_booster
from app.clinical.state.patient_state import (
    PatientState,
    Treatment,
    advance,
    after_check_in,
    asked_on,
    days_to_propose,
    known_days,
    settled,
    with_chosen,
    with_reference,
    without_reference,
)


def level_by_check_ins(loss: Loss, reference: Reference, today: int, protocol: Protocol) -> Level:
    """What criteria A and C say as of a day."""
    recent = loss.weighted.days if loss.weighted else ()
    every = (
        criterion_a(loss.weighted, reference, today, recent, protocol),
        *criterion_c(loss.domains, reference, today, recent, protocol),
    )
    return worst_level(every)


def current_stretch(state: PatientState, loss: Loss, until: int, protocol: Protocol) -> Stretch:
    """The stretch since the last infusion as it stands on a day; since the reference where none is known."""
    treatment, track = state.treatment, loss.weighted
    from_day = treatment.last_day
    if from_day is None:
        from_day = state.reference.to_day.toordinal() if isinstance(state.reference, Reference) else until
    held_days, held_to = held(track, loss.crossed_run, from_day)
    last = track.days[-1] if track and track.n_days and track.days else None
    answering = state.answering
    if answering is not None and until > answering.day + 1:
        answering = answered_on(answering, until - 1, asked_on(state, protocol), answered=False)
    return Stretch(
        from_day=from_day,
        to_day=until,
        by_booster=treatment.last_is_booster,
        n_days=track.n_days if track else 0,
        crossed_on=loss.crossed_on,
        held_days=held_days,
        held_to=held_to,
        smoothed=track.smoothed if track else 0.0,
        observed=was_observed(answering, last, until, protocol),
    )


DAYS_OF_EXPOSURE: Final = 365
RESPONSE_DURATIONS_KEPT: Final = 6
"""How many earlier response_durations are shown; the latest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A day on which consider was first reached, since the infusion or since steady."""

    day: date
    by_mood_alone: bool


class Timeline(NamedTuple):
    """A state, and what it alone no longer says: on which days consider was first reached, from how many reports.

    `considered` holds day numbers up to the latest check-in day, which may still grow: see `losses`.
    """

    state: PatientState
    considered: tuple[int, ...]
    reports: int = 0

    @property
    def losses(self) -> tuple[date, ...]:
        """The days of the crossings, the latest check-in day included: what `crossings` finds."""
        days = {*self.considered, *_days_of([self.state.loss])}
        return tuple(date.fromordinal(day) for day in sorted(days))


class Point(NamedTuple):
    """A state on the way through a history: at what time's report or infusion, and after how many reports."""

    state: PatientState
    at: float
    reports: int


def replay(history: History, *, as_of: datetime, protocol: Protocol = STANDARD) -> PatientState:
    """The state of a history, from scratch. Nothing after `as_of` has any effect."""
    return points_of(history, as_of=as_of, protocol=protocol)[-1].state


def crossings(history: History, *, as_of: datetime, protocol: Protocol = STANDARD) -> tuple[Crossing, ...]:
    """The days on which check-ins first reached consider in the past: to be stored, not to be sent.

    Each day is evaluated by all that was reported on it, and by the infusions known by then.
    """
    states = [point.state for point in points_of(history, as_of=as_of, protocol=protocol)]
    found = {
        loss.considered_on: loss.considered_by_mood
        for loss in (*_settled_losses(states), states[-1].loss)
        if loss and loss.considered_on is not None
    }
    return tuple(
        Crossing(day=date.fromordinal(day), by_mood_alone=by_mood) for day, by_mood in sorted(found.items())
    )


def timeline_of(history: History, *, as_of: datetime, protocol: Protocol = STANDARD) -> Timeline:
    """The state of a history together with the days of its crossings, from scratch."""
    return timeline_through(points_of(history, as_of=as_of, protocol=protocol))


def timeline_through(points: Sequence[Point], *, since: Timeline | None = None) -> Timeline:
    """The timeline that ends with the last of these points; `since`: the one that they began from."""
    considered = {*_days_of(_settled_losses([point.state for point in points]))}
    considered |= {*since.considered} if since else set()
    return Timeline(points[-1].state, tuple(sorted(considered)), points[-1].reports)


def timeline_after(
    timeline: Timeline, check_in: CheckIn, *, protocol: Protocol = STANDARD
) -> Timeline | None:
    """The past one check-in later, at the cost of a step; None where `advance` has none."""
    state = advance(timeline.state, check_in, protocol=protocol)
    if state is None:
        return None
    considered = tuple(sorted({*timeline.considered, *_days_of([state.loss_before])}))
    return Timeline(state, considered, timeline.reports + 1)


def _settled_losses(states: Sequence[PatientState]) -> list[Loss | None]:
    """The loss at the end of each check-in day but the last, and before each infusion."""
    ends = [state.loss_before for state in states]
    return ends + [
        earlier.loss for earlier, later in pairwise(states) if later.treatment is not earlier.treatment
    ]


def _days_of(losses: Sequence[Loss | None]) -> tuple[int, ...]:
    return tuple(sorted({loss.considered_on for loss in losses if loss and loss.considered_on is not None}))


def points_of(
    history: History, *, as_of: datetime, protocol: Protocol = STANDARD, since: Timeline | None = None
) -> list[Point]:
    """The state at the start and after each infusion and check-in up to `as_of`.

    `since`: a timeline to begin from. Then `check_ins` of the history are those after it, and only those, and a
    reference that was chosen of days around its end is not in the history; see `checkpoints`.
    """
    now = as_of.timestamp()
    infusions = sorted(
        (one for one in history.infusions if one.given_at.timestamp() <= now),
        key=lambda one: (one.given_at.timestamp(), one.id),
    )
    first, n_given, reports = _untreated(history, infusions, as_of, protocol), 0, 0
    if since is not None:
        first, n_given, reports = (
            since.state._replace(totals=first.totals),
            since.state.treatment.total,
            since.reports,
        )
    points = [Point(first, -inf, reports)]
    chosen = _chosen(history, infusions, now, protocol)
    if chosen and since is not None and since.state.last_day > chosen.to_day.toordinal():
        chosen = None

    def choose(before: int | None = None) -> None:
        nonlocal chosen
        if chosen and (before is None or before > chosen.to_day.toordinal()):
            state = with_chosen(points[-1].state, chosen.window, end=chosen.to_day, protocol=protocol)
            points.append(points[-1]._replace(state=state))
            chosen = None

    stretches = _by_stretch(history.check_ins, infusions, now)
    for number, stretch in enumerate(stretches[n_given:], n_given):
        if number > n_given:
            given = infusions[:number]
            choose(given[-1].day(history.time_zone).toordinal())
            state = after_infusion(points[-1].state, history.course, given, history.time_zone, protocol)
            points.append(Point(state, given[-1].given_at.timestamp(), points[-1].reports))
        for day, at, _, check_in in stretch:
            choose(day)
            state = after_check_in(points[-1].state, check_in, day=day, at=at, protocol=protocol)
            points.append(Point(state, at, points[-1].reports + 1))
    choose()
    return points


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The check-in days of the window that a clinician named."""

    window: tuple[CheckInDay, ...]
    to_day: date


def _chosen(
    history: History, infusions: Sequence[Infusion], now: float, protocol: Protocol
) -> _Chosen | None:
    """What was chosen by now, of days that were over when it was; without acute effects."""
    choice = history.chosen_reference
    if choice is None or choice.set_at.timestamp() > now:
        return None
    if check_in_day(choice.set_at, history.time_zone) <= choice.to_day:
        return None
    given = [infusion.given_at.timestamp() for infusion in infusions]
    known = [
        one
        for one in history.check_ins
        if (at := one.recorded_at.timestamp()) <= now and not is_acute(at, given, protocol)
    ]
    window = tuple(one for one in days_of(known) if choice.from_day <= one.day <= choice.to_day)
    if history.course and history.course.taken_on_at:
        on = {infusion.day(history.time_zone) for infusion in infusions}
        window = tuple(one for one in window if one.day not in on)
        if not is_stable_period(window, from_day=choice.from_day, to_day=choice.to_day, protocol=protocol):
            return None
    return _Chosen(window=window, to_day=choice.to_day)


def _by_stretch(
    check_ins: Sequence[CheckIn], infusions: Sequence[Infusion], now: float
) -> list[list[tuple[int, float, str, CheckIn]]]:
    """Check-ins between one infusion and the next, in order of day, time and id."""
    given_at = [infusion.given_at.timestamp() for infusion in infusions]
    stretches: list[list[tuple[int, float, str, CheckIn]]] = [[] for _ in range(len(infusions) + 1)]
    for check_in in check_ins:
        at = check_in.recorded_at.timestamp()
        if at <= now:
            day = day_number(check_in.recorded_at, check_in.time_zone)
            stretches[bisect_right(given_at, at)].append((day, at, check_in.id, check_in))
    for stretch in stretches:
        stretch.sort(key=lambda entry: entry[:3])
    return stretches


def _untreated(
    history: History, infusions: Sequence[Infusion], as_of: datetime, protocol: Protocol
) -> PatientState:
    course = history.course
    closed = course.closed_on if course else None
    end = induction_end(course, (), time_zone=history.time_zone, protocol=protocol)
    return PatientState(
        time_zone=history.time_zone,
        treatment=Treatment(
            course_closed=closed.toordinal() if closed else None,
            induction_over=end.on.toordinal() if end else None,
            taken_on=course.taken_on_at.toordinal() if course and course.taken_on_at else None,
            earlier=course.earlier.count if course and course.earlier else 0,
        ),
        baseline=None,
        days=(),
        open_day=None,
        reference=None,
        loss_before=None,
        loss=None,
        recent_days=(),
        last_at=None,
        last_day=0,
        last_id="",
        asked_on=None,
        totals=_totals(history, infusions, as_of, protocol),
    )


def after_infusion(
    state: PatientState, course: Course | None, given: Sequence[Infusion], time_zone: str, protocol: Protocol
) -> PatientState:
    """The state after an infusion, the last of `given`, where there are no totals of scales.

    The first of a course fixes the baseline. Of a patient who was taken on, that is the first one known, unless it
    was not the first: others are known by their number only, or it was given since. An induction infusion opens the
    reference window again. A booster closes the window and keeps the reference; what it does to the smoothing is
    said in `boosters`.
    """
    of_course = infusions_of_course(course, given, time_zone=time_zone)
    treatment = _treatment(state, course, given, of_course, time_zone, protocol)
    if not of_course:
        return state._replace(treatment=treatment, asked_on=None)
    day = treatment.last_day or 0
    baseline = state.baseline or (
        baseline_of(known_days(state), first_infusion_on=date.fromordinal(day), protocol=protocol)
        if treatment.taken_on is None or (day < treatment.taken_on and not treatment.earlier)
        else NO_BASELINE
    )
    if not treatment.last_is_booster or (treatment.day_zero is None and treatment.taken_on is None):
        return state._replace(
            treatment=treatment,
            baseline=baseline,
            days=(),
            open_day=None,
            reference=None,
            loss_before=None,
            loss=None,
            asked_on=None,
            signs_before=_new_series(state.signs),
            signs=_new_series(state.signs),
            boosters=Boosters(),
            answering=state.answering and since_infusion(state.answering),
        )
    closed = _window_closed(settled(state, day, protocol), protocol)
    boosters, loss, signs = closed.boosters, None, closed.signs
    if isinstance(closed.reference, Reference) and closed.loss is not None:
        boosters = _with_stretch(closed, closed.loss, closed.reference, day, protocol)
        loss = loss_after_booster(closed.loss, closed.reference, day, protocol)
    days = closed.days
    if treatment.taken_on is not None:
        others = [one for one in known_days(closed) if one.day.toordinal() != day]
        closed = closed._replace(treatment=treatment)
        days = days_to_propose(closed, others, day, protocol)
    return closed._replace(
        treatment=treatment,
        baseline=baseline,
        days=days,
        open_day=None,
        loss_before=loss,
        loss=loss,
        signs_before=signs,
        asked_on=None,
        boosters=boosters,
        answering=closed.answering and since_infusion(closed.answering),
    )


def _with_stretch(
    state: PatientState, loss: Loss, reference: Reference, day: int, protocol: Protocol
) -> Boosters:
    """What the stretch that this infusion ends leaves behind, and the level by check-ins before it."""
    if protocol.generation == 1 or state.treatment.last_day is None:
        return state.boosters
    level = level_by_check_ins(loss, reference, day, protocol)
    stretch = current_stretch(state, loss, day, protocol)
    boosters = with_stretch(state.boosters, stretch, steady=level is Level.STEADY, protocol=protocol)
    return boosters._replace(level_before=level)


def _new_series(signs: Signs) -> Signs:
    """A new induction series: levels and the best mood begin again; elevated days stay what they were."""
    return signs._replace(levels=PerDomain(None, None, None), best_mood=None, recoveries=())


def _window_closed(state: PatientState, protocol: Protocol) -> PatientState:
    """The state when a booster closes the window; see `window_closed`."""
    zero = state.treatment.day_zero
    if state.reference is not None or zero is None:
        return state
    closed = window_closed(
        known_days(state), day_zero=date.fromordinal(zero), before=zero, protocol=protocol, by_booster=True
    )
    if isinstance(closed, date):
        return with_reference(state, closed, protocol)
    return state if closed is None else without_reference(state, closed, protocol)


def _treatment(
    state: PatientState,
    course: Course | None,
    given: Sequence[Infusion],
    of_course: Sequence[Infusion],
    time_zone: str,
    protocol: Protocol,
) -> Treatment:
    days = [infusion.day(time_zone).toordinal() for infusion in given]
    series = [infusion for infusion in of_course if infusion.phase is InfusionPhase.INDUCTION]
    end = induction_end(course, of_course, time_zone=time_zone, protocol=protocol)
    return Treatment(
        first_at=of_course[0].given_at.timestamp() if of_course else None,
        first_day=of_course[0].day(time_zone).toordinal() if of_course else None,
        last_induction_at=series[-1].given_at.timestamp() if series else None,
        day_zero=series[-1].day(time_zone).toordinal() if series else None,
        last_at=given[-1].given_at.timestamp(),
        last_day=days[-1],
        last_is_booster=bool(of_course) and of_course[-1].phase is InfusionPhase.BOOSTER,
        induction_over=end.on.toordinal() if end else None,
        course_closed=state.treatment.course_closed,
        taken_on=None if series else state.treatment.taken_on,
        earlier=state.treatment.earlier,
        recent_days=tuple(day for day in days if days[-1] - day < DAYS_OF_EXPOSURE),
        course_at=tuple(infusion.given_at.timestamp() for infusion in of_course),
        total=len(given),
        response_durations=_response_durations(state),
    )


def _response_durations(state: PatientState) -> tuple[int, ...]:
    """How long each past infusion's benefit lasted, where a loss was seen; the latest few, in days."""
    known, loss, last_day = state.treatment.response_durations, state.loss, state.treatment.last_day
    if loss is None or loss.considered_on is None or last_day is None:
        return known
    return (*known, loss.considered_on - last_day)[-RESPONSE_DURATIONS_KEPT:]


def _totals(
    history: History, infusions: Sequence[Infusion], as_of: datetime, protocol: Protocol
) -> tuple[TotalsSoFar, ...]:
    """What each scale's totals have come to by now, with the infusions up to now; by the patient's clock."""
    here = zone_of(history.time_zone)
    given = infusions_of_course(history.course, infusions, time_zone=history.time_zone)
    given_at = [infusion.given_at.astimezone(here) for infusion in given]
    series = [infusion.given_at for infusion in given if infusion.phase is InfusionPhase.INDUCTION]
    found: list[TotalsSoFar] = []
    for entry in sorted(history.assessments, key=lambda one: one.scale.key):
        past = sorted(total for total in entry.totals if total.taken_at <= as_of)
        if not past:
            continue
        if not series and history.course and history.course.taken_on_at:
            found.append(_totals_taken_on(entry, past, history.course, given_at, protocol))
            continue
        if not series:
            awaited = TotalsCode.REFERENCE_AWAITED
            found.append(TotalsSoFar(scale=entry.scale, last=past[-1], missing=awaited))
            continue
        around = _around(past, given_at[0], series[-1], protocol)
        found.append(
            totals_so_far(
                {*around, *past[-protocol.totals_kept :]},
                scale=entry.scale,
                first_infusion_at=given_at[0],
                last_induction_at=series[-1].astimezone(here),
                as_of=as_of.astimezone(here),
                infusions_at=given_at,
                protocol=protocol,
            )
        )
    return tuple(found)


def _totals_taken_on(
    entry: ScaleTotals,
    past: Sequence[AssessmentTotal],
    course: Course,
    given_at: Sequence[datetime],
    protocol: Protocol,
) -> TotalsSoFar:
    taken_on = course.taken_on_at or course.started_on
    knows_first = not course.earlier and given_at and given_at[0].date() < taken_on
    return totals_when_taken_on(
        past,
        scale=entry.scale,
        taken_on=taken_on,
        first_infusion_at=given_at[0] if knows_first else None,
        infusions_at=given_at,
        protocol=protocol,
    )


def _around(
    totals: Sequence[AssessmentTotal], first: datetime, last: datetime, protocol: Protocol
) -> list[AssessmentTotal]:
    """From 28 days before the first infusion to day 15 after the last of induction, and a day more."""
    earliest = first - timedelta(days=protocol.baseline_days_before + 1)
    latest = last + timedelta(days=protocol.window_latest_day + 1)
    return [total for total in totals if earliest <= total.taken_at <= latest]
