"""A reference that a clinician chose: from its window, until a new series, and the same either way it is made."""

from dataclasses import replace

import pytest

from app.clinical.check_ins import CheckIn
from app.clinical.evaluation import evaluate, evaluate_history
from app.clinical.history import ChosenReference, History
from app.clinical.levels import Level
from app.clinical.reference import Reference, ReferenceKind
from app.clinical.state.patient_state import advance
from app.clinical.state.timeline import replay
from tests.clinical.builders import BEFORE, WINDOW, at, booster, days, history, induction, on, report


def chosen(first: int, last: int, *, set_on: int) -> ChosenReference:
    return ChosenReference(from_day=on(first), to_day=on(last), set_at=at(set_on, 12))


def settled_lower(*, until: int = 40) -> History:
    """8 after induction, then a steady 5 for weeks."""
    return history(*BEFORE, *WINDOW, *days(range(9, until), 5))


def test_the_chosen_days_are_the_reference_and_nothing_is_lost_since() -> None:
    before = settled_lower()
    patient = replace(before, chosen_reference=chosen(20, 30, set_on=32))

    said, said_before = (evaluate_history(one, as_of=at(39)) for one in (patient, before))

    assert (said_before.level, said.level) == (Level.CONSIDER_BOOSTER, Level.STEADY)
    assert isinstance(said.reference, Reference)
    assert said.reference.kind is ReferenceKind.CLINICIAN_SET
    assert (said.reference.values.mood, said.reference.n_days) == (5, 11)
    assert (said.reference.from_day, said.reference.to_day) == (on(20), on(30))


def test_a_late_report_of_its_window_is_no_step_and_counts_in_it() -> None:
    """A traveller's day 30 is not over yet when the clinician chooses days 20 to 30 on day 31."""
    there = report(31, 1, 1, 1, hour=10, time_zone="Pacific/Honolulu")
    choice = ChosenReference(from_day=on(20), to_day=on(30), set_at=at(31, 9))
    patient = replace(settled_lower(until=31), chosen_reference=choice)

    assert advance(replay(patient, as_of=at(31, 9)), there) is None

    with_it = replace(patient, check_ins=(*patient.check_ins, there))
    said = evaluate_history(with_it, as_of=at(31, 10))
    assert isinstance(said.reference, Reference)
    assert said.reference.values.mood == pytest.approx((5 * 10 + 3) / 11)


def test_before_it_was_set_it_has_no_effect() -> None:
    patient = replace(settled_lower(), chosen_reference=chosen(20, 30, set_on=32))

    assert evaluate_history(patient, as_of=at(31)) == evaluate_history(settled_lower(), as_of=at(31))


@pytest.mark.parametrize("window", [(20, 22), (-20, -5), (33, 38)], ids=["few", "before", "not over"])
def test_a_window_that_makes_no_reference_changes_nothing(window: tuple[int, int]) -> None:
    patient = replace(settled_lower(), chosen_reference=chosen(*window, set_on=32))

    assert evaluate_history(patient, as_of=at(39)) == evaluate_history(settled_lower(), as_of=at(39))


def test_a_booster_keeps_it_and_a_new_series_ends_it() -> None:
    patient = replace(settled_lower(until=70), chosen_reference=chosen(20, 30, set_on=32))
    boosted = replace(patient, infusions=(*patient.infusions, booster(40)))
    again = replace(patient, infusions=(*patient.infusions, *induction([45])))

    kinds = [evaluate_history(one, as_of=at(69)).reference.kind for one in (boosted, again)]

    assert kinds == [ReferenceKind.CLINICIAN_SET, ReferenceKind.MEASURED]


@pytest.mark.parametrize("with_booster", [False, True])
def test_growing_step_by_step_is_the_same_as_from_scratch(with_booster: bool) -> None:
    later = [*days(range(32, 50), lambda day: 5 if day < 40 else 3.5)]
    patient = history(*BEFORE, *WINDOW, *days(range(9, 32), 5), *later)
    if with_booster:
        patient = replace(patient, infusions=(*patient.infusions, booster(31)))
    patient = replace(patient, chosen_reference=chosen(20, 30, set_on=32))
    state = replay(patient, as_of=at(32, 12))
    for check_in in later:
        grown = advance(state, check_in)
        assert grown is not None
        state = grown
        now = check_in.recorded_at
        assert state == replay(_until(patient, check_in), as_of=now)
        assert evaluate(state, as_of=now) == evaluate_history(patient, as_of=now)


def _until(patient: History, last: CheckIn) -> History:
    known = tuple(one for one in patient.check_ins if one.recorded_at <= last.recorded_at)
    return replace(patient, check_ins=known)
