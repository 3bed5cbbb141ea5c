"""What induction achieved, and the review at its end."""

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.protocol import STANDARD
from app.clinical.review import (
    NotKnown,
    RecordedBenefit,
    Response,
    ResponseCategory,
    ReviewFinding,
    ReviewOption,
    early_response,
    improvement_since,
    induction_review,
    response_after_induction,
    response_category,
)
from app.clinical.review_notice import is_review_to_announce
from app.clinical.scales import GAD_7, MADRS, PHQ_9, AssessmentTotal, Scale, read_custom_scales
from app.clinical.state.patient_state import Treatment

HOME = timezone(timedelta(hours=-7))
FIRST = datetime(2026, 1, 5, 10, tzinfo=HOME)
LAST = datetime(2026, 1, 16, 10, tzinfo=HOME)
LATER = LAST + timedelta(days=60)
REVERSED = read_custom_scales(
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


def total(days_from_first: float, value: float) -> AssessmentTotal:
    return AssessmentTotal(FIRST + timedelta(days=days_from_first), value)


# Categories


# MADRS before and now, and the category
CATEGORIES = [
    (32, 16, "response"),  # exactly half counts
    (32, 17, "partial"),
    (32, 24, "partial"),  # exactly a quarter counts
    (32, 25, "none"),
    (32, 32, "none"),
    (32, 33, "worse"),
    (32, 10, "remission"),
    (60, 30, "response"),
    (12, 10, "remission"),
    (12, 9, "remission"),
    (8, 9, "worse"),  # below the remission level all along, but worse than before
    (0, 0, "remission"),
]


@pytest.mark.parametrize(("before", "now", "category"), CATEGORIES)
def test_the_category_on_madrs_and_on_its_mirror_image(before: int, now: int, category: str) -> None:
    assert response_category(MADRS, baseline=before, now=now) == category
    assert response_category(REVERSED, baseline=60 - before, now=60 - now) == category


def test_on_a_scale_that_does_not_start_at_zero_the_way_to_its_best_end_counts() -> None:
    scale = read_custom_scales(
        {
            "s": {
                "name": "S",
                "minimum": 1,
                "maximum": 7,
                "higher_is_better": False,
                "remission": 1.5,
                "relapse": 4.5,
            }
        }
    ).scales["s"]

    # The scale starts at 1, so that half of the way from 5 to its best end is 3, not 2.5.
    assert response_category(scale, baseline=5, now=3) is ResponseCategory.RESPONSE
    assert response_category(scale, baseline=5, now=3.1) is ResponseCategory.PARTIAL
    assert response_category(scale, baseline=5, now=1.5) is ResponseCategory.REMISSION


def test_without_a_burden_there_is_no_share_of_it() -> None:
    assert improvement_since(PHQ_9, baseline=0, now=3) is None


@given(before=st.integers(1, 60), now=st.integers(0, 60), better_by=st.integers(0, 60))
def test_a_better_total_never_gives_a_worse_category(before: int, now: int, better_by: int) -> None:
    order = list(ResponseCategory)
    better = response_category(MADRS, baseline=before, now=max(now - better_by, 0))

    assert order.index(better) <= order.index(response_category(MADRS, baseline=before, now=now))


# Response after induction: which totals count (days from the first infusion; the last was on day 11)


@pytest.mark.parametrize(
    ("totals", "category", "because"),
    [
        ([(-7, 32), (13, 12)], "response", None),
        ([(-28, 32), (26, 12)], "response", None),  # the edges of both windows
        ([(-29, 32), (13, 12)], None, NotKnown.NO_BASELINE),
        ([(-7, 32), (27, 12)], None, NotKnown.NO_TOTAL_AFTER),
        ([(-7, 32), (11.9, 12)], None, NotKnown.NO_TOTAL_AFTER),  # acute effects
        ([(-7, 32), (12, 12)], "response", None),  # 24 hours to the minute
        ([(-20, 40), (-1, 20), (13, 12)], "partial", None),  # the last one before
        ([(-7, 32), (13, 12), (14, 30)], "response", None),  # the first one after
        ([(0.1, 32), (13, 12)], None, NotKnown.NO_BASELINE),  # taken after the first infusion
    ],
)
def test_which_totals_make_the_response(
    totals: list[tuple[float, int]], category: str | None, because: NotKnown | None
) -> None:
    response = response_after_induction(
        [total(*one) for one in totals],
        scale=MADRS,
        first_infusion_at=FIRST,
        last_induction_at=LAST,
        as_of=LATER,
    )

    assert (response.category, response.because) == (category, because)


def test_a_booster_closes_the_wait_for_the_total_after_induction() -> None:
    response = response_after_induction(
        [total(-7, 32), total(20, 12)],
        scale=MADRS,
        first_infusion_at=FIRST,
        last_induction_at=LAST,
        infusions_at=[LAST + timedelta(days=7)],
        as_of=LATER,
    )

    assert response.because is NotKnown.NO_TOTAL_AFTER


# Early response


@pytest.mark.parametrize(
    ("hours_after", "value", "responded"),
    [(4, 16, True), (4, 17, False), (2, 10, True), (8, 10, True), (1.9, 10, None), (8.1, 10, None)],
)
def test_early_response_is_half_the_burden_gone_about_four_hours_later(
    hours_after: float, value: int, responded: bool | None
) -> None:
    early = early_response(
        [total(-3, 32), total(hours_after / 24, value)], scale=MADRS, first_infusion_at=FIRST, as_of=LATER
    )

    assert early.responded is responded
    assert (early.sensitivity, early.specificity) == (0.94, 0.71)
    assert "Murrough 2013" in early.source


def test_a_questionnaire_about_two_weeks_cannot_speak_about_four_hours() -> None:
    early = early_response(
        [total(-3, 20), total(4 / 24, 4)], scale=PHQ_9, first_infusion_at=FIRST, as_of=LATER
    )

    assert (early.responded, early.because) == (None, NotKnown.RECALL_TOO_LONG)


# The review


def response(scale: Scale, category: str | None) -> tuple[Scale, Response]:
    known = None if category is None else ResponseCategory(category)
    return scale, Response(scale=scale.key, category=known)


def january(day: int | None) -> date | None:
    return None if day is None else date(2026, 1, day)


BENEFIT = RecordedBenefit(recorded_on=date(2026, 1, 20), recorded_by="staff-1")


@pytest.mark.parametrize(
    ("responses", "benefit", "finding", "has_options"),
    [
        ([(MADRS, "response")], None, "enough_response", False),
        ([(MADRS, "remission")], None, "enough_response", False),
        ([(MADRS, "partial")], None, "not_enough_response", True),
        ([(MADRS, "worse")], None, "not_enough_response", True),
        ([(MADRS, "none"), (PHQ_9, "response")], None, "enough_response", False),
        ([(MADRS, "none")], BENEFIT, "benefit_recorded", False),
        ([(MADRS, "none"), (GAD_7, "response")], None, "not_enough_response", True),
        ([(GAD_7, "response")], None, "not_measured", False),
        ([(MADRS, None)], None, "not_measured", False),
        ([], None, "not_measured", False),
    ],
)
def test_what_the_review_finds_and_when_it_lists_the_options(
    responses: list[tuple[Scale, str | None]],
    benefit: RecordedBenefit | None,
    finding: str,
    has_options: bool,
) -> None:
    review = induction_review(
        completed_on=LAST.date(),
        reviewed_on=None,
        responses=[response(*one) for one in responses],
        benefit=benefit,
        today=LATER.date(),
    )

    assert review.finding == ReviewFinding(finding)
    assert review.options == (tuple(ReviewOption) if has_options else ())


@pytest.mark.parametrize(
    ("completed_on", "reviewed_on", "due"),
    [
        (None, None, False),
        (16, None, True),
        (16, 20, False),
        (16, 12, True),  # reviewed before a further infusion completed the series
        (16, 16, False),
        (31, None, False),  # completes after today
        (16, 31, True),  # a review that has not happened yet
        (25, None, True),  # completes today
        (25, 24, True),  # reviewed the day before it completed
        (25, 25, False),  # completed and reviewed today
        (26, None, False),  # completes tomorrow
    ],
)
def test_the_review_is_due_from_completion_until_it_was_reviewed(
    completed_on: int | None, reviewed_on: int | None, due: bool
) -> None:
    review = induction_review(
        completed_on=january(completed_on),
        reviewed_on=january(reviewed_on),
        responses=[],
        benefit=None,
        today=date(2026, 1, 25),
    )

    assert review.due is due
    assert review.due_since == (january(completed_on) if due else None)


OVER = date(2026, 1, 16)
SERIES = Treatment(day_zero=OVER.toordinal(), induction_over=OVER.toordinal())
BY_SILENCE = replace(SERIES, day_zero=OVER.toordinal() - STANDARD.induction_ends_after_days)
LATELY = STANDARD.review_announced_days


@pytest.mark.parametrize(
    ("series", "days_since", "reviewed_on", "announced", "at_the_look", "notified"),
    [
        (SERIES, -1, None, False, True, False),  # it completes tomorrow
        (SERIES, 0, None, False, False, True),  # on the very day, with the infusion that completes it
        (SERIES, 0, OVER, False, True, False),  # reviewed on that day
        (SERIES, 0, OVER - timedelta(days=1), False, True, True),  # reviewed before it was complete
        (SERIES, LATELY, None, False, False, True),
        (SERIES, LATELY + 1, None, False, False, False),  # too long ago for news
        (SERIES, LATELY + 1, None, True, False, True),  # announced, and still due
        (SERIES, -1, None, True, False, False),  # announced, and completed later after all
        (BY_SILENCE, 0, None, False, False, False),  # its infusions may still be coming in
        (BY_SILENCE, 0, None, False, True, True),  # on the very day, at the daily look
        (replace(SERIES, last_is_booster=True), 0, None, False, True, False),
        (replace(SERIES, course_closed=OVER.toordinal()), 0, None, False, True, False),
        (Treatment(), 0, None, False, True, False),
    ],
)
def test_the_clinic_is_notified_of_a_review_from_the_very_day_on_which_the_series_completes(
    series: Treatment,
    days_since: int,
    reviewed_on: date | None,
    *,
    announced: bool,
    at_the_look: bool,
    notified: bool,
) -> None:
    today = OVER + timedelta(days=days_since)
    found = is_review_to_announce(
        series,
        reviewed_on=reviewed_on,
        today=today,
        announced=announced,
        announce=at_the_look,
        protocol=STANDARD,
    )
    assert found is notified


# Properties


@given(
    values=st.lists(
        st.tuples(st.integers(-40, 40), st.integers(0, 60)), max_size=8, unique_by=lambda one: one[0]
    ),
    shift=st.integers(-400, 400),
)
def test_order_of_arrival_and_a_shift_of_all_dates_change_nothing(
    values: list[tuple[int, int]], shift: int
) -> None:
    moved = timedelta(days=shift)
    totals = [total(*one) for one in values]
    elsewhere = [AssessmentTotal(one.taken_at + moved, one.total) for one in reversed(totals)]
    here = response_after_induction(
        totals, scale=MADRS, first_infusion_at=FIRST, last_induction_at=LAST, as_of=LATER
    )
    there = response_after_induction(
        elsewhere,
        scale=MADRS,
        first_infusion_at=FIRST + moved,
        last_induction_at=LAST + moved,
        as_of=LATER + moved,
    )

    assert (here.category, here.improvement, here.because) == (
        there.category,
        there.improvement,
        there.because,
    )
