"""What must hold for every patient, whoever they are."""

import json
import re
import zlib
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from app.clinical.answer import DataQuality
from app.clinical.boosters import Stretch
from app.clinical.check_ins import CheckIn, check_in_day
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.domains import DOMAINS
from app.clinical.episodes import NO_EPISODE, moved, next_move
from app.clinical.evaluation import evaluate, evaluate_history
from app.clinical.explanation import explanation_parts
from app.clinical.explanation_words import language_of
from app.clinical.headline import Beside
from app.clinical.history import ChosenReference, History
from app.clinical.interval import ResponseDuration
from app.clinical.reference import Reference
from app.clinical.signs import RecentDay
from app.clinical.state.patient_state import advance
from app.clinical.state.timeline import Timeline, crossings, replay, timeline_after, timeline_of
from app.clinical.taper import PlannedDate
from app.storage.clinical_json import (
    STATE_FORMAT,
    KeptState,
    answer_from_json,
    answer_to_json,
    pack_state,
    unpack_state,
)

START = datetime(2026, 2, 20, 17, tzinfo=UTC)
ZONES = ("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Asia/Kathmandu", "+05:45")


# Each is made once: making and checking a strategy takes longer than drawing from it.
_HOURS = st.integers(0, 23)
_ONE_IN_TEN, _ONE_IN_TWENTY = st.integers(0, 9), st.integers(0, 19)
_SOMEWHERE = st.sampled_from(ZONES)
_A_DAY = st.sampled_from((0, 1, 1, 1, 1, 1, 2))
_BOOSTED = st.lists(st.integers(28, 70), max_size=2)
_COURSES = st.sampled_from(
    [
        None,
        Course(id="c", protocol="standard", planned_infusions=6, started_on=START.date()),
        Course(id="c", protocol="standard", planned_infusions=None, started_on=START.date()),
    ]
)


@cache
def _near(centre: int) -> st.SearchStrategy[int | None]:
    """An answer about there, or none."""
    return st.one_of(st.none(), st.integers(max(0, centre - 2), min(10, centre + 2)))


def a_report(draw: st.DrawFn, *, number: int, low: int, high: int, hours: int) -> CheckIn:
    near = _near(draw(st.integers(low, high)))
    mood, energy, sleep = (draw(near) for _ in range(3))
    return CheckIn(
        id=f"{number:04}",
        recorded_at=START + timedelta(hours=hours),
        time_zone=draw(_SOMEWHERE) if draw(_ONE_IN_TEN) == 0 else "America/New_York",
        mood=mood,
        energy=energy,
        sleep_quality=sleep,
        asks_about_booster=draw(_ONE_IN_TWENTY) == 0,
    )


@st.composite
def patients(draw: st.DrawFn) -> History:
    """Treated patients: low before, better after, then anything; gaps, extra reports, boosters, trips."""
    infusions = [
        Infusion(id=f"i{n}", given_at=START + timedelta(days=14 + 2 * n), phase=InfusionPhase.INDUCTION)
        for n in range(6)
    ]
    for n, day in enumerate(sorted(draw(_BOOSTED))):
        infusions.append(
            Infusion(id=f"b{n}", given_at=START + timedelta(days=day), phase=InfusionPhase.BOOSTER)
        )
    check_ins: list[CheckIn] = []
    onset = draw(st.integers(30, 60))
    for day in range(72):
        for _ in range(draw(_A_DAY)):
            low, high = (1, 4) if day < 14 or day > onset else (6, 9)
            hours = 24 * day + draw(_HOURS)
            check_ins.append(a_report(draw, number=len(check_ins), low=low, high=high, hours=hours))
    return History(
        time_zone="America/New_York",
        course=draw(_COURSES),
        infusions=tuple(infusions),
        check_ins=tuple(check_ins),
    )


@st.composite
def choices(draw: st.DrawFn) -> ChosenReference:
    """A window that a clinician chose once it was over, at any hour; it may make no reference."""
    first = draw(st.integers(20, 60))
    last = first + draw(st.integers(3, 12))
    set_at = START + timedelta(days=last, hours=draw(st.integers(11, 40)))
    day_in_new_york = check_in_day(set_at, "America/New_York")
    start = START.date()
    assume(start + timedelta(days=last) < day_in_new_york)
    return ChosenReference(
        from_day=start + timedelta(days=first), to_day=start + timedelta(days=last), set_at=set_at
    )


