"""Other numbers over the same past, and the counts compared."""

from app.clinical.protocol import STANDARD
from app.clinical.protocol_versions import with_numbers
from app.studies.cohort import SimulatedCohort
from app.studies.what_if import Period, what_if
from tests.studies.treated_patients import GivenPatients, calendar_day, falling_to, patient, steady

LATER = with_numbers({"consider_at": 0.65})


def test_a_higher_threshold_raises_fewer_and_the_sentence_says_both_counts() -> None:
    patients = GivenPatients(
        (
            patient(falling_to(3, at=30, until=80), name="all"),
            patient(falling_to(5, at=30, until=80), name="three fifths"),
            patient(steady(80), name="none"),
        )
    )
    found = what_if(patients, LATER, protocol=STANDARD, processes=1)
    assert (found.now.signals, found.instead.signals) == (2, 1)
    assert (found.patients, found.no_longer_raised, found.newly_raised) == (3, 1, 0)
    assert str(found) == ("With gain-lost 2.0, consider_at=0.65 there would have been 1 signal instead of 2.")


def test_only_what_was_raised_in_the_period_counts() -> None:
    patients = GivenPatients((patient(falling_to(3, at=30, until=80)),))
    before = what_if(patients, LATER, protocol=STANDARD, period=Period(last=calendar_day(30)), processes=1)
    after = what_if(patients, LATER, protocol=STANDARD, period=Period(first=calendar_day(30)), processes=1)
    assert (before.now.signals, before.instead.signals) == (0, 0)
    assert (after.now.signals, after.instead.signals) == (1, 1)


def test_the_same_numbers_change_nothing() -> None:
    found = what_if(SimulatedCohort(size=8, seed=9), STANDARD, protocol=STANDARD, processes=1)
    assert found.now == found.instead
    assert (found.newly_raised, found.no_longer_raised) == (0, 0)
