"""The further studies: across boosters, plans of check-ins, findings, and a year under each policy."""

from statistics import mean

import pytest

from app.clinical.evaluation import evaluate
from app.clinical.levels import Level
from app.clinical.protocol import PUBLISHED, RULE_1, STANDARD
from app.clinical.state.patient_state import advance
from app.clinical.state.timeline import after_infusion, replay
from app.studies.accuracy import accuracy
from app.studies.ask_plans import ask_plans
from app.studies.backtest import backtested, is_quiet
from app.studies.closed_loop import POLICIES, years
from app.studies.cohort import SimulatedCohort
from app.studies.cohort_plan import VARIANTS
from app.studies.finding_figures import Kind, finding_figures
from app.studies.further_studies import STUDIES, table_json
from app.studies.maintenance import BOOSTER_PLANS, FOLLOWED_DAYS, Course, MaintenanceCohort, maintenance
from app.studies.onset_figures import OnsetCounts, with_error
from app.studies.simulated_patient import DAY_ZERO, SimulatedPatient


def cohort(course: Course, boosters: str = "weekly", size: int = 6) -> list[SimulatedPatient]:
    return list(
        MaintenanceCohort(boosters=BOOSTER_PLANS[boosters], course=course, size=size, seed=5).with_truth(
            0, size
        )
    )


@pytest.mark.parametrize("rule", PUBLISHED, ids=lambda rule: rule.version)
def test_a_quiet_check_in_is_one_whose_whole_answer_is_steady(rule: object) -> None:
    protocol = STANDARD if rule == STANDARD else RULE_1
    quiet = 0
    for patient in SimulatedCohort(size=12, seed=11).patients(0, 12):
        history = patient.history
        state = replay(history, as_of=max(one.given_at for one in history.infusions), protocol=protocol)
        for check_in in history.check_ins:
            state = advance(state, check_in, protocol=protocol) or state
            if is_quiet(state, state.last_day) and not state.totals and state.asked_on is None:
                quiet += 1
                assert evaluate(state, as_of=check_in.recorded_at, protocol=protocol).level is Level.STEADY
    assert quiet > 300


@pytest.mark.parametrize("boosters", BOOSTER_PLANS)
def test_an_infusion_taken_as_it_comes_leaves_what_a_replay_of_everything_leaves(boosters: str) -> None:
    for one in cohort(Course.IN_SPITE, boosters, size=3):
        history = one.patient.history
        events = sorted(
            [(each.given_at, 0, each) for each in history.infusions]
            + [(each.recorded_at, 1, each) for each in history.check_ins],
            key=lambda event: event[:2],
        )
        first = history.infusions[0].given_at
        state = replay(history, as_of=first)
        given = [history.infusions[0]]
        for at, is_check_in, event in events:
            if at <= first:
                continue
            if is_check_in:
                stepped = advance(state, event)  # type: ignore[arg-type]  # a check-in by its number
                assert stepped is not None
                state = stepped
            else:
                given.append(event)  # type: ignore[arg-type]  # an infusion by its number
                state = after_infusion(state, history.course, given, history.time_zone, STANDARD)
            if event is events[-1][2] or not is_check_in:
                assert state == replay(history, as_of=at)


def test_boosters_are_given_when_their_plan_says_and_the_benefit_follows_its_course() -> None:
    weekly, monthly = (cohort(Course.HOLDS, name)[0] for name in ("weekly", "every 28 days"))
    given = [(one.given_at - DAY_ZERO).days for one in weekly.patient.history.infusions[6:]]
    assert all(day % 7 in {0, 1} for day in given)
    assert len(given) == FOLLOWED_DAYS // 7
    assert len(monthly.patient.history.infusions) == 6 + FOLLOWED_DAYS // 28
    assert weekly.truth == monthly.truth
    assert all(one.truth.share_lost(day) == 0 for one in cohort(Course.HOLDS) for day in range(250))
    for one in cohort(Course.IN_SPITE):
        assert one.truth.onset is not None
        assert one.truth.share_lost(one.truth.onset) == 0
        assert max(one.truth.share_lost(day) for day in range(230, 250)) >= 0.6
    for one in cohort(Course.WEARS_OFF):
        lost = [one.truth.share_lost(day) for day in range(200, 250)]
        assert min(lost) == 0
        assert max(lost) >= 0.5


