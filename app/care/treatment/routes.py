"""Courses and infusions, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.care.treatment import commands, corrections, queries
from app.care.treatment.schemas import (
    BookedBooster,
    BookedBoosterReply,
    CourseChange,
    CourseEntry,
    CourseReply,
    CurrentCourseReply,
    EnteredInfusionReply,
    FactorsEntry,
    FactorsReply,
    InfusionEntry,
    IntervalReply,
    ReferenceEntry,
    ReferenceReply,
    TaperPlanEntry,
    TaperReply,
)
from app.context import Work
from app.web.dependencies import IfMatch
from app.web.etags import etag_of, version_in

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["treatment"])

MayRead = Annotated[Work, work_for(Permission.TREATMENT_READ)]
MayRecord = Annotated[Work, work_for(Permission.TREATMENT_RECORD)]
MayDecide = Annotated[Work, work_for(Permission.TREATMENT_DECIDE)]


@router.post("/courses", status_code=201, summary="Enter a course")
async def enter_course(patient_id: UUID, body: CourseEntry, work: MayRecord) -> CourseReply:
    """Enter a course of treatment as planned."""
    entered = await commands.enter_course(work, patient_id, body.planned())
    return CourseReply.of(entered)


@router.post("/infusions", status_code=201, summary="Enter an infusion")
async def enter_infusion(patient_id: UUID, body: InfusionEntry, work: MayRecord) -> EnteredInfusionReply:
    """Enter an infusion that was given; it closes an open signal as "booster given"."""
    entered = await commands.enter_infusion(work, patient_id, body.given())
    return EnteredInfusionReply.of_entered(entered)


@router.get("/courses/current", summary="Read the present course")
async def read_course(patient_id: UUID, work: MayRead, response: Response) -> CurrentCourseReply:
    """Say where the course stands, with its induction review and the options that the sources name."""
    view = await queries.read_course(work, patient_id)
    response.headers["etag"] = etag_of(view.stored.version)
    return CurrentCourseReply.of_view(view)


@router.patch("/courses/current", summary="Change the present course")
async def change_course(
    patient_id: UUID,
    body: CourseChange,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CurrentCourseReply:
    """Record the review, a benefit, the end of induction or of the course; needs If-Match."""
    version = version_in(if_match)
    view = await corrections.change_course(work, patient_id, body.changes(), version=version)
    response.headers["etag"] = etag_of(view.stored.version)
    return CurrentCourseReply.of_view(view)


@router.get("/factors", summary="Read a patient's factors")
async def read_factors(patient_id: UUID, work: MayRead, response: Response) -> FactorsReply:
    """Give the patient's profile and open cautions, with an ETag for writing them."""
    found = await queries.read_factors(work, patient_id)
    response.headers["etag"] = etag_of(found.version)
    return FactorsReply.of(found)


@router.put("/factors", summary="Write a patient's factors")
async def write_factors(
    patient_id: UUID,
    body: FactorsEntry,
    work: MayDecide,
    response: Response,
    if_match: IfMatch = None,
) -> FactorsReply:
    """Replace the patient's profile and open cautions; needs If-Match."""
    written = await commands.write_factors(work, patient_id, body.factors(version_in(if_match)))
    response.headers["etag"] = etag_of(written.version)
    return FactorsReply.of(written)


@router.get("/booked-booster", summary="Read the booked booster")
async def read_booster(patient_id: UUID, work: MayRead) -> BookedBoosterReply:
    """Give the day of the next booster, as staff booked it or closed a signal with it."""
    return BookedBoosterReply(on=await queries.read_booking(work, patient_id))


@router.put("/booked-booster", summary="Book a booster")
async def book_booster(patient_id: UUID, body: BookedBooster, work: MayRecord) -> BookedBoosterReply:
    """Note the day of the next booster: until two days after it, no new signal is raised."""
    await commands.book_booster(work, patient_id, on=body.on)
    return BookedBoosterReply(on=body.on)


@router.delete("/booked-booster", status_code=204, summary="Clear a booked booster")
async def clear_booster(patient_id: UUID, work: MayRecord) -> None:
    """Take the booking back: signals are held back no more. An infusion that is given does this too."""
    await commands.book_booster(work, patient_id, on=None)


@router.get("/taper-plan", summary="Read the taper plan")
async def read_taper_plan(patient_id: UUID, work: MayRead, response: Response) -> TaperReply:
    """Give the plan of maintenance, and whether to lengthen, hold or shorten, with the reasons."""
    view = await queries.read_taper(work, patient_id)
    response.headers["etag"] = etag_of(view.written.version)
    return TaperReply.of(view)


@router.put("/taper-plan", summary="Write the taper plan")
async def write_taper_plan(
    patient_id: UUID,
    body: TaperPlanEntry,
    work: MayDecide,
    response: Response,
    if_match: IfMatch = None,
) -> TaperReply:
    """Replace the plan of maintenance; needs If-Match."""
    view = await commands.write_taper(work, patient_id, body.written(version_in(if_match)))
    response.headers["etag"] = etag_of(view.written.version)
    return TaperReply.of(view)


@router.get("/interval", summary="Read the personal interval")
async def read_interval(patient_id: UUID, work: MayRead) -> IntervalReply:
    """Say how long this patient's benefits have lasted; never a probability of relapse."""
    return IntervalReply.of(await queries.read_interval(work, patient_id))


@router.put("/reference", summary="Choose the reference")
async def choose_reference(patient_id: UUID, body: ReferenceEntry, work: MayDecide) -> ReferenceReply:
    """Take the check-in days of a window as the new reference, with a reason; it never moves by itself."""
    reference = await commands.choose_reference(work, patient_id, body.chosen())
    return ReferenceReply.of(reference)
