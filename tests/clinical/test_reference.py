"""Baseline, post-induction reference and weights, as tables."""

from collections.abc import Sequence

import pytest

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course
from app.clinical.domains import NOTHING, PerDomain
from app.clinical.evaluation import evaluate_history
from app.clinical.levels import Level
from app.clinical.protocol import RULE_1, STANDARD
from app.clinical.reason_codes import ReasonCode
from app.clinical.reference import NoReference, NoReferenceBecause, Reference, ReferenceKind, weights_of
from tests.clinical.builders import BEFORE, WINDOW, at, booster, days, history, induction, on, report, same

# what                                 days answered          as of   days used, or why there is none
WINDOWS: list[tuple[str, Sequence[int], int, tuple[int, int, int] | NoReferenceBecause]] = [
    ("daily: days 1 to 8", range(1, 12), 12, (8, 1, 8)),
    ("still open on day 8", range(1, 9), 8, NoReferenceBecause.WINDOW_OPEN),
    ("fixed at the end of day 8", range(1, 9), 9, (8, 1, 8)),
    ("four days are enough", (1, 3, 5, 7), 9, (4, 1, 7)),
    ("three are not yet", (1, 3, 5), 9, NoReferenceBecause.WINDOW_OPEN),
    ("the fourth on day 11, still open that day", (1, 3, 5, 11), 11, NoReferenceBecause.WINDOW_OPEN),
    ("the fourth on day 11, then fixed", (1, 3, 5, 11, 12), 12, (4, 1, 11)),
    ("the fourth on day 15", (2, 6, 9, 15), 16, (4, 2, 15)),
    ("the fourth on day 16 comes too late", (2, 6, 9, 16), 16, NoReferenceBecause.TOO_FEW_DAYS),
    ("nobody answered", (), 16, NoReferenceBecause.TOO_FEW_DAYS),
    ("day 0 is no part of it", (0, 1, 2, 3), 9, NoReferenceBecause.WINDOW_OPEN),
]


@pytest.mark.parametrize(
    ("answered", "as_of", "expected"), [row[1:] for row in WINDOWS], ids=[row[0] for row in WINDOWS]
)
def test_the_reference_window(
    answered: Sequence[int], as_of: int, expected: tuple[int, int, int] | NoReferenceBecause
) -> None:
    patient = history(*BEFORE, *days(answered, 8))
    reference = evaluate_history(patient, as_of=at(as_of, 23)).reference
    if isinstance(reference, NoReference):
        assert reference.because is expected
    else:
        n_days, first, last = expected if isinstance(expected, tuple) else (0, 0, 0)
        assert (reference.n_days, reference.from_day, reference.to_day) == (n_days, on(first), on(last))
        assert reference.values == PerDomain(8, 8, 8)


def test_a_booster_closes_the_window_with_the_days_there_are() -> None:
    enough = history(*BEFORE, *days(range(1, 5), 8), infusions=(*induction(), booster(6)))
    too_few = history(*BEFORE, *days(range(1, 4), 8), infusions=(*induction(), booster(6)))
    reference = evaluate_history(enough, as_of=at(7, 23)).reference
    assert isinstance(reference, Reference)
    assert reference.n_days == 4
    missing = evaluate_history(too_few, as_of=at(7, 23)).reference
    assert isinstance(missing, NoReference)
    assert missing.because is NoReferenceBecause.BOOSTER_CLOSED_WINDOW


def test_a_booster_does_not_move_the_reference() -> None:
    before = evaluate_history(history(*BEFORE, *WINDOW), as_of=at(12)).reference
    after = history(*BEFORE, *WINDOW, *days(range(13, 40), 5), infusions=(*induction(), booster(20)))
    assert evaluate_history(after, as_of=at(40)).reference == before


