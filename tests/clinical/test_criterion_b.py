"""Criterion B: a validated total back at relapse level, twice.

In the tables a total is (day, value); day 0 is the last induction infusion, at 10 in the morning.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.course import Infusion, InfusionPhase
from app.clinical.criterion_b_scale import ScaleCriterion, TotalsCode, criterion_b_on, totals_so_far
from app.clinical.evaluation import evaluate, evaluate_history
from app.clinical.history import History, ScaleTotals
from app.clinical.levels import Level
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.protocol_versions import with_numbers
from app.clinical.scales import (
    GAD_7,
    MADRS,
    PHQ_9,
    QIDS_SR16,
    AssessmentTotal,
    Scale,
    day_of,
    read_custom_scales,
)
from app.clinical.state.timeline import Timeline, replay
from app.storage.clinical_json import KeptState, pack_state, unpack_state

HOME = timezone(timedelta(hours=-7))
LAST = datetime(2026, 1, 16, 10, tzinfo=HOME)
FIRST = LAST - timedelta(days=11)
BEFORE = (-14, 32)
AFTER = (3, 8)
MIRROR = read_custom_scales(
    {
        "well": {
            "name": "Well-being",
            "minimum": 0,
            "maximum": 60,
            "higher_is_better": True,
            "remission": 50,
            "relapse": 38,
        }
    }
).scales["well"]
Totals = list[tuple[float, int]]


def evaluate_totals(
    totals: list[AssessmentTotal],
    *,
    scale: Scale,
    first_infusion_at: datetime,
    last_induction_at: datetime,
    as_of: datetime,
    infusions_at: Sequence[datetime] = (),
    protocol: Protocol = STANDARD,
) -> ScaleCriterion:
    so_far = totals_so_far(
        totals,
        scale=scale,
        first_infusion_at=first_infusion_at,
        last_induction_at=last_induction_at,
        as_of=as_of,
        infusions_at=infusions_at,
        protocol=protocol,
    )
    return criterion_b_on(so_far, day_of(as_of), protocol)


def evaluated(
    totals: Totals, *, scale: Scale = MADRS, as_of: float = 60, boosters: tuple[float, ...] = ()
) -> ScaleCriterion:
    return evaluate_totals(
        [AssessmentTotal(LAST + timedelta(days=day), value) for day, value in totals],
        scale=scale,
        first_infusion_at=FIRST,
        last_induction_at=LAST,
        infusions_at=[LAST + timedelta(days=day) for day in boosters],
        as_of=LAST + timedelta(days=as_of),
    )


# MADRS, 32 before and 8 after: half of the improvement is lost at 20, and the relapse level is 22.


# totals since the reference            level, why
CROSSINGS: list[tuple[Totals, str, str]] = [
    ([], "steady", "no_total_since"),
    ([(30, 21)], "steady", "below_threshold"),
    ([(30, 22)], "watch", "one_crossing"),
    ([(30, 22), (35, 22)], "consider_booster", "crossings_confirmed"),
    ([(30, 22), (34, 40)], "watch", "crossings_too_close"),
    ([(30, 22), (34, 40), (35, 22)], "consider_booster", "crossings_confirmed"),
    ([(30, 22), (32, 21), (35, 30)], "watch", "one_crossing"),
    ([(30, 30), (37, 30), (44, 21)], "steady", "below_threshold"),
    ([(20, 10), (30, 30), (37, 30)], "consider_booster", "crossings_confirmed"),
]


@pytest.mark.parametrize(("since", "level", "why"), CROSSINGS)
def test_one_crossing_watches_and_a_confirmed_one_considers(since: Totals, level: str, why: str) -> None:
    criterion = evaluated([BEFORE, AFTER, *since])

    assert (criterion.level, criterion.reasons[0].code) == (level, why)


@pytest.mark.parametrize(
    ("scale", "before", "after", "threshold", "half_way_back"),
    [
        (MADRS, 32, 8, 22, 20),  # the relapse level is the higher hurdle
        (MADRS, 50, 12, 31, 31),  # half of the improvement is
        (QIDS_SR16, 20, 5, 12.5, 12.5),
        (PHQ_9, 18, 4, 11, 11),
        (PHQ_9, 12, 2, 10, 7),
        (MIRROR, 28, 52, 38, 40),
        (MIRROR, 10, 48, 29, 29),
    ],
)
def test_the_line_is_half_way_back_and_at_the_relapse_level(
    scale: Scale, before: int, after: int, threshold: float, half_way_back: float
) -> None:
    criterion = evaluated([(-14, before), (3, after)], scale=scale)

    assert criterion.totals.threshold is not None
    assert (criterion.totals.threshold.total, criterion.totals.threshold.half_way_back) == (
        threshold,
        half_way_back,
    )


@pytest.mark.parametrize(
    ("scale", "days_between", "level"),
    [
        (MADRS, 4, "watch"),
        (MADRS, 5, "consider_booster"),
        (QIDS_SR16, 4, "watch"),
        (QIDS_SR16, 5, "consider_booster"),
        (PHQ_9, 7, "watch"),
        (PHQ_9, 9, "watch"),
        (PHQ_9, 10, "consider_booster"),
    ],
)
def test_two_totals_confirm_each_other_from_so_many_days_apart(
    scale: Scale, days_between: int, level: str
) -> None:
    criterion = evaluated([(-14, 26), (3, 4), (30, 26), (30 + days_between, 26)], scale=scale)

    assert criterion.level == level


def test_days_apart_are_counted_by_the_calendar_not_by_the_hour() -> None:
    assert evaluated([BEFORE, AFTER, (30, 30), (34.8, 30)]).level is Level.CONSIDER_BOOSTER


def test_a_patient_on_watch_is_asked_again_as_soon_as_the_repeat_can_confirm() -> None:
    # One crossing means "watch", and on watch the schedule asks so often.
    assert PHQ_9.days_apart == STANDARD.questionnaire_every_days_on_watch


# No reference


@pytest.mark.parametrize(
    ("totals", "as_of", "why"),
    [
        ([BEFORE], 10, "reference_awaited"),
        ([BEFORE], 15, "reference_awaited"),
        ([BEFORE], 16, "reference_not_taken"),
        ([BEFORE, (0.9, 8)], 30, "reference_not_taken"),  # acute effects
        ([BEFORE, (16, 8)], 30, "reference_not_taken"),  # too late
        ([BEFORE, (3, 25)], 30, "response_too_small"),  # 22 % better
        ([(3, 22)], 30, "response_too_small"),  # no baseline, and at the relapse level
        ([BEFORE, AFTER], -3, "induction_running"),
    ],
)
def test_without_a_reference_nothing_is_judged_and_the_reason_is_said(
    totals: Totals, as_of: float, why: str
) -> None:
    criterion = evaluated([*totals, (40, 50), (50, 50)], as_of=as_of)

    assert (criterion.level, criterion.reasons[0].code) == (Level.NO_REFERENCE, why)


def test_a_quarter_better_is_enough_for_a_reference() -> None:
    assert evaluated([BEFORE, (3, 24)]).level is Level.STEADY


def test_a_booster_before_the_first_total_leaves_no_reference() -> None:
    criterion = evaluated([BEFORE, (10, 8)], boosters=(7,), as_of=12)

    assert criterion.reasons[0].code is TotalsCode.REFERENCE_NOT_TAKEN


def test_anxiety_raises_nothing() -> None:
    criterion = evaluated([(-14, 20), (3, 2), (30, 21), (40, 21)], scale=GAD_7)

    assert (criterion.level, criterion.reasons[0].code) == (
        Level.NO_REFERENCE,
        TotalsCode.SCALE_RAISES_NOTHING,
    )


def test_without_a_baseline_the_relapse_level_decides_alone_and_it_is_said() -> None:
    criterion = evaluated([AFTER, (30, 22), (37, 22)])

    assert criterion.level is Level.CONSIDER_BOOSTER
    assert TotalsCode.NO_BASELINE in [reason.code for reason in criterion.reasons]
    assert criterion.totals.threshold is not None
    assert criterion.totals.threshold.half_way_back is None


# Boosters, acute effects, and now


@pytest.mark.parametrize(
    ("since", "boosters", "level"),
    [
        ([(30, 30), (37, 30)], (38,), "steady"),  # a booster restarts the run
        ([(30, 30), (39, 30)], (38,), "watch"),
        ([(30, 30), (38.9, 30)], (38,), "steady"),  # less than a day after it
        ([(30, 30), (40, 30), (47, 30)], (38,), "consider_booster"),
        ([(30, 30), (37, 30)], (70,), "consider_booster"),  # not given yet
    ],
)
def test_a_booster_restarts_the_run_and_keeps_the_reference(
    since: Totals, boosters: tuple[float, ...], level: str
) -> None:
    criterion = evaluated([BEFORE, AFTER, *since], boosters=boosters)

    assert criterion.level == level
    assert criterion.totals.reference is not None
    assert criterion.totals.reference.total == AFTER[1]


def test_old_totals_do_not_speak_about_now() -> None:
    totals: Totals = [BEFORE, AFTER, (30, 30), (37, 30)]

    assert evaluated(totals, as_of=65).level is Level.CONSIDER_BOOSTER
    old = evaluated(totals, as_of=66)
    assert (old.level, old.reasons[0].code) == (Level.WATCH, TotalsCode.LAST_TOTAL_OLD)


def test_the_reason_carries_every_number_that_decided() -> None:
    criterion = evaluated([BEFORE, AFTER, (30, 24), (37, 26)])
    reason = criterion.reasons[0]

    assert (reason.total, reason.threshold, reason.on) == (26, 22, date(2026, 2, 22))
    assert (reason.crossings, reason.days) == (2, 7)


def test_the_protocols_numbers_decide() -> None:
    totals = [AssessmentTotal(LAST + timedelta(days=day), value) for day, value in (BEFORE, AFTER, (30, 25))]
    strict = evaluate_totals(
        totals,
        scale=MADRS,
        first_infusion_at=FIRST,
        last_induction_at=LAST,
        as_of=LAST + timedelta(days=31),
        protocol=with_numbers({"totals_share_lost": 0.75}),
    )

    assert strict.totals.threshold is not None
    assert strict.totals.threshold.total == 26
    assert strict.level is Level.STEADY


def test_the_same_course_sent_in_another_offset_is_the_same_moments() -> None:
    totals = [(LAST + timedelta(days=day), value) for day, value in (BEFORE, AFTER, (30, 30), (37, 30))]
    in_utc = evaluate_totals(
        [AssessmentTotal(at.astimezone(UTC), value) for at, value in totals],
        scale=MADRS,
        first_infusion_at=FIRST.astimezone(UTC),
        last_induction_at=LAST.astimezone(UTC),
        as_of=LAST + timedelta(days=60),
    )

    assert in_utc.level is evaluated([BEFORE, AFTER, (30, 30), (37, 30)]).level


# Properties

DAYS = st.integers(-30, 80).map(float)
VALUES = st.integers(0, 60)
HISTORIES = st.lists(st.tuples(DAYS, VALUES), max_size=12, unique_by=lambda one: one[0]).map(
    lambda some: [BEFORE, AFTER, *(one for one in some if one[0] not in {BEFORE[0], AFTER[0]})]
)
ORDER = list(Level)


@given(history=HISTORIES, seed=st.integers(0, 999))
def test_the_order_of_arrival_does_not_matter(history: Totals, seed: int) -> None:
    shuffled = list(history)
    Random(seed).shuffle(shuffled)  # noqa: S311 -- a test's order, not a secret

    assert evaluated(shuffled) == evaluated(history)


@given(history=HISTORIES, better_by=st.integers(1, 60), which=st.integers(0, 99))
def test_a_better_total_after_the_reference_window_never_raises_the_level(
    history: Totals, better_by: int, which: int
) -> None:
    late = [one for one in history if one[0] > 15]
    if not late:
        return
    day, value = late[which % len(late)]
    better = [(day, max(value - better_by, 0)) if one[0] == day else one for one in history]

    assert ORDER.index(evaluated(better).level) <= ORDER.index(evaluated(history).level)


@given(history=HISTORIES, as_of=st.integers(16, 70))
def test_nothing_after_now_has_effect(history: Totals, as_of: int) -> None:
    assert evaluated(history, as_of=as_of) == evaluated(
        [one for one in history if one[0] <= as_of], as_of=as_of
    )


@given(history=HISTORIES, boosters=st.lists(DAYS.filter(lambda day: day > 0), max_size=3))
def test_a_mirrored_scale_is_judged_alike(history: Totals, boosters: list[float]) -> None:
    mirrored = [(day, 60 - value) for day, value in history]
    here = evaluated(history, boosters=tuple(boosters))
    there = evaluated(mirrored, scale=MIRROR, boosters=tuple(boosters))

    assert here.level is there.level
    assert [(one.code, one.on, one.crossings, one.days) for one in here.reasons] == [
        (one.code, one.on, one.crossings, one.days) for one in there.reasons
    ]


@given(history=HISTORIES, shift=st.integers(-300, 300))
def test_shifting_all_dates_shifts_the_answer(history: Totals, shift: int) -> None:
    moved = timedelta(days=shift)
    here = evaluated(history)
    there = evaluate_totals(
        [AssessmentTotal(LAST + timedelta(days=day) + moved, value) for day, value in history],
        scale=MADRS,
        first_infusion_at=FIRST + moved,
        last_induction_at=LAST + moved,
        as_of=LAST + timedelta(days=60) + moved,
    )

    assert there.level is here.level
    assert [one._replace(on=one.on and one.on - moved) for one in there.reasons] == list(here.reasons)


@given(
    history=HISTORIES,
    boosters=st.lists(DAYS.filter(lambda day: day > 15), max_size=2),
    late=st.integers(0, 40),
)
def test_what_is_remembered_of_totals_can_be_stored_and_says_the_same_later(
    history: Totals, boosters: list[float], late: int
) -> None:
    given_at = {
        InfusionPhase.INDUCTION: [FIRST, LAST],
        InfusionPhase.BOOSTER: [LAST + timedelta(days=day) for day in boosters],
    }
    patient = History(
        time_zone="-07:00",
        infusions=tuple(
            Infusion(id=f"{at}", given_at=at, phase=phase)
            for phase, times in given_at.items()
            for at in times
        ),
        assessments=tuple(
            ScaleTotals(
                scale=scale,
                totals=tuple(AssessmentTotal(LAST + timedelta(days=day), total) for day, total in history),
            )
            for scale in (MADRS, MIRROR)
        ),
    )
    last = max([LAST, *(LAST + timedelta(days=day) for day in [*boosters, *(day for day, _ in history)])])
    state = replay(patient, as_of=last)

    kept = KeptState(Timeline(state, ()), "same")

    assert unpack_state(pack_state(kept, rule="any"), rule="any") == kept
    later = last + timedelta(days=late)
    assert evaluate(state, as_of=later) == evaluate_history(patient, as_of=later)
