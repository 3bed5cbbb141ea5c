"""The shapes that must, and must not, raise a signal.

Each patient had 3 on every domain before treatment and 8 after induction, and makes one entry a day. The
change begins on day 9, the day after the reference is fixed. "At once" means from that day on.
"""

from collections.abc import Callable

import pytest

from app.clinical.explanation import explain
from app.clinical.reasons import CriterionName, Level, ReasonCode
from tests.clinical.builders import BEFORE, WINDOW, Step, days, follow, history, raised

Shape = Callable[[int], float]
ONSET = 9
LAST_DAY = 130


def at_once(low: float) -> Shape:
    return lambda _: low


def over(n_days: int, low: float) -> Shape:
    return lambda since: max(low, 8 - (8 - low) * since / n_days)


def dip(n_days: int, low: float) -> Shape:
    return lambda since: low if since < n_days else 8


def follow_shape(shape: Shape, *, mood_alone: bool) -> list[Step]:
    after = days(
        range(ONSET, LAST_DAY),
        lambda offset: shape(offset - ONSET),
        mood_only_after=8 if mood_alone else None,
    )
    return follow(history(*BEFORE, *WINDOW, *after))


# what happens                         all domains or mood   raised on day, by which criterion
RAISES = [
    ("8 → 3 at once", at_once(3), False, 12, CriterionName.GAIN_LOST),
    ("8 → 4 at once", at_once(4), False, 14, CriterionName.GAIN_LOST),
    ("8 → 5 at once (60 %)", at_once(5), False, 20, CriterionName.GAIN_LOST),
    ("8 → 3 over 14 days", over(14, 3), False, 21, CriterionName.GAIN_LOST),
    ("8 → 2 over 30 days", over(30, 2), False, 27, CriterionName.GAIN_LOST),
    ("8 → 2 over 60 days", over(60, 2), False, 41, CriterionName.GAIN_LOST),
    ("mood alone 8 → 3 over 30 days", over(30, 3), True, 36, CriterionName.ONE_DOMAIN),
    ("mood alone 8 → 4 over 30 days", over(30, 4), True, 43, CriterionName.ONE_DOMAIN),
    ("mood alone 8 → 2 over 30 days", over(30, 2), True, 32, CriterionName.ONE_DOMAIN),
    ("mood alone 8 → 3 at once", at_once(3), True, 15, CriterionName.ONE_DOMAIN),
]

# what happens                         all domains or mood   worst level
STAYS_BELOW = [
    ("8 → 6 at once", at_once(6), False, Level.WATCH),
    ("8 → 6 over 30 days", over(30, 6), False, Level.WATCH),
    ("8 → 4 and back within three days", dip(3, 4), False, Level.WATCH),
    ("8 → 4 and back within two days", dip(2, 4), False, Level.STEADY),
    ("mood alone 8 → 5 over 30 days", over(30, 5), True, Level.WATCH),
    ("mood alone 8 → 5 at once", at_once(5), True, Level.WATCH),
    ("nothing changes", at_once(8), False, Level.STEADY),
]


@pytest.mark.parametrize(
    ("shape", "mood_alone", "day", "criterion"), [row[1:] for row in RAISES], ids=[row[0] for row in RAISES]
)
def test_a_real_loss_raises_exactly_one_signal_and_says_why(
    shape: Shape, mood_alone: bool, day: int, criterion: CriterionName
) -> None:
    steps = follow_shape(shape, mood_alone=mood_alone)
    signals = raised(steps)
    assert [(step.offset, step.move.criteria) for step in signals] == [(day, (criterion,))]
    reasons = [reason for one in signals[0].evaluation.criteria for reason in one.reasons]
    why = {
        CriterionName.GAIN_LOST: ReasonCode.LOST_ENOUGH,
        CriterionName.ONE_DOMAIN: ReasonCode.DOMAIN_LOST_ENOUGH,
    }
    assert why[criterion] in {reason.code for reason in reasons}
    text = explain(signals[0].evaluation)
    assert text.startswith("Consider a booster infusion. As of ")
    assert "gained in induction has been lost (smoothed; raised at " in text


@pytest.mark.parametrize(
    ("shape", "mood_alone", "worst"), [row[1:] for row in STAYS_BELOW], ids=[row[0] for row in STAYS_BELOW]
)
def test_a_small_or_short_loss_never_reaches_consider(shape: Shape, mood_alone: bool, worst: Level) -> None:
    steps = follow_shape(shape, mood_alone=mood_alone)
    assert raised(steps) == []
    assert max(step.evaluation.level for step in steps) is worst
