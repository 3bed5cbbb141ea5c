"""How long this patient's benefit has lasted, and the range in days that most would fall in."""

import math
from datetime import date, timedelta
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.boosters import Stretch
from app.clinical.interval import (
    PersonalInterval,
    ResponseDuration,
    by_stretches,
    learned_interval,
    offered_interval,
    personal_interval,
    response_durations,
)

DAY_0 = date(2026, 1, 16)
LOST, WELL = True, False


def on(day: int) -> date:
    return DAY_0 + timedelta(days=day)


def interval(*past: tuple[int, bool]) -> PersonalInterval:
    return personal_interval([ResponseDuration(from_day=DAY_0, days=days, lost=lost) for days, lost in past])


# Which stretches of benefit there were (days; the series ended on day 0)


@pytest.mark.parametrize(
    ("boosters", "losses", "today", "stretches"),
    [
        ([], [], 40, [(40, WELL)]),
        ([], [24], 40, [(24, LOST)]),
        ([26], [24], 40, [(24, LOST), (14, WELL)]),
        ([26, 60], [24, 57], 89, [(24, LOST), (31, LOST), (29, WELL)]),
        ([28, 56], [], 60, [(28, WELL), (28, WELL), (4, WELL)]),  # boosters while still well
        ([24], [24], 30, [(24, LOST), (6, WELL)]),  # given on the day the loss was confirmed
        ([], [24, 30], 40, [(24, LOST)]),  # the first loss ends it
        ([50], [45], 40, [(40, WELL)]),  # nothing after today has effect
        ([-3], [], 10, [(10, WELL)]),  # before the end of the series
    ],
)
def test_a_stretch_lasts_from_an_infusion_to_its_first_loss(
    boosters: list[int], losses: list[int], today: int, stretches: list[tuple[int, bool]]
) -> None:
    found = response_durations(
        last_induction_on=DAY_0,
        boosters_on=[on(day) for day in boosters],
        losses_on=[on(day) for day in losses],
        as_of=on(today),
    )

    assert [(one.days, one.lost) for one in found] == stretches


def test_before_the_end_of_the_series_there_is_no_stretch() -> None:
    assert response_durations(last_induction_on=None, boosters_on=[], losses_on=[], as_of=DAY_0) == ()


# What to expect of the next


@pytest.mark.parametrize(
    ("past", "shortest", "typical", "longest"),
    [
        ([], 6, 18, 49),  # the population's
        ([(24, LOST), (31, LOST), (29, LOST)], 12, 25, 50),
        ([(10, LOST)] * 4, 5, 11, 22),
        ([(28, WELL)] * 3, 17, 41, 111),
        ([(24, LOST), (40, WELL)], 12, 29, 70),
    ],
)
def test_the_expectation_moves_from_the_population_to_the_patient(
    past: list[tuple[int, bool]], shortest: int, typical: int, longest: int
) -> None:
    own = interval(*past)

    assert (own.shortest_days, own.typical_days, own.longest_days) == (shortest, typical, longest)
    assert own.population_only is (not past)


def test_a_stretch_that_began_today_says_nothing_yet() -> None:
    assert interval((0, WELL)).population_only


def test_a_loss_weighs_more_than_the_population_from_the_second_on() -> None:
    middle = math.exp((math.log(18) + 2 * math.log(60)) / 3)

    assert interval((60, LOST), (60, LOST)).typical_days == round(middle)


@given(days=st.lists(st.integers(1, 300), max_size=10))
def test_with_losses_only_it_agrees_with_the_exact_answer(days: list[int]) -> None:
    # Normal inverse-gamma: the middle of the expectation is the weighted mean of the logs.
    exact = math.exp((math.log(18) + sum(math.log(one) for one in days)) / (1 + len(days)))

    assert abs(interval(*[(one, LOST) for one in days]).typical_days - exact) <= 0.5 + exact * 0.005


def test_the_ranges_cover_what_they_say() -> None:
    random = Random(20260103)  # noqa: S311 -- a simulated cohort, not a secret
    inside = 0
    patients = 150
    for _ in range(patients):
        location = random.gauss(math.log(18), 0.5)
        drawn = [math.exp(random.gauss(location, 0.5)) for _ in range(4)]
        own = interval(*[(max(round(one), 1), LOST) for one in drawn[:3]])
        inside += own.shortest_days <= drawn[3] <= own.longest_days

    spread = NormalDist(0.8, math.sqrt(0.8 * 0.2 / patients))
    assert spread.inv_cdf(0.001) < inside / patients < spread.inv_cdf(0.999)


PAST = st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=6)


@given(past=PAST, seed=st.integers(0, 99))
def test_the_order_of_the_past_does_not_matter(past: list[tuple[int, bool]], seed: int) -> None:
    shuffled = list(past)
    Random(seed).shuffle(shuffled)  # noqa: S311 -- a test's order, not a secret

    assert interval(*shuffled) == interval(*past)


