"""A second course does not forget what the first one taught."""

from app.clinical.course import Course, Infusion, InfusionPhase, Route
from app.clinical.earlier_courses import earlier_durations
from app.clinical.interval import personal_interval
from tests.clinical.builders import BEFORE, COURSE, WINDOW, at, booster, days, history, induction, on

SECOND = Course(id="second", protocol="standard", planned_infusions=6, started_on=on(190))


def again(offset: int) -> Infusion:
    return Infusion(
        id=f"again {offset}",
        given_at=at(offset, 16),
        phase=InfusionPhase.INDUCTION,
        route=Route.IM,
        dose_mg_per_kg=0.8,
    )


def test_a_benefit_lost_in_the_first_course_counts_in_the_second() -> None:
    reported = (
        *BEFORE,
        *WINDOW,
        *days(range(9, 60), lambda day: 8 if day < 40 else 3),
        *days(range(60, 90), 8),
    )
    first = tuple(
        Infusion(id=one.id, given_at=one.given_at, phase=one.phase, route=Route.IV, dose_mg_per_kg=0.5)
        for one in (*induction(), booster(59))
    )
    patient = history(*reported, infusions=(*first, *(again(200 + 2 * n) for n in range(6))), course=SECOND)
    lost, held = earlier_durations(patient, (SECOND, COURSE))
    assert (lost.lost, lost.from_day) == (True, on(0))
    assert lost.days == 39, "to the day before the first low one"
    assert (held.lost, held.days) == (False, 30)
    assert {(one.course_started_on, one.route, one.dose_mg_per_kg) for one in (lost, held)} == {
        (COURSE.started_on, Route.IV, 0.5)
    }
    assert not personal_interval((lost, held)).population_only


def test_the_end_of_a_course_is_no_loss_and_silence_after_it_teaches_nothing() -> None:
    patient = history(*BEFORE, *WINDOW, *days(range(9, 30), 8), course=SECOND)
    (held,) = earlier_durations(patient, (COURSE, SECOND))
    assert (held.lost, held.days) == (False, 29), "to the last report, not to the next course"


def test_without_an_earlier_course_there_is_nothing_earlier() -> None:
    assert earlier_durations(history(*BEFORE, *WINDOW), (COURSE,)) == ()
