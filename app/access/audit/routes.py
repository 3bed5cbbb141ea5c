"""The audit log, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.access.audit import queries
from app.access.audit.schemas import AuditEventList, AuditEventReply, place_after, read_place
from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.context import Work
from app.web.dependencies import PageAsked
from app.web.schemas import Moment

router = APIRouter(prefix="/v1/audit-events", tags=["audit"])

OnlyPatient = Annotated[UUID | None, Query(description="Only about this patient, erased or not")]
OnlyActor = Annotated[UUID | None, Query(description="Only what this key or device did")]
OnlyAction = Annotated[
    str | None, Query(max_length=64, pattern=r"^[a-z_]+\.[a-z_]+$", description="Only this action")
]
Since = Annotated[Moment | None, Query(alias="from", description="From then on; else 31 days")]
Until = Annotated[Moment | None, Query(alias="to", description="Before then; else up to now")]


@router.get("", summary="Search the audit log")
async def list_audit_events(
    work: Annotated[Work, work_for(Permission.AUDIT)],
    page: PageAsked,
    patient_id: OnlyPatient = None,
    actor_id: OnlyActor = None,
    action: OnlyAction = None,
    since: Since = None,
    until: Until = None,
) -> AuditEventList:
    """List who did and read what, newest first: a year at most, or one patient's since ever."""
    found = await queries.search(
        work,
        patient_id=patient_id,
        actor_id=actor_id,
        action=action,
        since=since,
        until=until,
        before=read_place(page.cursor),
        limit=page.limit,
    )
    page.link_next(place_after(found, page.limit))
    return AuditEventList(items=[AuditEventReply.of(one) for one in found])
