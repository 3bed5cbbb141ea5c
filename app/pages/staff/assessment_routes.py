"""Entering a completed form: its items or its total; an answer about self-harm is always heard."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.clinics.caller import ClinicCaller, owner_of_ended
from app.access.clinics.erased import PatientErasedError
from app.care.assessments import commands, queries
from app.care.assessments.refused_answers import report_refused
from app.care.assessments.schemas import AssessmentEntry
from app.clinical.scales import Scale
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.foundation.logs import where
from app.pages.staff.about_patient import about, moment_in, path_of
from app.pages.staff.asked_form import AskedForm, answer_form, show_form
from app.pages.staff.assessment_form import asked_about, entry_in, safety_answers, said
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_access import MayRecord
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.pages.staff.visitor import visitor as look_who
from app.web.dependencies import ContextNeeded
from app.web.pages.forms import Form, read_form
from app.web.reading import read_as

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
    form, caller = await read_own_form(request, context, visitor), visitor.signed_in
    scale = await _scale(visitor, scale_key)

    async def act() -> str:
        whose = await about(context, visitor, patient_id)
        taken_at: datetime = moment_in(form, whose.patient.time_zone, pointer="#/taken_at")
        entry = read_as(AssessmentEntry, entry_in(form, scale, taken_at.isoformat()))
        kept = await commands.enter(visitor.work, patient_id, entry.form())
        setattr(request.state, _KEPT, True)
        if kept.safety_event_id is not None:
            return "assessment-safety"
        return "assessment" if kept.created else "assessment-before"

    async def hear() -> str:
        event_id = await _hear(context, caller, patient_id, scale_key, form)
        setattr(request.state, _KEPT, True)
        return event_id

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


async def _hear(
    context: AppContext, caller: ClinicCaller, patient_id: UUID, scale_key: str, form: Form
) -> str:
    """Set the answer in a form that is not kept on its road; gives the event, empty when there is none."""
    found = safety_answers(form, scale_key)
    if not found:
        return ""
    event_id = await report_refused(context, caller.clinic_id, patient_id, found, actor=caller.actor)
    return str(event_id)


async def _hear_from(request: Request) -> None:
    """Hear a form that its page did not get to: forged, not allowed, too late, or our own mistake.

    Also from a member whose time ran out while typing: signing in again may take longer than this should wait.
    """
    context: AppContext = request.app.state.context
    try:
        visitor = await look_who(request, context)
        caller = visitor.caller or await owner_of_ended(context, visitor.session)
        if caller is not None:
            patient_id = UUID(str(request.path_params["patient_id"]))
            scale_key = str(request.path_params.get("scale_key", ""))
            await _hear(context, caller, patient_id, scale_key, await read_form(request))
    except (NotFoundError, PatientErasedError, ValueError):
        pass  # nobody's form: there is nobody to tell of anybody
    except Exception as error:  # noqa: BLE001 - the page that was made is the answer, whatever fails here
        structlog.get_logger().error(
            "safety.report_failed", error_type=type(error).__name__, error_at=where(error)
        )
