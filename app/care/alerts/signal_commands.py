"""Signals: their part in the life of an alert (limit, escalation), and what staff do: snooze, close, reopen."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from app.access.clinics.contacts import Role
from app.access.clinics.erased import no_such_signal
from app.access.clinics.policy import active_protocol
from app.access.clinics.queries import waiting_limits
from app.care.alerts.bookings import book
from app.care.alerts.life_cycle import LifeCycle, vault_of
from app.care.patients.consent_status import ConsentWithdrawnError
from app.clinical import episodes as rules
from app.clinical.check_ins import zone_of
from app.clinical.course import Infusion
from app.clinical.episodes import NO_EPISODE, Disposition, Episode, EpisodeState, reopened
from app.clinical.errors import MoveNotAllowedError, SnoozeTooLongError
from app.clinical.levels import CriterionName
from app.clinical.waiting import WaitingLimits, signal_wait
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.messages.notice_channels import notify_contacts
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, EventFacts
from app.outbox import Wording
from app.storage import patient_states, patients, signals
from app.storage.alert_steps import StepDetails
from app.storage.patients import PatientRecord
from app.storage.signals import Signal

ESCALATE_SIGNAL: Final = "escalate_signal"


class SignalClosedError(RefusalError):
    """This signal is closed; look at the patient's latest one."""

    kind = RefusalKind.CONFLICT
    code = "signal-closed"


class SignalLife(LifeCycle[Signal]):
    """A signal waits for hours, can be put out of sight, and goes to the second contact once."""

    noun = "signal"
    prefix = "signal"
    closed_error = SignalClosedError
    table = signals.TABLE
    events = {  # noqa: RUF012 - declared as a class variable in LifeCycle
        "acknowledged": EventType.SIGNAL_ACKNOWLEDGED,
        "acknowledgement_taken_back": EventType.SIGNAL_UPDATED,
        "assigned": EventType.SIGNAL_UPDATED,
        "snoozed": EventType.SIGNAL_SNOOZED,
        "snooze_ended": EventType.SIGNAL_UPDATED,
        "not_supported_by_corrected_facts": EventType.SIGNAL_UPDATED,
    }

    def about(self, alert: Signal, *, mode: str, public_url: str) -> About:
        """Say what its notifications are about."""
        return About(
            patient_id=alert.patient_id,
            mode=mode,
            subject="signal",
            subject_id=alert.id,
            url=f"{public_url}/v1/signals/{alert.id}",
        )

    def facts(self, alert: Signal) -> EventFacts:
        """Say how far it goes, by which criterion, and with what it was closed."""
        closed = {} if alert.disposition is None else {"disposition": alert.disposition}
        return {"level": alert.level, "criterion": alert.criterion, **closed}

    def wait(self, limits: WaitingLimits, alert: Signal) -> timedelta:
        """Say how long it may wait: all signals as long."""
        del alert
        return signal_wait(limits)

    def queue_escalation(self, work: Work, alert_id: UUID, *, at: datetime | None) -> None:
        """Have a worker look then."""
        if at is not None:
            work.queue(ESCALATE_SIGNAL, at=at, clinic_id=work.clinic_id, signal_id=alert_id)

    def is_in_sight(self, alert: Signal, now: datetime) -> bool:
        """Say whether it is open now: a snooze whose time has passed is over, even before the sweep says so."""
        return reopened(episode_of(alert), as_of=now).state is EpisodeState.OPEN

    async def not_there(self, work: Work, alert_id: UUID) -> RefusalError:
        """Say why there is none: its patient was erased, or it never was."""
        return await no_such_signal(work, alert_id)

    async def escalated(
        self, work: Work, alert: Signal, patient: PatientRecord, limits: WaitingLimits
    ) -> dict[str, Any]:
        """Notify the clinic's systems and the second contact, once."""
        del limits
        about = self.about(alert, mode=patient.mode, public_url=work.public_url)
        await self.announce(work, EventType.SIGNAL_ESCALATED, alert)
        await notify_contacts(
            work,
            [Role.SECOND],
            Wording.SIGNAL_UNACKNOWLEDGED,
            link=about.url,
            mode=about.mode,
            now=work.real_now,
        )
        return {"escalated_at": work.now, "escalate_at": None}


SIGNAL: Final = SignalLife()


def episode_of(signal: Signal | None) -> Episode:
    """Read a stored signal as the core's episode; which booster is booked is kept with the patient."""
    if signal is None:
        return NO_EPISODE
    return Episode(
        state=EpisodeState("open" if signal.state == "acknowledged" else signal.state),
        raised_on=signal.raised_on,
        criteria=tuple(CriterionName(name) for name in signal.criteria),
        steady_since=signal.steady_since,
        snoozed_until=signal.snoozed_until,
        closed_at=signal.closed_at,
        disposition=Disposition(signal.disposition) if signal.disposition else None,
    )


