"""The life of an alert, written once: acknowledged, assigned, reached out about, escalated, closed, reopened.

A signal, a safety event and a finding differ in what raises them, in how long they may wait and in what closing
them says; their kinds say so. Reports and people take turns at a patient, and who is based on something older
than what is now changes nothing.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic
from uuid import UUID

from app.access.clinics.queries import waiting_limits
from app.clinical.waiting import WaitingLimits
from app.context import Work
from app.foundation.audit import SYSTEM, Actor
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.vault import PatientVault
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notice_channels import NoticeEvent
from app.notifications.webhooks.notifying import About, EventFacts, Reach, notify_of_patient
from app.storage import alert_steps, patient_states, patients, staff_members
from app.storage.alert_steps import AlertStep, StepDetails
from app.storage.alerts import Alert, AlertT, AlertTable
from app.storage.patients import PatientRecord
from app.web.headers import ChangedMeanwhileError

# Sealed under the table's first name, when only signals had steps; what was sealed opens only so.
_WORDS_CELL: Final = {"table": "signal_steps", "column": "words_sealed"}


class NotAcknowledgedError(RefusalError):
    """Nobody has acknowledged this, so there is nothing to take back."""

    kind = RefusalKind.CONFLICT
    code = "not-acknowledged"


class MemberNotHereError(RefusalError):
    """No member of this clinic's staff who can sign in has this id."""

    code = "member-not-here"


class OutreachChannel(StrEnum):
    """How someone of the clinic tried to reach a patient."""

    PHONE = "phone"
    MESSAGE = "message"
    VISIT = "visit"
    OTHER = "other"


class OutreachOutcome(StrEnum):
    """The outcome of trying to reach a patient."""

    REACHED = "reached"
    LEFT_MESSAGE = "left_message"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"


