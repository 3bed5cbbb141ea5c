"""Looking at findings."""

from uuid import UUID

from app.context import Work
from app.storage import findings
from app.storage.findings import Finding


async def list_findings(
    work: Work, *, states: list[str], patient_id: UUID | None, after: UUID | None, limit: int
) -> list[Finding]:
    """List findings in these states, oldest first."""
    found = await findings.TABLE.page(work, states=states, patient_id=patient_id, after=after, limit=limit)
    work.record_access("findings", patient_id=patient_id)
    return found