_MORNING: Final = time(8)


async def moment_of(work: Work, signal_id: UUID, until: datetime | date) -> datetime:
    """Give a time as it is, and of a day its morning where the patient is.

    Of the last day that a snooze may reach it is the end of that time, if that is earlier than the morning.

    Raises:
        NotFoundError: the clinic has no such signal.
    """
    if isinstance(until, datetime):
        return until
    signal = await SIGNAL.existing(work, signal_id)
    patient = await patients.find(work, signal.patient_id)
    policy = await active_protocol(work)
    if patient is None:
        raise NotFoundError
    zone = zone_of(patient.time_zone)
    morning = datetime.combine(until, _MORNING, zone)
    last = (work.now + timedelta(days=policy.snooze_longest_days)).astimezone(zone)
    return min(morning, last) if until == last.date() else morning


_NOTE = {"table": "signals", "column": "note_sealed"}


class BookingDayMissingError(RefusalError):
    """A signal that is closed as "booster booked" needs the booster's day, or one that is booked already."""

    code = "booking-day-missing"


class SnoozeNotPossibleError(RefusalError):
    """A snooze ends in the future, at most 14 days from now."""

    code = "snooze-not-possible"


class SnoozeReasonMissingError(RefusalError):
    """Please say why, so that whoever looks next knows."""

    code = "snooze-reason-missing"


class NotSnoozedError(RefusalError):
    """This signal is not snoozed, so there is no snooze to end."""

    kind = RefusalKind.CONFLICT
    code = "not-snoozed"


class ReopeningNotPossibleError(RefusalError):
    """Only a closed signal can be reopened, and not one that a withdrawn consent closed."""

    kind = RefusalKind.CONFLICT
    code = "reopening-not-possible"


class LaterSignalError(RefusalError):
    """This patient has a later signal; see to that one."""

    kind = RefusalKind.CONFLICT
    code = "later-signal"


async def snooze(
    work: Work, signal_id: UUID, *, until: datetime, reason: str | None = None, version: int | None = None
) -> Signal:
    """Put a signal out of sight for at most 14 days; it returns by itself.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        SignalClosedError: it is closed.
        SnoozeNotPossibleError: the time has passed or is too far away.
    """
    signal = await SIGNAL.lock_open(work, signal_id, version=version)
    try:
        policy = await active_protocol(work)
        after = rules.snoozed(episode_of(signal), until=until, as_of=work.now, protocol=policy)
    except SnoozeTooLongError as error:
        raise SnoozeNotPossibleError("#/until") from error
    return await SIGNAL.step(
        work,
        signal,
        "snoozed",
        details=SIGNAL.details(work, signal, reason, until=until),
        state=after.state.value,
        snoozed_until=until,
        escalate_at=await _escalate_after_snooze(work, signal, until=until),
    )


async def end_snooze(work: Work, signal_id: UUID, *, version: int | None = None) -> Signal:
    """Bring a snoozed signal back at once; if nobody has acknowledged it, its limit starts now.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        SignalClosedError: it is closed.
        NotSnoozedError: it is not snoozed.
    """
    signal = await SIGNAL.lock_open(work, signal_id, version=version)
    if signal.state != "snoozed":
        raise NotSnoozedError
    if signal.acknowledged_at is not None or signal.escalated_at is not None:
        waits = {}
    else:
        waits = await SIGNAL.waits_again(work, signal)
    state = "open" if signal.acknowledged_at is None else "acknowledged"
    return await SIGNAL.step(work, signal, "snooze_ended", state=state, snoozed_until=None, **waits)


async def close(
    work: Work,
    signal_id: UUID,
    *,
    disposition: Disposition,
    booster_booked_for: date | None,
    note: str | None,
    version: int | None = None,
) -> Signal:
    """Close a signal with its outcome, and notify the clinic's systems.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        SignalClosedError: someone closed it before.
        BookingDayMissingError: a booster is said to be booked and nobody knows for when.
        BookingInPastError: its day has passed.
    """
    signal = await SIGNAL.lock_open(work, signal_id, version=version)
    patient = await _patient_of(work, signal)
    if booster_booked_for is not None:
        await book(
            work,
            patient,
            on=booster_booked_for,
            pointer="#/booster_booked_for",
        )
    elif disposition is Disposition.BOOSTER_BOOKED:
        booster_booked_for = await _booked_before(work, patient.id)
    after = rules.closed(episode_of(signal), disposition=disposition, at=work.now)
    closed = await SIGNAL.close(
        work,
        signal,
        details=SIGNAL.details(work, signal, note, disposition=disposition.value),
        state=after.state.value,
        snoozed_until=None,
        disposition=disposition.value,
        booster_booked_for=booster_booked_for,
        note_sealed=vault_of(work, signal).seal(note, row_id=signal.id, **_NOTE) if note else None,
    )
    await SIGNAL.announce(work, EventType.SIGNAL_CLOSED, closed)
    return closed


