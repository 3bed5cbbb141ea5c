"""The goals of `make bench`: each is met or not, and none may become worse than it was."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COMMITTED: Final = Path(__file__).with_name("committed.json")
"""What each goal measured when it was last committed."""
_WORSE: Final = 1.1
"""A ratio that is more than a tenth worse than the committed one is a fault, also where the goal is met."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure, and the most or the least that it may be."""

    name: str
    measured: float
    most: float | None = None
    least: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the figure is within the goal."""
        return (self.most is None or self.measured <= self.most) and (
            self.least is None or self.measured >= self.least
        )

    def worse_than(self, committed: float) -> bool:
        """Whether the figure is more than a tenth worse than a committed one."""
        return (
            self.measured > committed * _WORSE if self.least is None else self.measured < committed / _WORSE
        )


def judged(goals: Sequence[Goal]) -> list[str]:
    """Print each goal as met or not; gives what is worse than what was committed, or misses a goal without that."""
    committed: dict[str, float] = json.loads(COMMITTED.read_text())
    failed = []
    for goal in goals:
        before, bound = committed.get(goal.name), goal.most if goal.least is None else goal.least
        sign, verdict = "≤" if goal.least is None else "≥", "met" if goal.is_met else "NOT met"
        known = "" if before is None else f", committed {before:.2f}"
        print(f"{verdict:>8}  {goal.name}: {goal.measured:.2f} ({sign} {bound:g} wanted{known})")  # noqa: T201 - its report
        if before is not None and goal.worse_than(before):
            failed.append(f"{goal.name}: {goal.measured:.2f}, a tenth worse than the committed {before:.2f}")
        if before is None and not goal.is_met:
            failed.append(f"{goal.name}: {goal.measured:.2f}, {sign} {bound:g} wanted")
    return failed