END = START + timedelta(days=74)


@given(patients(), st.randoms(use_true_random=False), st.integers(20, 74))
def test_the_order_of_arrival_does_not_matter(patient: History, random: Random, day: int) -> None:
    now = START + timedelta(days=day)
    check_ins, infusions = list(patient.check_ins), list(patient.infusions)
    random.shuffle(check_ins)
    random.shuffle(infusions)
    shuffled = replace(patient, check_ins=tuple(check_ins), infusions=tuple(infusions))
    assert evaluate_history(shuffled, as_of=now) == evaluate_history(patient, as_of=now)


@given(patients(), st.integers(20, 74))
def test_nothing_after_the_moment_has_any_effect(patient: History, day: int) -> None:
    now = START + timedelta(days=day)
    known = replace(
        patient,
        check_ins=tuple(one for one in patient.check_ins if one.recorded_at <= now),
        infusions=tuple(one for one in patient.infusions if one.given_at <= now),
    )
    assert evaluate_history(known, as_of=now) == evaluate_history(patient, as_of=now)


@given(patients(), st.integers(0, 200), st.sampled_from(DOMAINS))
def test_a_better_report_after_the_window_never_raises_the_level(
    patient: History, pick: int, domain: str
) -> None:
    now_reference = evaluate_history(patient, as_of=END).reference
    assume(isinstance(now_reference, Reference))
    assert isinstance(now_reference, Reference)
    later = [
        one
        for one in patient.check_ins
        if check_in_day(one.recorded_at, one.time_zone) > now_reference.to_day + timedelta(days=9)
    ]
    assume(later)
    chosen = later[pick % len(later)]
    assume(getattr(chosen, domain) is not None and getattr(chosen, domain) < 10)
    better = replace(
        chosen,
        mood=10 if domain == "mood" else chosen.mood,
        energy=10 if domain == "energy" else chosen.energy,
        sleep_quality=10 if domain == "sleep_quality" else chosen.sleep_quality,
    )
    improved = replace(
        patient, check_ins=tuple(better if one is chosen else one for one in patient.check_ins)
    )
    assert evaluate_history(improved, as_of=END).level <= evaluate_history(patient, as_of=END).level


@given(patients(), st.integers(1, 1000), st.integers(20, 74))
def test_shifting_all_dates_shifts_the_answer(patient: History, weeks: int, day: int) -> None:
    """In a zone without clock changes, so that hours keep their distance to 04:00."""
    by = timedelta(weeks=weeks)
    fixed = replace(
        patient,
        time_zone="-05:00",
        check_ins=tuple(replace(one, time_zone="-05:00") for one in patient.check_ins),
    )
    course = patient.course
    shifted = replace(
        fixed,
        course=replace(course, started_on=course.started_on + by) if course else None,
        infusions=tuple(replace(one, given_at=one.given_at + by) for one in fixed.infusions),
        check_ins=tuple(replace(one, recorded_at=one.recorded_at + by) for one in fixed.check_ins),
    )
    now = START + timedelta(days=day)
    assert _shifted(evaluate_history(fixed, as_of=now), by) == evaluate_history(shifted, as_of=now + by)


@given(patients())
def test_growing_step_by_step_is_the_same_as_from_scratch_and_so_are_its_signals(patient: History) -> None:
    assert_grows_as_from_scratch(patient)


@given(patients(), choices())
def test_so_it_is_with_a_reference_that_a_clinician_set(patient: History, choice: ChosenReference) -> None:
    assert_grows_as_from_scratch(replace(patient, chosen_reference=choice))


