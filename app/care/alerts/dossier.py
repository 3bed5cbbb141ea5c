"""Everything about one signal, or one safety event, for the page of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.care.alerts.actors import names_in
from app.care.alerts.clinic_alerts import reference_of
from app.care.alerts.history import ToldStep, history_in
from app.care.alerts.safety_commands import read_event
from app.care.alerts.views import SignalView, read_signal, views_of
from app.context import AppContext
from app.foundation.audit import Actor
from app.foundation.errors import NotFoundError
from app.storage import notice_log as tellings
from app.storage import patient_states, patients, signals, worklist_safety
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.notice_log import Telling
from app.storage.patient_states import BookedBooster
from app.storage.patients import PatientRecord
from app.storage.safety_events import SafetyEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """The patient, as far as these pages name them."""

    id: UUID
    reference: str
    time_zone: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDossier:
    """A signal with all that was done and told.

    Attributes:
        later_signal: another episode of this patient's that has begun since: this one stays closed.
        withdrawn: whether consent is withdrawn: the same.
        open_event: the patient's oldest safety event that nobody has closed.
    """

    view: SignalView
    whose: Whose
    booked: BookedBooster | None
    history: tuple[ToldStep, ...]
    told: tuple[Telling, ...]
    names: dict[UUID, str]
    longest_snooze_days: int
    later_signal: UUID | None
    withdrawn: bool
    open_event: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDossier:
    """A safety event with all that was told."""

    event: SafetyEvent
    whose: Whose
    told: tuple[Telling, ...]
    names: dict[UUID, str]


async def signal_dossier(
    context: AppContext, clinic_id: UUID, signal_id: UUID, *, now: datetime, actor: Actor
) -> SignalDossier:
    """Give all of it; that it was read is told to the trail.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    signal = await read_signal(context, clinic_id, signal_id, actor=actor)
    (view,) = await views_of(context, clinic_id, [signal])
    async with context.database.work(clinic_id) as work:
        patient = await _patient(work, signal.patient_id)
        history = await history_in(work, context, signal)
        latest = await signals.latest_of_patient(work, patient.id)
        events = await worklist_safety.safety_page(
            work, acknowledged_by=None, patient_id=patient.id, after=None, limit=1
        )
        return SignalDossier(
            view=view,
            whose=_whose(context, work, patient),
            booked=await patient_states.booked_booster(work, patient.id),
            history=tuple(history),
            told=tuple(await tellings.about(work, patient.id, subject="signal_id", subject_id=signal_id)),
            names=await names_in(work, context.vault, [one.step.actor_id for one in history]),
            longest_snooze_days=(await policy_in_force(work, context, now=now)).snooze_longest_days,
            later_signal=latest.id if latest and latest.id != signal_id else None,
            withdrawn=patient.consent_withdrawn_at is not None,
            open_event=events[0][1].event.id if events else None,
        )


async def event_dossier(
    context: AppContext, clinic_id: UUID, event_id: UUID, *, actor: Actor
) -> EventDossier:
    """Give all of it; that it was read is told to the trail.

    Raises:
        NotFoundError: the clinic has none under this id.
    """
    event = await read_event(context, clinic_id, event_id, actor=actor)
    async with context.database.work(clinic_id) as work:
        patient = await _patient(work, event.patient_id)
        told = await tellings.about(work, patient.id, subject="safety_event_id", subject_id=event_id)
        return EventDossier(
            event=event,
            whose=_whose(context, work, patient),
            told=tuple(told),
            names=await names_in(work, context.vault, [event.acknowledged_by, event.closed_by]),
        )


async def _patient(work: UnitOfWork, patient_id: UUID) -> PatientRecord:
    patient = await patients.find(work, patient_id)
    if patient is None:
        raise NotFoundError
    return patient


def _whose(context: AppContext, work: UnitOfWork, patient: PatientRecord) -> Whose:
    reference = reference_of(
        context.vault, work.clinic_id, patient.id, patient.external_ref_sealed, patient.wrapped_key
    )
    return Whose(id=patient.id, reference=reference, time_zone=patient.time_zone, mode=patient.mode)
