"""Nights that a patient's phone measured: sent by the phone, read by the patient and the clinic."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.care.patients.access import PatientSignedIn, PatientWork
from app.care.sleep_nights import commands, queries
from app.care.sleep_nights.schemas import (
    SleepImportChoice,
    SleepImportReply,
    SleepNightEntry,
    SleepNightList,
    SleepNightReply,
)
from app.context import Work
from app.storage import sleep_nights
from app.web.dependencies import ListPage, PageAsked
from app.web.problems import Problem
from app.web.schemas import CursorNotValidError, read_cursor

router = APIRouter(
    prefix="/v1/patients/{patient_id}/sleep-nights", tags=["check-ins"], route_class=ClinicRoute
)
own_router = APIRouter(prefix="/v1/me", tags=["patient's own"])


@own_router.get("/sleep-import", summary="Read whether nights are imported")
async def read_sleep_import(work: PatientWork, caller: PatientSignedIn) -> SleepImportReply:
    """Say whether the patient has switched the import of nights on."""
    return await _import_of(work, caller.patient_id)


@own_router.put("/sleep-import", summary="Switch the import of nights on or off")
async def switch_sleep_import(
    body: SleepImportChoice, work: PatientWork, caller: PatientSignedIn
) -> SleepImportReply:
    """Switch it on once the patient was asked; off, no more nights are taken, and those kept stay."""
    await commands.switch_import(work, caller.patient_id, on=body.on)
    return await _import_of(work, caller.patient_id)


@own_router.put(
    "/sleep-nights/{sleep_night_id}",
    summary="Send a night",
    status_code=201,
    response_model=SleepNightReply,
    responses={200: {"model": SleepNightReply, "description": "Kept before"}, 409: {"model": Problem}},
)
async def put_sleep_night(
    sleep_night_id: UUID,
    body: SleepNightEntry,
    work: PatientWork,
    caller: PatientSignedIn,
    response: Response,
) -> SleepNightReply:
    """Keep a night under the id that the phone chose (a UUIDv7); sending it again changes nothing.

    What is unlikely answers 409 `needs-confirmation`; a correction is a new night with `supersedes`.
    """
    night = body.night(work, caller.patient_id, sleep_night_id)
    kept, is_new = await commands.keep(work, night, confirm=body.confirm)
    response.status_code = 201 if is_new else 200
    return SleepNightReply.of(kept)


@own_router.get("/sleep-nights", summary="List one's nights")
async def list_own_sleep_nights(
    work: PatientWork, caller: PatientSignedIn, page: PageAsked
) -> SleepNightList:
    """List the nights that count, the latest first."""
    return await _list(work, caller.patient_id, page)


@own_router.delete("/sleep-nights/{sleep_night_id}", status_code=204, summary="Withdraw a night")
async def withdraw_sleep_night(sleep_night_id: UUID, work: PatientWork, caller: PatientSignedIn) -> None:
    """Take a night back; it is no longer shown, and stays marked on the record."""
    await commands.withdraw(work, caller.patient_id, sleep_night_id)


@router.get("", summary="List nights")
async def list_sleep_nights(
    patient_id: UUID, work: Annotated[Work, work_for(Permission.TREATMENT_READ)], page: PageAsked
) -> SleepNightList:
    """List the nights that the patient's phone measured, latest first; they are shown, and decide nothing."""
    return await _list(work, patient_id, page)


async def _import_of(work: Work, patient_id: UUID) -> SleepImportReply:
    since = await sleep_nights.import_since(work, patient_id)
    return SleepImportReply(on=since is not None, since=since)


async def _list(work: Work, patient_id: UUID, page: ListPage) -> SleepNightList:
    found = await queries.list_nights(work, patient_id, before=_place(page.cursor), limit=page.limit)
    page.link_after([f"{one.night.isoformat()} {one.id}" for one in found])
    return SleepNightList(items=[SleepNightReply.of(one) for one in found])


def _place(cursor: str | None) -> tuple[date, UUID] | None:
    """Read a place in the list.

    Raises:
        CursorNotValidError: the list did not give it out.
    """
    position = read_cursor(cursor)
    if position is None:
        return None
    night, _, night_id = position.partition(" ")
    try:
        return date.fromisoformat(night), UUID(night_id)
    except ValueError:
        raise CursorNotValidError("query/after") from None