@given(patients(), st.integers(28, 66), st.integers(1, 8))
def test_so_it_is_when_an_infusion_entered_in_error_is_voided(patient: History, day: int, later: int) -> None:
    """From the correction on nothing is left of it: the same as for a patient who never had it."""
    wrong = Infusion(id="wrong", given_at=START + timedelta(days=day), phase=InfusionPhase.BOOSTER)
    voided_at = START + timedelta(days=day + later)
    before = [one for one in patient.check_ins if one.recorded_at <= voided_at]
    believed = replace(patient, infusions=(*patient.infusions, wrong), check_ins=tuple(before))
    assert timeline_of(believed, as_of=voided_at).state.treatment.total == 1 + sum(
        one.given_at <= voided_at for one in patient.infusions
    )
    timeline = timeline_of(replace(patient, check_ins=tuple(before)), as_of=voided_at)
    given_at = [one.given_at for one in patient.infusions]
    moment = voided_at
    for check_in in sorted(patient.check_ins, key=lambda one: (one.recorded_at, one.id)):
        if check_in.recorded_at <= voided_at:
            continue
        before.append(check_in)
        known, now = replace(patient, check_ins=tuple(before)), check_in.recorded_at
        infused = any(moment < given <= now for given in given_at)
        grown = None if infused else timeline_after(timeline, check_in)
        timeline, moment = timeline_of(known, as_of=now) if grown is None else grown, now
    end = max([voided_at, *(one.recorded_at for one in patient.check_ins)])
    assert timeline.state == replay(patient, as_of=end)
    assert evaluate(timeline.state, as_of=end) == evaluate_history(patient, as_of=end)


@given(patients(), st.integers(10, 74), st.sampled_from(("en", "es")))
def test_only_real_reports_are_said_as_reports(patient: History, day: int, locale: str) -> None:
    answer = evaluate_history(patient, as_of=START + timedelta(days=day))
    real: dict[date, list[CheckIn]] = {}
    for one in patient.check_ins:
        if one.recorded_at <= answer.as_of:
            real.setdefault(check_in_day(one.recorded_at, one.time_zone), []).append(one)
    for said in answer.last_days:
        reported = real[date.fromordinal(said.day)]
        for index, domain in enumerate(DOMAINS):
            value = said.values[index]
            if value is not None:
                known = [getattr(one, domain) for one in reported if getattr(one, domain) is not None]
                assert min(known) <= value <= max(known)
    language = language_of(locale)
    text = next((one.text for one in explanation_parts(answer, locale=locale) if one.code == "reports"), "")
    since = answer.exposure.last_on
    days = [date.fromordinal(one.day) for one in answer.last_days]
    written = {language.day(one, answer.day.year) for one in days if since is None or one >= since}
    assert {one.partition(":")[0] for one in re.split(r"(?<=\d)\. ", text.rstrip(".")) if one} <= written


def assert_grows_as_from_scratch(patient: History) -> None:
    """Follow a patient as the service does: a step for each check-in, from scratch when staff enter something."""
    timeline: Timeline | None = None
    episode = other = NO_EPISODE
    entries = sorted(patient.check_ins, key=lambda one: (one.recorded_at, one.id))
    entered = [one.given_at for one in patient.infusions]
    entered += [patient.chosen_reference.set_at] if patient.chosen_reference else []
    before = START
    for number, check_in in enumerate(entries):
        now = check_in.recorded_at
        known = replace(
            patient,
            check_ins=tuple(one for one in entries if (one.recorded_at, one.id) <= (now, check_in.id)),
        )
        again = any(before < moment <= now for moment in entered)
        before = now
        grown = None if timeline is None or again else timeline_after(timeline, check_in)
        timeline = timeline_of(known, as_of=now) if grown is None else grown
        kept = unpack_state(pack_state(KeptState(timeline, "same"), rule="any"), rule="any")
        assert kept is not None
        timeline, state = kept.timeline, kept.timeline.state
        step = whole = evaluate(state, as_of=now)
        if number % 8 == 0 or check_in is entries[-1]:
            assert state == replay(known, as_of=now)
            assert timeline.losses == tuple(one.day for one in crossings(known, as_of=now))
            whole = evaluate_history(known, as_of=now)
            assert step == whole
        episode = moved(episode, next_move(episode, step, as_of=now), on=step.day)
        other = moved(other, next_move(other, whole, as_of=now), on=whole.day)
    assert episode == other


@given(patients(), st.integers(10, 74))
def test_an_answer_is_stored_as_plain_json(patient: History, day: int) -> None:
    plain = answer_to_json(evaluate_history(patient, as_of=START + timedelta(days=day)))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


@given(patients(), st.integers(10, 74))
def test_an_answer_that_is_read_back_is_the_one_that_was_stored(patient: History, day: int) -> None:
    answer = evaluate_history(patient, as_of=START + timedelta(days=day))
    assert answer_from_json(json.loads(json.dumps(answer_to_json(answer)))) == answer