async def reopen(work: Work, signal_id: UUID, *, reason: str, version: int | None = None) -> Signal:
    """Open it as it was, for someone to acknowledge within the clinic's limit; the clinic's systems are notified.

    Raises:
        NotFoundError: the clinic has none under this id.
        ChangedMeanwhileError: the signal has moved on from that version.
        ReopeningNotPossibleError: it is not closed, or a withdrawn consent closed it.
        LaterSignalError: another episode of the patient's has begun since.
        ConsentWithdrawnError: consent was withdrawn since.
    """
    signal = await SIGNAL.lock_for_update(work, signal_id, version=version)
    try:
        rules.opened_again(episode_of(signal))
    except MoveNotAllowedError as error:
        raise ReopeningNotPossibleError from error
    latest = await signals.latest_of_patient(work, signal.patient_id)
    if latest is not None and latest.id != signal.id:
        raise LaterSignalError
    patient = await _patient_of(work, signal)
    if patient.consent_withdrawn_at is not None:
        raise ConsentWithdrawnError
    opened = await SIGNAL.open_again(
        work,
        signal,
        details=SIGNAL.details(work, signal, reason),
        disposition=None,
        booster_booked_for=None,
    )
    await SIGNAL.announce(work, EventType.SIGNAL_REOPENED, opened)
    return opened


async def return_from_snooze(work: Work) -> int:
    """Open this clinic's signals whose snooze is over again; gives how many."""
    returned = await signals.return_from_snooze(work)
    for signal_id, patient_id in returned:
        await SIGNAL.keep_step(work, signal_id, patient_id, "returned_from_snooze", actor=SYSTEM)
        await SIGNAL.announce(work, EventType.SIGNAL_UPDATED, await SIGNAL.existing(work, signal_id))
    return len(returned)


def open_note(work: Work, signal: Signal) -> str | None:
    """Open the note that a signal was closed with."""
    if signal.note_sealed is None:
        return None
    return vault_of(work, signal).open(signal.note_sealed, row_id=signal.id, **_NOTE)


async def _escalate_after_snooze(work: Work, signal: Signal, *, until: datetime) -> datetime | None:
    """While it is out of sight a signal is not escalated; from its return it has its whole time again."""
    if signal.acknowledged_at is not None or signal.escalated_at is not None:
        return None
    at = until + signal_wait(await waiting_limits(work))
    SIGNAL.queue_escalation(work, signal.id, at=at)
    return at


async def _patient_of(work: Work, signal: Signal) -> PatientRecord:
    patient = await patients.find(work, signal.patient_id)
    if patient is None:
        raise NotFoundError
    return patient


async def _booked_before(work: Work, patient_id: UUID) -> date:
    booking = await patient_states.booked_booster(work, patient_id)
    if booking is None:
        raise BookingDayMissingError("#/booster_booked_for")
    return booking.on


async def reopen_if_closed_in_error(
    work: Work,
    patient_id: UUID,
    *,
    given: Sequence[Infusion],
    zone: str,
    supported_at: Callable[[datetime], Awaitable[bool]],
) -> UUID | None:
    """Open the latest signal again if only an infusion that was not given closed it; gives it, or None.

    With a new limit, and a step that says so. One that a person closed stays as that person closed it, and so does
    one that the corrected facts would not have raised. The caller holds the patient's turn.
    """
    signal = await signals.latest_of_patient(work, patient_id)
    if signal is None or not _closed_by_an_infusion(signal):
        return None
    again = rules.opened_again(episode_of(signal))
    closed = (
        rules.closed_by_infusion(again, given_at=one.given_at, given_on=one.day(zone)) != again
        for one in given
    )
    if any(closed) or not await supported_at(signal.raised_at):
        return None
    signal = await SIGNAL.open_again(work, signal, details=StepDetails(id=new_id()), disposition=None)
    await SIGNAL.announce(work, EventType.SIGNAL_REOPENED, signal, more={"cause": "correction"})
    return signal.id


async def mark_if_not_supported(
    work: Work, patient_id: UUID, *, supported_at: Callable[[datetime], Awaitable[bool]]
) -> UUID | None:
    """Note in the history of an open signal that the corrected facts would not have raised it; nobody closes it.

    The caller holds the patient's turn.
    """
    signal = await signals.latest_of_patient(work, patient_id)
    if signal is None or signal.state == "closed" or await supported_at(signal.raised_at):
        return None
    await SIGNAL.step(work, signal, "not_supported_by_corrected_facts")
    return signal.id


def _closed_by_an_infusion(signal: Signal) -> bool:
    return (
        signal.state == "closed"
        and signal.disposition == Disposition.BOOSTER_GIVEN.value
        and signal.closed_by is None
    )
