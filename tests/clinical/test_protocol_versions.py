"""A version names its numbers so exactly that they can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.errors import ClinicalError, OutsideSafeBoundsError, UnknownNumberError, UnknownVersionError
from app.clinical.protocol import RULE_1, STANDARD
from app.clinical.protocol_versions import numbers_of, protocol_of_version, stored_numbers, with_numbers


def test_the_published_version_is_the_published_numbers() -> None:
    assert protocol_of_version("2.0") == STANDARD
    assert protocol_of_version("1.0") == RULE_1


@given(st.floats(0.4, 0.65), st.integers(2, 10))
def test_numbers_come_back_exactly(consider_at: float, least_days: int) -> None:
    changed = with_numbers({"consider_at": consider_at, "consider_least_days": least_days})
    assert protocol_of_version(changed.version) == changed


def test_every_number_comes_back_from_both_of_its_bounds() -> None:
    for number in numbers_of():
        for bound in (number.lowest, number.highest):
            try:
                changed = with_numbers({number.name: bound})
            except ClinicalError:
                continue  # safe alone, but not beside the other published numbers
            assert protocol_of_version(changed.version) == changed


def test_a_number_changed_twice_counts_as_it_was_changed_last() -> None:
    once = with_numbers({"consider_at": 0.6})
    twice = with_numbers({"consider_at": 0.5}, protocol=once)
    assert protocol_of_version(twice.version) == twice
    assert protocol_of_version(twice.version).consider_at == 0.5


def test_numbers_outside_the_bounds_of_today_come_back_as_they_decided() -> None:
    """Bounds may be narrowed by a later release; what was decided before is made again all the same."""
    decided = protocol_of_version("1.0, consider_at=0.95, steady_days=9, watch_at=0.6")
    assert (decided.consider_at, decided.steady_days, decided.watch_at) == (0.95, 9, 0.6)
    assert isinstance(decided.steady_days, int)
    with pytest.raises(OutsideSafeBoundsError):
        with_numbers({"consider_at": 0.95})
    stored = stored_numbers({"consider_at": 0.95, "a_number_that_went": 3})
    assert (stored.consider_at, stored.version) == (0.95, "2.0, consider_at=0.95")


@pytest.mark.parametrize(
    "version", ["", "0.9", "3.0, consider_at=0.6", "1.0, consider_at", "1.0, consider_at=high"]
)
def test_another_version_is_refused_rather_than_guessed(version: str) -> None:
    with pytest.raises(UnknownVersionError):
        protocol_of_version(version)


def test_a_number_that_the_rule_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownNumberError):
        protocol_of_version("1.0, probability=0.5")


def test_a_number_of_rule_1_that_became_two_is_both() -> None:
    decided = protocol_of_version("1.0, daily_after_infusion_days=30")
    assert (decided.daily_after_induction_days, decided.daily_after_booster_days) == (30, 30)
    assert (decided.generation, decided.consider_at) == (1, 0.55)
    stored = stored_numbers({"daily_after_infusion_days": 30, "consider_at": 0.6})
    assert (stored.daily_after_induction_days, stored.consider_at, stored.generation) == (30, 0.6, 2)
