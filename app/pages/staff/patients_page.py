"""The clinic's patients: a list in pages, and those found by a part of their chart number."""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from starlette.responses import Response

from app.care.patients.consent_status import ConsentStatus
from app.care.patients.queries import Patient, patient_of
from app.care.worklist.queries import clinic_status, patients_with
from app.context import Work
from app.foundation.translations import say
from app.pages.staff.about_patient import MayRead
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import LEVELS, MODES
from app.pages.staff.rendering import render
from app.pages.staff.wall_clock import short_day
from app.pages.staff.worklist_words import initials
from app.storage import appointments, patients
from app.web.dependencies import ContextNeeded
from app.web.schemas import read_id_cursor, write_cursor

router = APIRouter(prefix="/care/patients", route_class=CarePageRoute, include_in_schema=False)
_ON_A_PAGE: Final = 50
_SUGGESTED: Final = 8

Part = Annotated[str, Query(max_length=200)]
Cursor = Annotated[str | None, Query(max_length=200)]


@router.get("")
async def show_patients(
    context: ContextNeeded, visitor: MayRead, q: Part = "", booster: Part = "", after: Cursor = None
) -> Response:
    """Show a page of the list, or those whose chart number contains what was typed, or those planned for a day."""
    work, wanted, following = visitor.work, q.strip(), ""
    if wanted:
        found = await patients_with(work, wanted, limit=_ON_A_PAGE)
        listed = await _read(work, [patient_id for patient_id, _ in found])
    elif (day := _day(booster)) is not None:
        planned = await appointments.planned_between(work, first=day, last=day)
        listed = await _read(work, list(dict.fromkeys(one.patient_id for one in planned)))
        work.record_access("patients", patient_id=None)
    else:
        page = await patients.page(work, after=read_id_cursor(after), limit=_ON_A_PAGE)
        listed = [patient_of(work.vault, work.clinic_id, one) for one in page]
        following = write_cursor(str(listed[-1].id)) if len(listed) == _ON_A_PAGE else ""
        work.record_access("patients", patient_id=None)
    status = await clinic_status(work)
    return render(
        context,
        visitor,
        "patients.html",
        here="/care/patients",
        clinic=status.clinic,
        initials=initials,
        rows=[(one, _state(one), MODES[one.mode]) for one in listed],
        asked=wanted,
        day=short_day(day) if not wanted and (day := _day(booster)) else "",
        following=following,
        is_first=after is None,
    )


@router.get("/find")
async def suggest_patients(visitor: MayRead, q: Part = "") -> JSONResponse:
    """Give the first chart numbers that contain what was typed so far."""
    wanted = q.strip()
    found = await patients_with(visitor.work, wanted, limit=_SUGGESTED) if wanted else []
    return JSONResponse([number for _, number in found], headers={"cache-control": "no-store"})


async def _read(work: Work, ids: list[UUID]) -> list[Patient]:
    records = await patients.find_many(work, ids)
    return [patient_of(work.vault, work.clinic_id, records[one]) for one in ids if one in records]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _state(patient: Patient) -> str:
    if patient.consent is ConsentStatus.WITHDRAWN:
        return say("Consent withdrawn")
    return LEVELS.get(patient.level, patient.level)
