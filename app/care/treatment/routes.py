"""Courses and infusions, for the clinic."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import ClinicRoute, caller_with, work_for
from app.access.clinics.permissions import Permission
from app.care.monitoring.corrections import corrections_of
from app.care.treatment import (
    commands,
    course_corrections,
    infusion_corrections,
    protocol_templates,
    queries,
    taking_on,
)
from app.care.treatment.course_schemas import (
    CorrectedCourseReply,
    CourseAmendment,
    CourseChange,
    CourseEntry,
    CourseList,
    CourseRecordReply,
    CourseReply,
    CurrentCourseReply,
)
from app.care.treatment.infusion_schemas import (
    CorrectedInfusionReply,
    EnteredInfusionReply,
    InfusionAmendment,
    InfusionEntry,
    InfusionList,
    InfusionRecordReply,
    SessionNotesReply,
    TreatmentSessionReply,
)
from app.care.treatment.maintenance_schemas import (
    BookedBooster,
    BookedBoosterReply,
    ChosenReferenceList,
    ChosenReferenceReply,
    CorrectedReferenceReply,
    FactorsEntry,
    FactorsReply,
    IntervalReply,
    ProposalAcceptance,
    ReferenceAmendment,
    ReferenceEntry,
    ReferenceReply,
    TaperPlanEntry,
    TaperReply,
)
from app.context import Work
from app.web.correction_schemas import (
    ChangedReply,
    CorrectionList,
    CorrectionReply,
    Include,
    Restoration,
    Void,
)
from app.web.dependencies import IfMatch, PageAsked
from app.web.headers import etag_of, version_if_sent, version_in, with_etag
from app.web.problems import Problem

router = APIRouter(prefix="/v1/patients/{patient_id}", tags=["treatment"], route_class=ClinicRoute)

MayRead = Annotated[Work, work_for(Permission.TREATMENT_READ)]
MayRecord = Annotated[Work, work_for(Permission.TREATMENT_RECORD)]
MayDecide = Annotated[Work, work_for(Permission.TREATMENT_DECIDE)]


@router.post(
    "/courses",
    status_code=201,
    summary="Enter a course",
    responses={200: {"model": CourseReply, "description": "Kept before"}, 409: {"model": Problem}},
)
async def enter_course(
    patient_id: UUID, body: CourseEntry, request: Request, work: MayRecord, response: Response
) -> CourseReply:
    """Enter a course of treatment as planned, or take a patient on in maintenance with `taken_on`.

    A reference named with it is a clinician's decision, and needs that permission.
    """
    if body.taken_on is not None and body.taken_on.reference is not None:
        await caller_with(request, work.context, Permission.TREATMENT_DECIDE)
    entered = await protocol_templates.enter(
        work, patient_id, body.joining() or body.planned(), body.template_id
    )
    response.status_code = 201 if entered.created else 200
    return CourseReply.of(entered)


@router.get("/courses", summary="List courses")
async def list_courses(patient_id: UUID, work: MayRead, include: Include = None) -> CourseList:
    """List a patient's courses, latest first, each with its ETag."""
    found = await queries.list_courses(work, patient_id, with_errors=include is not None)
    return CourseList(items=[CourseRecordReply.of_stored(one, status) for one, status in found])


@router.post(
    "/infusions",
    status_code=201,
    summary="Enter an infusion",
    responses={200: {"model": EnteredInfusionReply, "description": "Kept before"}, 409: {"model": Problem}},
)
async def enter_infusion(
    patient_id: UUID, body: InfusionEntry, work: MayRecord, response: Response
) -> EnteredInfusionReply:
    """Enter an infusion that was given; it closes an open signal as "booster given".

    What is possible but unlikely answers 409 `needs-confirmation`: send it again with those codes in `confirm`.
    """
    entered = await commands.enter_infusion(work, patient_id, body.given())
    response.status_code = 201 if entered.created else 200
    return with_etag(response, entered.stored.version, EnteredInfusionReply.of_entered(entered))


@router.get("/infusions", summary="List infusions")
async def list_infusions(
    patient_id: UUID, work: MayRead, page: PageAsked, include: Include = None
) -> InfusionList:
    """List a patient's infusions, latest first, each with its ETag."""
    found = await queries.list_infusions(
        work, patient_id, with_errors=include is not None, after=page.after, limit=page.limit
    )
    page.link_after([one[0].id for one in found])
    return InfusionList(items=[InfusionRecordReply.of_stored(one, status) for one, status in found])


