"""The safety pathway: from a patient's answer to the clinic's people, whatever else is missing or broken.

It knows nothing of levels, references, snoozes or duplicates of anything but the very same report.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.access.clinics.contacts import Role
from app.access.clinics.queries import waiting_limits
from app.care.alerts.safety_event_commands import SAFETY_EVENT
from app.care.patients.care_teams import notify_care_team, notify_front_desk
from app.clinical.safety import Urgency
from app.clinical.waiting import WaitingLimits, safety_wait
from app.context import Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.ids import new_id
from app.notifications.messages.notice_channels import notify_contacts
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import Reach, notify_of_patient
from app.outbox import Wording
from app.storage import safety_events
from app.storage.safety_events import SafetyEvent


class SafetySource(StrEnum):
    """Where the answer was given.

    A report that failed by our fault has the source that it has once it is kept: it is sent again under its id.
    """

    CHECK_IN = "check_in"
    # The statement was in a check-in that could not be kept as it was sent.
    REFUSED_CHECK_IN = "refused_check_in"
    # The item about suicide or self-harm of a completed scale, and of one that could not be kept.
    ASSESSMENT = "assessment"
    REFUSED_ASSESSMENT = "refused_assessment"
    TEXT_MESSAGE = "text_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyReport:
    """What was reported, without a word of it: who, in which report, how urgent, and when it reached us.

    Attributes:
        said_as: a keyed digest of the report as it was sent; the same again is the same report.
        names_itself: it says its id or its time. One that says neither may be meant again later.
    """

    patient_id: UUID
    mode: str
    source: SafetySource
    source_id: UUID
    urgent: bool
    received_at: datetime
    actor: Actor
    # Entered by the clinic long after it was answered: for the next working hours, and nobody is paged.
    late_entry: bool = False
    said_as: str | None = None
    names_itself: bool = True


LATE_ENTRY: Final = timedelta(days=7)
"""What staff, an import or another system enters so long after it was answered is no emergency of this hour."""


MOST_EVENTS: Final = 20
COUNTED_WITHIN: Final = timedelta(hours=1)
"""From the 21st within an hour on, a patient's reports are counted into the open event. Each still gets help."""


SAME_WITHIN: Final = timedelta(hours=1)
"""What says neither its id nor its time is the same report while its event is open, and for this long."""


def is_late_entry(answered_at: datetime | None, now: datetime) -> bool:
    """Whether something that the clinic enters was answered too long ago to page anybody for it."""
    return answered_at is not None and answered_at < now - LATE_ENTRY


MADE_NOW: Final[ContextVar[list[UUID] | None]] = ContextVar("safety_events_made_now", default=None)
"""The safety events that this request's own transactions made and committed; None outside of a request.

The intake sets a list and looks afterwards: one request makes one event, whoever heard it.
"""


SAID_NOW: Final[ContextVar[Callable[[UUID], Awaitable[str | None]] | None]] = ContextVar(
    "said_now", default=None
)
"""Gives the digest of the report in this request that is kept under an id; None outside of a request.

The same report may have been refused before, such as for a token that had expired.
"""


AT_FRONT_DESK: Final[ContextVar[list[int] | None]] = ContextVar("at_front_desk", default=None)
"""Set where the patient is in the clinic, with its tablet in hand: the front desk is notified too.

How many were written to there, for each event of this request.
"""


async def report(work: Work, said: SafetyReport) -> UUID:
    """Keep a safety event as ``_report`` does, and note it for the intake once it is permanent."""
    said_as = SAID_NOW.get()
    if said.said_as is None and said_as is not None:
        said = replace(said, said_as=await said_as(said.source_id))
    event_id = await _report(work, said)
    made = MADE_NOW.get()
    if made is not None:
        work.after_commit(lambda: made.append(event_id))
    return event_id


