"""Scoring: totals come from the items, refusals name what is wrong, the suicide item always gets through."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.errors import ClinicalError, NotAmongChoicesError, TimeWithoutZoneError
from app.clinical.protocol import SAFETY_ITEMS
from app.clinical.protocol_versions import with_numbers
from app.clinical.scales import (
    GAD_7,
    MADRS,
    PHQ_9,
    QIDS_SR16,
    STANDARD_SCALES,
    AssessmentTotal,
    Band,
    CustomProblemCode,
    ProblemCode,
    Scale,
    ScoredForm,
    numbered,
    read_custom_scales,
    score_form,
    score_total,
)

REVERSED_FORM = {
    "who-5": {
        "name": "WHO-5",
        "minimum": 0,
        "maximum": 100,
        "higher_is_better": True,
        "remission": 70,
        "relapse": 28,
        "days_apart": 7,
    }
}


def codes(form: ScoredForm) -> list[tuple[str, tuple[int, ...]]]:
    return [(problem.code.value, problem.items) for problem in form.problems]


# Totals


@pytest.mark.parametrize(
    ("scale", "answers", "total", "band"),
    [
        (PHQ_9, [0] * 9, 0, Band.MINIMAL),
        (PHQ_9, [1] * 9, 9, Band.MILD),
        (PHQ_9, [0, 0, 0, 1, 2, 1, 3, 2, 1], 10, Band.MODERATE),
        (PHQ_9, [3] * 9, 27, Band.SEVERE),
        (GAD_7, [2, 2, 2, 2, 1, 1, 0], 10, Band.MODERATE),
        (MADRS, [6] * 10, 60, Band.SEVERE),
        (MADRS, [1, 1, 1, 1, 1, 1, 0, 0, 0, 0], 6, Band.NONE),
        (QIDS_SR16, [3] * 16, 27, Band.VERY_SEVERE),
    ],
)
def test_a_total_is_what_the_items_add_up_to(
    scale: Scale, answers: Sequence[int], total: int, band: Band
) -> None:
    form = score_form(scale, items=numbered(answers))

    assert form.score is not None
    assert (form.score.total, form.score.band) == (total, band)


@pytest.mark.parametrize(
    ("what_is_answered", "answers", "total"),
    [
        # item              1  2  3  4  5  6     7     8     9     10 11 12 13 14 15 16
        ("nothing is wrong", [0, 0, 0, 0, 0, 0, None, 0, None, 0, 0, 0, 0, 0, 0, 0], 0),
        ("the worst of four sleep items", [1, 3, 2, 0, 0, 0, None, 0, None, 0, 0, 0, 0, 0, 0, 0], 3),
        (
            "the worst of four on appetite and weight",
            [0, 0, 0, 0, 0, None, 2, 3, None, 0, 0, 0, 0, 0, 0, 0],
            3,
        ),
        ("the worse of the two on pace", [0, 0, 0, 0, 0, 0, None, 0, None, 0, 0, 0, 0, 0, 1, 2], 2),
        ("every other item counts by itself", [0, 0, 0, 0, 1, 0, None, 0, None, 1, 1, 1, 1, 1, 0, 0], 6),
    ],
)
def test_qids_counts_each_symptom_once_with_its_worst_item(
    what_is_answered: str, answers: Sequence[int | None], total: int
) -> None:
    form = score_form(QIDS_SR16, items=numbered(answers))

    assert form.score is not None, what_is_answered
    assert form.score.total == total


@pytest.mark.parametrize(
    ("scale", "lowest_of_each_band"),
    [
        (MADRS, {0: "none", 7: "mild", 20: "moderate", 35: "severe"}),
        (QIDS_SR16, {0: "none", 6: "mild", 11: "moderate", 16: "severe", 21: "very_severe"}),
        (PHQ_9, {0: "minimal", 5: "mild", 10: "moderate", 15: "moderately_severe", 20: "severe"}),
        (GAD_7, {0: "minimal", 5: "mild", 10: "moderate", 15: "severe"}),
    ],
)
def test_a_band_begins_at_its_lowest_total(scale: Scale, lowest_of_each_band: dict[int, str]) -> None:
    current = ""
    for total in range(int(scale.maximum) + 1):
        current = lowest_of_each_band.get(total, current)
        assert score_total(scale, total).band == current


@pytest.mark.parametrize(
    ("scale", "last_in_remission", "first_at_relapse_level"),
    [(MADRS, 10, 22), (QIDS_SR16, 5, 11), (PHQ_9, 4, 10)],
)
def test_remission_and_relapse_level_include_their_own_total(
    scale: Scale, last_in_remission: int, first_at_relapse_level: int
) -> None:
    assert score_total(scale, last_in_remission).in_remission
    assert not score_total(scale, last_in_remission + 1).in_remission
    assert score_total(scale, first_at_relapse_level).at_relapse_level
    assert not score_total(scale, first_at_relapse_level - 1).at_relapse_level


def test_anxiety_has_neither_remission_nor_a_relapse_level() -> None:
    score = score_total(GAD_7, 21)

    assert (score.in_remission, score.at_relapse_level) == (None, None)


@pytest.mark.parametrize("level", [9, 10, 12])
def test_a_clinic_chooses_the_remission_level_of_madrs_and_of_no_other_scale(level: int) -> None:
    chosen = with_numbers({"madrs_remission": level})
    assert score_total(MADRS, level, protocol=chosen).in_remission
    assert not score_total(MADRS, level + 1, protocol=chosen).in_remission
    assert not score_total(QIDS_SR16, 6, protocol=chosen).in_remission


@pytest.mark.parametrize("level", [9.5, 11, 8, 13])
def test_a_clinic_cannot_choose_a_remission_level_that_nobody_uses(level: float) -> None:
    with pytest.raises(ClinicalError):
        with_numbers({"madrs_remission": level})
    with pytest.raises(NotAmongChoicesError, match="published use"):
        with_numbers({"madrs_remission": 11})


# Refusals


def test_hl7s_public_phq_9_is_refused_with_both_totals_and_its_suicide_item_still_acts() -> None:
    form = score_form(PHQ_9, items=numbered([0, 0, 0, 1, 2, 1, 3, 2, 1]), stated_total=13)

    assert form.score is None
    (problem,) = form.problems
    assert (problem.code, problem.stated_total, problem.computed_total) == (ProblemCode.TOTAL_DIFFERS, 13, 10)
    assert form.suicide_item == 1


@pytest.mark.parametrize(
    ("scale", "answers", "refused_because", "suicide_item"),
    [
        (PHQ_9, [None, 0, 0, 0, None, 0, 0, 0, 2], [("missing_items", (1, 5))], 2),
        (PHQ_9, [None] * 8 + [3], [("missing_items", (1, 2, 3, 4, 5, 6, 7, 8))], 3),
        (PHQ_9, [0] * 8 + [None], [("missing_items", (9,))], None),
        (PHQ_9, [0, 4, 0, 0, 0, 0, -1, 0, 1], [("out_of_range_items", (2, 7))], 1),
        (PHQ_9, [0] * 8 + [4], [("out_of_range_items", (9,))], 4),
        (PHQ_9, [0] * 8 + [1, 2], [("unknown_items", (10,))], 1),
        (
            PHQ_9,
            [None, 7] + [0] * 8,
            [("missing_items", (1,)), ("out_of_range_items", (2,)), ("unknown_items", (10,))],
            0,
        ),
        (PHQ_9, [None] * 9, [("nothing_given", ())], None),
        (MADRS, [0] * 9, [("missing_items", (10,))], None),
        (
            QIDS_SR16,
            [0, 0, 0, 0, 0, None, None, 0, None, 0, 0, 1, 0, 0, 0, 0],
            [("missing_one_of", (6, 7))],
            1,
        ),
    ],
)
def test_a_refusal_names_the_items_by_number_and_hands_the_suicide_item_on(
    scale: Scale,
    answers: Sequence[int | None],
    refused_because: list[tuple[str, tuple[int, ...]]],
    suicide_item: int | None,
) -> None:
    form = score_form(scale, items=numbered(answers))

    assert form.score is None
    assert codes(form) == refused_because
    assert form.suicide_item == suicide_item


@pytest.mark.parametrize(
    ("scale", "total", "refused_because"),
    [
        (PHQ_9, 28, "total_out_of_range"),
        (PHQ_9, -1, "total_out_of_range"),
        (PHQ_9, float("nan"), "total_out_of_range"),
        (MADRS, 60.5, "total_out_of_range"),
        (MADRS, 12.5, "total_not_whole"),
    ],
)
def test_a_total_alone_is_held_against_the_range(scale: Scale, total: float, refused_because: str) -> None:
    form = score_form(scale, stated_total=total)

    assert form.score is None
    assert codes(form) == [(refused_because, ())]


def test_a_total_alone_is_accepted_and_says_nothing_about_suicide() -> None:
    form = score_form(MADRS, stated_total=22.0)

    assert form.score is not None
    assert json.dumps(form.score.total) == "22"
    assert form.suicide_item is None


@pytest.mark.parametrize("scale", STANDARD_SCALES.values(), ids=STANDARD_SCALES)
def test_both_ends_of_the_range_belong_to_it(scale: Scale) -> None:
    assert score_form(scale, stated_total=scale.minimum).score is not None
    assert score_form(scale, stated_total=scale.maximum).score is not None


def test_the_safety_road_and_the_scales_name_the_same_items() -> None:
    items = {scale.key: scale.suicide_item for scale in STANDARD_SCALES.values() if scale.suicide_item}

    assert items == {key: item for key, (item, _, _) in SAFETY_ITEMS.items()}


def test_a_stated_total_that_agrees_is_accepted() -> None:
    assert score_form(PHQ_9, items=numbered([1] * 9), stated_total=9).problems == ()


def test_a_patients_own_madrs_answers_are_another_scale() -> None:
    form = score_form(MADRS, items=numbered([2] * 9 + [4]), by_patient=True)

    assert codes(form) == [("clinician_rated", ())]
    assert form.suicide_item == 4
    assert "madrs-s" not in STANDARD_SCALES


@given(
    scale=st.sampled_from(list(STANDARD_SCALES.values())),
    answers=st.dictionaries(st.integers(-2, 20), st.none() | st.integers(-3, 9)),
    stated=st.none() | st.integers(-5, 70),
    by_patient=st.booleans(),
)
def test_whatever_is_wrong_with_a_form_its_suicide_item_gets_through(
    scale: Scale, answers: dict[int, int | None], stated: int | None, by_patient: bool
) -> None:
    form = score_form(scale, items=answers, stated_total=stated, by_patient=by_patient)

    assert form.suicide_item == (answers.get(scale.suicide_item) if scale.suicide_item else None)
    assert (form.score is None) == bool(form.problems)


@given(scale=st.sampled_from([PHQ_9, GAD_7, MADRS, QIDS_SR16]), data=st.data())
def test_an_accepted_total_lies_in_range_and_a_worse_answer_never_lowers_it(
    scale: Scale, data: st.DataObject
) -> None:
    answers = {item: data.draw(st.integers(0, scale.highest_answer)) for item in scale.items}
    worse = data.draw(st.sampled_from(scale.items))
    before = score_form(scale, items=answers)
    after = score_form(scale, items=answers | {worse: scale.highest_answer})

    assert before.score is not None
    assert after.score is not None
    assert scale.minimum <= before.score.total <= after.score.total <= scale.maximum


@given(answers=st.lists(st.integers(4, 9), min_size=9, max_size=9))
def test_a_refusal_never_repeats_an_answer(answers: list[int]) -> None:
    form = score_form(PHQ_9, items=numbered(answers))

    assert [(p.stated_total, p.computed_total) for p in form.problems] == [(None, None)]


# LOINC


def test_phq_9_carries_its_codes_and_madrs_and_qids_carry_none() -> None:
    assert (PHQ_9.loinc.panel, PHQ_9.loinc.total, PHQ_9.loinc.items[8]) == ("44249-1", "44261-6", "44260-8")
    assert PHQ_9.loinc.answers == ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")
    assert (GAD_7.loinc.panel, GAD_7.loinc.total, GAD_7.loinc.items[6]) == ("69737-5", "70274-6", "69736-7")
    assert GAD_7.loinc.answers == PHQ_9.loinc.answers
    assert asdict(MADRS.loinc) == asdict(QIDS_SR16.loinc) == asdict(type(MADRS.loinc)())


# A clinic's own scales


def test_a_reversed_scale_is_read_from_its_json_form() -> None:
    scale = read_custom_scales(REVERSED_FORM).scales["who-5"]

    assert [score_total(scale, total).in_remission for total in (69, 70)] == [False, True]
    assert [score_total(scale, total).at_relapse_level for total in (28, 29)] == [True, False]
    assert scale.days_apart == 7
    assert scale.severity(100) == 0


def test_a_custom_scale_has_a_total_and_no_items() -> None:
    scale = read_custom_scales(REVERSED_FORM).scales["who-5"]

    assert codes(score_form(scale, items={1: 3})) == [("items_not_scored", ())]
    fractional = score_form(scale, stated_total=52.5).score
    assert fractional is not None
    assert fractional.total == 52.5


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"remission": None}, "remission", CustomProblemCode.WRONG_KIND),
        ({"minimum": True}, "minimum", CustomProblemCode.WRONG_KIND),
        ({"maximum": float("inf")}, "maximum", CustomProblemCode.WRONG_KIND),
        ({"higher_is_better": 1}, "higher_is_better", CustomProblemCode.WRONG_KIND),
        ({"name": " "}, "name", CustomProblemCode.WRONG_KIND),
        ({"days_apart": 0}, "days_apart", CustomProblemCode.WRONG_KIND),
        ({"maximum": 0}, "maximum", CustomProblemCode.EMPTY_RANGE),
        ({"relapse": 101}, "relapse", CustomProblemCode.OUTSIDE_RANGE),
        ({"remission": 28}, "remission", CustomProblemCode.REMISSION_NOT_BETTER),
        ({"cutoff": 3}, "cutoff", CustomProblemCode.UNKNOWN_FIELD),
    ],
)
def test_a_custom_scale_is_refused_by_field(
    change: dict[str, object], field: str, code: CustomProblemCode
) -> None:
    read = read_custom_scales({"who-5": REVERSED_FORM["who-5"] | change})

    assert read.scales == {}
    assert [(problem.field, problem.code) for problem in read.problems] == [(field, code)]


@pytest.mark.parametrize("key", ["phq-9", "madrs", "WHO 5", "", "-x"])
def test_a_custom_scale_needs_a_key_of_its_own(key: str) -> None:
    assert read_custom_scales({key: REVERSED_FORM["who-5"]}).scales == {}


def test_one_bad_scale_does_not_stop_the_others_and_five_days_apart_is_the_default() -> None:
    own = {name: value for name, value in REVERSED_FORM["who-5"].items() if name != "days_apart"}
    read = read_custom_scales({"good": own, "bad": [1], "worse": {}})

    assert [scale.days_apart for scale in read.scales.values()] == [5]
    assert {problem.scale for problem in read.problems} == {"bad", "worse"}


@pytest.mark.parametrize("document", [None, [], "x", 3])
def test_a_file_that_is_no_object_is_refused_whole(document: object) -> None:
    assert [p.code for p in read_custom_scales(document).problems] == [CustomProblemCode.NOT_AN_OBJECT]


# The day of a total


@pytest.mark.parametrize(
    ("taken_at", "day"),
    [
        (datetime(2026, 3, 2, 3, 59, tzinfo=timezone(timedelta(hours=-8))), date(2026, 3, 1)),
        (datetime(2026, 3, 2, 4, 0, tzinfo=timezone(timedelta(hours=-8))), date(2026, 3, 2)),
        (datetime(2026, 3, 1, 23, 30, tzinfo=ZoneInfo("America/New_York")), date(2026, 3, 1)),
    ],
)
def test_a_total_belongs_to_the_day_by_the_patients_clock(taken_at: datetime, day: date) -> None:
    assert AssessmentTotal(taken_at, 12).day == day


def test_a_total_keeps_the_true_moment_across_the_change_of_the_clocks() -> None:
    zone = ZoneInfo("America/New_York")
    twice = [AssessmentTotal(datetime(2026, 11, 1, 1, 30, tzinfo=zone, fold=fold), 12) for fold in (0, 1)]

    assert twice[1].taken_at - twice[0].taken_at == timedelta(hours=1)
    assert twice[0].taken_at.astimezone(UTC).hour == 5


def test_a_total_without_an_offset_is_refused() -> None:
    with pytest.raises(TimeWithoutZoneError):
        AssessmentTotal(datetime(2026, 3, 1, 12), 10)  # noqa: DTZ001 -- the missing offset is the point
