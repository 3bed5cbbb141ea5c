"""Entering a completed form: its items or its total; an answer about self-harm is always heard."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.assessments import clinic_scales, service
from app.assessments.reading import read_completed_form
from app.assessments.refused_answers import report_refused
from app.care_pages.about_patient import about, moment_in, path_of
from app.care_pages.asked_form import AskedForm, answer_form, show_form
from app.care_pages.assessment_form import asked_about, entry_in, safety_answers, said
from app.care_pages.page_route import CarePageRoute
from app.care_pages.patient_access import MayRecord
from app.care_pages.rendering import render
from app.care_pages.visitor import StaffVisitor, read_own_form
from app.care_pages.visitor import visitor as look_who
from app.clinical.scales import Scale
from app.clinics.caller import ClinicCaller, owner_of_ended
from app.clinics.erased import PatientErasedError
from app.foundation.errors import NotFoundError
from app.foundation.logs import where
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.pages.forms import Form, read_form

_KEPT: Final = "form_is_kept"


class AssessmentPageRoute(CarePageRoute):
    """A page that cannot lose the answer to a suicide item: whoever sent it, and whatever became of the form."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override] # narrower than Coroutine, as used
        """Wrap the page's own handler."""
        handle = super().get_route_handler()

        async def handle_heard(request: Request) -> Response:
            if request.method == "POST":
                with suppress(Exception):  # a body that cannot be read is refused by the page itself
                    await request.body()
            answer = await handle(request)
            if request.method == "POST" and not getattr(request.state, _KEPT, False):
                await _hear_from(request)
            return answer

        return handle_heard


router = APIRouter(
    prefix="/care/patients/{patient_id}/assessment", route_class=AssessmentPageRoute, include_in_schema=False
)


@router.get("")
async def choose_scale(patient_id: UUID, equipment: EquipmentNeeded, visitor: MayRecord) -> Response:
    """Show which scales there are."""
    whose = await about(equipment, visitor, patient_id)
    scales = await clinic_scales.list_scales(equipment, visitor.signed_in.clinic_id)
    named = [(one, said(one)) for one in scales]
    return render(equipment, visitor, "patient_scale_choice.html", here="", whose=whose, scales=named)


@router.get("/{scale_key}")
async def show_assessment_form(
    patient_id: UUID, scale_key: str, equipment: EquipmentNeeded, visitor: MayRecord
) -> Response:
    """Show a scale's form."""
    scale = await _scale(equipment, visitor, scale_key)
    return show_form(equipment, visitor, await _asked(equipment, visitor, patient_id, scale))


@router.post("/{scale_key}")
async def enter_assessment(
    patient_id: UUID, scale_key: str, request: Request, equipment: EquipmentNeeded, visitor: MayRecord
) -> Response:
    """Keep a form, by the same rules as through the API."""
    form, caller = await read_own_form(request, equipment, visitor), visitor.signed_in
    scale = await _scale(equipment, visitor, scale_key)

    async def act() -> str:
        whose = await about(equipment, visitor, patient_id)
        taken_at: datetime = moment_in(form, whose.patient.time_zone, pointer="#/taken_at")
        told = read_completed_form(entry_in(form, scale, taken_at.isoformat()))
        kept = await service.enter(equipment, caller.clinic_id, patient_id, told, actor=caller.actor)
        setattr(request.state, _KEPT, True)
        if kept.safety_event_id is not None:
            return "assessment-safety"
        return "assessment" if kept.created else "assessment-before"

    async def hear() -> str:
        event_id = await _hear(equipment, caller, patient_id, scale_key, form)
        setattr(request.state, _KEPT, True)
        return event_id

    return await answer_form(
        equipment,
        visitor,
        lambda: _asked(equipment, visitor, patient_id, scale),
        form,
        act,
        back=path_of(patient_id),
        hear=hear,
    )


async def _asked(equipment: Equipment, visitor: StaffVisitor, patient_id: UUID, scale: Scale) -> AskedForm:
    return asked_about(await about(equipment, visitor, patient_id), scale)


async def _scale(equipment: Equipment, visitor: StaffVisitor, key: str) -> Scale:
    scales = await clinic_scales.list_scales(equipment, visitor.signed_in.clinic_id)
    found = next((one for one in scales if one.key == key), None)
    if found is None:
        raise NotFoundError
    return found


async def _hear(
    equipment: Equipment, caller: ClinicCaller, patient_id: UUID, scale_key: str, form: Form
) -> str:
    """Set the answer in a form that is not kept on its road; gives the event, empty when there is none."""
    found = safety_answers(form, scale_key)
    if not found:
        return ""
    event_id = await report_refused(equipment, caller.clinic_id, patient_id, found, actor=caller.actor)
    return str(event_id)


async def _hear_from(request: Request) -> None:
    """Hear a form that its page did not get to: forged, not allowed, too late, or our own mistake.

    Also from a member whose time ran out while typing: signing in again may take longer than this should wait.
    """
    equipment: Equipment = request.app.state.equipment
    try:
        visitor = await look_who(request, equipment)
        caller = visitor.caller or await owner_of_ended(equipment, visitor.session)
        if caller is not None:
            patient_id = UUID(str(request.path_params["patient_id"]))
            scale_key = str(request.path_params.get("scale_key", ""))
            await _hear(equipment, caller, patient_id, scale_key, await read_form(request))
    except (NotFoundError, PatientErasedError, ValueError):
        pass  # nobody's form: there is nobody to tell of anybody
    except Exception as error:  # noqa: BLE001 - the page that was made is the answer, whatever fails here
        structlog.get_logger().error(
            "safety.report_failed", error_type=type(error).__name__, error_at=where(error)
        )
