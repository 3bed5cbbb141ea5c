"""Opening a signal again that was closed by mistake or too early."""

from uuid import UUID

from app.access.clinics.queries import limits_in_force
from app.care.alerts.episodes import Told, episode_of, queue_escalation
from app.care.alerts.locking import lock_for_update
from app.care.alerts.notes import seal_words
from app.care.alerts.views import existing
from app.care.patients.consent_standing import ConsentWithdrawnError
from app.clinical import episodes as rules
from app.clinical.errors import MoveNotAllowedError
from app.clinical.waiting import signal_wait
from app.context import AppContext
from app.foundation.audit import Actor, signal_event
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import notify_of_patient
from app.storage import patients, signals
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.signal_steps import StepDetails
from app.storage.signals import Signal


class ReopeningNotPossibleError(RefusalError):
    """Only a closed signal can be reopened, and not one that a withdrawn consent closed."""

    kind = RefusalKind.CONFLICT
    code = "reopening-not-possible"


class LaterSignalError(RefusalError):
    """This patient has a later signal; see to that one."""

    kind = RefusalKind.CONFLICT
    code = "later-signal"


async def reopen(
    context: AppContext,
    clinic_id: UUID,
    signal_id: UUID,
    *,
    reason: str,
    version: int | None = None,
    actor: Actor,
) -> Signal:
    """Open it as it was, for somebody to acknowledge within the clinic's limit; the clinic's systems are told.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        ReopeningNotPossibleError: it is not closed, or a withdrawn consent closed it.
        LaterSignalError: another episode of the patient's has begun since.
        ConsentWithdrawnError: consent was withdrawn since.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await lock_for_update(work, signal_id, version=version)
        mode = await _mode_if_possible(work, signal)
        step_id = new_id()
        words = seal_words(context.vault, clinic_id, signal, reason, step_id=step_id)
        escalate_at = now + signal_wait(await limits_in_force(work))
        await signals.change(
            work,
            signal_id,
            state=rules.opened_again(episode_of(signal)).state.value,
            closed_at=None,
            closed_by=None,
            disposition=None,
            booster_booked_for=None,
            acknowledged_at=None,
            acknowledged_by=None,
            escalate_at=escalate_at,
            escalated_at=None,
            step=StepDetails(id=step_id, words_sealed=words),
            audit=signal_event(now, actor, "signal.reopened", signal.id, signal.patient_id),
        )
        told = Told(patient_id=signal.patient_id, mode=mode, public_url=context.public_url)
        await notify_of_patient(work, EventType.SIGNAL_REOPENED, told.about(signal_id), now=now)
        queue_escalation(work, signal_id, at=escalate_at)
        signal = await existing(work, signal_id)
        await work.commit()
    return signal


async def _mode_if_possible(work: UnitOfWork, signal: Signal) -> str:
    """Look whether it can be reopened; gives the patient's mode."""
    try:
        rules.opened_again(episode_of(signal))
    except MoveNotAllowedError as error:
        raise ReopeningNotPossibleError from error
    latest = await signals.latest_of_patient(work, signal.patient_id)
    if latest is not None and latest.id != signal.id:
        raise LaterSignalError
    patient = await patients.find(work, signal.patient_id)
    if patient is None:
        raise NotFoundError
    if patient.consent_withdrawn_at is not None:
        raise ConsentWithdrawnError
    return patient.mode
