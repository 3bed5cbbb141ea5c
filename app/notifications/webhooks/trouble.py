"""Telling the clinic's people, by another way, that its endpoints cannot be told anything.

Once a day an endpoint at the most: what waits is shown on the worklist, and a letter each would be left unread.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.context import AppContext
from app.foundation.audit import SYSTEM, AuditEvent
from app.notifications.messages.to_contacts import BOTH, tell_contacts
from app.notifications.messages.wording import worklist_link
from app.notifications.webhooks.notices import NoticeEvent, tell_channels
from app.outbox import Wording
from app.storage import clinics, delivery_standing, endpoints
from app.storage.deliveries import Delivery
from app.storage.engine.unit_of_work import UnitOfWork

_ONCE_IN: Final = timedelta(days=1)


async def nothing_gets_out(work: UnitOfWork) -> bool:
    """Say whether no endpoint of the clinic is enabled."""
    return not any(endpoint.state == "enabled" for endpoint in await endpoints.all_of_clinic(work))


async def tell_of_exhausted(
    work: UnitOfWork, context: AppContext, delivery: Delivery, *, failing_since: datetime, now: datetime
) -> None:
    """Tell of a delivery that was given up; of the first safety event of a failing endpoint whatever was told."""
    first_of_safety = delivery.urgency == "safety" and not await delivery_standing.gave_up_on_safety(
        work, delivery.endpoint_id, since=failing_since, other_than=delivery.id
    )
    await tell_of_trouble(work, context, delivery.endpoint_id, now=now, always=first_of_safety)


async def tell_of_newly_held(context: AppContext, clinic_id: UUID) -> None:
    """Tell of what has been held since people were last told, at endpoints that were disabled before."""
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        for endpoint_id in await delivery_standing.newly_held(work, told_before=now - _ONCE_IN):
            await tell_of_trouble(work, context, endpoint_id, now=now)
        await work.commit()


async def tell_of_trouble(
    work: UnitOfWork, context: AppContext, endpoint_id: UUID, *, now: datetime, always: bool = False
) -> None:
    """Write to both contacts, and to the channels that want to hear of it, unless it was done within a day."""
    audit = AuditEvent(
        at=now, actor=SYSTEM, action="endpoint.trouble_told", subject_kind="endpoint", subject_id=endpoint_id
    )
    may = await endpoints.note_told(
        work, endpoint_id, now=now, unless_after=None if always else now - _ONCE_IN, audit=audit
    )
    profile = await clinics.profile(work)
    if not may or profile is None:
        return
    await tell_channels(work, NoticeEvent.ENDPOINT_TROUBLE, mode=profile.mode, now=now)
    await tell_contacts(
        work,
        context.vault,
        BOTH,
        Wording.ENDPOINT_DOWN,
        link=worklist_link(context.public_url),
        mode=profile.mode,
        now=now,
    )
