"""The taper: lengthen what held, hold in doubt, shorten only what was twice too long."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.explanation_words import ENGLISH, SPANISH
from app.clinical.interval import ResponseDuration
from app.clinical.protocol import STANDARD
from app.clinical.taper import (
    START_PLAN,
    Maintenance,
    PlanProblem,
    TaperMove,
    TaperPlan,
    TaperStep,
    TaperSuggestion,
    planned_date,
    planned_said,
    problems_of_plan,
    suggest,
)

PLAN = START_PLAN
TODAY = date(2026, 9, 1)
LOST, WELL = True, False


def maintenance(
    interval: int,
    past: list[tuple[int, bool]],
    *,
    settled: bool | None = True,
    boosters: tuple[int, ...] = (),
    cautions: int = 0,
) -> Maintenance:
    """Benefits as (days, lost); boosters as days before today."""
    return Maintenance(
        interval_days=interval,
        at_interval=tuple(ResponseDuration(from_day=TODAY, days=days, lost=lost) for days, lost in past),
        boosters_on=tuple(TODAY - timedelta(days=day) for day in boosters),
        settled=settled,
        open_cautions=cautions,
    )


def suggested(now: Maintenance) -> TaperSuggestion:
    return suggest(PLAN, now, as_of=TODAY)


@pytest.mark.parametrize(
    ("interval", "past", "move", "next_interval", "why"),
    [
        (28, [], "hold", 28, "step_not_complete"),
        (28, [(28, WELL)], "hold", 28, "step_not_complete"),
        (28, [(28, WELL), (29, WELL)], "lengthen", 42, "step_held"),
        (28, [(28, WELL), (28, WELL), (3, WELL)], "lengthen", 42, "step_held"),  # the third is under way
        (84, [(84, WELL), (90, WELL)], "lengthen", None, "longest_interval_held"),  # as needed
        (28, [(20, LOST)], "hold", 28, "lost_once"),
        (28, [(20, LOST), (28, WELL)], "hold", 28, "step_not_complete"),
        (28, [(20, LOST), (28, WELL), (28, WELL)], "lengthen", 42, "step_held"),
        (28, [(20, LOST), (22, LOST)], "shorten", 14, "lost_in_a_row"),
        (28, [(20, LOST), (22, LOST), (2, WELL)], "shorten", 14, "lost_in_a_row"),
        (28, [(20, LOST), (28, WELL), (22, LOST)], "hold", 28, "lost_once"),
        (28, [(20, LOST), (14, LOST)], "hold", 28, "booster_did_not_hold"),  # review rather than repeat
        (28, [(28, WELL), (30, LOST)], "hold", 28, "step_not_complete"),  # lost after its planned end
        (14, [(10, LOST), (11, LOST)], "hold", 14, "booster_did_not_hold"),
        (30, [(30, WELL), (30, WELL)], "lengthen", 42, "step_held"),  # an interval that is not in the plan
    ],
)
def test_what_is_suggested_for_the_next_interval(
    interval: int, past: list[tuple[int, bool]], move: str, next_interval: int | None, why: str
) -> None:
    suggestion = suggested(maintenance(interval, past))

    assert (suggestion.move, suggestion.interval_days) == (move, next_interval)
    assert suggestion.reasons[0].code == why


@pytest.mark.parametrize(
    ("settled", "why"), [(None, "no_reference"), (False, "being_watched"), (True, "step_held")]
)
def test_an_interval_is_lengthened_only_from_a_steady_state(settled: bool | None, why: str) -> None:
    suggestion = suggested(maintenance(28, [(28, WELL), (28, WELL)], settled=settled))

    assert suggestion.reasons[0].code == why


TWICE_LOST = [(20, LOST), (22, LOST)]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (maintenance(28, TWICE_LOST, cautions=1), "caution_open"),
        (maintenance(28, TWICE_LOST, boosters=(10, 30, 60, 120, 200)), "frequency_already_rising"),
    ],
)
def test_a_rising_frequency_and_an_open_caution_hold_instead_of_shortening(
    now: Maintenance, why: str
) -> None:
    suggestion = suggested(now)

    assert suggestion.move is TaperMove.HOLD
    assert [reason.code for reason in suggestion.reasons] == ["lost_in_a_row", why]


@pytest.mark.parametrize("boosters", [(10, 60, 120, 150, 200), (10, 30, 60)])
def test_a_frequency_that_is_level_or_too_young_to_compare_is_not_rising(boosters: tuple[int, ...]) -> None:
    assert suggested(maintenance(28, TWICE_LOST, boosters=boosters)).move is TaperMove.SHORTEN


def test_below_the_shortest_step_nothing_is_shortened() -> None:
    monthly = TaperPlan(steps=(TaperStep(interval_days=28, count=None),))
    suggestion = suggest(monthly, maintenance(28, TWICE_LOST), as_of=TODAY)

    assert suggestion.move is TaperMove.HOLD
    assert suggestion.reasons[-1].code == "no_shorter_step"


def test_an_open_last_step_that_holds_leads_to_as_needed() -> None:
    monthly = TaperPlan(steps=(TaperStep(interval_days=28, count=None),))
    suggestion = suggest(monthly, maintenance(28, [(28, WELL), (28, WELL)]), as_of=TODAY)

    assert (suggestion.move, suggestion.interval_days) == (TaperMove.LENGTHEN, None)


@pytest.mark.parametrize(
    ("steps", "problems"),
    [
        ([(7, 2), (14, 2), (28, None)], []),
        ([], ["no_steps"]),
        ([(0, 2)], ["interval_out_of_range"]),
        ([(366, None)], ["interval_out_of_range"]),
        ([(7, 0)], ["count_not_positive"]),
        ([(7, None), (14, 2)], ["open_step_not_last"]),
        ([(28, 2), (14, 2)], ["intervals_shorten"]),
    ],
)
def test_a_clinics_plan_is_checked(steps: list[tuple[int, int | None]], problems: list[str]) -> None:
    plan = TaperPlan(steps=tuple(TaperStep(interval_days=days, count=count) for days, count in steps))

    assert problems_of_plan(plan) == tuple(PlanProblem(problem) for problem in problems)


def test_the_plan_to_start_from_runs_from_weekly_to_once_in_twelve_weeks() -> None:
    assert [step.interval_days for step in PLAN.steps] == [7, 14, 28, 42, 84]
    assert problems_of_plan(PLAN) == ()


HISTORY = st.builds(
    maintenance,
    st.sampled_from([7, 14, 21, 28, 42, 84]),
    st.lists(st.tuples(st.integers(0, 120), st.booleans()), max_size=8),
    settled=st.none() | st.booleans(),
    boosters=st.lists(st.integers(0, 400), max_size=12).map(tuple),
    cautions=st.integers(0, 2),
)


@given(now=HISTORY)
def test_shorter_only_after_two_losses_never_below_two_weeks_and_never_past_a_caution(
    now: Maintenance,
) -> None:
    suggestion = suggested(now)
    if suggestion.move is not TaperMove.SHORTEN:
        return

    assert suggestion.interval_days is not None
    assert 14 <= suggestion.interval_days < now.interval_days
    assert sum(benefit.lost for benefit in now.at_interval) >= STANDARD.taper_lost_in_a_row
    assert now.open_cautions == 0


@given(now=HISTORY)
def test_longer_is_always_longer_and_holding_changes_nothing(now: Maintenance) -> None:
    suggestion = suggested(now)

    if suggestion.move is TaperMove.HOLD:
        assert suggestion.interval_days == now.interval_days
    if suggestion.move is TaperMove.LENGTHEN:
        assert suggestion.interval_days is None or suggestion.interval_days > now.interval_days
        assert now.settled


@given(now=HISTORY)
def test_every_suggestion_gives_its_reasons(now: Maintenance) -> None:
    assert suggested(now).reasons


def stretch(ago: int, days: int, **more: object) -> ResponseDuration:
    """A benefit that began so many days before today."""
    return ResponseDuration(from_day=TODAY - timedelta(days=ago), days=days, **({"lost": False} | more))  # type: ignore[arg-type]  # by their names


def test_the_planned_date_says_the_interval_the_step_and_the_benefits_it_rests_on() -> None:
    benefits = (
        stretch(31, 9, lost=True, at_most_days=12, until_days=14),
        stretch(17, 13, until_days=15),
        stretch(2, 2),
    )
    now = Maintenance(interval_days=14, at_interval=benefits, boosters_on=(), settled=True)
    held = suggested(now)
    planned = planned_date(PLAN, now, held, last_infusion_on=TODAY - timedelta(days=2))
    assert planned is not None
    assert (planned.on, planned.since, planned.interval_days) == (date(2026, 9, 13), date(2026, 8, 30), 14)
    assert PLAN.steps[(planned.step or 0) - 1].interval_days == 14
    assert planned.benefits == benefits[:2], "the running one has not ended"
    step = f"step {planned.step} of {planned.steps}"
    assert planned_said(planned, ENGLISH, 2026) == (
        f"By the taper plan the next booster is for Sep 13: 14 days after the infusion of Aug 30, {step}; at this "
        "interval so far: 9 to 12 days from Aug 1, lost and at least 15 days from Aug 15."
    )
    assert planned_said(planned, SPANISH, 2026).startswith(
        "Según el plan, el próximo refuerzo es para el 13 sep"
    )


def test_as_needed_and_without_an_infusion_there_is_no_planned_date() -> None:
    now = maintenance(84, [(84, WELL), (90, WELL)])
    as_needed = suggested(now)
    assert as_needed.interval_days is None
    assert planned_date(PLAN, now, as_needed, last_infusion_on=TODAY) is None
    hold = suggested(maintenance(28, []))
    assert planned_date(PLAN, now, hold, last_infusion_on=None) is None


def test_an_interval_that_is_no_step_of_the_plan_is_named_without_one() -> None:
    now = maintenance(30, [])
    planned = planned_date(PLAN, now, suggested(now), last_infusion_on=TODAY)
    assert planned is not None
    assert planned.step is None
    assert "step" not in planned_said(planned, ENGLISH, 2026)
