"""One episode, not a stream: raising, holding back, growing, falling, raising again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.clinical.episodes import (
    ALLOWED_MOVES,
    NO_EPISODE,
    Action,
    Disposition,
    Episode,
    EpisodeState,
    MoveKind,
    closed,
    closed_by_infusion,
    closed_by_withdrawal,
    next_move,
    opened_again,
    reopened,
    snoozed,
)
from app.clinical.errors import MoveNotAllowedError, SnoozeTooLongError
from app.clinical.evaluation import evaluate_history
from app.clinical.explanation import explain
from app.clinical.history import ScaleTotals
from app.clinical.levels import CriterionName, Level
from app.clinical.protocol import RULE_1, STANDARD
from app.clinical.reason_codes import ReasonCode
from app.clinical.reasons import SignalSnoozed
from app.clinical.scales import PHQ_9, AssessmentTotal
from app.clinical.state.timeline import crossings
from tests.clinical.builders import (
    BEFORE,
    COURSE,
    WINDOW,
    at,
    booster,
    days,
    follow,
    history,
    induction,
    on,
    raised,
    report,
    same,
)

LOST = history(*BEFORE, *WINDOW, *days(range(9, 60), 3))
OPEN = Episode(state=EpisodeState.OPEN, raised_on=on(12), criteria=(CriterionName.GAIN_LOST,))


def closed_on(offset: int, disposition: Disposition = Disposition.WATCHFUL_WAITING) -> Episode:
    return closed(OPEN, disposition=disposition, at=at(offset))


# what                                 the episode before                           as of   move, why
MOVES = [
    ("first rise", NO_EPISODE, 20, MoveKind.RAISE, ReasonCode.FIRST_AT_CONSIDER),
    ("below", NO_EPISODE, 11, MoveKind.NONE, ReasonCode.BELOW_CONSIDER),
    ("open: a new criterion", OPEN, 20, MoveKind.ADD_EVIDENCE, ReasonCode.NEW_CRITERION),
    (
        "open: nothing new",
        replace(OPEN, criteria=(CriterionName.GAIN_LOST, CriterionName.ONE_DOMAIN)),
        20,
        MoveKind.NONE,
        ReasonCode.SIGNAL_OPEN,
    ),
    (
        "snoozed: nothing new",
        Episode(
            state=EpisodeState.SNOOZED,
            raised_on=on(12),
            criteria=(CriterionName.GAIN_LOST, CriterionName.ONE_DOMAIN),
            snoozed_until=at(25),
        ),
        20,
        MoveKind.NONE,
        ReasonCode.SIGNAL_SNOOZED,
    ),
    (
        "booked for today",
        Episode(booster_booked_for=on(20)),
        20,
        MoveKind.NONE,
        ReasonCode.BOOSTER_BOOKED,
    ),
    (
        "booked, two days late",
        Episode(booster_booked_for=on(18)),
        20,
        MoveKind.NONE,
        ReasonCode.BOOSTER_BOOKED,
    ),
    (
        "booked, three days late",
        Episode(booster_booked_for=on(17)),
        20,
        MoveKind.RAISE,
        ReasonCode.FIRST_AT_CONSIDER,
    ),
    ("closed 13 days ago", closed_on(14), 27, MoveKind.NONE, ReasonCode.CLOSED_RECENTLY),
    ("closed 14 days ago, still lost", closed_on(14), 28, MoveKind.RAISE, ReasonCode.STILL_AT_CONSIDER),
    (
        "closed yesterday by a withdrawal, consent given again",
        closed_by_withdrawal(OPEN, at=at(19)),
        20,
        MoveKind.RAISE,
        ReasonCode.CONSENT_GIVEN_AGAIN,
    ),
    ("closed before it rose again", closed_on(5), 18, MoveKind.RAISE, ReasonCode.STEADY_SINCE_CLOSING),
]


@pytest.mark.parametrize(
    ("episode", "as_of", "kind", "why"), [row[1:] for row in MOVES], ids=[row[0] for row in MOVES]
)
def test_the_next_move(episode: Episode, as_of: int, kind: MoveKind, why: ReasonCode) -> None:
    now = at(as_of)
    move = next_move(episode, evaluate_history(LOST, as_of=now), as_of=now)
    assert (move.kind, move.reason.code) == (kind, why)


def test_a_snooze_ends_at_a_moment_and_the_reader_says_which_day_that_is() -> None:
    until = at(25).replace(hour=23)
    seen = (CriterionName.GAIN_LOST, CriterionName.ONE_DOMAIN)
    asleep = Episode(state=EpisodeState.SNOOZED, raised_on=on(12), criteria=seen, snoozed_until=until)
    assert next_move(asleep, evaluate_history(LOST, as_of=at(20)), as_of=at(20)).reason == SignalSnoozed(
        until
    )


def test_nothing_is_raised_within_24_hours_of_an_infusion() -> None:
    """A scale at consider would speak the same evening; it has to wait."""
    answer = evaluate_history(LOST, as_of=at(20))
    infused = evaluate_history(replace(LOST, infusions=(*LOST.infusions, booster(20, 20))), as_of=at(20))
    assert infused.suppressed_by[0].code is ReasonCode.WITHIN_A_DAY_OF_INFUSION
    held = answer._replace(suppressed_by=infused.suppressed_by)
    assert next_move(NO_EPISODE, held, as_of=at(20)).reason.code is ReasonCode.WITHIN_A_DAY_OF_INFUSION


def test_nothing_is_raised_while_induction_is_running_or_after_the_course_was_stopped() -> None:
    running = replace(LOST, course=replace(COURSE, planned_infusions=7))
    assert evaluate_history(running, as_of=at(13)).level is Level.NO_REFERENCE
    stopped = replace(LOST, course=replace(COURSE, stopped_on=on(15)))
    move = next_move(NO_EPISODE, evaluate_history(stopped, as_of=at(20)), as_of=at(20))
    assert (move.kind, move.reason.code) == (MoveKind.NONE, ReasonCode.COURSE_CLOSED)


def test_a_signal_that_became_steady_says_so_once_and_stays_open() -> None:
    back = history(*BEFORE, *WINDOW, *days(range(9, 16), 3), *days(range(16, 40), 8))
    steps = follow(back)
    steady = [step.offset for step in steps if step.move.kind is MoveKind.BECAME_STEADY]
    assert len(steady) == 1
    assert steps[-1].episode.state is EpisodeState.OPEN
    below = [step.offset for step in steps if step.offset > 15 and (step.evaluation.smoothed or 0) < 0.25]
    assert steady[0] >= below[1], "two consecutive check-in days below 0.25"


def test_one_good_day_takes_no_open_signal_below_consider() -> None:
    patient = history(*BEFORE, *WINDOW, *days(range(9, 14), 3), same(14, 8), *days(range(15, 17), 6))
    step = follow(patient)[-1]
    assert step.evaluation.level is Level.WATCH
    assert (step.episode.state, step.episode.steady_since) == (EpisodeState.OPEN, None)


def test_watch_falls_only_to_steady() -> None:
    patient = history(*BEFORE, *WINDOW, *days(range(9, 12), 4), *days(range(12, 30), 6.5))
    levels = [step.evaluation.level for step in follow(patient) if step.offset > 8]
    assert Level.WATCH in levels
    assert Level.STEADY not in levels[levels.index(Level.WATCH) :]
    assert min(step.evaluation.smoothed or 0 for step in follow(patient)[-5:]) < STANDARD.watch_at


def test_old_reports_do_not_hold_consider() -> None:
    patient = history(*BEFORE, *WINDOW, *days(range(9, 14), 3))
    assert evaluate_history(patient, as_of=at(14)).level is Level.CONSIDER_BOOSTER
    assert evaluate_history(patient, as_of=at(20)).level is Level.CONSIDER_BOOSTER
    stale = evaluate_history(patient, as_of=at(22), protocol=RULE_1)
    assert stale.level is Level.WATCH
    assert ReasonCode.TOO_FEW_RECENT_DAYS in {reason.code for reason in stale.criteria[0].reasons}


def test_consider_stays_as_last_known_and_raises_nothing_when_check_ins_are_old() -> None:
    patient = history(*BEFORE, *WINDOW, *days(range(9, 14), 3))
    stale = evaluate_history(patient, as_of=at(22))
    assert stale.level is Level.CONSIDER_BOOSTER
    assert stale.last_known == (Level.CONSIDER_BOOSTER, on(13))
    assert next_move(NO_EPISODE, stale, as_of=at(22)).reason.code is ReasonCode.LAST_KNOWN


def test_who_is_asked_weekly_is_looked_back_at_longer() -> None:
    window = days((1, 4, 6, 8), 8)
    weekly = history(*BEFORE, *window, *days(range(15, 90, 7), 3))
    signals = raised(follow(weekly))
    assert [step.offset for step in signals] == [22]


def test_three_check_in_days_are_needed_since_the_infusion() -> None:
    patient = history(*BEFORE, *WINDOW, *days((22, 24, 26), 3), infusions=(*induction(), booster(18)))
    steps = [step for step in follow(patient) if step.offset > 20]
    assert [step.evaluation.level for step in steps][-1] is Level.CONSIDER_BOOSTER
    assert [step.offset for step in raised(steps)] == [26]


def test_an_infusion_closes_the_signal_and_starts_the_smoothing_again() -> None:
    given = closed_by_infusion(OPEN, given_at=at(20), given_on=on(20))
    assert (given.state, given.disposition) == (EpisodeState.CLOSED, Disposition.BOOSTER_GIVEN)
    early = closed_by_infusion(OPEN, given_at=at(2), given_on=on(2))
    assert early.state is EpisodeState.OPEN, "entered late, given before the signal"
    boosted = replace(LOST, infusions=(*LOST.infusions, booster(30)))
    restarted = evaluate_history(boosted, as_of=at(30, 20), protocol=RULE_1)
    assert (restarted.smoothed, restarted.level) == (0.0, Level.STEADY)
    answered = evaluate_history(boosted, as_of=at(30, 20))
    assert (answered.smoothed, answered.level) == (0.0, Level.CONSIDER_BOOSTER), (
        "the level before it, until a report"
    )
    assert answered.criteria[0].reasons[0].code is ReasonCode.NO_REPORT_SINCE_INFUSION
    again = next_move(given, evaluate_history(boosted, as_of=at(40)), as_of=at(40))
    assert (again.kind, again.reason.code) == (MoveKind.RAISE, ReasonCode.INFUSION_SINCE_CLOSING)


def test_a_booster_that_did_not_hold_says_so_first() -> None:
    boosted = replace(LOST, infusions=(*LOST.infusions, booster(30)))
    soon = evaluate_history(boosted, as_of=at(36))
    assert soon.notes[0].code is ReasonCode.BOOSTER_DID_NOT_HOLD
    assert explain(soon).startswith(
        "The booster of Apr 24 held 0 days: review rather than repeat. Consider a booster"
    )
    held = history(
        *BEFORE,
        *WINDOW,
        *days(range(9, 40), 8),
        *days(range(40, 60), 3),
        infusions=(*induction(), booster(20)),
    )
    later = evaluate_history(held, as_of=at(50))
    assert later.level is Level.CONSIDER_BOOSTER
    assert ReasonCode.BOOSTER_DID_NOT_HOLD not in {note.code for note in later.notes}


def test_past_crossings_are_said_with_their_day_and_do_not_raise_now() -> None:
    patient = history(*BEFORE, *WINDOW, *days(range(9, 16), 3), *days(range(16, 60), 8))
    assert [crossing.day for crossing in crossings(patient, as_of=at(60))] == [on(12)]
    now = evaluate_history(patient, as_of=at(60))
    assert next_move(NO_EPISODE, now, as_of=at(60)).kind is MoveKind.NONE


def test_each_infusions_benefit_is_remembered() -> None:
    boosted = replace(LOST, infusions=(*LOST.infusions, booster(30)))
    by_rule_1 = evaluate_history(boosted, as_of=at(40), protocol=RULE_1)
    assert by_rule_1.exposure.response_durations == (12,), "to the crossing"
    assert evaluate_history(boosted, as_of=at(40)).exposure.response_durations == (8,), "to the last good day"
    assert [one.day for one in crossings(boosted, as_of=at(40))] == [on(12), on(34)]


def test_the_patient_who_asks_is_on_watch_for_two_weeks_and_raises_nothing() -> None:
    asks = report(20, 8, 8, 8, asks=True)
    patient = history(*BEFORE, *WINDOW, *days(range(9, 20), 8), asks, *days(range(21, 40), 8))
    answer = evaluate_history(patient, as_of=at(21))
    assert [(one.name, one.level) for one in answer.criteria] == [
        (CriterionName.GAIN_LOST, Level.STEADY),
        (CriterionName.PATIENT_ASKS, Level.WATCH),
    ]
    assert "The patient asked about a booster on Apr 14." in explain(answer)
    assert next_move(NO_EPISODE, answer, as_of=at(21)).kind is MoveKind.NONE
    assert evaluate_history(patient, as_of=at(34)).level is Level.STEADY


def test_two_totals_raise_a_signal_without_any_check_in() -> None:
    totals = tuple(
        AssessmentTotal(at(offset), total) for offset, total in ((-12, 18), (6, 4), (30, 14), (41, 15))
    )
    patient = replace(history(), assessments=(ScaleTotals(scale=PHQ_9, totals=totals),))
    once = evaluate_history(patient, as_of=at(31))
    assert once.level is Level.WATCH
    twice = evaluate_history(patient, as_of=at(42))
    move = next_move(NO_EPISODE, twice, as_of=at(42))
    assert (move.kind, move.criteria) == (MoveKind.RAISE, (CriterionName.SCALE_RELAPSE,))
    assert "PHQ-9 15 on May 5, at or above its threshold of 11, 2 times over 11 days." in explain(twice)
    again = next_move(closed_on(41), twice, as_of=at(43))
    assert again.reason.code is ReasonCode.CLOSED_RECENTLY


def test_worse_than_before_treatment_is_said_apart() -> None:
    patient = history(*BEFORE, *WINDOW, *days(range(9, 40), 0))
    worse = evaluate_history(patient, as_of=at(39)).worse_than_before
    assert [one.domain.value for one in worse] == ["mood", "energy", "sleep_quality"]
    not_yet = history(*BEFORE, *WINDOW, *days(range(9, 40), 2))
    assert evaluate_history(not_yet, as_of=at(39)).worse_than_before == ()
    assert evaluate_history(patient, as_of=at(80)).worse_than_before == (), "it speaks about now"


def test_a_snooze_ends_by_itself_and_has_a_maximum() -> None:
    asleep = snoozed(OPEN, until=at(20), as_of=at(13))
    assert reopened(asleep, as_of=at(19)).state is EpisodeState.SNOOZED
    assert reopened(asleep, as_of=at(20)).state is EpisodeState.OPEN
    for until in (at(13), at(13) + timedelta(days=14, seconds=1)):
        with pytest.raises(SnoozeTooLongError):
            snoozed(OPEN, until=until, as_of=at(13))


def test_what_the_table_does_not_allow_is_refused() -> None:
    with pytest.raises(MoveNotAllowedError):
        closed(NO_EPISODE, disposition=Disposition.DATA_PROBLEM, at=at(1))
    assert all(
        Action.RAISE not in ALLOWED_MOVES[state] for state in (EpisodeState.OPEN, EpisodeState.SNOOZED)
    )


def test_levels_are_in_order_of_worse() -> None:
    assert sorted(Level, key=lambda level: level.rank) == [
        Level.NO_REFERENCE,
        Level.UNKNOWN,
        Level.STEADY,
        Level.WATCH,
        Level.CONSIDER_BOOSTER,
    ]
    assert max(Level) is Level.CONSIDER_BOOSTER
    assert Level.STEADY > Level.NO_REFERENCE


def test_a_closed_signal_is_opened_again_as_it_was() -> None:
    again = opened_again(closed_on(20))

    assert again == OPEN
    assert next_move(again, evaluate_history(LOST, as_of=at(20)), as_of=at(20)).kind is not MoveKind.RAISE


@pytest.mark.parametrize(
    "episode", [OPEN, NO_EPISODE, closed_by_withdrawal(OPEN, at=at(19))], ids=["open", "none", "withdrawn"]
)
def test_what_is_not_closed_or_was_closed_by_a_withdrawal_is_not_opened_again(episode: Episode) -> None:
    with pytest.raises(MoveNotAllowedError):
        opened_again(episode)
