"""What is a signal's own in the life of an alert: its limit, its snooze, whom an escalation goes to."""

from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from app.access.clinics.contacts import Role
from app.access.clinics.erased import no_such_signal
from app.access.clinics.policy import active_protocol
from app.care.alerts.life_cycle import LifeCycle
from app.clinical.check_ins import zone_of
from app.clinical.episodes import NO_EPISODE, Disposition, Episode, EpisodeState, reopened
from app.clinical.levels import CriterionName
from app.clinical.waiting import WaitingLimits, signal_wait
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.notifications.messages.notice_channels import notify_contacts
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, EventFacts
from app.outbox import Wording
from app.storage import patients, signals
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
            work.vault,
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