async def _report(work: Work, said: SafetyReport) -> UUID:
    """Keep a safety event and send `safety.reported`, in this transaction; the same report twice is one event.

    Gives the event's id, of the earlier one when this report made one already.

    Crisis help travels in the reply to the same request.
    """
    earlier = await _earlier(work, said) or await _count_into_open_event(work, said)
    if earlier is not None:
        return earlier
    event = _event_of(said, await waiting_limits(work))
    if not await safety_events.add(work, event):
        # The same report came by another request at this very moment.
        return await _earlier(work, said) or event.id
    await SAFETY_EVENT.keep_step(work, event.id, event.patient_id, "reported", actor=said.actor)
    if said.late_entry:
        await SAFETY_EVENT.announce(work, EventType.SAFETY_REPORTED, event, reach=Reach.STREAM)
        return event.id
    about = SAFETY_EVENT.about(event, mode=said.mode, public_url=work.public_url)
    webhook_id = await notify_of_patient(
        work,
        EventType.SAFETY_REPORTED,
        about,
        now=said.received_at,
        more={"state": event.state, **SAFETY_EVENT.facts(event)},
    )
    await safety_events.name_notification(work, event.id, webhook_id)
    work.audit("safety.notified", "safety_event", event.id, patient_id=event.patient_id, actor=said.actor)
    SAFETY_EVENT.queue_escalation(work, event.id, at=event.escalate_at)
    # The patient's care team first; then, in the same moment, the clinic's own contact.
    await notify_care_team(
        work,
        said.patient_id,
        Wording.SAFETY_UNACKNOWLEDGED,
        link=about.url,
        mode=said.mode,
        now=said.received_at,
    )
    if (desk := AT_FRONT_DESK.get()) is not None:
        written = await notify_front_desk(work, mode=said.mode, now=said.received_at)
        work.after_commit(lambda: desk.append(written))
    # A person, at once, whatever becomes of the clinic's systems; the second one when the limit has passed.
    await notify_contacts(
        work,
        [Role.SAFETY],
        Wording.SAFETY_UNACKNOWLEDGED,
        link=about.url,
        mode=said.mode,
        now=said.received_at,
    )
    return event.id


async def _earlier(work: Work, said: SafetyReport) -> UUID | None:
    """Find the event that this very report made, or was counted into, when it was sent before."""
    return await safety_events.id_of_report(
        work,
        said.patient_id,
        source=said.source.value,
        source_id=said.source_id,
        said_as=said.said_as,
        after=None if said.names_itself else said.received_at - SAME_WITHIN,
    )


async def _count_into_open_event(work: Work, said: SafetyReport) -> UUID | None:
    """Count a report into the patient's open event, where so many came within the hour; gives that event.

    Never one that is more urgent than it, and never when the last was acknowledged or closed.
    """
    if said.late_entry:
        return None
    last = await safety_events.last_of_patient(work, said.patient_id, after=said.received_at - COUNTED_WITHIN)
    if last is None or last.state != "open" or last.reports < MOST_EVENTS:
        return None
    if said.urgent and not last.urgent:
        return None
    if await safety_events.count_further(
        work, last.id, source=said.source.value, source_id=said.source_id, said_as=said.said_as
    ):
        work.audit(
            "safety.reported_again", "safety_event", last.id, patient_id=said.patient_id, actor=said.actor
        )
    return last.id


def _event_of(said: SafetyReport, limits: WaitingLimits) -> SafetyEvent:
    """A new event; a device shows crisis help when we receive the report, staff show it to nobody."""
    urgency = Urgency.URGENT if said.urgent else Urgency.PROMPT
    return SafetyEvent(
        id=new_id(),
        patient_id=said.patient_id,
        source=said.source.value,
        source_id=said.source_id,
        urgent=said.urgent,
        state="open",
        received_at=said.received_at,
        shown_at=said.received_at if said.actor.kind is ActorKind.DEVICE else None,
        escalate_at=None if said.late_entry else said.received_at + safety_wait(limits, urgency),
        late_entry=said.late_entry,
        said_as=[] if said.said_as is None else [said.said_as],
    )
