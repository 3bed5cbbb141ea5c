"""What the rule says about one patient when it is run day by day."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.clinical.course import InfusionPhase
from app.clinical.history import ScaleTotals
from app.clinical.levels import CriterionName, Level
from app.clinical.reference import ReferenceKind
from app.clinical.scales import PHQ_9, AssessmentTotal
from app.clinical.state.timeline import replay
from app.studies.backtest import GAIN_TOO_SMALL, backtested
from app.studies.patients import StudyPatient
from tests.studies.treated_patients import (
    calendar_day,
    check_in,
    falling_to,
    infusion,
    on,
    patient,
    steady,
    without_baseline,
)


def test_a_patient_who_stays_well_gets_no_signal_and_is_watched_from_the_window_on() -> None:
    result = backtested(patient(steady(60)))
    assert result.signals == ()
    assert result.watches == ()
    assert result.rule_on
    assert result.reference is ReferenceKind.MEASURED
    assert (result.watched_from, result.watched_until) == (calendar_day(9), calendar_day(60))
    assert result.days_watched == 52


@pytest.mark.parametrize(("level", "by"), [(3.0, 35), (4.0, 35), (5.0, 39)])
def test_a_lasting_loss_raises_exactly_one_signal_that_stays_open(level: float, by: int) -> None:
    result = backtested(patient(falling_to(level, at=30, until=80)))
    (signal,) = result.signals
    assert calendar_day(30) < signal.raised_on <= calendar_day(by)
    assert signal.level is Level.CONSIDER_BOOSTER
    assert signal.criterion is CriterionName.GAIN_LOST
    assert signal.share_lost is not None
    assert signal.share_lost >= 0.5
    assert signal.explanation.startswith("Consider a booster.")
    assert signal.ended is None
    assert len(result.watches) == 1


def test_a_dip_of_three_days_is_no_signal() -> None:
    levels = steady(60) | dict.fromkeys((30, 31, 32), 4.0)
    assert backtested(patient(levels)).signals == ()


def test_a_signal_that_became_steady_closes_itself_and_the_next_loss_raises_another() -> None:
    levels = steady(100) | dict.fromkeys(range(30, 40), 3.0) | dict.fromkeys(range(70, 101), 3.0)
    first, second = backtested(patient(levels)).signals
    assert first.ended is not None
    assert first.ended.by == "steady"
    assert calendar_day(40) < first.ended.on < calendar_day(55)
    assert second.raised_on > calendar_day(70)
    assert second.ended is None


def test_an_infusion_closes_the_signal_and_the_next_loss_raises_another() -> None:
    levels = steady(100) | dict.fromkeys(range(30, 40), 3.0) | dict.fromkeys(range(70, 101), 3.0)
    first, second = backtested(patient(levels, boosters=[40])).signals
    assert first.ended is not None
    assert (first.ended.on, first.ended.by) == (calendar_day(40), "infusion")
    assert second.raised_on > calendar_day(70)


def test_too_few_days_after_induction_leave_the_rule_off_and_say_so() -> None:
    result = backtested(patient({2: 8, 3: 8, 60: 3, 61: 3, 62: 3}))
    assert not result.rule_on
    assert result.reference is ReferenceKind.NONE
    assert result.no_reference_because == "too_few_days"
    assert result.rule_off_because == "too_few_days"
    assert result.days_watched == 0


def test_a_window_that_is_open_at_the_last_report_counts_as_closed_when_the_study_goes_on() -> None:
    reported = {1: 8.0, 2: 8.0, 3: 8.0}
    assert backtested(patient(reported)).no_reference_because == "window_open"
    assert backtested(patient(reported, ends=60)).no_reference_because == "too_few_days"
    assert backtested(patient(reported | {4: 8.0}, ends=60)).no_reference_because is None


def test_a_gain_too_small_to_lose_leaves_the_rule_off() -> None:
    result = backtested(patient(steady(60, level=3.5)))
    assert result.reference is ReferenceKind.MEASURED
    assert result.rule_off_because == GAIN_TOO_SMALL


def test_without_a_baseline_the_reference_says_assumed() -> None:
    result = backtested(without_baseline(patient(falling_to(3, at=30, until=60))))
    assert result.reference is ReferenceKind.ASSUMED_BASELINE
    assert result.signals[0].reference_kind is ReferenceKind.ASSUMED_BASELINE


def test_a_patient_without_any_infusion_was_not_treated() -> None:
    one = patient(steady(30))
    result = backtested(replace(one, history=replace(one.history, infusions=(), course=None)))
    assert result.no_reference_because == "not_treated"


def test_a_patient_about_whom_nothing_is_known_was_not_treated() -> None:
    one = patient({})
    result = backtested(replace(one, history=replace(one.history, infusions=(), course=None, check_ins=())))
    assert result.no_reference_because == "not_treated"


def test_boosters_alone_give_no_reference() -> None:
    one = patient(steady(30))
    boosters = (infusion(0, InfusionPhase.BOOSTER),)
    result = backtested(replace(one, history=replace(one.history, infusions=boosters, course=None)))
    assert result.no_reference_because == "no_induction_infusion"


def with_phq_9(one: StudyPatient, totals: dict[int, float]) -> StudyPatient:
    taken = tuple(AssessmentTotal(on(day, 12), total) for day, total in totals.items())
    entry = ScaleTotals(scale=PHQ_9, totals=taken)
    return replace(one, history=replace(one.history, assessments=(entry,)))


def test_two_totals_back_at_relapse_level_raise_on_their_own_criterion() -> None:
    one = with_phq_9(patient(steady(80)), {-12: 18, 5: 4, 40: 5, 50: 14, 61: 15})
    (signal,) = backtested(one).signals
    assert signal.raised_on == calendar_day(61)
    assert signal.criterion is CriterionName.SCALE_RELAPSE
    assert signal.share_lost is None


def test_totals_alone_put_the_rule_on() -> None:
    one = with_phq_9(patient({}), {-12: 18, 5: 4, 50: 14, 61: 15})
    result = backtested(one)
    assert result.rule_on
    assert result.no_reference_because == "too_few_days"
    assert len(result.signals) == 1


def test_a_total_between_check_ins_leaves_what_they_said_as_it_is() -> None:
    levels = falling_to(3, at=30, until=60)
    plain = backtested(patient(levels))
    with_totals = backtested(with_phq_9(patient(levels), {-12: 18, 5: 4, 20: 5, 31: 6}))
    assert [signal.raised_on for signal in with_totals.signals] == [plain.signals[0].raised_on]


def test_the_totals_remembered_without_check_ins_are_those_of_the_whole_history() -> None:
    history = with_phq_9(patient(steady(80), boosters=[45]), {-12: 18, 5: 4, 40: 5, 61: 15}).history
    alone = replace(history, check_ins=())
    for day in (-11, 6, 41, 50, 62):
        assert replay(alone, as_of=on(day)).totals == replay(history, as_of=on(day)).totals


def test_check_ins_that_arrive_in_any_order_are_taken_in_their_own() -> None:
    one = patient(falling_to(4, at=30, until=60), boosters=[50])
    backwards = replace(one, history=replace(one.history, check_ins=one.history.check_ins[::-1]))
    assert backtested(backwards) == backtested(one)


def test_a_traveller_s_check_in_that_lands_on_an_earlier_day_is_still_taken() -> None:
    one = patient(steady(40))
    moved_back = replace(
        check_in(40, 8), id="x", recorded_at=on(40) + timedelta(minutes=30), time_zone="-17:00"
    )
    history = replace(one.history, check_ins=(*one.history.check_ins, moved_back))
    result = backtested(replace(one, history=history))
    assert result.signals == ()
    assert result.check_ins == len(history.check_ins)
