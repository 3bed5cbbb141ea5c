"""Notifying the clinic's people, by another way, that nothing gets through to one of its endpoints.

Once a day an endpoint at the most: what waits is shown on the worklist, and a mail for each would be left unread.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.context import Work
from app.notifications.messages.to_contacts import BOTH, notify_contacts
from app.notifications.messages.wording import worklist_link
from app.notifications.webhooks.notices import NoticeEvent, notify_channels
from app.outbox import Wording
from app.storage import clinics, delivery_standing, endpoints
from app.storage.deliveries import Delivery
from app.storage.engine.unit_of_work import UnitOfWork

_ONCE_IN: Final = timedelta(days=1)


async def nothing_gets_out(work: UnitOfWork) -> bool:
    """Say whether no endpoint of the clinic is enabled."""
    return not any(endpoint.state == "enabled" for endpoint in await endpoints.all_of_clinic(work))


async def notify_of_exhausted(work: Work, delivery: Delivery, *, failing_since: datetime) -> None:
    """Notify of a delivery that was given up; of the first safety event of a failing endpoint in any case."""
    first_of_safety = delivery.urgency == "safety" and not await delivery_standing.gave_up_on_safety(
        work, delivery.endpoint_id, since=failing_since, other_than=delivery.id
    )
    await notify_of_trouble(work, delivery.endpoint_id, always=first_of_safety)


async def notify_of_newly_held(work: Work) -> None:
    """Notify of what has been held since people were last notified, at endpoints that were disabled before."""
    for endpoint_id in await delivery_standing.newly_held(work, notified_before=work.now - _ONCE_IN):
        await notify_of_trouble(work, endpoint_id)


async def notify_of_trouble(work: Work, endpoint_id: UUID, *, always: bool = False) -> None:
    """Write to both contacts, and to the channels that are meant to hear of it, unless it was done within a day."""
    may = await endpoints.note_trouble(
        work, endpoint_id, now=work.now, unless_after=None if always else work.now - _ONCE_IN
    )
    profile = await clinics.profile(work)
    if not may or profile is None:
        return
    work.audit("endpoint.trouble_notified", "endpoint", endpoint_id)
    await notify_channels(work, NoticeEvent.ENDPOINT_TROUBLE, mode=profile.mode, now=work.now)
    await notify_contacts(
        work,
        work.vault,
        BOTH,
        Wording.ENDPOINT_DOWN,
        link=worklist_link(work.public_url),
        mode=profile.mode,
        now=work.now,
    )
