"""What the rule is held against, and that each is held to the same false-signal rate."""

from datetime import timedelta

import pytest

from app.clinical.check_ins import CheckInDay
from app.clinical.domains import PerDomain
from app.clinical.protocol import STANDARD
from app.clinical.reference import Baseline, Reference
from app.studies.accuracy import accuracy, accuracy_json, accuracy_markdown, accuracy_text, equal_threshold
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import REFERENCE_COHORT
from app.studies.comparators import (
    DETECTORS,
    High,
    comparator_highs,
    cusum,
    day_reached,
    first_reached,
    highs_of,
    mood_ewma,
    seven_day_mean,
)
from tests.studies.treated_patients import calendar_day

THREE = PerDomain(3.0, 3.0, 3.0)
REFERENCE = Reference(
    values=PerDomain(8.0, 8.0, 8.0),
    days=PerDomain(8, 8, 8),
    gains=PerDomain(5.0, 5.0, 5.0),
    assumed=PerDomain(False, False, False),
    spread=PerDomain(1.0, 1.0, 1.0),
    weights=PerDomain(0.4, 0.3, 0.3),
    rule_values=PerDomain(8.0, 8.0, 8.0),
    rule_gains=PerDomain(5.0, 5.0, 5.0),
    mean_rule_gain=5.0,
    mean_gain=5.0,
    n_days=8,
    from_day=calendar_day(1),
    to_day=calendar_day(8),
    falling=False,
    assumes_baseline=False,
    baseline=Baseline(
        values=PerDomain(3.0, 3.0, 3.0),
        days=PerDomain(9, 9, 9),
        squares=PerDomain(0.0, 0.0, 0.0),
        n_days=9,
        from_day=calendar_day(-20),
        to_day=calendar_day(-12),
    ),
)


def days(*levels: float | None) -> list[CheckInDay]:
    return [
        CheckInDay(day=calendar_day(9) + timedelta(days=number), values=PerDomain(level, level, level))
        for number, level in enumerate(levels)
    ]


def test_only_days_above_all_before_them_are_kept() -> None:
    highs = highs_of([(1, 0.2), (2, 0.1), (3, 0.5), (4, 0.5), (5, 0.9)])
    assert highs == (High(1, 0.2), High(3, 0.5), High(5, 0.9))
    assert first_reached(highs, 0.5) == 3
    assert first_reached(highs, 0.51) == 5
    assert day_reached(highs, 1.0) is None


def test_the_mood_ewma_smooths_the_fall_in_standard_deviations() -> None:
    values = [value for _, value in mood_ewma(days(8, 6, None, 6), REFERENCE)]
    assert values == pytest.approx([0.0, 0.4, 0.2 * 2 + 0.8 * 0.4])


def test_the_seven_day_mean_waits_for_three_days_and_forgets_after_seven() -> None:
    values = [value for _, value in seven_day_mean(days(8, 8, 3, 3, 3, 3, 3, 3, 3), REFERENCE)]
    assert values[0] == pytest.approx(1 / 3)
    assert values[-1] == pytest.approx(1.0)
    assert len(values) == 7


def test_the_cusum_stays_at_zero_while_well_and_adds_up_a_loss() -> None:
    values = [value for _, value in cusum(days(8, 8, 3, 3), REFERENCE)]
    assert values == pytest.approx([0.0, 0.0, 37.5, 75.0])


def test_the_threshold_is_where_as_many_stable_patients_are_reached() -> None:
    stable = [(High(1, value),) for value in (0.1, 0.4, 0.3, 0.2)] + [()]
    threshold = equal_threshold(stable, 2)
    assert threshold == 0.3
    assert sum(first_reached(highs, threshold) is not None for highs in stable) == 2
    none = equal_threshold(stable, 0)
    assert all(first_reached(highs, none) is None for highs in stable)


def test_every_comparator_sees_the_loss_of_a_simulated_patient() -> None:
    lost = next(
        one
        for one in SimulatedCohort(size=50, seed=2).with_truth(0, 50)
        if one.truth.onset and 20 < one.truth.onset < 100 and min(one.truth.gain) > 2
    )
    highs = comparator_highs(lost, protocol=STANDARD)
    assert set(highs) == set(DETECTORS)
    assert all(own[-1].day >= (lost.truth.onset or 0) for own in highs.values())


def test_an_evaluation_reports_the_rule_its_rivals_and_what_made_it() -> None:
    report = accuracy(patients=25, seeds=(1,), variants={"reference": REFERENCE_COHORT}, processes=1)
    assert [one.name for one in report.comparators] == list(DETECTORS)
    assert report.variants["reference"] == report.reference
    page = accuracy_markdown(report, command="afterglow simulate --seed 1")
    assert "afterglow simulate --seed 1" in page
    assert "gain-lost" in page
    assert "| mood-only EWMA |" in page
    assert "seeds 1" in accuracy_text(report)
    plain = accuracy_json(report)
    assert plain["seeds"] == [1]
    assert plain["comparators"]["CUSUM"]["patients"] == 25
