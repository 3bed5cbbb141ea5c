"""What earlier courses taught of how long benefits last; a new course does not forget it.

An earlier course is looked at as it stood on its last day: with its own infusions, reports and reference.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from app.clinical.check_ins import check_in_day
from app.clinical.course import Course, Infusion, InfusionPhase, infusions_of_course
from app.clinical.evaluation import evaluate
from app.clinical.history import History
from app.clinical.interval import ResponseDuration, by_stretches, response_durations
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.state.timeline import timeline_of


def earlier_durations(
    history: History, courses: Sequence[Course], *, protocol: Protocol = STANDARD
) -> tuple[ResponseDuration, ...]:
    """Duration of response in the courses before the present one, in their order.

    Args:
        history: everything that is known now; its course is the present one.
        courses: all courses, in any order.
        protocol: the numbers.
    """
    in_order = sorted(courses, key=lambda one: (one.started_on, one.id))
    found: list[ResponseDuration] = []
    for course, following in pairwise(in_order):
        found += _durations(_until(history, course, following.started_on), protocol)
    return tuple(found)


def marked(
    durations: Sequence[ResponseDuration], course: Course | None, given: Sequence[Infusion], time_zone: str
) -> tuple[ResponseDuration, ...]:
    """The same, each with its course and the route and dose of the infusion that it began with."""
    by_day = {one.day(time_zone): one for one in given}
    started_on = course.started_on if course else None
    return tuple(
        replace(
            one,
            course_started_on=started_on,
            route=began.route if (began := by_day.get(one.from_day)) else None,
            dose_mg_per_kg=began.dose_mg_per_kg if began else None,
        )
        for one in durations
    )


def _until(history: History, course: Course, next_starts_on: date) -> History:
    """The history as it stood when the next course began."""
    zone, chosen = history.time_zone, history.chosen_reference
    in_time = chosen is not None and check_in_day(chosen.set_at, zone) < next_starts_on
    return replace(
        history,
        course=course,
        infusions=tuple(one for one in history.infusions if one.day(zone) < next_starts_on),
        check_ins=tuple(
            one for one in history.check_ins if check_in_day(one.recorded_at, one.time_zone) < next_starts_on
        ),
        assessments=(),
        chosen_reference=chosen if in_time else None,
    )


def _durations(then: History, protocol: Protocol) -> tuple[ResponseDuration, ...]:
    """A benefit that was not lost by the last report of its course lasted at least until then."""
    zone = then.time_zone
    given = infusions_of_course(then.course, then.infusions, time_zone=zone)
    if not given or not then.check_ins:
        return ()
    last = max(then.check_ins, key=lambda one: one.recorded_at)
    days = {phase: [one.day(zone) for one in given if one.phase is phase] for phase in InfusionPhase}
    as_of = max(last.recorded_at, given[-1].given_at) + timedelta(days=1)
    past = timeline_of(then, as_of=as_of, protocol=protocol)
    seen = evaluate(past.state, as_of=as_of, protocol=protocol)
    found = response_durations(
        last_induction_on=max(days[InfusionPhase.INDUCTION], default=None),
        boosters_on=days[InfusionPhase.BOOSTER],
        losses_on=past.losses,
        as_of=check_in_day(last.recorded_at, last.time_zone),
    )
    return marked(by_stretches(found, seen.stretches), then.course, given, zone)