class LifeCycle(ABC, Generic[AlertT]):
    """What can be done to one kind of alert; the caller's transaction holds it all."""

    noun: ClassVar[str]
    """The subject in the audit log and in events, such as ``signal``."""
    prefix: ClassVar[str]
    """What its actions begin with, such as ``safety``."""
    closed_error: ClassVar[type[RefusalError]]
    """What is answered to who acts on a closed one."""
    table: AlertTable[AlertT]
    events: ClassVar[Mapping[str, EventType]] = {}
    """The event that a step sends by itself, by the step's verb; the rest are sent where they are taken."""

    @abstractmethod
    def about(self, alert: AlertT, *, mode: str, public_url: str) -> About:
        """Say what its notifications are about."""

    @abstractmethod
    def facts(self, alert: AlertT) -> EventFacts:
        """Say what its events carry beside its state."""

    @abstractmethod
    def wait(self, limits: WaitingLimits, alert: AlertT) -> timedelta:
        """Say how long it may wait for someone to acknowledge it."""

    @abstractmethod
    def queue_escalation(self, work: Work, alert_id: UUID, *, at: datetime | None) -> None:
        """Have a worker look then whether someone acknowledged; the time itself is in the row."""

    @abstractmethod
    async def escalated(
        self, work: Work, alert: AlertT, patient: PatientRecord, limits: WaitingLimits
    ) -> dict[str, Any]:
        """Notify whom an escalation goes to; gives the columns that it changes."""

    async def not_there(self, work: Work, alert_id: UUID) -> RefusalError:
        """Say why there is none under this id."""
        del work, alert_id
        return NotFoundError()

    def is_in_sight(self, alert: AlertT, now: datetime) -> bool:
        """Say whether it waits for someone now."""
        del now
        return alert.state == "open"

    async def existing(self, work: Work, alert_id: UUID) -> AlertT:
        """Find one of this clinic.

        Raises:
            NotFoundError: there is none under this id.
            PatientErasedError: it was of a patient who was erased.
        """
        alert = await self.table.find(work, alert_id)
        if alert is None:
            raise await self.not_there(work, alert_id)
        return alert

    async def read(self, work: Work, alert_id: UUID) -> AlertT:
        """Give one; the audit log says that it was read.

        Raises:
            NotFoundError, PatientErasedError: as `existing`.
        """
        alert = await self.existing(work, alert_id)
        work.record_access(self.noun, patient_id=alert.patient_id, subject_id=alert_id)
        return alert

    async def lock_for_update(self, work: Work, alert_id: UUID, *, version: int | None) -> AlertT:
        """Lock the patient, then read the alert afresh.

        Args:
            work: the transaction.
            alert_id: which.
            version: the one that the change is based on; None: whatever it is now.

        Raises:
            NotFoundError, PatientErasedError: as `existing`.
            ChangedMeanwhileError: it has moved on from that version.
        """
        seen = await self.existing(work, alert_id)
        await patient_states.lock(work, seen.patient_id)
        alert = await self.existing(work, alert_id)
        if version is not None and alert.version != version:
            raise ChangedMeanwhileError("header/if-match")
        return alert

    async def lock_open(self, work: Work, alert_id: UUID, *, version: int | None) -> AlertT:
        """The same, of one that nobody has closed.

        Raises:
            NotFoundError, PatientErasedError, ChangedMeanwhileError: as `lock_for_update`.
            RefusalError: it is closed; which class, its kind says.
        """
        alert = await self.lock_for_update(work, alert_id, version=version)
        if alert.state == "closed":
            raise self.closed_error
        return alert

    async def acknowledge(self, work: Work, alert_id: UUID, *, version: int | None = None) -> AlertT:
        """Note who has seen it, and when; a second acknowledgement changes nothing.

        Raises:
            NotFoundError, PatientErasedError, ChangedMeanwhileError, RefusalError: as `lock_open`.
        """
        alert = await self.lock_open(work, alert_id, version=version)
        return alert if alert.acknowledged_at is not None else await self._acknowledged(work, alert)

    async def unacknowledge(self, work: Work, alert_id: UUID, *, version: int | None = None) -> AlertT:
        """Take an acknowledgement back: it waits for someone again, and its limit starts at once.

        Raises:
            NotFoundError, PatientErasedError, ChangedMeanwhileError, RefusalError: as `lock_open`.
            NotAcknowledgedError: nobody has acknowledged it.
        """
        alert = await self.lock_open(work, alert_id, version=version)
        if alert.acknowledged_at is None:
            raise NotAcknowledgedError
        return await self.step(
            work,
            alert,
            "acknowledgement_taken_back",
            state="open" if alert.state == "acknowledged" else alert.state,
            acknowledged_at=None,
            acknowledged_by=None,
            **await self.waits_again(work, alert),
        )

    async def assign(
        self, work: Work, alert_id: UUID, *, member: UUID | None, version: int | None = None
    ) -> AlertT:
        """Name the member who takes care of it, or nobody; it neither acknowledges nor stops an escalation.

        Raises:
            NotFoundError, PatientErasedError, ChangedMeanwhileError, RefusalError: as `lock_open`.
            MemberNotHereError: the clinic has no such active member.
        """
        alert = await self.lock_open(work, alert_id, version=version)
        if member is not None:
            await _require_member(work, member)
        if alert.assignee_id == member:
            return alert
        details = StepDetails(id=new_id(), assignee_id=member)
        return await self.step(work, alert, "assigned", details=details, assignee_id=member)

    async def reach_out(
        self,
        work: Work,
        alert_id: UUID,
        *,
        channel: OutreachChannel,
        outcome: OutreachOutcome,
        note: str | None,
        version: int | None = None,
    ) -> AlertT:
        """Keep that someone tried to reach the patient about it, and the outcome; it acknowledges, too.

        Raises:
            NotFoundError, PatientErasedError, ChangedMeanwhileError, RefusalError: as `lock_open`.
        """
        alert = await self.lock_open(work, alert_id, version=version)
        if alert.acknowledged_at is None:
            alert = await self._acknowledged(work, alert)
        details = self.details(work, alert, note, disposition=outcome.value, channel=channel.value)
        return await self.step(work, alert, "reached_out", details=details)

    async def close(
        self,
        work: Work,
        alert: AlertT,
        *,
        action: str = "closed",
        details: StepDetails,
        actor: Actor | None = None,
        **values: Any,  # noqa: ANN401 - columns
    ) -> AlertT:
        """Close one that the caller has locked; who closes without acknowledging has done both.

        Args:
            work: the transaction.
            alert: the one.
            action: the verb of its step.
            details: what the step says.
            actor: who; None: who acts in this transaction. Nobody's name is put on what the rule closes.
            values: what this kind keeps of its closing.
        """
        who = actor or work.actor
        by = {} if who is SYSTEM else {"closed_by": who.id} | self._seen(work, alert)
        return await self.step(
            work,
            alert,
            action,
            details=details,
            actor=who,
            **({"state": "closed", "closed_at": work.now, "escalate_at": None} | by | values),
        )

    async def open_again(
        self,
        work: Work,
        alert: AlertT,
        *,
        details: StepDetails,
        actor: Actor | None = None,
        **values: Any,  # noqa: ANN401 - columns
    ) -> AlertT:
        """Open a closed one that the caller has locked, for someone to acknowledge within the clinic's limit."""
        return await self.step(
            work,
            alert,
            "reopened",
            details=details,
            actor=actor,
            state="open",
            closed_at=None,
            closed_by=None,
            acknowledged_at=None,
            acknowledged_by=None,
            **await self.waits_again(work, alert),
            **values,
        )

    def now(self, work: Work) -> datetime:
        """Give the time that its limits are counted by: the clinic's, which a test clock moves."""
        return work.now

    async def waits_again(self, work: Work, alert: AlertT) -> dict[str, Any]:
        """Start its limit from now; gives the columns that say so."""
        at = self.now(work) + self.wait(await waiting_limits(work), alert)
        self.queue_escalation(work, alert.id, at=at)
        return {"escalate_at": at, "escalated_at": None}

    async def escalate(self, work: Work, alert_id: UUID) -> bool:
        """Escalate it if its time has come; says whether it had."""
        seen = await self.table.find(work, alert_id)
        if seen is None:
            return False
        await patient_states.lock(work, seen.patient_id)
        alert = await self.table.find(work, alert_id)
        if alert is None or alert.escalate_at is None or alert.escalate_at > self.now(work):
            return False
        patient = await patients.find(work, alert.patient_id)
        if patient is None or not self.is_in_sight(alert, work.now):
            return False
        values = await self.escalated(work, alert, patient, await waiting_limits(work))
        await self.step(work, alert, "escalated", actor=SYSTEM, **values)
        return True

    async def step(
        self,
        work: Work,
        alert: AlertT,
        verb: str,
        *,
        details: StepDetails | None = None,
        actor: Actor | None = None,
        **values: Any,  # noqa: ANN401 - columns
    ) -> AlertT:
        """Change one that the caller has locked: its columns, history and the audit log; gives it as it is now."""
        await self.table.change(work, alert.id, **values)
        await self.keep_step(work, alert.id, alert.patient_id, verb, details=details, actor=actor)
        now = await self.existing(work, alert.id)
        if verb in self.events:
            await self.announce(work, self.events[verb], now)
        return now

    async def announce(
        self,
        work: Work,
        event: EventType,
        alert: AlertT,
        *,
        more: EventFacts | None = None,
        reach: Reach = Reach.USUAL,
        notice: NoticeEvent | None = None,
    ) -> UUID:
        """Notify the clinic's systems of a change, with what the alert is now; gives the ``webhook-id``."""
        patient = await patients.find(work, alert.patient_id)
        if patient is None:
            raise NotFoundError
        return await notify_of_patient(
            work,
            event,
            self.about(alert, mode=patient.mode, public_url=work.public_url),
            now=work.now,
            more={"state": alert.state, **self.facts(alert), **(more or {})},
            reach=reach,
            notice=notice,
        )

    async def keep_step(
        self,
        work: Work,
        alert_id: UUID,
        patient_id: UUID,
        verb: str,
        *,
        details: StepDetails | None = None,
        actor: Actor | None = None,
    ) -> None:
        """Write what was done into the alert's history and the audit log."""
        action = f"{self.prefix}.{verb}"
        await alert_steps.keep(
            work, action, self.noun, alert_id, patient_id=patient_id, actor=actor, details=details
        )
        work.audit(action, self.noun, alert_id, patient_id=patient_id, actor=actor)

    def details(
        self,
        work: Work,
        alert: AlertT,
        words: str | None,
        **more: Any,  # noqa: ANN401 - fields of StepDetails
    ) -> StepDetails:
        """Make a step's details with someone's own words, sealed with the patient's key."""
        step_id = new_id()
        sealed = vault_of(work, alert).seal(words, row_id=step_id, **_WORDS_CELL) if words else None
        return StepDetails(id=step_id, words_sealed=sealed, **more)

    async def _acknowledged(self, work: Work, alert: AlertT) -> AlertT:
        return await self.step(
            work,
            alert,
            "acknowledged",
            state="acknowledged" if alert.state == "open" else alert.state,
            escalate_at=None,
            **self._seen(work, alert),
        )

    @staticmethod
    def _seen(work: Work, alert: AlertT) -> dict[str, Any]:
        return {
            "acknowledged_at": alert.acknowledged_at or work.now,
            "acknowledged_by": alert.acknowledged_by or work.actor.id,
        }


async def _require_member(work: Work, member_id: UUID) -> None:
    """Look that a member of this clinic's staff can take care of something.

    Raises:
        MemberNotHereError: the clinic has no such active member.
    """
    member = await staff_members.find(work, member_id)
    if member is None or member.state != "active":
        raise MemberNotHereError("#/member")


def vault_of(work: Work, alert: Alert) -> PatientVault:
    """Give what opens and seals words about the alert's patient."""
    return work.vault.of_patient(alert.wrapped_key, clinic_id=work.clinic_id, patient_id=alert.patient_id)


def open_words(work: Work, alert: Alert, step: AlertStep) -> str | None:
    """Open the reason or note of a step."""
    return words_in(vault_of(work, alert), step)


def words_in(own: PatientVault, step: AlertStep) -> str | None:
    """The same, with what opens the patient's words."""
    if step.words_sealed is None:
        return None
    return own.open(step.words_sealed, row_id=step.id, **_WORDS_CELL)
