"""The measures on cases that can be counted by hand."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from math import inf, log

import pytest

from app.clinical.levels import CriterionName, Level
from app.clinical.reference import ReferenceKind
from app.studies.backtest import PatientResult, RaisedSignal
from app.studies.measures import first_false_signals_a_year
from app.studies.patients import Outcome
from app.studies.tally import measured
from tests.studies.treated_patients import calendar_day

YEAR_OF_DAYS = 365


def signal(day: int) -> RaisedSignal:
    return RaisedSignal(
        raised_at=datetime.combine(calendar_day(day), time(20), UTC),
        raised_on=calendar_day(day),
        level=Level.CONSIDER_BOOSTER,
        criterion=CriterionName.GAIN_LOST,
        criteria=(CriterionName.GAIN_LOST,),
        share_lost=0.6,
        reference_kind=ReferenceKind.MEASURED,
        explanation="",
    )


def result(
    *raised: int,
    lost: int | None = None,
    known: bool = True,
    watches: int = 0,
    last: int = 180,
    off_because: str | None = None,
) -> PatientResult:
    return PatientResult(
        name="p",
        check_ins=10,
        signals=tuple(signal(day) for day in raised),
        watches=tuple(calendar_day(day) for day in range(watches)),
        reference=ReferenceKind.MEASURED,
        no_reference_because=None,
        rule_off_because=off_because,
        day_zero=calendar_day(0),
        watched_from=None if off_because else calendar_day(9),
        watched_until=None if off_because else calendar_day(last),
        last_on=calendar_day(last),
        outcome=Outcome(None if lost is None else calendar_day(lost)) if known else None,
    )


def test_first_false_signals_a_year_are_minus_the_log_of_those_without_over_the_years_watched() -> None:
    # Four watched half a year each; one of them with two signals.
    stable = [replace(result(), watched_until=calendar_day(9) + timedelta(days=182)) for _ in range(3)]
    stable.append(replace(result(50, 90, watches=3), watched_until=stable[0].watched_until))
    false = measured(stable).false_signals
    assert false is not None
    years_each = 183 / 365.25
    assert false.first_a_year == pytest.approx(-log(0.75) / years_each)
    assert false.episodes_a_year == pytest.approx(2 / (4 * years_each))
    assert false.watches_a_year == pytest.approx(3 / (4 * years_each))
    assert (false.stable, false.rule_on, false.with_any) == (4, 4, 1)


@pytest.mark.parametrize(
    ("with_any", "watched", "years", "expected"),
    [(0, 10, 5.0, 0.0), (5, 10, 10.0, log(2)), (10, 10, 5.0, inf), (0, 0, 0.0, None)],
)
def test_first_false_signals_a_year_at_its_ends(
    with_any: int, watched: int, years: float, expected: float | None
) -> None:
    assert first_false_signals_a_year(with_any, watched, years) == (
        None if expected is None else pytest.approx(expected)
    )


def test_found_is_counted_from_the_onset_over_those_with_the_rule_on_and_no_earlier_signal() -> None:
    losses = [
        result(35, lost=30),  # found on day 5
        result(44, lost=30),  # on day 14: still within 14
        result(45, lost=30),  # on day 15
        result(70, lost=30),  # on day 40: still within 40
        result(29, 40, lost=30),  # raised before: not to find
        result(lost=30),  # never found
        result(lost=30, off_because="gain_too_small"),  # rule off
    ]
    found = measured(losses).found
    assert found is not None
    assert (found.lost, found.rule_on, found.raised_before, found.to_find) == (7, 6, 1, 5)
    assert found.share_raised_before == pytest.approx(1 / 6)
    assert found.share_within_14 == pytest.approx(2 / 5)
    assert found.share_within_40 == pytest.approx(4 / 5)
    assert found.median_delay == 15
    assert found.ninetieth_delay is None


def test_a_signal_on_the_day_of_the_onset_is_found_with_no_delay() -> None:
    found = measured([result(30, lost=30)]).found
    assert found is not None
    assert (found.raised_before, found.median_delay, found.share_within_14) == (0, 0, 1.0)


def test_nine_of_ten_found_give_a_ninetieth_percentile() -> None:
    losses = [result(30 + delay, lost=30) for delay in range(1, 10)] + [result(lost=30)]
    found = measured(losses).found
    assert found is not None
    assert (found.median_delay, found.ninetieth_delay) == (5, 9)


def test_a_loss_that_nobody_could_follow_for_40_days_is_not_held_against_the_rule() -> None:
    found = measured([result(35, lost=30), result(lost=160, last=180)]).found
    assert found is not None
    assert found.share_within_14 == pytest.approx(1 / 2)
    assert found.share_within_40 == pytest.approx(1.0)


def test_patients_without_a_known_outcome_count_as_patients_only() -> None:
    measures = measured([result(40, known=False, watches=2), result(known=False)])
    assert measures.false_signals is None
    assert measures.found is None
    assert (measures.patients, measures.check_ins, measures.signals, measures.watches) == (2, 20, 1, 2)
    assert measures.signals_a_year == pytest.approx(1 / (2 * 172 / 365.25))


def test_those_with_the_rule_off_are_counted_with_their_reasons() -> None:
    measures = measured([result(), result(off_because="too_few_days"), result(off_because="too_few_days")])
    assert measures.rule_off == {"too_few_days": 2}
    assert measures.false_signals is not None
    assert (measures.false_signals.stable, measures.false_signals.rule_on) == (3, 1)


def test_nobody_at_all_is_a_report_without_figures() -> None:
    measures = measured([])
    assert measures.signals_a_year is None
    assert measures.patients == 0
