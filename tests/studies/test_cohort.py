"""The simulated cohort is what its page says, and the same for the same seed."""

from dataclasses import replace
from statistics import correlation, mean, stdev

import pytest

from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import NEVER_LOST, REFERENCE_COHORT, VARIANTS
from app.studies.processes import FEW_PATIENTS, results_of
from app.studies.simulated_patient import DAY_ZERO, SimulatedPatient
from app.studies.tally import measured


@pytest.fixture(scope="module")
def reference_patients() -> list[SimulatedPatient]:
    return list(SimulatedCohort(size=250, seed=7).with_truth(0, 250))


def days_of(one: SimulatedPatient) -> list[int]:
    return [(entry.recorded_at - DAY_ZERO).days for entry in one.patient.history.check_ins]


def test_the_same_seed_makes_the_same_patients_whichever_part_is_asked_for() -> None:
    cohort = SimulatedCohort(size=20, seed=3)
    whole = list(cohort.patients(0, 20))
    assert whole == [*cohort.patients(0, 7), *cohort.patients(7, 20)]
    assert whole != list(SimulatedCohort(size=20, seed=4).patients(0, 20))


def test_levels_gains_and_noise_are_those_of_the_table(reference_patients: list[SimulatedPatient]) -> None:
    truths = [one.truth for one in reference_patients]
    assert mean(truth.before.mood for truth in truths) == pytest.approx(2.8, abs=0.2)
    assert stdev(truth.before.sleep_quality for truth in truths) == pytest.approx(1.2, abs=0.15)
    assert mean(truth.gain.mood for truth in truths) == pytest.approx(3.2 * 0.9, abs=0.25)
    assert mean(truth.noise_sd.energy for truth in truths) == pytest.approx(1.2, abs=0.12)
    assert 0.1 <= min(truth.carry_over for truth in truths) < 0.15
    assert 0.45 < max(truth.carry_over for truth in truths) <= 0.5


def test_check_ins_are_daily_with_a_quarter_missing_and_half_before_treatment(
    reference_patients: list[SimulatedPatient],
) -> None:
    days = [days_of(one) for one in reference_patients]
    before = mean(sum(day < -11 for day in own) for own in days)
    after = mean(sum(day >= 1 for day in own) for own in days)
    assert before == pytest.approx(21 / 2, abs=0.5)
    assert 125 < after < 135
    assert all(-32 <= day <= 180 and not -11 <= day <= 0 for own in days for day in own)


def test_reports_are_whole_numbers_from_0_to_10_and_mood_goes_with_energy(
    reference_patients: list[SimulatedPatient],
) -> None:
    reports = [entry for one in reference_patients[:50] for entry in one.patient.history.check_ins]
    values = [value for entry in reports for value in entry.values if value is not None]
    assert all(value == int(value) and 0 <= value <= 10 for value in values)
    stable = next(one for one in reference_patients if one.truth.onset is None)
    later = [entry for entry in stable.patient.history.check_ins if entry.recorded_at > DAY_ZERO]
    together = correlation([entry.mood or 0.0 for entry in later], [entry.energy or 0.0 for entry in later])
    assert together > 0.25


def test_onsets_have_their_median_and_count_only_when_they_can_be_followed(
    reference_patients: list[SimulatedPatient],
) -> None:
    onsets = sorted(one.truth.onset for one in reference_patients if one.truth.onset is not None)
    assert 90 < len(onsets) < 160
    assert 13 <= onsets[len(onsets) // 2] <= 19
    for one in reference_patients:
        onset = one.truth.onset
        assert one.counted == (onset is None or 6 < onset < 140)
        assert (one.patient.outcome is not None) == one.counted


def test_a_loss_is_gradual_and_never_more_than_its_depth(
    reference_patients: list[SimulatedPatient],
) -> None:
    truth = next(one.truth for one in reference_patients if one.truth.onset is not None)
    onset = truth.onset or 0
    assert truth.share_lost(onset) == 0
    assert 0 < truth.share_lost(onset + 1) <= truth.depth
    assert truth.share_lost(onset + 15) == truth.depth
    assert 0.7 <= truth.depth <= 1.1


@pytest.mark.parametrize(
    ("variant", "least", "most"),
    [
        ("asked weekly", 20, 35),
        ("asked three times a week", 55, 70),
        ("half of the check-ins missing", 75, 100),
    ],
)
def test_variants_ask_less_often_but_daily_in_the_window(variant: str, least: int, most: int) -> None:
    cohort = SimulatedCohort(plan=VARIANTS[variant], size=40, seed=5)
    answered = [sum(day >= 1 for day in days_of(one)) for one in cohort.with_truth(0, 40)]
    assert least < mean(answered) < most


def test_without_a_baseline_nothing_is_reported_before_treatment() -> None:
    cohort = SimulatedCohort(plan=VARIANTS["no baseline"], size=20)
    assert all(day >= 1 for one in cohort.with_truth(0, 20) for day in days_of(one))


def test_the_cohort_for_false_signals_never_loses_anything() -> None:
    cohort = SimulatedCohort(plan=NEVER_LOST, size=30)
    assert all(one.truth.onset is None for one in cohort.with_truth(0, 30))


def test_two_processes_find_what_one_finds() -> None:
    brief = replace(REFERENCE_COHORT, followed_days=30)
    cohort = SimulatedCohort(plan=brief, size=FEW_PATIENTS + 1, seed=11)
    assert list(results_of(cohort, processes=2)) == list(results_of(cohort, processes=1))


def test_a_small_reference_cohort_stays_within_loose_bounds() -> None:
    measures = measured(results_of(SimulatedCohort(size=200, seed=21), processes=1))
    assert measures.false_signals is not None
    assert measures.found is not None
    assert measures.false_signals.first_a_year is not None
    assert measures.false_signals.first_a_year < 1.5
    assert (measures.found.share_within_14 or 0) > 0.75
    assert (measures.found.share_within_40 or 0) > 0.95
    assert sum(measures.rule_off.values()) < 0.1 * measures.patients


def test_the_reference_cohort_is_the_first_of_the_variants() -> None:
    assert next(iter(VARIANTS.values())) is REFERENCE_COHORT