def test_a_late_report_of_the_window_makes_a_new_version() -> None:
    early = history(*BEFORE, *days((1, 2, 3, 5, 6, 7, 8), 8))
    late = history(*BEFORE, *days((1, 2, 3, 5, 6, 7, 8), 8), same(4, 1))
    first, second = (evaluate_history(one, as_of=at(20)).reference for one in (early, late))
    assert isinstance(first, Reference)
    assert isinstance(second, Reference)
    assert (first.values.mood, second.values.mood) == (8, 7.125)


def test_acute_effects_enter_no_reference() -> None:
    """17 hours after the infusion is too early, 26 hours is not."""
    early = history(*BEFORE, *days((2, 3, 4, 5), 8), same(1, 0, hour=9))
    later = history(*BEFORE, *days((2, 3, 4, 5), 8), same(1, 0, hour=18))
    assert evaluate_history(early, as_of=at(9)).reference.n_days == 4
    assert evaluate_history(later, as_of=at(9)).reference.n_days == 5


# what                                  days before the first infusion       mood before, days
BASELINES = [
    ("two weeks", range(-24, -10), 3.0, 14),
    ("three days are enough", (-30, -20, -11), 3.0, 3),
    ("two are not", (-20, -11), None, 2),
    ("28 days before still count", (-38, -30, -20), 3.0, 3),
    ("29 days before do not", (-39, -30, -20), None, 2),
    ("none", (), None, 0),
]


@pytest.mark.parametrize(
    ("answered", "mood", "n_days"), [row[1:] for row in BASELINES], ids=[row[0] for row in BASELINES]
)
def test_the_baseline(answered: Sequence[int], mood: float | None, n_days: int) -> None:
    baseline = evaluate_history(history(*days(answered, 3), *WINDOW), as_of=at(10)).baseline
    assert baseline is not None
    assert (baseline.values.mood, baseline.n_days) == (mood, n_days)


def test_without_a_baseline_gains_are_assumed_and_said_and_the_threshold_is_higher() -> None:
    answer = evaluate_history(history(*WINDOW, *days(range(9, 30), 5)), as_of=at(30))
    assert isinstance(answer.reference, Reference)
    assert answer.reference.kind is ReferenceKind.ASSUMED_BASELINE
    assert answer.reference.gains == PerDomain(3.0, 2.6, 2.1)
    assert answer.threshold == 0.53
    assert ReasonCode.ASSUMED_BASELINE in {note.code for note in answer.notes}


def test_an_assumed_gain_is_never_more_than_the_reference() -> None:
    reference = evaluate_history(history(*days(range(1, 9), 2)), as_of=at(10)).reference
    assert isinstance(reference, Reference)
    assert reference.gains == PerDomain(2, 2, 2)


def test_a_domain_counts_by_its_own_days() -> None:
    """Sleep was never answered before treatment; energy only twice in the window."""
    before = tuple(report(offset, 3, 3) for offset in range(-20, -10))
    window = tuple(report(offset, 8, 7 if offset < 3 else None, 6) for offset in range(1, 9))
    answer = evaluate_history(history(*before, *window), as_of=at(10))
    assert isinstance(answer.reference, Reference)
    assert answer.reference.values == PerDomain(8, None, 6)
    assert answer.reference.gains == PerDomain(5, None, 2.1)
    assert answer.reference.assumed == PerDomain(False, False, True)
    off = [note for note in answer.notes if note.code is ReasonCode.DOMAIN_OFF]
    assert [dict(note.facts)["domain"] for note in off] == ["energy"]


def test_a_window_in_which_the_loss_began_is_falling_and_its_first_half_is_the_reference() -> None:
    fallen = history(*BEFORE, *days((1, 2, 3, 4), 8), *days((5, 6, 7, 8), 4))
    reference = evaluate_history(fallen, as_of=at(9)).reference
    assert isinstance(reference, Reference)
    assert (reference.kind, reference.values.mood, reference.to_day) == (ReferenceKind.FALLING, 8, on(4))
    steady = history(*BEFORE, *days((1, 2, 3, 4), 8), *days((5, 6, 7, 8), 6))
    kept = evaluate_history(steady, as_of=at(9)).reference
    assert isinstance(kept, Reference)
    assert (kept.kind, kept.values.mood) == (ReferenceKind.MEASURED, 7)


