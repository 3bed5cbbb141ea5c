"""Loading what is known of a patient, for the core."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from app.access.clinics.erased import no_such_patient, refuse_merged
from app.access.clinics.policy import protocol_with
from app.care.alerts.signal_episodes import episode_from
from app.clinical.answer import Evaluation
from app.clinical.episodes import Episode
from app.clinical.evaluation import evaluate_history
from app.clinical.history import ChosenReference, History
from app.clinical.protocol import Protocol
from app.clinical.state.patient_state import PatientState
from app.context import AppContext
from app.storage import assessments, check_in_path, check_ins, courses, infusions
from app.storage.check_in_path import PatientSnapshot
from app.storage.check_ins import StoredCheckIn
from app.storage.engine.unit_of_work import UnitOfWork


async def snapshot_of(work: UnitOfWork, patient_id: UUID, *, now: datetime) -> PatientSnapshot:
    """Find where a patient stands.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientErasedError: not any more.
        PatientMergedError: it was a duplicate of another.
    """
    snapshot = await check_in_path.snapshot_of_patient(work, patient_id, now=now)
    if snapshot is None:
        raise await no_such_patient(work, patient_id)
    if snapshot.archived_at is not None:
        await refuse_merged(work, patient_id)
    return snapshot


async def history_of(
    work: UnitOfWork,
    snapshot: PatientSnapshot,
    *,
    also: Sequence[StoredCheckIn] = (),
    after: datetime | None = None,
) -> History:
    """Load everything that a decision may rest on, with check-ins that are about to be written.

    ``after``: of the check-ins that are stored only those that were recorded after that moment.
    """
    corrected = {str(stored.supersedes) for stored in also if stored.supersedes}
    stored = await check_ins.current_history(work, snapshot.patient_id, after=after)
    reports = (*stored, *(one.check_in for one in also))
    return History(
        time_zone=snapshot.time_zone,
        course=await courses.current_course(work, snapshot.patient_id),
        infusions=await infusions.infusions(work, snapshot.patient_id),
        check_ins=tuple(report for report in reports if report.id not in corrected),
        chosen_reference=chosen_in(snapshot),
        assessments=await assessments.totals_of_patient(work, snapshot.patient_id),
    )


def latest_of(history: History, *, now: datetime) -> datetime:
    """Give the moment that an answer speaks about: now, or the latest of what is known if that is later.

    A phone's clock may be a little ahead of ours, and of two requests at once the one that came later may be
    first. Whatever is known has happened, so no answer leaves it out.
    """
    chosen = history.chosen_reference
    known: list[datetime] = [
        *(one.recorded_at for one in history.check_ins),
        *(one.given_at for one in history.infusions),
        *(total.taken_at for entry in history.assessments for total in entry.totals),
        *((chosen.set_at,) if chosen else ()),
    ]
    return max([now, *known]).astimezone(UTC)


def latest_in(state: PatientState, snapshot: PatientSnapshot, *, now: datetime) -> datetime:
    """Give the same moment where what is known is a state."""
    seconds, chosen = (state.last_at, state.treatment.last_at), chosen_in(snapshot)
    known: list[datetime] = [
        *(datetime.fromtimestamp(at, UTC) for at in seconds if at is not None),
        *(entry.last.taken_at for entry in state.totals if entry.last),
        *((chosen.set_at,) if chosen else ()),
    ]
    return max([now, *known]).astimezone(UTC)


async def present_history(work: UnitOfWork, patient_id: UUID, *, now: datetime) -> History:
    """Give everything that stands about a patient now.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    return await history_of(work, await snapshot_of(work, patient_id, now=now))


def chosen_in(snapshot: PatientSnapshot) -> ChosenReference | None:
    """Read the reference that a clinician last chose."""
    chosen = snapshot.chosen_reference
    if chosen is None:
        return None
    return ChosenReference(
        from_day=date.fromisoformat(chosen["from_day"]),
        to_day=date.fromisoformat(chosen["to_day"]),
        set_at=datetime.fromisoformat(chosen["set_at"]),
    )


async def history_now(
    work: UnitOfWork, context: AppContext, patient_id: UUID, *, now: datetime
) -> tuple[History, Evaluation]:
    """Give the whole history of a patient, and the answer as of now that it makes.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    snapshot = await snapshot_of(work, patient_id, now=now)
    history = await history_of(work, snapshot)
    as_of = latest_of(history, now=now)
    return history, evaluate_history(history, as_of=as_of, protocol=protocol_of(snapshot, context))


def protocol_of(snapshot: PatientSnapshot, context: AppContext) -> Protocol:
    """Give the numbers that this patient's clinic decides with."""
    return protocol_with(context.protocol, snapshot.policy)


def episode_of_patient(snapshot: PatientSnapshot) -> Episode:
    """Read the patient's latest signal as the core's episode, with the booster that is booked."""
    return episode_from(snapshot.signal, booster_booked_for=snapshot.booster_booked_for)
