"""What the care team does with a signal: acknowledge, snooze, close with a disposition."""

from datetime import date, datetime
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.access.clinics.queries import limits_in_force
from app.care.alerts.bookings import book
from app.care.alerts.episodes import Told, episode_of, queue_escalation, tell_closed
from app.care.alerts.locking import lock_for_update
from app.care.alerts.notes import seal_note, seal_words
from app.care.alerts.views import existing
from app.clinical import episodes as rules
from app.clinical.episodes import Disposition
from app.clinical.errors import MoveNotAllowedError, SnoozeTooLongError
from app.clinical.waiting import signal_wait
from app.context import AppContext
from app.foundation.audit import SYSTEM, Actor, signal_event
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import patient_states, patients, signal_steps, signals
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.signal_steps import StepDetails
from app.storage.signals import Signal

OPEN_STATES = ("open", "acknowledged", "snoozed")


class SignalClosedError(RefusalError):
    """This signal is closed; look at the patient's latest one."""

    kind = RefusalKind.CONFLICT
    code = "signal-closed"


class BookingDayMissingError(RefusalError):
    """A signal that is closed as "booster booked" needs the booster's day, or one that is booked already."""

    code = "booking-day-missing"


class SnoozeNotPossibleError(RefusalError):
    """A snooze ends in the future, at most 14 days from now."""

    code = "snooze-not-possible"


async def acknowledge(
    context: AppContext, clinic_id: UUID, signal_id: UUID, *, version: int | None = None, actor: Actor
) -> Signal:
    """Note who has seen it, and when; a second acknowledgement changes nothing.

    ``version``: here and below, the one that the change is based on; None: whatever it is now.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        SignalClosedError: it is closed.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await _lock_for_update(work, signal_id, version)
        if signal.acknowledged_at is None:
            await signals.change(
                work,
                signal_id,
                state="acknowledged" if signal.state == "open" else signal.state,
                acknowledged_at=now,
                acknowledged_by=actor.id,
                escalate_at=None,
                audit=signal_event(now, actor, "signal.acknowledged", signal.id, signal.patient_id),
            )
        signal = await existing(work, signal_id)
        await work.commit()
    return signal


async def snooze(
    context: AppContext,
    clinic_id: UUID,
    signal_id: UUID,
    *,
    until: datetime,
    reason: str | None = None,
    version: int | None = None,
    actor: Actor,
) -> Signal:
    """Put a signal out of sight for at most 14 days; it returns by itself.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        SignalClosedError: it is closed.
        SnoozeNotPossibleError: the time has passed or is too far away.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await _lock_for_update(work, signal_id, version)
        try:
            policy = await policy_in_force(work, context, now=now)
            after = rules.snoozed(episode_of(signal), until=until, as_of=now, protocol=policy)
        except SnoozeTooLongError as error:
            raise SnoozeNotPossibleError("#/until") from error
        escalate_at = await _escalate_after_snooze(work, signal, until=until)
        await signals.change(
            work,
            signal_id,
            state=after.state.value,
            snoozed_until=until,
            escalate_at=escalate_at,
            step=_step(context, clinic_id, signal, reason, until=until),
            audit=signal_event(now, actor, "signal.snoozed", signal.id, signal.patient_id),
        )
        signal = await existing(work, signal_id)
        await work.commit()
    return signal


async def close(
    context: AppContext,
    clinic_id: UUID,
    signal_id: UUID,
    *,
    disposition: Disposition,
    booster_booked_for: date | None,
    note: str | None,
    version: int | None = None,
    actor: Actor,
) -> Signal:
    """Close a signal with what came of it, and tell the clinic's systems.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        SignalClosedError: somebody closed it before.
        BookingDayMissingError: a booster is said to be booked and nobody knows for when.
        BookingInPastError: its day has passed.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        signal = await _lock_for_update(work, signal_id, version)
        patient = await patients.find(work, signal.patient_id)
        if patient is None:
            raise NotFoundError
        if booster_booked_for is not None:
            await book(
                work, patient, on=booster_booked_for, pointer="#/booster_booked_for", now=now, actor=actor
            )
        elif disposition is Disposition.BOOSTER_BOOKED:
            booster_booked_for = await _booked_before(work, patient.id)
        after = rules.closed(episode_of(signal), disposition=disposition, at=now)
        await signals.change(
            work,
            signal_id,
            state=after.state.value,
            closed_at=now,
            closed_by=actor.id,
            acknowledged_at=signal.acknowledged_at or now,
            acknowledged_by=signal.acknowledged_by or actor.id,
            snoozed_until=None,
            disposition=disposition.value,
            booster_booked_for=booster_booked_for,
            note_sealed=note and seal_note(context.vault, clinic_id, signal, note),
            escalate_at=None,
            step=_step(context, clinic_id, signal, note, disposition=disposition.value),
            audit=signal_event(now, actor, "signal.closed", signal.id, signal.patient_id),
        )
        told = Told(patient_id=patient.id, mode=patient.mode, public_url=context.public_url)
        await tell_closed(work, told, signal_id, disposition, now=now)
        signal = await existing(work, signal_id)
        await work.commit()
    return signal


async def return_from_snooze(work: UnitOfWork, *, now: datetime) -> int:
    """Open this clinic's signals whose snooze is over again; gives how many."""
    returned = await signals.return_from_snooze(work, now=now)
    for signal_id, patient_id in returned:
        event = signal_event(now, SYSTEM, "signal.returned_from_snooze", signal_id, patient_id)
        await signal_steps.keep(work, audit=event)
        work.add_audit_event(event)
    return len(returned)


def _step(
    context: AppContext,
    clinic_id: UUID,
    signal: Signal,
    words: str | None,
    *,
    until: datetime | None = None,
    disposition: str | None = None,
) -> StepDetails:
    step_id = new_id()
    sealed = seal_words(context.vault, clinic_id, signal, words, step_id=step_id)
    return StepDetails(id=step_id, until=until, disposition=disposition, words_sealed=sealed)


async def _escalate_after_snooze(work: UnitOfWork, signal: Signal, *, until: datetime) -> datetime | None:
    """While it is out of sight a signal is not escalated; from its return it has its whole time again."""
    if signal.acknowledged_at is not None or signal.escalated_at is not None:
        return None
    at = until + signal_wait(await limits_in_force(work))
    queue_escalation(work, signal.id, at=at)
    return at


async def _lock_for_update(work: UnitOfWork, signal_id: UUID, version: int | None) -> Signal:
    """Take a turn at a signal that nobody has closed.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        SignalClosedError: it is closed, so nothing more can be done to it.
    """
    signal = await lock_for_update(work, signal_id, version=version)
    try:
        rules.require_allowed(episode_of(signal).state, rules.Action.CLOSE)
    except MoveNotAllowedError as error:
        raise SignalClosedError from error
    return signal


async def _booked_before(work: UnitOfWork, patient_id: UUID) -> date:
    booking = await patient_states.booked_booster(work, patient_id)
    if booking is None:
        raise BookingDayMissingError("#/booster_booked_for")
    return booking.on
