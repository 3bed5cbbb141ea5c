"""A replay from a checkpoint is the replay of the whole history, whatever was changed after the checkpoint."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.clinical.check_ins import CheckIn
from app.clinical.course import Infusion, InfusionPhase
from app.clinical.history import ChosenReference, History
from app.clinical.state.checkpoints import (
    DAYS_BETWEEN,
    Checkpoint,
    can_begin_from,
    is_kept,
    period_of,
    replay_from,
    through_of,
)
from app.clinical.state.timeline import timeline_of
from tests.clinical.test_properties import END, START, choices, patients

LATER = END + timedelta(days=40)


def after(checkpoint: Checkpoint, check_ins: Sequence[CheckIn]) -> tuple[CheckIn, ...]:
    return tuple(one for one in check_ins if one.recorded_at > checkpoint.through)


def late_report(at: datetime, zone: str) -> CheckIn:
    return CheckIn(
        id="late", recorded_at=at, time_zone=zone, mood=4, energy=5, sleep_quality=3, sleep_hours=6
    )


@given(
    patients(),
    choices(),
    st.booleans(),
    st.floats(0, 74),
    st.sampled_from(["Pacific/Kiritimati", "America/New_York", "Pacific/Honolulu"]),
    st.none() | st.floats(30, 74),
    st.integers(0, 400),
)
def test_from_each_checkpoint_before_a_change_the_replay_is_that_of_the_whole_history(
    patient: History,
    choice: ChosenReference,
    is_chosen: bool,
    day: float,
    zone: str,
    booster: float | None,
    taken_back: int,
) -> None:
    """A late report in any zone, one taken back, a late infusion: none changes the checkpoints before it."""
    chosen = choice if is_chosen else None
    patient = replace(patient, chosen_reference=chosen)
    _, checkpoints = replay_from(None, patient, as_of=LATER)
    late = late_report(START + timedelta(days=day), zone)
    given = Infusion(id="late", given_at=START + timedelta(days=booster or 0), phase=InfusionPhase.BOOSTER)
    gone = patient.check_ins[taken_back % len(patient.check_ins)] if patient.check_ins else None
    changed = replace(
        patient,
        check_ins=(*(one for one in patient.check_ins if one is not gone), late),
        infusions=(*patient.infusions, given) if booster else patient.infusions,
    )
    moments = [
        late.recorded_at,
        *([given.given_at] if booster else []),
        *([gone.recorded_at] if gone else []),
    ]
    whole = timeline_of(changed, as_of=LATER)
    for checkpoint in checkpoints:
        suffix = after(checkpoint, changed.check_ins)
        if checkpoint.through < min(moments) and can_begin_from(checkpoint, chosen, suffix, as_of=LATER):
            again, _ = replay_from(checkpoint, replace(changed, check_ins=suffix), as_of=LATER)
            assert again == whole


@given(patients(), choices(), st.booleans())
def test_a_replay_from_a_checkpoint_makes_the_later_checkpoints_again(
    patient: History, choice: ChosenReference, is_chosen: bool
) -> None:
    chosen = choice if is_chosen else None
    patient = replace(patient, chosen_reference=chosen)
    whole, checkpoints = replay_from(None, patient, as_of=LATER)
    assert whole == timeline_of(patient, as_of=LATER)
    for number, checkpoint in enumerate(checkpoints):
        suffix = after(checkpoint, patient.check_ins)
        if can_begin_from(checkpoint, chosen, suffix, as_of=LATER):
            again, made = replay_from(checkpoint, replace(patient, check_ins=suffix), as_of=LATER)
            assert (again, made) == (whole, checkpoints[number + 1 :])


@given(patients())
def test_what_is_known_by_a_state_is_known_through_its_latest_input(patient: History) -> None:
    timeline = timeline_of(patient, as_of=LATER)
    known = [one.recorded_at for one in patient.check_ins] + [one.given_at for one in patient.infusions]
    through = through_of(timeline.state)
    assert (through is None) == (not known)
    assert through is None or through <= max(known)
    assert timeline.reports == len(patient.check_ins)


def test_two_checkpoints_are_kept_for_each_doubling_of_the_distance() -> None:
    for newest in range(1000, 1070):
        back = [newest - period for period in range(newest - 64, newest + 1) if is_kept(period, newest)]
        assert len(back) <= 13
        # From the one before a change on, at most twice as much is replayed as came after the change.
        for change in range(1, 48):
            assert min(one for one in back if one >= change) <= 2 * change


def test_what_is_not_kept_is_never_wanted_later() -> None:
    for period in range(100, 170):
        kept = [is_kept(period, newest) for newest in range(period, period + 200)]
        assert kept == sorted(kept, reverse=True)


def test_a_period_is_as_long_as_its_name_says() -> None:
    assert period_of(START + timedelta(days=DAYS_BETWEEN)) == period_of(START) + 1
