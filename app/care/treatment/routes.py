"""Courses and infusions, for the clinic."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import MayDecideTreatment, MayReadTreatment, MayRecordTreatment
from app.care.treatment import chosen_reference, factors, maintenance, review, service
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
from app.web.dependencies import ContextNeeded, IfMatch
from app.web.etags import etag_of, version_in

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["treatment"])


@router.post("/courses", status_code=201, summary="Enter a course")
async def enter_course(
    patient_id: UUID, body: CourseEntry, context: ContextNeeded, caller: MayRecordTreatment
) -> CourseReply:
    """Enter a course of treatment as planned."""
    entered = await service.enter_course(
        context,
        caller.clinic_id,
        patient_id,
        body.planned(),
        actor=caller.actor,
    )
    return CourseReply.of(entered)


@router.post("/infusions", status_code=201, summary="Enter an infusion")
async def enter_infusion(
    patient_id: UUID, body: InfusionEntry, context: ContextNeeded, caller: MayRecordTreatment
) -> EnteredInfusionReply:
    """Enter an infusion that was given; it closes an open signal as "booster given"."""
    entered = await service.enter_infusion(
        context,
        caller.clinic_id,
        patient_id,
        body.given(),
        actor=caller.actor,
    )
    return EnteredInfusionReply.of_entered(entered)


@router.get("/courses/current", summary="Read the present course")
async def read_course(
    patient_id: UUID, context: ContextNeeded, caller: MayReadTreatment, response: Response
) -> CurrentCourseReply:
    """Say where the course stands, with its induction review and the options that the sources name."""
    view = await review.read_course(context, caller.clinic_id, patient_id, actor=caller.actor)
    response.headers["etag"] = etag_of(view.stored.version)
    return CurrentCourseReply.of_view(view)


@router.patch("/courses/current", summary="Change the present course")
async def change_course(
    patient_id: UUID,
    body: CourseChange,
    context: ContextNeeded,
    caller: MayRecordTreatment,
    response: Response,
    if_match: IfMatch = None,
) -> CurrentCourseReply:
    """Record the review, a benefit, the end of induction or of the course; needs If-Match."""
    version = version_in(if_match)
    view = await review.change_course(
        context, caller.clinic_id, patient_id, body.changes(), version=version, actor=caller.actor
    )
    response.headers["etag"] = etag_of(view.stored.version)
    return CurrentCourseReply.of_view(view)


@router.get("/factors", summary="Read a patient's factors")
async def read_factors(
    patient_id: UUID, context: ContextNeeded, caller: MayReadTreatment, response: Response
) -> FactorsReply:
    """Give the patient's profile and open cautions, with an ETag for writing them."""
    found = await factors.read_factors(context, caller.clinic_id, patient_id, actor=caller.actor)
    response.headers["etag"] = etag_of(found.version)
    return FactorsReply.of(found)


@router.put("/factors", summary="Write a patient's factors")
async def write_factors(
    patient_id: UUID,
    body: FactorsEntry,
    context: ContextNeeded,
    caller: MayDecideTreatment,
    response: Response,
    if_match: IfMatch = None,
) -> FactorsReply:
    """Replace the patient's profile and open cautions; needs If-Match."""
    written = await factors.write_factors(
        context,
        caller.clinic_id,
        patient_id,
        body.factors(version_in(if_match)),
        actor=caller.actor,
    )
    response.headers["etag"] = etag_of(written.version)
    return FactorsReply.of(written)


@router.get("/booked-booster", summary="Read the booked booster")
async def read_booster(
    patient_id: UUID, context: ContextNeeded, caller: MayReadTreatment
) -> BookedBoosterReply:
    """Give the day of the next booster, as staff booked it or closed a signal with it."""
    return BookedBoosterReply(
        on=await factors.read_booking(context, caller.clinic_id, patient_id, actor=caller.actor)
    )


@router.put("/booked-booster", summary="Book a booster")
async def book_booster(
    patient_id: UUID, body: BookedBooster, context: ContextNeeded, caller: MayRecordTreatment
) -> BookedBoosterReply:
    """Note the day of the next booster: until two days after it, no new signal is raised."""
    await factors.book_booster(context, caller.clinic_id, patient_id, on=body.on, actor=caller.actor)
    return BookedBoosterReply(on=body.on)


@router.delete("/booked-booster", status_code=204, summary="Clear a booked booster")
async def clear_booster(patient_id: UUID, context: ContextNeeded, caller: MayRecordTreatment) -> None:
    """Take the booking back: signals are held back no more. An infusion that is given does this too."""
    await factors.book_booster(context, caller.clinic_id, patient_id, on=None, actor=caller.actor)


@router.get("/taper-plan", summary="Read the taper plan")
async def read_taper_plan(
    patient_id: UUID, context: ContextNeeded, caller: MayReadTreatment, response: Response
) -> TaperReply:
    """Give the plan of maintenance, and whether to lengthen, hold or shorten, with the reasons."""
    view = await maintenance.read_taper(context, caller.clinic_id, patient_id, actor=caller.actor)
    response.headers["etag"] = etag_of(view.written.version)
    return TaperReply.of(view)


@router.put("/taper-plan", summary="Write the taper plan")
async def write_taper_plan(
    patient_id: UUID,
    body: TaperPlanEntry,
    context: ContextNeeded,
    caller: MayDecideTreatment,
    response: Response,
    if_match: IfMatch = None,
) -> TaperReply:
    """Replace the plan of maintenance; needs If-Match."""
    view = await maintenance.write_taper(
        context,
        caller.clinic_id,
        patient_id,
        body.written(version_in(if_match)),
        actor=caller.actor,
    )
    response.headers["etag"] = etag_of(view.written.version)
    return TaperReply.of(view)


@router.get("/interval", summary="Read the personal interval")
async def read_interval(patient_id: UUID, context: ContextNeeded, caller: MayReadTreatment) -> IntervalReply:
    """Say how long this patient's benefits have lasted; never a probability of relapse."""
    return IntervalReply.of(
        await maintenance.read_interval(context, caller.clinic_id, patient_id, actor=caller.actor)
    )


@router.put("/reference", summary="Choose the reference")
async def choose_reference(
    patient_id: UUID, body: ReferenceEntry, context: ContextNeeded, caller: MayDecideTreatment
) -> ReferenceReply:
    """Take the check-in days of a window as the new reference, with a reason; it never moves by itself."""
    reference = await chosen_reference.choose_reference(
        context,
        caller.clinic_id,
        patient_id,
        body.chosen(),
        actor=caller.actor,
    )
    return ReferenceReply.of(reference)
