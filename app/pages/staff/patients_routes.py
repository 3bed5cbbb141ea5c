"""The clinic's patients: a list in pages, and one found by exactly its reference."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.care.patients.consent_standing import ConsentStanding
from app.care.patients.searching import find_patient
from app.care.patients.service import Patient, list_patients
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_access import MayRead
from app.pages.staff.patient_words import LEVELS, MODES
from app.pages.staff.rendering import render
from app.web.dependencies import ContextNeeded
from app.web.schemas import read_id_cursor, write_cursor

router = APIRouter(prefix="/care/patients", route_class=CarePageRoute, include_in_schema=False)
_ON_A_PAGE: Final = 50

Reference = Annotated[str, Query(max_length=200)]
Cursor = Annotated[str | None, Query(max_length=200)]


@router.get("")
async def show_patients(
    context: ContextNeeded, visitor: MayRead, reference: Reference = "", after: Cursor = None
) -> Response:
    """Show a page of the list, or the one with this reference."""
    caller, wanted, following = visitor.signed_in, reference.strip(), ""
    if wanted:
        found = await find_patient(context, caller.clinic_id, wanted, actor=caller.actor)
        listed = [found] if found else []
    else:
        listed = await list_patients(
            context, caller.clinic_id, after=read_id_cursor(after), limit=_ON_A_PAGE, actor=caller.actor
        )
        following = write_cursor(str(listed[-1].id)) if len(listed) == _ON_A_PAGE else ""
    return render(
        context,
        visitor,
        "patients.html",
        here="/care/patients",
        rows=[(one, _state(one), MODES[one.mode]) for one in listed],
        reference=wanted,
        following=following,
        is_first=after is None,
    )


def _state(patient: Patient) -> str:
    if patient.consent is ConsentStanding.WITHDRAWN:
        return "Consent withdrawn"
    return LEVELS[patient.level]