_NUMBER = {"en": re.compile(r"\d+(?:\.\d+)?"), "es": re.compile(r"\d+(?:,\d+)?")}
SPANS = {"5", "7", "10", "14", "30", "90", "365"}
"""The spans that sentences of the templates name themselves."""
PLANNED = PlannedDate(
    on=date(2026, 5, 3),
    since=date(2026, 4, 19),
    interval_days=14,
    step=2,
    steps=3,
    benefits=(
        ResponseDuration(from_day=date(2026, 3, 22), days=9, lost=True, at_most_days=11, until_days=13),
        ResponseDuration(from_day=date(2026, 4, 4), days=12, lost=False, until_days=15),
        ResponseDuration(from_day=date(2026, 4, 19), days=2, lost=False, until_days=14, observed=False),
    ),
)


@given(
    patients(),
    st.integers(10, 74),
    st.sampled_from(("en", "es")),
    st.sampled_from((None, PLANNED)),
    st.booleans(),
)
def test_each_part_of_an_explanation_names_only_its_own_numbers(
    patient: History, day: int, locale: str, planned: PlannedDate | None, open_signal: bool
) -> None:
    answer = evaluate_history(patient, as_of=START + timedelta(days=day))
    raised = (date(2026, 4, 2), 0.58) if open_signal else None
    beside = Beside(planned=planned, raised=raised, call_by=date(2026, 4, 6) if open_signal else None)
    for part in explanation_parts(answer, beside=beside, locale=locale):
        known = set(SPANS)
        for _, value in part.numbers:
            if isinstance(value, int | float | date):
                known |= _ways_to_write(value)
        said = set(_NUMBER[locale].findall(re.sub(r"gain-lost 2\.0|PHQ-9", "", part.text)))
        said = {number.replace(",", ".") for number in said}
        assert said <= known, (part.code, part.text, said - known)


def _ways_to_write(value: float | date) -> set[str]:
    if isinstance(value, date):
        return {str(value.day), str(value.year)}
    return {f"{value:g}", f"{value:.1f}", f"{value * 100:.0f}"} | {f"{-value * 100:.0f}"}


def _shifted(value: object, by: timedelta) -> object:  # noqa: PLR0911 - each kind of value in its own line
    """A record with every date in it moved; day numbers stand only in the list of recent days."""
    if isinstance(value, date):
        return value + by
    if isinstance(value, DataQuality):
        days = tuple(day + by.days for day in value.recent_days)
        return DataQuality(*(_shifted(one, by) for one in value._replace(recent_days=days)))  # type: ignore[arg-type]  # same fields
    if isinstance(value, Stretch):
        crossed = value.crossed_on and value.crossed_on + by.days
        first, last = value.from_day + by.days, value.to_day + by.days
        return value._replace(from_day=first, to_day=last, crossed_on=crossed)
    if isinstance(value, RecentDay):
        return value._replace(day=value.day + by.days)
    if isinstance(value, tuple):
        parts = tuple(_shifted(one, by) for one in value)
        return type(value)(*parts) if hasattr(value, "_fields") else parts  # type: ignore[arg-type]  # a record
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{one.name: _shifted(getattr(value, one.name), by) for one in fields(value)})
    return value


def test_a_memory_in_an_unknown_format_is_not_guessed_at() -> None:
    kept = KeptState(Timeline(replay(History(time_zone="UTC"), as_of=END), ()), "same")
    packed = pack_state(kept, rule="gain-lost 2.0")
    assert unpack_state(packed, rule="gain-lost 2.0") == kept
    assert unpack_state(packed, rule="gain-lost 1.0") is None
    plain = zlib.decompress(packed)
    # Three values, the first of them the format.
    earlier = plain.replace(b"\x93%c" % STATE_FORMAT, b"\x93\x00", 1)
    assert earlier != plain
    for unknown in (
        zlib.compress(earlier),
        zlib.compress(b"[]"),
        zlib.compress(plain[:-9]),
        packed[:-9],
        b"",
        b"{}",
    ):
        assert unpack_state(unknown, rule="gain-lost 2.0") is None


def test_a_late_report_is_not_a_step() -> None:
    first, late, last = (
        CheckIn(id=name, recorded_at=START + timedelta(days=day), time_zone="UTC", mood=5)
        for name, day in (("a", 1), ("b", 2), ("c", 3))
    )
    state = replay(History(time_zone="UTC", check_ins=(first, last)), as_of=END)
    assert advance(state, late) is None
    assert advance(state, last) is None, "nor is one that is known already"
