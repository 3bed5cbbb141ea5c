"""The care team's channels beside webhooks, as the clinic's engineer manages them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeVar
from uuid import UUID

from app.access.staff.members import refuse_member
from app.clinical.check_ins import calendar_day
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.messages.notice_channels import masked_address, seal_address
from app.notifications.webhooks.endpoints import checked_address
from app.notifications.webhooks.events import SAFETY_EVENTS, EventType
from app.outbox import NewNotice, Wording, queue_notice
from app.storage import care_teams, clinics, notice_channels, notices
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.notice_channels import NoticeChannel


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
    about_patient: UUID | None = None,
) -> None:
    """Notify every channel that is meant to hear of this; urgent ones go before all else.

    ``patient_id``: what waits is erased with this patient. ``about_patient``: whose care team it may concern alone.
    """
    if event not in _KNOWN:
        return
    every = await notice_channels.all_of_clinic(work)
    wanting = [one for one in every if one.state == "enabled" and event in one.events]
    whose = about_patient or patient_id
    if event not in _NOW and whose is not None:
        wanting = await concerned(work, wanting, whose, now=now)
    for channel in wanting:
        notice = NewNotice(
            channel=channel,
            wording=_wording_of(event),
            mode=mode,
            notification_id=notification_id,
            patient_id=patient_id,
        )
        await queue_notice(work, notice, now=work.real_now)
        work.audit("notice_channel.notified", "notice_channel", channel.id, actor=SYSTEM)


class _Filtered(Protocol):
    """What may be notified of one member's patients only."""

    @property
    def care_team(self) -> UUID | None:
        """The member; None: of everybody's."""


_FilteredT = TypeVar("_FilteredT", bound=_Filtered)


async def concerned(
    work: UnitOfWork, wanting: Sequence[_FilteredT], patient_id: UUID, *, now: datetime
) -> list[_FilteredT]:
    """Leave out what is meant for the patients of a member who is not in this one's care team.

    Where nobody of the care team can be reached, nothing is left out: then it is for the whole clinic.
    """
    if all(one.care_team is None for one in wanting):
        return list(wanting)
    profile = await clinics.profile(work)
    today = calendar_day(now, profile.time_zone if profile else "UTC")
    team = await care_teams.present(work, patient_id, on=today)
    return [one for one in wanting if not team or one.care_team is None or one.care_team in team]


def _wording_of(event: str) -> Wording:
    if event in _NOW:
        return Wording.LOOK_NOW
    return Wording.ENDPOINT_DOWN if event == NoticeEvent.ENDPOINT_TROUBLE else Wording.LOOK_AT_WORKLIST


class NoticeKind(StrEnum):
    """What a channel is."""

    EMAIL = "email"
    SLACK = "slack"
    TEAMS = "teams"


class NoticeChannelEndedError(RefusalError):
    """This channel has ended: its chat service said that the address is no more. Add another."""

    kind = RefusalKind.CONFLICT
    code = "notice-channel-ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeChannelView:
    """A channel as its people see it: its address only masked."""

    id: UUID
    kind: str
    address: str
    events: tuple[str, ...]
    locale: str
    state: str
    created_at: datetime
    ended_at: datetime | None
    care_team: UUID | None


async def add_channel(
    work: Work,
    *,
    kind: NoticeKind,
    address: str,
    events: Sequence[NoticeEvent] | None,
    locale: str,
    care_team: UUID | None = None,
) -> NoticeChannelView:
    """Add a channel; a chat's address is held to the rules of endpoints.

    Raises:
        EndpointAddressRefusedError: a chat's address is not public HTTPS; see ``checked_address``.
        MemberNotActiveError: nobody who can sign in has the care team's id.
    """
    await refuse_member(work, care_team)
    if kind is not NoticeKind.EMAIL:
        address = await checked_address(work, address)
    channel_id = new_id()
    channel = NoticeChannel(
        id=channel_id,
        kind=kind.value,
        address_sealed=seal_address(work.vault, work.clinic_id, channel_id, address),
        events=list(dict.fromkeys(event.value for event in events or UNLESS_CHOSEN)),
        locale=locale,
        state="enabled",
        created_at=work.real_now,
        ended_at=None,
        care_team=care_team,
    )
    await notice_channels.add(work, channel)
    work.audit("notice_channel.added", "notice_channel", channel_id)
    return _view(work, channel)


async def list_channels(work: Work) -> list[NoticeChannelView]:
    """List the clinic's channels, oldest first."""
    return [_view(work, channel) for channel in await notice_channels.all_of_clinic(work)]


async def remove_channel(work: Work, channel_id: UUID) -> None:
    """Take a channel away; what waits for it is not sent.

    Raises:
        NotFoundError: the clinic has no such channel.
    """
    if not await notice_channels.remove(work, channel_id):
        raise NotFoundError
    await notices.cancel_all_to(work, channel_id)
    work.audit("notice_channel.removed", "notice_channel", channel_id)


async def send_test(work: Work, channel_id: UUID) -> UUID:
    """Send a channel a text that says it is only a test; gives the message's id.

    Raises:
        NotFoundError: the clinic has no such channel.
        NoticeChannelEndedError: it has ended.
    """
    channel, profile = await notice_channels.find(work, channel_id), await clinics.profile(work)
    if channel is None or profile is None:
        raise NotFoundError
    if channel.state != "enabled":
        raise NoticeChannelEndedError
    notice = NewNotice(channel=channel, wording=Wording.NOTICE_CHANNEL_TEST, mode=profile.mode)
    work.audit("notice_channel.tested", "notice_channel", channel_id)
    return await queue_notice(work, notice, now=work.real_now)


def _view(work: Work, channel: NoticeChannel) -> NoticeChannelView:
    return NoticeChannelView(
        id=channel.id,
        kind=channel.kind,
        address=masked_address(work.vault, work.clinic_id, channel),
        events=tuple(channel.events),
        locale=channel.locale,
        state=channel.state,
        created_at=channel.created_at,
        ended_at=channel.ended_at,
        care_team=channel.care_team,
    )
