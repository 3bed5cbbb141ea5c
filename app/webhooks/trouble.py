"""Telling the clinic's people, by another way, that its endpoints cannot be told anything."""

from datetime import datetime

from app.messages.to_contacts import BOTH, tell_contacts
from app.messages.wording import Wording
from app.storage import clinics, delivery_standing, endpoints
from app.storage.deliveries import Delivery
from app.storage.unit_of_work import UnitOfWork
from app.web.equipment import Equipment


async def nothing_gets_out(work: UnitOfWork) -> bool:
    """Say whether no endpoint of the clinic is enabled."""
    return not any(endpoint.state == "enabled" for endpoint in await endpoints.all_of_clinic(work))


async def tell_of_disabled(work: UnitOfWork, equipment: Equipment, *, now: datetime) -> None:
    """Write to both contacts when a live clinic's last endpoint has just been disabled."""
    # Locked: of two endpoints that are disabled at once, the later one must see the other.
    profile = await clinics.profile(work, lock=True)
    if profile is None or profile.mode != "live" or not await nothing_gets_out(work):
        return
    await _tell_both(work, equipment, mode=profile.mode, now=now)


async def tell_of_exhausted(
    work: UnitOfWork, equipment: Equipment, delivery: Delivery, *, failing_since: datetime, now: datetime
) -> None:
    """Write to both contacts when a safety event did not get through for a day; once while the endpoint fails."""
    profile = await clinics.profile(work, lock=True)
    if profile is None or await delivery_standing.gave_up_on_safety(
        work, delivery.endpoint_id, since=failing_since, other_than=delivery.id
    ):
        return
    await _tell_both(work, equipment, mode=profile.mode, now=now)


async def _tell_both(work: UnitOfWork, equipment: Equipment, *, mode: str, now: datetime) -> None:
    link = f"{equipment.public_url}/v1/webhook-endpoints"
    await tell_contacts(work, equipment.vault, BOTH, Wording.ENDPOINT_DOWN, link=link, mode=mode, now=now)
