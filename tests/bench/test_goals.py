"""Each goal is met or not, and a figure that is a tenth worse than the committed one is a fault."""

import pytest

from tests.bench.goals import Goal, judged


@pytest.mark.parametrize(
    ("goal", "is_met"),
    [
        (Goal("a ratio", 1.9, most=2), True),
        (Goal("a ratio", 2.1, most=2), False),
        (Goal("a share", 0.9, least=0.9), True),
        (Goal("a share", 0.89, least=0.9), False),
    ],
)
def test_a_goal_is_met_or_not(goal: Goal, is_met: bool) -> None:
    assert goal.is_met is is_met


def test_more_than_a_tenth_worse_than_committed_is_worse_whichever_way_is_better() -> None:
    assert not Goal("a ratio", 1.09, most=2).worse_than(1.0)
    assert Goal("a ratio", 1.11, most=2).worse_than(1.0)
    assert not Goal("a share", 0.92, least=0.9).worse_than(1.0)
    assert Goal("a share", 0.90, least=0.9).worse_than(1.0)


def test_every_goal_is_printed_and_a_missed_one_that_was_never_committed_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failed = judged([Goal("new and met", 1.0, most=2), Goal("new and missed", 3.0, most=2)])
    printed = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in printed] == [
        "met  new and met: 1.00 (≤ 2 wanted)",
        "NOT met  new and missed: 3.00 (≤ 2 wanted)",
    ]
    assert failed == ["new and missed: 3.00, ≤ 2 wanted"]
