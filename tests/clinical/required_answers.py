"""Patients of the required answers: day 0 is the last of six induction infusions, before it 3/3/3.

After induction 8/7.5/7, one check-in an evening in whole numbers, no noise, unless a patient says otherwise.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from app.clinical.answer import Evaluation
from app.clinical.check_ins import CheckIn
from app.clinical.episodes import NO_EPISODE, Episode, Move, MoveKind, closed_by_infusion, moved, next_move
from app.clinical.evaluation import evaluate_history
from app.clinical.history import History, ScaleTotals
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.scales import PHQ_9, AssessmentTotal
from tests.clinical.builders import ZONE, at, booster, history, induction

Answer = tuple[float | None, float | None, float | None] | None
"""Mood, energy, sleep; None for a day without a check-in."""
Story = Callable[[int], Answer]


def well(day: int) -> Answer:
    """8/7.5/7 in whole numbers."""
    return 8, 7 + day % 2, 7


def reported(
    story: Story,
    *,
    until: int,
    before: Answer = (3, 3, 3),
    boosters: Sequence[int] = (),
    hours: Callable[[int], float | None] = lambda _: None,
    phq_9: Iterable[tuple[int, int]] = (),
    again: Sequence[int] = (),
    a_day: int = 1,
) -> History:
    """A patient with this story from day 1 on; ``again``: infusions of a second induction; ``a_day``: check-ins."""
    answers = [(day, before) for day in range(-24, -10)] + [(day, story(day)) for day in range(1, until + 1)]
    given = (*induction(), *induction(again), *(booster(day) for day in boosters))
    reports = [
        _report(day, answer, hours(day), hour=22 - 2 * number)
        for day, answer in answers
        if answer
        for number in reversed(range(a_day))
    ]
    made = history(*reports, infusions=given)
    totals = tuple(AssessmentTotal(at(day, 15), total) for day, total in phq_9)
    if not totals:
        return made
    return History(
        time_zone=made.time_zone,
        course=made.course,
        infusions=made.infusions,
        check_ins=made.check_ins,
        assessments=(ScaleTotals(scale=PHQ_9, totals=totals),),
    )


def _report(
    day: int, answer: tuple[float | None, float | None, float | None], hours: float | None, *, hour: int
) -> CheckIn:
    mood, energy, sleep = answer
    return CheckIn(
        id=f"{day} {hour}",
        recorded_at=at(day, hour),
        time_zone=ZONE,
        mood=mood,
        energy=energy,
        sleep_quality=sleep,
        sleep_hours=hours,
    )


@dataclass(frozen=True)
class DayOf:
    """What is said at the end of one day, also of a day without a check-in."""

    day: int
    answer: Evaluation
    move: Move
    episode: Episode


def followed(patient: History, *, until: int, protocol: Protocol = STANDARD) -> dict[int, DayOf]:
    """Every evening of a patient, with the one signal that a clinic would have; an infusion closes it."""
    found: dict[int, DayOf] = {}
    episode, boosters = NO_EPISODE, {one.given_at: one for one in patient.infusions}
    for day in range(1, until + 1):
        now = at(day, 23)
        answer = evaluate_history(patient, as_of=now, protocol=protocol)
        for given_at in [one for one in boosters if at(day, 0) < one <= now and one > at(0)]:
            before = evaluate_history(patient, as_of=given_at - (given_at - at(day, 15)), protocol=protocol)
            episode = closed_by_infusion(
                episode, given_at=given_at, given_on=answer.day, findings=before.findings
            )
        move = next_move(episode, answer, as_of=now)
        episode = moved(episode, move, on=answer.day)
        found[day] = DayOf(day, answer, move, episode)
    return found


def raised_on(days: dict[int, DayOf]) -> list[int]:
    """The days on which a signal was raised."""
    return [one.day for one in days.values() if one.move.kind is MoveKind.RAISE]