SMALL = history(*days(range(-24, -10), 5), *days(range(1, 9), 6), *days(range(9, 40), 1))


def test_in_rule_1_a_gain_too_small_to_lose_says_watch_at_most_and_why() -> None:
    answer = evaluate_history(SMALL, as_of=at(40), protocol=RULE_1)
    assert answer.level is Level.WATCH
    assert [criterion.name.value for criterion in answer.criteria] == ["gain_lost"]
    assert ReasonCode.GAIN_TOO_SMALL in {reason.code for reason in answer.criteria[0].reasons}


# gain   baseline  considers from  (None: the rule is off)
GAINS = [
    (0.9, True, None),
    (1.0, True, 0.60),
    (1.4, True, 0.60),
    (1.6, True, 0.50),
    (5.0, True, 0.50),
    (5.0, False, 0.53),
]


@pytest.mark.parametrize(("gain", "baseline", "threshold"), GAINS)
def test_the_threshold_goes_by_what_was_gained_and_how_sure_that_is(
    gain: float, baseline: bool, threshold: float | None
) -> None:
    before = days(range(-24, -10), 3) if baseline else ()
    answer = evaluate_history(history(*before, *days(range(1, 20), 3 + gain)), as_of=at(20))
    assert answer.threshold == threshold
    if threshold is None:
        assert (answer.level, answer.smoothed, answer.share_lost.mood) == (Level.NO_REFERENCE, None, None)
        assert answer.criteria[0].reasons[0].code is ReasonCode.NO_GAIN
    else:
        assert (ReasonCode.SMALL_GAIN in {note.code for note in answer.notes}) is (threshold == 0.60)


# mean after (days)  mean before (days)  spread   gain   reference: the specification's worked example
MOVED = [(8, 8, 3, 14, 0.64, 4.86, 7.91), (8, 4, 3, 4, 0.91, 4.43, 7.72)]


@pytest.mark.parametrize(("after", "n_after", "before", "n_before", "spread", "gain", "reference"), MOVED)
def test_reference_and_gain_move_towards_the_usual_ones_the_more_the_fewer_the_days(
    after: float, n_after: int, before: float, n_before: int, spread: float, gain: float, reference: float
) -> None:
    patient = history(*days(range(-24, -24 + n_before), before), *days(range(1, 1 + n_after), after))
    found = evaluate_history(patient, as_of=at(10)).reference
    assert isinstance(found, Reference)
    assert (found.values.mood, found.gains.mood) == (after, after - before), (
        "what people see stays as measured"
    )
    assert found.spread.mood == pytest.approx(spread, abs=0.005)
    assert found.rule_gains.mood == pytest.approx(gain, abs=0.005)
    assert found.rule_values.mood == pytest.approx(reference, abs=0.005)


def test_who_never_improved_has_nothing_to_lose() -> None:
    answer = evaluate_history(history(*BEFORE, *days(range(1, 20), 3)), as_of=at(20))
    assert answer.level is Level.NO_REFERENCE
    assert answer.criteria[0].reasons[0].code is ReasonCode.NO_GAIN


# what                               gains          spread           weights
WEIGHTS = [
    ("alike", (4, 4, 4), (1, 1, 1), (0.304, 0.304, 0.391)),
    ("one domain never improved", (4, 0, 4), (1, 1, 1), (0.5, 0.0, 0.5)),
    ("one domain got worse", (4, -2, 4), (1, 1, 1), (0.5, 0.0, 0.5)),
    ("one domain is off", (4, None, None), (1, 1, 1), (1.0, 0.0, 0.0)),
    ("a small gain beside a large one is cut", (6, 1, 1), (1, 1, 1), (1.0, 0.0, 0.0)),
    ("a noisy domain beside two clear ones is cut", (4, 4, 4), (1, 1, 3), (0.5, 0.5, 0.0)),
    ("nothing improved", (0, -1, None), (1, 1, 1), (0.0, 0.0, 0.0)),
]