@given(past=PAST, days=st.integers(1, 400))
def test_lasting_at_least_so_long_never_promises_less_than_ending_then(
    past: list[tuple[int, bool]], days: int
) -> None:
    assert interval(*past, (days, WELL)).typical_days >= interval(*past, (days, LOST)).typical_days


@given(past=PAST, days=st.integers(0, 400), lost=st.booleans())
def test_a_benefit_still_going_on_never_shortens_the_expectation(
    past: list[tuple[int, bool]], days: int, lost: bool
) -> None:
    known = [*past, (20, lost)]

    assert interval(*known, (days, WELL)).typical_days >= interval(*known).typical_days


@given(past=PAST)
def test_the_range_is_whole_days_around_the_middle(past: list[tuple[int, bool]]) -> None:
    own = interval(*past)

    assert 1 <= own.shortest_days <= own.typical_days <= own.longest_days
    assert {type(own.shortest_days), type(own.typical_days), type(own.longest_days)} == {int}


# interval  held at least, lost by  observed  offered
LEARNED = [
    (21, 9, 10, True, 14),
    (21, 18, 20, True, 18),
    (14, 14, None, True, 18),
    (28, 28, None, True, 45),
    (90, 90, None, True, 120),
    (28, 28, None, False, None),
]


@pytest.mark.parametrize(("interval", "held", "lost_by", "observed", "offered"), LEARNED)
def test_the_next_interval_is_learned_from_the_last(
    interval: int, held: int, lost_by: int | None, observed: bool, offered: int | None
) -> None:
    stretch = Stretch(0, interval, True, interval, None, held, lost_by, 0.0, observed)
    assert learned_interval(interval, stretch) == offered


def stretch(
    *,
    from_day: int = 0,
    to_day: int = 28,
    crossed: int | None = None,
    held_days: int | None = None,
    held_to: int | None = None,
    observed: bool = True,
) -> Stretch:
    """A stretch from day to day, held until the day before its run of low days."""
    first = DAY_0.toordinal()
    return Stretch(
        from_day=first + from_day,
        to_day=first + to_day,
        by_booster=True,
        n_days=10,
        crossed_on=None if crossed is None else first + crossed,
        held_days=to_day - from_day - 1 if held_days is None else held_days,
        held_to=held_to,
        smoothed=0.0,
        observed=observed,
    )


def test_a_benefit_ends_between_its_last_well_day_and_its_first_low_one_not_at_the_crossing() -> None:
    past = [
        ResponseDuration(from_day=DAY_0, days=20, lost=True),
        ResponseDuration(from_day=DAY_0 + timedelta(days=28), days=30, lost=False),
        ResponseDuration(from_day=DAY_0 + timedelta(days=58), days=5, lost=False),
    ]
    seen = [
        stretch(crossed=20, held_days=14, held_to=17),
        stretch(from_day=28, to_day=58, held_days=27),
        stretch(from_day=58, to_day=63, held_days=2, observed=False),
    ]
    lost, held, running = by_stretches(past, seen)
    assert (lost.days, lost.at_most_days, lost.lost) == (14, 17, True)
    assert (held.days, held.lost, held.outlasted_days) == (27, False, 30)
    assert (running.days, running.observed, running.until_days) == (2, False, None)
    # One that was not observed is neither held nor lost.
    assert (
        personal_interval([lost, held, running]).typical_days == personal_interval([lost, held]).typical_days
    )


@pytest.mark.parametrize(
    ("stretches", "days"),
    [
        ([stretch(crossed=24, held_days=20, held_to=21)], 20),
        ([stretch(crossed=9, held_days=3, held_to=6)], 14),
        ([stretch(), stretch(from_day=28, to_day=30)], 45),
        ([stretch(to_day=20), stretch(from_day=20, to_day=22)], 26),
        ([stretch(to_day=100), stretch(from_day=100, to_day=101)], 120),
        ([stretch(observed=False), stretch(from_day=28, to_day=30)], None),
        ([stretch()], None),
        ([], None),
    ],
)
def test_the_learned_interval_is_how_long_it_held_or_longer_where_it_was_not_lost(
    stretches: list[Stretch], days: int | None
) -> None:
    offered = offered_interval(
        stretches, finding_open=False, long_exposure_open=False, precaution_active=False
    )
    assert offered.days == days
    assert (days is None) == bool(offered.not_offered)


@pytest.mark.parametrize("against", ["finding_open", "long_exposure_open", "precaution_active"])
def test_no_learned_interval_is_offered_while_something_is_for_review(against: str) -> None:
    offered = offered_interval(
        [stretch(crossed=24, held_days=20, held_to=21)],
        finding_open=against == "finding_open",
        long_exposure_open=against == "long_exposure_open",
        precaution_active=against == "precaution_active",
    )
    assert offered.days is None
    assert [one.value for one in offered.not_offered] == [against]
