"""Making safety events of what was disclosed in a request that nobody else made one of."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.care.alerts.safety_reports import SafetyReport, SafetySource, is_late_entry, report
from app.care.intake.speakers import Sender, patient_named, sender_of
from app.care.patients.crisis_help import help_for_patient
from app.clinical.safety import SafetyTrigger, Urgency
from app.context import AppContext, Work
from app.foundation.tokens import TokenReference
from app.notifications.messages.crisis_help import CrisisHelp, CrisisHelpReply, crisis_help


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One disclosure, without a word of it.

    Attributes:
        source_id: the id of a report that its sender sends again, else made of what was sent: the same again is
            one event.
        said_as: what was sent, as a keyed digest, also where the id is the sender's own.
        names_itself: it says its id or its time.
    """

    source: SafetySource
    source_id: UUID
    trigger: SafetyTrigger
    taken_at: datetime | None
    # What names the patient, the nearest first, where someone of the clinic sent it.
    named: tuple[str, ...] = ()
    said_as: str | None = None
    names_itself: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What a request disclosed, and what says whose it is: enough to report it now, or later."""

    credentials: tuple[TokenReference, ...]
    reports: tuple[Report, ...]
    received_at: datetime
    language: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of it: the events, and the help to show.

    Attributes:
        for_staff: someone of the clinic sent it; the help is not for them, but they see the event.
        spooled: it could not be stored, and waits in the spool.
        unplaced: how many disclosures are of nobody who was found.
    """

    crisis_help: dict[str, Any]
    event_ids: tuple[UUID, ...] = ()
    for_staff: bool = False
    spooled: bool = False
    unplaced: int = 0

    @property
    def clinic_notified(self) -> bool:
        """Whether the clinic is notified, or will be as soon as this can be stored."""
        return bool(self.event_ids) or self.spooled


def help_alone_in(language: str) -> Outcome:
    """Nobody is notified; the person still gets the help."""
    return Outcome(crisis_help=_as_reply(crisis_help(language)))


def _as_reply(help_now: CrisisHelp) -> dict[str, Any]:
    return CrisisHelpReply.of(help_now).model_dump(mode="json")


async def report_pending(context: AppContext, pending: Pending) -> Outcome:
    """Make the events in a separate transaction; of what was reported before, gives the earlier ones."""
    for credential in pending.credentials:
        async with context.work(credential.clinic_id, safety=True) as work:
            sender = await sender_of(work, credential)
            if sender is None:
                continue
            events = await _report_all(work, sender, pending)
            if sender.patient is None:
                if events or not pending.reports:
                    return replace(
                        help_alone_in(pending.language),
                        event_ids=tuple(events),
                        for_staff=True,
                        unplaced=len(pending.reports) - len(events),
                    )
                continue
            help_now = await help_for_patient(work, sender.patient.id)
        return Outcome(crisis_help=_as_reply(help_now), event_ids=tuple(events))
    return replace(help_alone_in(pending.language), unplaced=len(pending.reports))


async def _report_all(work: Work, sender: Sender, pending: Pending) -> list[UUID]:
    # The machine's clock was ahead when it was put by: nobody waits for an escalation until then.
    received_at, events = min(pending.received_at, work.real_now), []
    for one in pending.reports:
        patient = sender.patient or await patient_named(work, one.named)
        if patient is not None:
            said = SafetyReport(
                patient_id=patient.id,
                mode=patient.mode,
                source=one.source,
                source_id=one.source_id,
                urgent=one.trigger.urgency is Urgency.URGENT,
                received_at=received_at,
                actor=sender.actor,
                late_entry=sender.patient is None and is_late_entry(one.taken_at, received_at),
                said_as=one.said_as,
                names_itself=one.names_itself,
            )
            events.append(await report(work, said))
    return events
