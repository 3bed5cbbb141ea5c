"""The worklist, for the care team and the clinic's systems."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.worklist import commands, queries
from app.care.worklist.schemas import (
    Answer,
    Assignment,
    Outreach,
    WorklistChange,
    WorklistItemReply,
    WorklistKind,
    WorklistReply,
    place_in,
    position_of,
)
from app.context import Work
from app.storage.alerts import Alert
from app.storage.worklist import WorklistFilter
from app.web.dependencies import IfMatch, OnlyPatient, PageAsked
from app.web.headers import version_if_sent, with_etag

router = APIRouter(prefix="/v1/worklist", tags=["worklist"], route_class=ClinicRoute)
ToRead = Annotated[Work, work_for(Permission.SIGNALS_READ)]
ToHandle = Annotated[Work, work_for(Permission.SIGNALS_HANDLE)]


@router.get("", summary="Read the worklist")
async def read_worklist(
    work: ToRead,
    page: PageAsked,
    kind: Annotated[list[WorklistKind] | None, Query(description="Only these kinds")] = None,
    assignee: Annotated[
        UUID | None, Query(description="Only what this member takes care of, and every safety event")
    ] = None,
    care_team: Annotated[
        UUID | None,
        Query(description="Only patients in whose care team this member is, and every safety event"),
    ] = None,
    patient_id: OnlyPatient = None,
) -> WorklistReply:
    """Give everything that waits for the care team: by lane, what nobody has acknowledged first, then by age."""
    wanted = WorklistFilter(
        kinds=frozenset(one.value for one in kind or ()),
        assignee=assignee,
        care_team=care_team,
        patient_id=patient_id,
    )
    items, following = await queries.list_items(work, wanted, after=place_in(page.cursor), limit=page.limit)
    page.link_next(None if following is None else position_of(following))
    return WorklistReply(items=[WorklistItemReply.of(one, work.public_url) for one in items])


@router.post("/{item_id}/assign", summary="Say who takes care of a row")
async def assign_item(
    item_id: UUID, body: Assignment, work: ToHandle, response: Response, if_match: IfMatch = None
) -> WorklistChange:
    """Name a member of the staff, or nobody; it acknowledges nothing and stops no escalation."""
    alert = await commands.assign(work, item_id, member=body.member, version=version_if_sent(if_match))
    return _changed(alert, response)


@router.post("/{item_id}/outreach", summary="Keep that someone tried to reach the patient")
async def keep_outreach(
    item_id: UUID, body: Outreach, work: ToHandle, response: Response, if_match: IfMatch = None
) -> WorklistChange:
    """Keep how, and the outcome. It acknowledges the row; where reaching the patient was all, it closes it."""
    alert = await commands.reach_out(
        work,
        item_id,
        channel=body.channel,
        outcome=body.outcome,
        note=body.note,
        version=version_if_sent(if_match),
    )
    return _changed(alert, response)


@router.post("/{item_id}/answer", summary="Send the patient of a row a fixed text")
async def answer_patient(
    item_id: UUID, body: Answer, work: ToHandle, response: Response, if_match: IfMatch = None
) -> WorklistChange:
    """Send it over the first channel that the patient chose; it is kept as reaching out, and acknowledges the row."""
    alert = await commands.answer(work, item_id, text=body.text, version=version_if_sent(if_match))
    return _changed(alert, response)


def _changed(alert: Alert, response: Response) -> WorklistChange:
    return with_etag(response, alert.version, WorklistChange.of(alert))
