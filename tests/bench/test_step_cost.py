"""What one more check-in costs: a step, held against the same arithmetic bare (`make bench` prints both)."""

import pytest

from tests.bench.core_step import TARGET, measure, series, steps_by_level

pytestmark = pytest.mark.measurement


def test_a_check_in_costs_at_most_three_times_the_bare_step_whatever_it_leads_to() -> None:
    steps = steps_by_level(series())
    measured = [measure(steps, slices=30) for _ in range(3)]

    # The best of three: on a busy machine a measurement may be spoiled, but none makes us quicker than we are.
    best = {level.value: min(figures[level].ratio for figures in measured) for level in measured[0]}
    assert {level: ratio for level, ratio in best.items() if ratio > TARGET} == {}
