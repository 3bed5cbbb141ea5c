"""Looking at safety events."""

from uuid import UUID

from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import safety_events
from app.storage.safety_events import SafetyEvent


class SafetyEventOpenError(RefusalError):
    """A safety event is open; someone has to see to it and close it first."""

    kind = RefusalKind.CONFLICT
    code = "safety-event-open"


async def refuse_open_events(work: Work, *patient_ids: UUID) -> None:
    """Refuse what nobody may do while a safety event of one of these patients is open.

    Raises:
        SafetyEventOpenError: one is.
    """
    if await safety_events.patients_with_open(work, patient_ids):
        raise SafetyEventOpenError


async def list_events(
    work: Work, *, states: list[str], patient_id: UUID | None, after: UUID | None, limit: int
) -> list[SafetyEvent]:
    """List safety events in these states, oldest first."""
    found = await safety_events.TABLE.page(
        work, states=states, patient_id=patient_id, after=after, limit=limit
    )
    work.record_access("safety_events", patient_id=patient_id)
    return found
