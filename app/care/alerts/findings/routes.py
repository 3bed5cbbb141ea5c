"""Findings, for the care team."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.alerts.findings import commands, queries
from app.care.alerts.findings.life import FINDING
from app.care.alerts.findings.schemas import FindingClosing, FindingList, FindingReply
from app.care.alerts.history import read_history
from app.care.alerts.schemas import AlertFilter, AlertHistory, AlertStepReply
from app.context import Work
from app.storage.findings import Finding
from app.web.dependencies import IfMatch, OnlyPatient, PageCursor, PageLimit
from app.web.headers import etag_of, link_next, version_if_sent
from app.web.schemas import PAGE_SIZE, read_id_cursor

router = APIRouter(prefix="/v1", tags=["findings"], route_class=ClinicRoute)
ToRead = Annotated[Work, work_for(Permission.SIGNALS_READ)]
ToHandle = Annotated[Work, work_for(Permission.SIGNALS_HANDLE)]


@router.get("/findings", summary="List findings")
async def list_findings(
    work: ToRead,
    request: Request,
    response: Response,
    state: AlertFilter = AlertFilter.OPEN,
    patient_id: OnlyPatient = None,
    after: PageCursor = None,
    limit: PageLimit = PAGE_SIZE,
) -> FindingList:
    """List findings, oldest first."""
    listed = await queries.list_findings(
        work, states=state.states, patient_id=patient_id, after=read_id_cursor(after), limit=limit
    )
    link_next(request, response, str(listed[-1].id) if len(listed) == limit else None)
    return FindingList(items=[FindingReply.of(one) for one in listed])


@router.get("/findings/{finding_id}", summary="Read a finding")
async def read_finding(finding_id: UUID, work: ToRead, response: Response) -> FindingReply:
    """Give one finding, and an ETag for changing."""
    return _reply(await FINDING.read(work, finding_id), response)


@router.get("/findings/{finding_id}/history", summary="Read what was done to a finding")
async def read_finding_history(finding_id: UUID, work: ToRead) -> AlertHistory:
    """Give its steps, oldest first: raised, acknowledged, assigned, reached out, ended or closed."""
    steps = await read_history(work, FINDING, finding_id)
    return AlertHistory(items=[AlertStepReply.of(step) for step in steps])


@router.post("/findings/{finding_id}/acknowledge", summary="Acknowledge a finding")
async def acknowledge_finding(
    finding_id: UUID, work: ToHandle, response: Response, if_match: IfMatch = None
) -> FindingReply:
    """Note that someone has seen it; a second time changes nothing."""
    finding = await FINDING.acknowledge(work, finding_id, version=version_if_sent(if_match))
    return _reply(finding, response)


@router.post("/findings/{finding_id}/close", summary="Close a finding")
async def close_finding(
    finding_id: UUID, body: FindingClosing, work: ToHandle, response: Response, if_match: IfMatch = None
) -> FindingReply:
    """Close it with its outcome."""
    finding = await commands.close(
        work, finding_id, outcome=body.outcome, note=body.note, version=version_if_sent(if_match)
    )
    return _reply(finding, response)


def _reply(finding: Finding, response: Response) -> FindingReply:
    response.headers["etag"] = etag_of(finding.version)
    return FindingReply.of(finding)
