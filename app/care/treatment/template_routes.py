"""A clinic's own protocol templates."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.treatment import protocol_templates
from app.care.treatment.template_schemas import TemplateChange, TemplateEntry, TemplateList, TemplateReply
from app.context import Work
from app.web.dependencies import IfMatch
from app.web.headers import version_in, with_etag
from app.web.problems import Problem

router = APIRouter(prefix="/v1/protocol-templates", tags=["treatment"], route_class=ClinicRoute)

MayRead = Annotated[Work, work_for(Permission.TREATMENT_READ)]
MayDecide = Annotated[Work, work_for(Permission.TREATMENT_DECIDE)]


@router.get("", summary="List protocol templates")
async def list_protocol_templates(
    work: MayRead, retired: Annotated[bool, Query(description="Also those of the past")] = False
) -> TemplateList:
    """List the clinic's own protocol templates, each with its ETag."""
    found = await protocol_templates.list_templates(work, with_retired=retired)
    return TemplateList(items=[TemplateReply.of(one) for one in found])


@router.post("", status_code=201, summary="Add a protocol template", responses={409: {"model": Problem}})
async def add_protocol_template(body: TemplateEntry, work: MayDecide, response: Response) -> TemplateReply:
    """Keep a way in which the clinic gives an induction series; courses are started with its `template_id`."""
    made = await protocol_templates.add_template(work, dict(body))
    return with_etag(response, made.version, TemplateReply.of(made))


@router.patch("/{template_id}", summary="Change a protocol template", responses={409: {"model": Problem}})
async def change_protocol_template(
    template_id: UUID, body: TemplateChange, work: MayDecide, response: Response, if_match: IfMatch = None
) -> TemplateReply:
    """Make its next version, or retire it; needs If-Match. A course keeps the version that it was started with."""
    changed = await protocol_templates.change_template(
        work, template_id, body.changes(), version=version_in(if_match)
    )
    return with_etag(response, changed.version, TemplateReply.of(changed))