@pytest.mark.parametrize(
    ("gains", "spread", "expected"), [row[1:] for row in WEIGHTS], ids=[row[0] for row in WEIGHTS]
)
def test_weights_follow_gain_and_spread(
    gains: tuple[float | None, ...], spread: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    weights = weights_of(PerDomain(*gains), PerDomain(*spread), STANDARD)
    assert weights == pytest.approx(expected, abs=0.001)


def test_the_spread_is_pooled_with_its_prior() -> None:
    """No scatter at all: 8 degrees of 1.2² over 8 + 13 + 7 degrees of freedom."""
    reference = evaluate_history(history(*BEFORE, *WINDOW), as_of=at(10)).reference
    assert isinstance(reference, Reference)
    assert reference.spread.mood == pytest.approx((8 * 1.2**2 / 28) ** 0.5)


# what                                   course                                infusions on        as of   over
INDUCTIONS: list[tuple[str, dict[str, object], Sequence[int], int, bool]] = [
    ("planned count reached", {"planned_infusions": 6}, (-10, -8, -6, -4, -2, 0), 0, True),
    ("one is missing", {"planned_infusions": 6}, (-8, -6, -4, -2, 0), 13, False),
    ("one is missing, 14 days on", {"planned_infusions": 6}, (-8, -6, -4, -2, 0), 14, True),
    ("nobody planned a number", {"planned_infusions": None}, (-4, -2, 0), 13, False),
    ("nobody planned, 14 days on", {"planned_infusions": None}, (-4, -2, 0), 14, True),
    ("staff said so", {"planned_infusions": 6, "induction_ended_on": on(3)}, (-4, -2, 0), 3, True),
    ("staff say so tomorrow", {"planned_infusions": 6, "induction_ended_on": on(4)}, (-4, -2, 0), 3, False),
]


@pytest.mark.parametrize(
    ("plan", "offsets", "as_of", "over"), [row[1:] for row in INDUCTIONS], ids=[row[0] for row in INDUCTIONS]
)
def test_when_induction_ends(plan: dict[str, object], offsets: Sequence[int], as_of: int, over: bool) -> None:
    course = Course(id="c", protocol="standard", started_on=on(-20), **plan)  # type: ignore[arg-type]  # a table
    patient = history(*BEFORE, infusions=induction(offsets), course=course)
    answer = evaluate_history(patient, as_of=at(as_of, 23))
    running = ReasonCode.INDUCTION_RUNNING in {reason.code for reason in answer.suppressed_by}
    assert running is not over


def test_the_first_booster_ends_induction() -> None:
    course = Course(id="c", protocol="standard", planned_infusions=None, started_on=on(-20))
    patient = history(infusions=(*induction((-4, -2, 0)), booster(5)), course=course)
    codes = {reason.code for reason in evaluate_history(patient, as_of=at(7)).suppressed_by}
    assert ReasonCode.INDUCTION_RUNNING not in codes


def test_infusions_of_an_earlier_course_count_for_exposure_only() -> None:
    earlier = induction((-200, -190))
    answer = evaluate_history(history(*BEFORE, *WINDOW, infusions=(*earlier, *induction())), as_of=at(10))
    assert isinstance(answer.reference, Reference)
    assert answer.baseline is not None
    assert answer.baseline.n_days == 14
    assert (answer.exposure.total, answer.exposure.in_30_days, answer.exposure.in_365_days) == (8, 6, 8)


def test_before_treatment_nothing_can_be_said() -> None:
    answer = evaluate_history(history(*BEFORE, infusions=()), as_of=at(-11))
    assert answer.level is Level.NO_REFERENCE
    assert answer.reports == NOTHING
    assert answer.data_quality.days_in_last_10 == 10


def test_a_check_in_before_the_same_days_infusion_counts_for_the_baseline() -> None:
    morning: CheckIn = same(-10, 9, hour=12)
    baseline = evaluate_history(history(*BEFORE, morning), as_of=at(1)).baseline
    assert baseline is not None
    assert baseline.n_days == 15
