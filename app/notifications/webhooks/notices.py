"""Notifying channels of the care team that there is something, never what; in the transaction of what it is about."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.foundation.audit import SYSTEM
from app.notifications.webhooks.events import SAFETY_EVENTS, EventType
from app.outbox import NewNotice, Wording, queue_notice
from app.storage import notice_channels
from app.storage.engine.unit_of_work import UnitOfWork


class NoticeEvent(StrEnum):
    """What a channel may be notified of. Two of its texts differ: someone must look, or look now."""

    SIGNAL_RAISED = EventType.SIGNAL_RAISED.value
    SIGNAL_ESCALATED = EventType.SIGNAL_ESCALATED.value
    SAFETY_REPORTED = EventType.SAFETY_REPORTED.value
    SAFETY_UNACKNOWLEDGED = EventType.SAFETY_UNACKNOWLEDGED.value
    CHECK_INS_OVERDUE = EventType.CHECK_INS_OVERDUE.value
    INDUCTION_REVIEW_DUE = EventType.INDUCTION_REVIEW_DUE.value
    REFERENCE_NOT_ESTABLISHED = EventType.REFERENCE_NOT_ESTABLISHED.value
    PATIENT_ASKED_ABOUT_BOOSTER = EventType.PATIENT_ASKED_ABOUT_BOOSTER.value
    PATIENT_WORSE_THAN_BEFORE = "patient.worse_than_before"
    PATIENT_ASKED_FOR_ERASURE = "patient.asked_for_erasure"
    CONSENT_WITHDRAWN = EventType.CONSENT_WITHDRAWN.value
    # A note, a wish to talk, a request: what it says is only on the page.
    PATIENT_WROTE = "patient.wrote"
    # Deliveries to one of the clinic's systems are held or exhausted.
    ENDPOINT_TROUBLE = "endpoint.trouble"


UNLESS_CHOSEN: Final = (
    NoticeEvent.SIGNAL_RAISED,
    NoticeEvent.SIGNAL_ESCALATED,
    NoticeEvent.SAFETY_REPORTED,
    NoticeEvent.SAFETY_UNACKNOWLEDGED,
    NoticeEvent.CHECK_INS_OVERDUE,
    NoticeEvent.PATIENT_WROTE,
    NoticeEvent.ENDPOINT_TROUBLE,
)
_KNOWN: Final = frozenset(event.value for event in NoticeEvent)
_NOW: Final = frozenset(event.value for event in SAFETY_EVENTS)


async def notify_channels(
    work: UnitOfWork,
    event: str,
    *,
    mode: str,
    now: datetime,
    notification_id: UUID | None = None,
    patient_id: UUID | None = None,
) -> None:
    """Notify every channel that is meant to hear of this; urgent ones go before all else."""
    if event not in _KNOWN:
        return
    for channel in await notice_channels.all_of_clinic(work):
        if channel.state != "enabled" or event not in channel.events:
            continue
        notice = NewNotice(
            channel=channel,
            wording=_wording_of(event),
            mode=mode,
            notification_id=notification_id,
            patient_id=patient_id,
        )
        await queue_notice(work, notice, now=now)
        work.audit("notice_channel.notified", "notice_channel", channel.id, actor=SYSTEM)


def _wording_of(event: str) -> Wording:
    if event in _NOW:
        return Wording.LOOK_NOW
    return Wording.ENDPOINT_DOWN if event == NoticeEvent.ENDPOINT_TROUBLE else Wording.LOOK_AT_WORKLIST
