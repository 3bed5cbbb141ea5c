"""Entering a completed form: its items or its total; an answer about self-harm is always heard."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.care.assessments import commands, queries
from app.care.assessments.schemas import AssessmentEntry
from app.care.intake.hearing import report_disclosures
from app.clinical.scales import Scale
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.pages.staff.about_patient import about, moment_in, path_of
from app.pages.staff.asked_form import AskedForm, answer_form, show_form
from app.pages.staff.assessment_form import asked_about, entry_in, said
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_access import MayRecord
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.web.dependencies import ContextNeeded
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/assessment", route_class=CarePageRoute, include_in_schema=False
)


@router.get("")
async def choose_scale(patient_id: UUID, context: ContextNeeded, visitor: MayRecord) -> Response:
    """Show which scales there are."""
    whose = await about(context, visitor, patient_id)
    scales = await queries.list_scales(visitor.work)
    named = [(one, said(one)) for one in scales]
    return render(context, visitor, "patient_scale_choice.html", here="", whose=whose, scales=named)


@router.get("/{scale_key}")
async def show_assessment_form(
    patient_id: UUID, scale_key: str, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Show a scale's form."""
    scale = await _scale(visitor, scale_key)
    return show_form(context, visitor, await _asked(context, visitor, patient_id, scale))


@router.post("/{scale_key}")
async def enter_assessment(
    patient_id: UUID, scale_key: str, request: Request, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Keep a form, by the same rules as through the API."""
    form = await read_own_form(request, context, visitor)
    scale = await _scale(visitor, scale_key)

    async def act() -> str:
        whose = await about(context, visitor, patient_id)
        taken_at: datetime = moment_in(form, whose.patient.time_zone, pointer="#/taken_at")
        entry = read_as(AssessmentEntry, entry_in(form, scale, taken_at.isoformat()))
        kept = await commands.enter(visitor.work, patient_id, entry.form())
        if kept.safety_event_id is not None:
            return "assessment-safety"
        return "assessment" if kept.created else "assessment-before"

    async def hear() -> str:
        return str(next(iter((await report_disclosures(form)).event_ids), ""))

    return await answer_form(
        context,
        visitor,
        lambda: _asked(context, visitor, patient_id, scale),
        form,
        act,
        back=path_of(patient_id),
        hear=hear,
    )


async def _asked(context: AppContext, visitor: StaffVisitor, patient_id: UUID, scale: Scale) -> AskedForm:
    return asked_about(await about(context, visitor, patient_id), scale)


async def _scale(visitor: StaffVisitor, key: str) -> Scale:
    scales = await queries.list_scales(visitor.work)
    found = next((one for one in scales if one.key == key), None)
    if found is None:
        raise NotFoundError
    return found
