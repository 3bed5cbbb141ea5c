"""Notifying the clinic's people, by another way, that nothing gets through to one of its endpoints.

Once a day an endpoint at the most: what waits is shown on the worklist, and a mail for each would be left unread.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.context import Work
from app.notifications.messages.notice_channels import BOTH, notify_contacts
from app.notifications.messages.wording import worklist_link
from app.notifications.webhooks.notice_channels import NoticeEvent, notify_channels
from app.outbox import Wording
from app.storage import clinics, deliveries, delivery_log, endpoints
from app.storage.deliveries import Delivery
from app.storage.engine.unit_of_work import UnitOfWork

_ONCE_IN: Final = timedelta(days=1)


async def nothing_gets_out(work: UnitOfWork) -> bool:
    """Say whether no endpoint of the clinic is enabled."""
    return not any(endpoint.state == "enabled" for endpoint in await endpoints.all_of_clinic(work))


async def notify_of_exhausted(work: Work, delivery: Delivery, *, failing_since: datetime) -> None:
    """Notify of a delivery that was given up; of the first safety event of a failing endpoint in any case."""
    first_of_safety = delivery.urgency == "safety" and not await delivery_log.gave_up_on_safety(
        work, delivery.endpoint_id, since=failing_since, other_than=delivery.id
    )
    await notify_of_trouble(work, delivery.endpoint_id, always=first_of_safety)


async def notify_of_newly_held(work: Work) -> None:
    """Notify of what has been held since people were last notified, at endpoints that were disabled before."""
    for endpoint_id in await delivery_log.newly_held(work, notified_before=work.real_now - _ONCE_IN):
        await notify_of_trouble(work, endpoint_id)


async def notify_of_trouble(work: Work, endpoint_id: UUID, *, always: bool = False) -> None:
    """Write to both contacts, and to the channels that are meant to hear of it, unless it was done within a day."""
    may = await endpoints.note_trouble(
        work, endpoint_id, now=work.real_now, unless_after=None if always else work.real_now - _ONCE_IN
    )
    profile = await clinics.profile(work)
    if not may or profile is None:
        return
    work.audit("endpoint.trouble_notified", "endpoint", endpoint_id)
    await notify_channels(work, NoticeEvent.ENDPOINT_TROUBLE, mode=profile.mode, now=work.real_now)
    await notify_contacts(
        work,
        BOTH,
        Wording.ENDPOINT_DOWN,
        link=worklist_link(work.public_url),
        mode=profile.mode,
        now=work.real_now,
    )


class Because(StrEnum):
    """Why an endpoint is disabled."""

    # Its receiver answered 410.
    GONE = "gone"
    # For five days nothing at all got through.
    ONLY_FAILING = "only_failing"
    # Someone of the clinic wished it.
    BY_HAND = "by_hand"


async def disable(work: Work, endpoint_id: UUID, *, because: Because) -> None:
    """Disable an endpoint that the caller has locked; held deliveries go out when it is enabled again."""
    await endpoints.disable(work, endpoint_id, because=because.value)
    await deliveries.hold_all_of(work, endpoint_id)
    await notify_of_trouble(work, endpoint_id)


async def remove(work: Work, endpoint_id: UUID, *, was_enabled: bool) -> None:
    """Take an endpoint that the caller has locked out of use for good; what was on its way stays in the log, held."""
    await endpoints.remove(work, endpoint_id)
    await deliveries.hold_all_of(work, endpoint_id)
    if was_enabled:
        await notify_of_trouble(work, endpoint_id)


async def hold_if_disabled(work: Work, endpoint_id: UUID) -> None:
    """Hold what was written while its endpoint was being disabled, unless that was enabled again since."""
    endpoint = await endpoints.find(work, endpoint_id, lock=True)
    if endpoint is None or endpoint.state != "enabled":
        await deliveries.hold_all_of(work, endpoint_id)
        work.audit("delivery.held", "endpoint", endpoint_id)
