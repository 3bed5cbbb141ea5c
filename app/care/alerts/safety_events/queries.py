"""Looking at safety events."""

from uuid import UUID

from app.context import Work
from app.storage import safety_events
from app.storage.safety_events import SafetyEvent


async def list_events(
    work: Work, *, states: list[str], patient_id: UUID | None, after: UUID | None, limit: int
) -> list[SafetyEvent]:
    """List safety events in these states, oldest first."""
    found = await safety_events.TABLE.page(
        work, states=states, patient_id=patient_id, after=after, limit=limit
    )
    work.record_access("safety_events", patient_id=patient_id)
    return found
