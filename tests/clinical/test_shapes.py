"""The shapes that must, and must not, raise a signal.

Each patient had 3 on every domain before treatment and 8 after induction, and makes one entry a day. The
change begins on day 20, after twelve good days. "At once" means from that day on.
"""

from collections.abc import Callable

import pytest

from app.clinical.explanation import explain
from app.clinical.levels import CriterionName, Level
from app.clinical.protocol import RULE_1, STANDARD, Protocol
from app.clinical.reason_codes import ReasonCode
from tests.clinical.builders import BEFORE, WINDOW, Step, days, follow, history, raised

Shape = Callable[[int], float]
ONSET = 20
LAST_DAY = 150


def at_once(low: float) -> Shape:
    return lambda _: low


def over(n_days: int, low: float) -> Shape:
    return lambda since: max(low, 8 - (8 - low) * since / n_days)


def dip(n_days: int, low: float) -> Shape:
    return lambda since: low if since < n_days else 8


def follow_shape(shape: Shape, *, mood_alone: bool, protocol: Protocol = STANDARD) -> list[Step]:
    """Whole numbers, well until day 19; the change begins on day 20."""
    after = days(
        range(9, LAST_DAY),
        lambda offset: 8 if offset < ONSET else round(shape(offset - ONSET)),
        mood_only_after=8 if mood_alone else None,
    )
    return follow(history(*BEFORE, *WINDOW, *after), protocol=protocol)


# what happens             all domains or mood   days after it begins, 2.0 and 1.0   criterion
RAISES = [
    ("8 → 3 at once", at_once(3), False, 4, 3, CriterionName.GAIN_LOST),
    ("8 → 4 at once", at_once(4), False, 4, 5, CriterionName.GAIN_LOST),
    ("8 → 5 at once (60%)", at_once(5), False, 8, 11, CriterionName.GAIN_LOST),
    ("8 → 3 over 14 days", over(14, 3), False, 11, 12, CriterionName.GAIN_LOST),
    ("8 → 2 over 30 days", over(30, 2), False, 17, 18, CriterionName.GAIN_LOST),
    ("8 → 2 over 60 days", over(60, 2), False, 29, 32, CriterionName.GAIN_LOST),
    ("mood alone 8 → 3 at once", at_once(3), True, 6, 6, CriterionName.ONE_DOMAIN),
    ("mood alone 8 → 4 at once", at_once(4), True, 12, 12, CriterionName.ONE_DOMAIN),
    ("mood alone 8 → 2 over 30 days", over(30, 2), True, 23, 23, CriterionName.ONE_DOMAIN),
]

# what happens                         all domains or mood   worst level
STAYS_BELOW = [
    ("8 → 6 at once", at_once(6), False, Level.WATCH),
    ("8 → 6 over 30 days", over(30, 6), False, Level.WATCH),
    ("8 → 2 and back within three days", dip(3, 2), False, Level.WATCH),
    ("8 → 3 and back within three days", dip(3, 3), False, Level.WATCH),
    ("8 → 4 and back within three days", dip(3, 4), False, Level.WATCH),
    ("8 → 6 and back within three days", dip(3, 6), False, Level.STEADY),
    ("8 → 4 and back within two days", dip(2, 4), False, Level.STEADY),
    ("mood alone 8 → 5 over 30 days", over(30, 5), True, Level.WATCH),
    ("mood alone 8 → 5 at once", at_once(5), True, Level.WATCH),
    ("nothing changes", at_once(8), False, Level.STEADY),
]


@pytest.mark.parametrize("protocol", [STANDARD, RULE_1], ids=["2.0", "1.0"])
@pytest.mark.parametrize(
    ("shape", "mood_alone", "day", "day_by_rule_1", "criterion"),
    [row[1:] for row in RAISES],
    ids=[row[0] for row in RAISES],
)
def test_a_real_loss_raises_exactly_one_signal_and_says_why(
    shape: Shape, mood_alone: bool, day: int, day_by_rule_1: int, criterion: CriterionName, protocol: Protocol
) -> None:
    steps = follow_shape(shape, mood_alone=mood_alone, protocol=protocol)
    signals = raised(steps)
    wanted = day if protocol is STANDARD else day_by_rule_1
    assert [(step.offset - ONSET, step.move.criteria) for step in signals] == [(wanted, (criterion,))]
    reasons = [reason for one in signals[0].evaluation.criteria for reason in one.reasons]
    why = {
        CriterionName.GAIN_LOST: ReasonCode.LOST_ENOUGH,
        CriterionName.ONE_DOMAIN: ReasonCode.DOMAIN_LOST_ENOUGH,
    }
    assert why[criterion] in {reason.code for reason in reasons}
    text = explain(signals[0].evaluation)
    assert text.startswith("Consider a booster. ")
    assert "% of the gain" in text.split(". ")[1]


@pytest.mark.parametrize(
    ("shape", "mood_alone", "worst"), [row[1:] for row in STAYS_BELOW], ids=[row[0] for row in STAYS_BELOW]
)
def test_a_small_or_short_loss_never_reaches_consider(shape: Shape, mood_alone: bool, worst: Level) -> None:
    steps = follow_shape(shape, mood_alone=mood_alone)
    assert raised(steps) == []
    assert max(step.evaluation.level for step in steps) is worst
