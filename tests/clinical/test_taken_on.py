"""A patient who joins in maintenance: no induction here, a reference that a clinician names, scales at once."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, EarlierInfusions, Infusion, Phase, phase_of
from app.clinical.evaluation import evaluate, evaluate_history
from app.clinical.history import ChosenReference, History, ScaleTotals
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.reference import NoReference, Reference, ReferenceKind
from app.clinical.scales import PHQ_9, AssessmentTotal
from app.clinical.state.patient_state import advance
from app.clinical.state.timeline import replay
from tests.clinical.builders import ZONE, at, booster, days, on, report

TAKEN_ON = 0
"""The day on which the patient of these tests was taken on, counted as everywhere in these tests."""


def course(*, started: int = TAKEN_ON, earlier: int = 0) -> Course:
    return Course(
        id="course",
        protocol="standard",
        planned_infusions=None,
        started_on=on(started),
        taken_on_at=on(TAKEN_ON),
        earlier=EarlierInfusions(count=earlier) if earlier else None,
    )


def taken_on(
    *check_ins: CheckIn,
    infusions: Sequence[Infusion] = (),
    chosen: tuple[int, int, int] | None = None,
    started: int = TAKEN_ON,
    earlier: int = 0,
) -> History:
    reference = None
    if chosen:
        first, last, set_on = chosen
        reference = ChosenReference(from_day=on(first), to_day=on(last), set_at=at(set_on, 23))
    return History(
        time_zone=ZONE,
        course=course(started=started, earlier=earlier),
        infusions=tuple(infusions),
        check_ins=check_ins,
        chosen_reference=reference,
    )


def test_who_was_taken_on_is_in_maintenance_and_awaits_a_reference() -> None:
    patient = taken_on(*days(range(1, 4), 8))
    now = evaluate_history(patient, as_of=at(4))
    assert phase_of(patient.course, (), as_of=at(0), time_zone=ZONE) is Phase.MAINTENANCE
    assert now.level is Level.NO_REFERENCE
    missing = now.reference
    assert isinstance(missing, NoReference)
    assert missing.because == "taken_on_awaiting_reference"
    assert (missing.taken_on_at, missing.n_days, missing.days_needed) == (on(0), 3, 7)
    assert missing.proposed_from is None


def test_a_period_is_proposed_once_14_days_of_reports_are_over() -> None:
    patient = taken_on(*days(range(1, 15), 8))
    before = evaluate_history(patient, as_of=at(14)).reference
    assert isinstance(before, NoReference)
    assert before.proposed_from is None
    after = evaluate_history(patient, as_of=at(15)).reference
    assert isinstance(after, NoReference)
    assert (after.proposed_from, after.proposed_to) == (on(1), on(14))
    months_later = taken_on(*days(range(1, 90), lambda day: 8 if day < 20 else 4))
    same = evaluate_history(months_later, as_of=at(90)).reference
    assert isinstance(same, NoReference)
    assert (same.proposed_from, same.proposed_to) == (on(1), on(14))


def test_six_check_in_days_in_14_are_too_few_to_be_proposed() -> None:
    patient = taken_on(*days(range(1, 60, 3), 8))
    missing = evaluate_history(patient, as_of=at(70)).reference
    assert isinstance(missing, NoReference)
    assert missing.proposed_from is None


def test_the_day_of_an_infusion_is_left_out_of_a_proposal() -> None:
    morning = report(7, 2, 2, 2, hour=12)
    patient = taken_on(*days(range(1, 7), 8), morning, *days(range(8, 16), 8), infusions=(booster(7),))
    missing = evaluate_history(patient, as_of=at(15)).reference
    assert isinstance(missing, NoReference)
    assert (missing.proposed_from, missing.proposed_to, missing.n_days) == (on(1), on(14), 13)


def test_a_named_stable_period_is_the_reference_with_an_assumed_baseline() -> None:
    patient = taken_on(*days(range(1, 40), lambda day: 8 if day < 30 else 3), chosen=(1, 14, 16))
    steady = evaluate_history(patient, as_of=at(25))
    assert isinstance(steady.reference, Reference)
    assert steady.reference.kind is ReferenceKind.CLINICIAN_SET
    assert steady.reference.assumes_baseline
    assert steady.threshold == 0.53
    assert steady.level is Level.STEADY
    assert evaluate_history(patient, as_of=at(36)).level is Level.CONSIDER_BOOSTER


def test_a_named_period_of_six_check_in_days_or_of_nine_days_is_no_reference() -> None:
    six = taken_on(*days(range(1, 13, 2), 8), chosen=(1, 14, 16))
    assert isinstance(evaluate_history(six, as_of=at(17)).reference, NoReference)
    nine = taken_on(*days(range(1, 10), 8), chosen=(1, 9, 16))
    assert isinstance(evaluate_history(nine, as_of=at(17)).reference, NoReference)


def test_check_ins_before_the_first_known_infusion_are_the_baseline() -> None:
    known = [booster(offset) for offset in (-60, -30)]
    patient = taken_on(
        *days(range(-75, -60), 3), *days(range(1, 20), 8), infusions=known, started=-60, chosen=(1, 14, 16)
    )
    found = evaluate_history(patient, as_of=at(18)).reference
    assert isinstance(found, Reference)
    assert not found.assumes_baseline
    assert found.baseline.values == (3, 3, 3)


def test_the_baseline_is_assumed_where_earlier_infusions_are_known_only_by_their_number() -> None:
    patient = taken_on(
        *days(range(-75, -60), 3),
        *days(range(1, 20), 8),
        infusions=[booster(-60)],
        started=-60,
        earlier=11,
        chosen=(1, 14, 16),
    )
    now = evaluate_history(patient, as_of=at(18))
    assert isinstance(now.reference, Reference)
    assert now.reference.assumes_baseline
    assert (now.exposure.total, now.exposure.about, now.exposure.in_90_days) == (12, 11, 1)


def test_a_booster_since_is_not_the_first_infusion_and_makes_no_baseline() -> None:
    patient = taken_on(*days(range(1, 30), 8), infusions=[booster(20)], chosen=(1, 14, 16))
    found = evaluate_history(patient, as_of=at(29)).reference
    assert isinstance(found, Reference)
    assert found.assumes_baseline


def test_infusions_since_count_as_boosters_and_the_reference_stays() -> None:
    patient = taken_on(
        *days(range(1, 45), lambda day: 3 if 30 <= day < 38 else 8),
        infusions=[booster(37)],
        chosen=(1, 14, 16),
    )
    lost = evaluate_history(patient, as_of=at(36))
    assert lost.level is Level.CONSIDER_BOOSTER
    back = evaluate_history(patient, as_of=at(44))
    assert back.level is Level.STEADY
    assert isinstance(back.reference, Reference)
    assert [one.by_booster for one in back.stretches] == [True]


def test_totals_speak_at_once() -> None:
    phq = PHQ_9
    totals = (AssessmentTotal(at(-3), 5), AssessmentTotal(at(10), 15), AssessmentTotal(at(24), 16))
    patient = replace(taken_on(), assessments=(ScaleTotals(scale=phq, totals=totals),))
    levels = {
        day: [
            one.level
            for one in evaluate_history(patient, as_of=at(day)).criteria
            if one.name is CriterionName.SCALE_RELAPSE
        ]
        for day in (0, 11, 25)
    }
    assert levels == {0: [Level.STEADY], 11: [Level.WATCH], 25: [Level.CONSIDER_BOOSTER]}


def test_findings_work_without_a_reference() -> None:
    patient = taken_on(
        *days(range(-75, -60), 6), *days(range(1, 15), 2), infusions=[booster(-60)], started=-60
    )
    now = evaluate_history(patient, as_of=at(15))
    assert now.level is Level.NO_REFERENCE
    assert FindingCode.WORSE_THAN_BEFORE in [one.code for one in now.findings]


@st.composite
def joiners(draw: st.DrawFn) -> History:
    """Patients who were taken on: known infusions before or since, gaps, a chosen period or none."""
    offsets = draw(st.lists(st.integers(-40, 70), unique=True, max_size=70))
    level = draw(st.integers(3, 9))
    made = [
        report(
            day, max(0, level - draw(st.integers(0, 4))), level, level, hour=draw(st.sampled_from([12, 22]))
        )
        for day in sorted(offsets)
    ]
    infused = [booster(day) for day in draw(st.lists(st.integers(-40, 70), unique=True, max_size=6))]
    started = min([TAKEN_ON, *((one.day(ZONE) - on(0)).days for one in infused)])
    chosen = draw(st.none() | st.tuples(st.integers(-30, 20), st.integers(30, 40)))
    return taken_on(
        *made,
        infusions=infused,
        started=started,
        earlier=draw(st.sampled_from([0, 12])),
        chosen=chosen and (chosen[0], chosen[0] + 14, chosen[1]),
    )


@given(joiners())
def test_growing_step_by_step_is_the_same_as_from_scratch(patient: History) -> None:
    in_order = sorted(patient.check_ins, key=lambda one: one.recorded_at)
    last_infused = max((one.given_at for one in patient.infusions), default=at(-100))
    later = [one for one in in_order if one.recorded_at > max(last_infused, at(41))]
    known = tuple(one for one in in_order if one not in later)
    state = replay(replace(patient, check_ins=known), as_of=max(last_infused, at(41, 0)))
    for check_in in later:
        grown = advance(state, check_in)
        assert grown is not None
        state, known, now = grown, (*known, check_in), check_in.recorded_at
        scratch = replace(patient, check_ins=known)
        assert state == replay(scratch, as_of=now)
        assert evaluate(state, as_of=now) == evaluate_history(scratch, as_of=now)