def test_a_loss_in_spite_of_weekly_boosters_is_one_open_signal_where_rule_1_raised_one_a_week() -> None:
    numbers = {rule.version: 0 for rule in PUBLISHED}
    for one in cohort(Course.IN_SPITE, size=10):
        for rule in PUBLISHED:
            numbers[rule.version] += len(backtested(one.patient, protocol=rule).signals)
    assert numbers["2.0"] * 3 < numbers["1.0"]


def test_rates_and_shares_are_counted_over_everyone_with_a_reference() -> None:
    counts = OnsetCounts(followed_days=180)
    counts.add(None, [40.0], rule_on=True)
    counts.add(None, [], rule_on=True)
    counts.add(30.0, [44.0], rule_on=True)
    counts.add(30.5, [44.0, 90.0], rule_on=True)
    counts.add(30.0, [20.0], rule_on=True)
    counts.add(30.0, [], rule_on=False)
    found = counts.figures()
    assert found.strict == pytest.approx(1 / 3)
    assert found.inclusive == pytest.approx(2 / 3)
    assert found.late == pytest.approx(2 / 3)
    assert found.off == pytest.approx(1 / 5)
    assert found.false_a_year == pytest.approx(0.6931 * 365.25 / 172, rel=1e-3)
    assert with_error([1.0, 3.0])[1] == pytest.approx(1.0)
    assert with_error([1.0]) == (1.0, 0.0)


def test_both_rules_are_compared_on_the_same_patients_of_every_seed() -> None:
    names = ("reference", "30% non-responders")
    report = accuracy(
        patients=20, seeds=(1, 2), variants={name: VARIANTS[name] for name in names}, processes=1
    )
    assert [one.population for one in report.compared] == list(names)
    assert all(
        list(one.figures) == ["2.0", "1.0"] and len(one.figures["2.0"]) == 2 for one in report.compared
    )
    assert report.compared[0].better_in in {0, 1, 2}


def test_a_plan_of_check_ins_asks_less_than_daily_and_more_after_a_low_report() -> None:
    found = ask_plans(patients=8, seeds=(1,), processes=1)
    asked = {name: mean(one.asked_a_week for one in every) for name, every in found.items()}
    assert asked["2.0: daily for ever"] == pytest.approx(7.0)
    assert 2.6 < asked["2.0: daily 15, 3 a week to 183, 2 a week + burst"] < 5.5


def test_elevated_mood_is_found_where_it_is_and_hardly_ever_elsewhere() -> None:
    found = finding_figures(patients=20, seeds=(1,), processes=1)
    assert found[Kind.WELL][0].elevated_a_year < 0.2
    assert found[Kind.ELEVATED][0].elevated_in_14 >= 0.75
    assert found[Kind.FAR_BELOW][0].worse_in_14 > 0.3


def test_a_year_is_the_same_again_and_following_signals_spares_bad_days() -> None:
    phone, signals, learned = (
        list(years(POLICIES[name], 3, 0, 25))
        for name in (
            "(b) the patient phones",
            "(d) signals of rule 2.0, booster 2 days after",
            "(e) signals and learned interval, as offered",
        )
    )
    assert phone == list(years(POLICIES["(b) the patient phones"], 3, 0, 25))
    below = [mean(one.days_below_half for one in lived) for lived in (phone, signals, learned)]
    assert below[0] > below[1] > below[2]
    fixed = list(years(POLICIES["(a) fixed every 28 days"], 3, 0, 3))
    assert [one.boosters for one in fixed] == [13, 13, 13]


@pytest.mark.parametrize("name", STUDIES)
def test_every_further_study_has_a_table_and_a_page_with_its_command(name: str) -> None:
    study = STUDIES[name]
    found = study.run(patients=2, seeds=(1, 2), processes=1)
    table = study.table(found)
    assert all(len(row) == len(table[0]) for row in table)
    page = study.markdown(found, command=f"afterglow simulate --{name}", patients=2, seeds=(1, 2))
    assert f"`afterglow simulate --{name}`" in page
    assert table[0][0] in page
    assert table_json(table)[0][table[0][0]] == table[1][0]


def test_maintenance_names_every_plan_of_boosters_and_both_rules() -> None:
    found = maintenance(patients=2, seeds=(1,), processes=1)
    assert [one.plan for one in found] == list(BOOSTER_PLANS)
    assert all(set(one.figures[Course.HOLDS]) == {"2.0", "1.0"} for one in found)
