"""How it reads, and whether what it says is true."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clinical.domains import DOMAINS, NOTHING, PerDomain
from app.clinical.evaluation import DataQuality, Evaluation, Exposure, LastTotal, evaluate_history
from app.clinical.explanation import explain
from app.clinical.profiles import Caution
from app.clinical.reasons import Criterion, CriterionName, Level, Reason, ReasonCode
from app.clinical.reference import Baseline, Reference
from app.clinical.sentences import SAFETY_BANNER, in_one_sentence, with_safety_first
from tests.clinical.builders import BEFORE, WINDOW, at, days, history, report

BASELINE = Baseline(
    values=PerDomain(2.9, 3.1, 4.8),
    days=PerDomain(12, 12, 12),
    squares=PerDomain(9.0, 9.0, 9.0),
    n_days=12,
    from_day=date(2026, 9, 1),
    to_day=date(2026, 9, 20),
)
REFERENCE = Reference(
    values=PerDomain(8.0, 7.2, 7.5),
    days=PerDomain(6, 6, 6),
    gains=PerDomain(5.1, 4.1, 2.7),
    assumed=PerDomain(False, False, False),
    spread=PerDomain(1.2, 1.25, 1.45),
    weights=PerDomain(0.5, 0.3, 0.2),
    mean_gain=4.3,
    n_days=6,
    from_day=date(2026, 10, 11),
    to_day=date(2026, 10, 18),
    falling=False,
    assumes_baseline=False,
    baseline=BASELINE,
)
NOW = datetime(2026, 11, 3, 20, tzinfo=UTC)
DAY = date(2026, 11, 3)
LOST = Reason(ReasonCode.LOST_ENOUGH, (("smoothed", 0.61), ("threshold", 0.55)))
CHANGED = Reason(ReasonCode.COUNTERFACTUAL, (("domain", "mood"), ("report", 7), ("last_days", 2)))
SAMPLE = Evaluation(
    as_of=NOW,
    day=DAY,
    time_zone="UTC",
    level=Level.CONSIDER_BOOSTER,
    criteria=(Criterion(CriterionName.GAIN_LOST, Level.CONSIDER_BOOSTER, (LOST,), date(2026, 10, 28)),),
    notes=(CHANGED,),
    suppressed_by=(),
    reports=PerDomain(4, 4, 6),
    share_lost=NOTHING,
    smoothed_share=NOTHING,
    smoothed_level=PerDomain(5.1, 4.3, 6.0),
    weighted=0.7,
    smoothed=0.61,
    threshold=0.55,
    reference=REFERENCE,
    baseline=BASELINE,
    data_quality=DataQuality(DAY, tuple(DAY.toordinal() - n for n in range(8, -1, -1)), NOW, DAY, 5),
    exposure=Exposure(date(2026, 10, 10), 24, 1, 4, 8, 8, (24, 31)),
    last_totals=(LastTotal("phq-9", date(2026, 10, 12), 6),),
    worse_than_before=(),
    unsteady_since=date(2026, 10, 28),
    steady_on=None,
    rule="gain-lost",
    version="1.0",
)


def test_a_recommendation_reads_as_the_specification_has_it() -> None:
    assert explain(SAMPLE) == (
        "Consider a booster infusion. As of 3 November 61 % of the improvement gained in induction has been "
        "lost (smoothed; raised at 55 %). Mood 5.1, was 8.0 after induction and 2.9 before; energy 4.3 "
        "(7.2, 3.1); sleep 6.0 (7.5, 4.8). 9 check-ins in the last 10 days. Last infusion 24 days ago (10 "
        "October), the 8th in 365 days; earlier responses lasted 24 and 31 days. PHQ-9 not asked since 12 "
        "October. Rule gain-lost 1.0; reference from 6 days, 11\N{EN DASH}18 October; last report 3 November. "
        "What would have changed it: a mood of 7 or more on either of the last two days. For review by a "
        "clinician."
    )


def test_an_open_safety_event_comes_first() -> None:
    assert with_safety_first(explain(SAMPLE)) == f"{SAFETY_BANNER} {explain(SAMPLE)}"


def test_open_cautions_are_said_after_the_infusions_and_change_nothing_else() -> None:
    said = explain(SAMPLE, cautions=[Caution.URINARY_SYMPTOMS, Caution.BLOOD_PRESSURE_ABOVE_140_90])
    sentence = " Active precautions: urinary symptoms, blood pressure above 140/90."
    assert f"24 and 31 days.{sentence} PHQ-9" in said
    assert said.replace(sentence, "") == explain(SAMPLE)


def test_an_assumed_baseline_is_said_with_every_share() -> None:
    answer = evaluate_history(history(*WINDOW, *days(range(9, 30), 4)), as_of=at(30))
    text = explain(answer)
    assert answer.level is Level.CONSIDER_BOOSTER
    assert "raised at 65 %; assumed baseline" in text
    assert "was 8.0 after induction and not known before" in text


def test_why_there_is_no_reference_is_told() -> None:
    text = explain(evaluate_history(history(*BEFORE, *days((2, 5), 8)), as_of=at(20)))
    assert "because there were check-ins on only 2 days by 9 April; 4 are needed." in text


VALUE = st.integers(0, 10)


@given(st.lists(st.tuples(st.integers(2, 5), st.integers(2, 6), st.integers(2, 7)), min_size=4, max_size=8))
def test_what_is_said_to_have_changed_it_would_have_and_one_point_less_would_not(
    lows: list[tuple[int, int, int]],
) -> None:
    after = [report(9 + number, *values) for number, values in enumerate(lows)]
    last = 8 + len(lows)
    answer = evaluate_history(history(*BEFORE, *WINDOW, *after), as_of=at(last))
    if answer.level is not Level.CONSIDER_BOOSTER:
        return
    note = answer.notes[-1]
    if note.code is ReasonCode.NO_COUNTERFACTUAL:
        for index in range(3):
            assert _level_with(after, -1, index, 10) is Level.CONSIDER_BOOSTER
        return
    least = note.fact("report")
    index = [domain.value for domain in DOMAINS].index(str(note.fact("domain")))
    assert isinstance(least, int)
    places = (-1, -2) if note.fact("last_days") == 2 else (-1,)
    assert all(_level_with(after, place, index, least) < Level.CONSIDER_BOOSTER for place in places)
    assert any(_level_with(after, place, index, least - 1) is Level.CONSIDER_BOOSTER for place in places), (
        "one point less would not have been enough on each of them"
    )


def _level_with(after: list, place: int, index: int, value: int) -> Level:  # type: ignore[type-arg]  # of CheckIn
    changed = list(after)
    one = changed[place]
    values = [one.mood, one.energy, one.sleep_quality]
    values[index] = value
    offset = 9 + len(after) + place
    changed[place] = report(offset, *values)
    return evaluate_history(history(*BEFORE, *WINDOW, *changed), as_of=at(8 + len(after))).level


@pytest.mark.parametrize(
    ("explanation", "sentence"),
    [
        (
            "Consider a booster infusion. As of 3 May 61 % has been lost (smoothed; raised at 55 %). Mood 4.1.",
            "As of 3 May 61 % has been lost (smoothed; raised at 55 %).",
        ),
        (
            "The booster of 3 May has lasted 9 days; review rather than repeat. Consider a booster infusion. Lost.",
            "Lost.",
        ),
        ("Something of an earlier release. It goes on.", "Something of an earlier release."),
        ("", ""),
    ],
)
def test_one_sentence_of_an_explanation_is_the_first_after_the_headline(
    explanation: str, sentence: str
) -> None:
    assert in_one_sentence(explanation) == sentence