@router.patch("/infusions/{infusion_id}", summary="Amend an infusion")
async def amend_infusion(
    patient_id: UUID,
    infusion_id: UUID,
    body: InfusionAmendment,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CorrectedInfusionReply:
    """Change what was entered wrongly, with a reason; needs If-Match. The patient is evaluated again."""
    corrected = await infusion_corrections.amend_infusion(
        work, patient_id, infusion_id, body.change(), version=version_in(if_match)
    )
    return with_etag(response, corrected.stored.version, CorrectedInfusionReply.of_corrected(corrected))


@router.post("/infusions/{infusion_id}/void", summary="Void an infusion")
async def void_infusion(
    patient_id: UUID,
    infusion_id: UUID,
    body: Void,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CorrectedInfusionReply:
    """Take it as entered in error: all is worked out as if it had never been there, and a restore undoes that."""
    corrected = await infusion_corrections.void_infusion(
        work, patient_id, infusion_id, reason=body.reason, version=version_if_sent(if_match)
    )
    return with_etag(response, corrected.stored.version, CorrectedInfusionReply.of_corrected(corrected))


@router.post("/infusions/{infusion_id}/restore", summary="Restore an infusion")
async def restore_infusion(
    patient_id: UUID, infusion_id: UUID, work: MayRecord, response: Response, body: Restoration | None = None
) -> CorrectedInfusionReply:
    """Let an infusion count again that was voided."""
    corrected = await infusion_corrections.restore_infusion(
        work, patient_id, infusion_id, reason=body.reason if body else None
    )
    return with_etag(response, corrected.stored.version, CorrectedInfusionReply.of_corrected(corrected))


@router.get("/courses/current", summary="Read the present course")
async def read_course(patient_id: UUID, work: MayRead, response: Response) -> CurrentCourseReply:
    """Say where the course stands, with its induction review and the options that the sources name."""
    view = await queries.read_course(work, patient_id)
    return with_etag(response, view.stored.version, CurrentCourseReply.of_view(view))


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
    view = await course_corrections.change_course(work, patient_id, body.changes(), version=version)
    return with_etag(response, view.stored.version, CurrentCourseReply.of_view(view))


@router.patch("/courses/{course_id}", summary="Amend a course")
async def amend_course(
    patient_id: UUID,
    course_id: UUID,
    body: CourseAmendment,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CorrectedCourseReply:
    """Change what was entered wrongly of any course, with a reason; needs If-Match."""
    corrected = await course_corrections.amend_course(
        work,
        patient_id,
        course_id,
        body.changes(),
        reason=body.reason,
        version=version_in(if_match),
        confirm=body.confirm,
    )
    return with_etag(response, corrected.stored.version, CorrectedCourseReply.of_corrected(corrected))


@router.post("/courses/{course_id}/void", summary="Void a course")
async def void_course(
    patient_id: UUID,
    course_id: UUID,
    body: Void,
    work: MayRecord,
    response: Response,
    if_match: IfMatch = None,
) -> CorrectedCourseReply:
    """Take it as entered in error; its infusions stay, and belong to the course before it, or to none."""
    corrected = await course_corrections.void_course(
        work, patient_id, course_id, reason=body.reason, version=version_if_sent(if_match)
    )
    return with_etag(response, corrected.stored.version, CorrectedCourseReply.of_corrected(corrected))


@router.post("/courses/{course_id}/restore", summary="Restore a course")
async def restore_course(
    patient_id: UUID, course_id: UUID, work: MayRecord, response: Response, body: Restoration | None = None
) -> CorrectedCourseReply:
    """Let a course count again that was voided."""
    corrected = await course_corrections.restore_course(
        work, patient_id, course_id, reason=body.reason if body else None
    )
    return with_etag(response, corrected.stored.version, CorrectedCourseReply.of_corrected(corrected))


@router.get("/corrections", summary="List corrections")
async def list_corrections(patient_id: UUID, work: MayRead) -> CorrectionList:
    """List what was corrected of a patient's record: which version of what, when, by whom and why; latest first."""
    found = await corrections_of(work, patient_id)
    return CorrectionList(items=[CorrectionReply.of(one) for one in found])


@router.get("/factors", summary="Read a patient's factors")
async def read_factors(patient_id: UUID, work: MayRead, response: Response) -> FactorsReply:
    """Give the patient's profile and open cautions, with an ETag for writing them."""
    found = await queries.read_factors(work, patient_id)
    return with_etag(response, found.version, FactorsReply.of(found))


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
    return with_etag(response, written.version, FactorsReply.of(written))


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
    """Take the booking back: signals are no longer suppressed. An infusion that is given does this too."""
    await commands.book_booster(work, patient_id, on=None)


@router.get("/taper-plan", summary="Read the taper plan")
async def read_taper_plan(patient_id: UUID, work: MayRead, response: Response) -> TaperReply:
    """Give the plan of maintenance, and whether to lengthen, hold or shorten, with the reasons."""
    view = await queries.read_taper(work, patient_id)
    return with_etag(response, view.written.version, TaperReply.of(view))


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
    return with_etag(response, view.written.version, TaperReply.of(view))


@router.get("/interval", summary="Read the personal interval")
async def read_interval(patient_id: UUID, work: MayRead) -> IntervalReply:
    """Say how long this patient's benefits have lasted; never a probability of relapse."""
    return IntervalReply.of(*await queries.read_interval(work, patient_id))


@router.put("/reference", summary="Choose the reference")
async def choose_reference(patient_id: UUID, body: ReferenceEntry, work: MayDecide) -> ReferenceReply:
    """Take the check-in days of a window as the new reference, with a reason; it never moves by itself."""
    reference = await commands.choose_reference(work, patient_id, body.chosen())
    return ReferenceReply.of(reference)


@router.post("/reference/accept", summary="Accept the proposed reference")
async def accept_reference(patient_id: UUID, body: ProposalAcceptance, work: MayDecide) -> ReferenceReply:
    """Take the days that are proposed for a patient who was taken on in maintenance as the reference."""
    return ReferenceReply.of(await taking_on.accept_proposed_reference(work, patient_id, reason=body.reason))


@router.get("/references", summary="List chosen references")
async def list_references(patient_id: UUID, work: MayRead, include: Include = None) -> ChosenReferenceList:
    """List the references that clinicians chose, latest first; the latest one holds."""
    found = await queries.list_references(work, patient_id, with_errors=include is not None)
    return ChosenReferenceList(items=[ChosenReferenceReply.of_stored(one, status) for one, status in found])


@router.patch("/references/{choice_id}", summary="Amend a chosen reference")
async def amend_reference(
    patient_id: UUID,
    choice_id: UUID,
    body: ReferenceAmendment,
    work: MayDecide,
    response: Response,
    if_match: IfMatch = None,
) -> CorrectedReferenceReply:
    """Change which days were meant, with a reason; needs If-Match. It stays chosen when it was."""
    corrected = await course_corrections.amend_reference(
        work, patient_id, choice_id, body.changes(), reason=body.reason, version=version_in(if_match)
    )
    return with_etag(response, corrected.stored.version, CorrectedReferenceReply.of_corrected(corrected))


@router.post("/references/{choice_id}/void", summary="Void a chosen reference")
async def void_reference(
    patient_id: UUID, choice_id: UUID, body: Void, work: MayDecide, if_match: IfMatch = None
) -> ChangedReply:
    """Take it as chosen in error: the one before it holds again, or the one after induction."""
    effects = await course_corrections.void_reference(
        work, patient_id, choice_id, reason=body.reason, version=version_if_sent(if_match)
    )
    return ChangedReply.of(effects)


@router.post("/references/{choice_id}/restore", summary="Restore a chosen reference")
async def restore_reference(
    patient_id: UUID, choice_id: UUID, work: MayDecide, body: Restoration | None = None
) -> ChangedReply:
    """Let a chosen reference count again that was voided."""
    reason = body.reason if body else None
    return ChangedReply.of(
        await course_corrections.restore_reference(work, patient_id, choice_id, reason=reason)
    )


session_router = APIRouter(
    prefix="/v1/patients/{patient_id}/infusions/{infusion_id}/session", tags=["treatment"]
)


@session_router.get("", summary="Read a session's notes")
async def read_session(
    patient_id: UUID,
    infusion_id: UUID,
    work: Annotated[Work, work_for(Permission.TREATMENT_READ)],
    response: Response,
) -> SessionNotesReply:
    """Give how a session went, with its notes; a change of either is a PATCH of the infusion."""
    stored, note = await queries.read_session(work, patient_id, infusion_id)
    response.headers["etag"] = etag_of(stored.version)
    session = TreatmentSessionReply.of(stored.session) if stored.session else None
    return SessionNotesReply(infusion_id=stored.id, session=session, note=note)
