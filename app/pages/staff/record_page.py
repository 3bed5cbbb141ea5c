"""Correcting a patient's record: everything that staff entered, amended or taken back in place, with a reason."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.care.assessments import corrections as form_corrections
from app.care.assessments import queries as forms
from app.care.assessments.schemas import AssessmentAmendment
from app.care.treatment import circumstances, course_corrections, infusion_corrections, queries
from app.care.treatment.circumstance_schemas import CircumstanceAmendment
from app.care.treatment.course_schemas import CourseAmendment
from app.care.treatment.infusion_schemas import InfusionAmendment
from app.clinical.check_ins import calendar_day
from app.clinical.course import TEMPLATES
from app.clinical.english_formats import SCALE_NAMES
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import AboutPatient, MayRecord, about, moment_in, number_in, whole_in
from app.pages.staff.asked_form import AskedForm, Field, answer_form, confirmed_in, show_form
from app.pages.staff.circumstance_page import (
    CIRCUMSTANCE_FIELDS,
    DECIDES_NOTHING,
    circumstance_in,
    circumstance_values,
    days_said,
    said,
)
from app.pages.staff.infusion_page import INFUSION_FIELDS, ROUTES, infusion_in
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import INFUSIONS
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.storage.record_versions import RecordStatus
from app.web.correction_schemas import Restoration, Void
from app.web.dependencies import ContextNeeded
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/record", route_class=CarePageRoute, include_in_schema=False
)
_MOST: Final = 200
REASON: Final = Field(
    name="reason",
    label=say("Why"),
    kind="note",
    hint=say("Kept sealed; the audit log says that it was corrected and by whom."),
    wrong=say("Please say why, in at most 1000 characters."),
)
_LEAD: Final = say(
    "The earlier version is kept. The patient is re-evaluated as if this had been entered rightly at once."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """One entry of the record as the page shows it."""

    id: UUID
    what: str
    said: str
    active: bool
    amendable: bool
    voidable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """What can be corrected in one way.

    Attributes:
        noun: what one entry is called.
        ask: makes the form that amends one.
        amend: amends one as the form says.
        decides: whether it counts in the evaluation; what does not is only shown beside it.
    """

    noun: str
    ask: Callable[[StaffVisitor, AboutPatient, UUID], Awaitable[AskedForm]]
    amend: Callable[[Work, AboutPatient, UUID, Form], Awaitable[object]]
    void: Callable[..., Awaitable[object]]
    restore: Callable[..., Awaitable[object]]
    decides: bool = True


@router.get("")
async def show_record(
    patient_id: UUID, context: ContextNeeded, visitor: MayRecord, notice: str = ""
) -> Response:
    """Show what was entered, also in error, each with the way to correct it."""
    whose = await about(context, visitor, patient_id)
    rows, notice = await _rows(visitor.work, whose, patient_id), _NOTICES.get(notice, "")
    return render(context, visitor, "patient_record.html", here="", whose=whose, rows=rows, notice=notice)


@router.get("/{kind}/{record_id}")
async def show_entry(
    patient_id: UUID, kind: str, record_id: UUID, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Show an entry, to be amended."""
    return show_form(context, visitor, await _amended(context, visitor, patient_id, kind, record_id))


@router.post("/{kind}/{record_id}")
async def amend_entry(
    patient_id: UUID, kind: str, record_id: UUID, request: Request, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Amend an entry, unless someone else changed it meanwhile."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        whose = await about(context, visitor, patient_id)
        await _kind(kind).amend(visitor.work, whose, record_id, form)
        return _notice(kind, "amended")

    return await answer_form(
        context,
        visitor,
        lambda: _amended(context, visitor, patient_id, kind, record_id),
        form,
        act,
        back=_path(patient_id),
    )


@router.get("/{kind}/{record_id}/{step}")
async def ask_about_step(
    patient_id: UUID, kind: str, record_id: UUID, step: str, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Say what follows, and ask for the reason."""
    return show_form(context, visitor, await _step(context, visitor, patient_id, kind, record_id, step))


@router.post("/{kind}/{record_id}/{step}")
async def take_step(
    patient_id: UUID,
    kind: str,
    record_id: UUID,
    step: str,
    request: Request,
    context: ContextNeeded,
    visitor: MayRecord,
) -> Response:
    """Take an entry as entered in error, or let it count again."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        work, reason = visitor.work, form["reason"].strip()
        if step == "void":
            void = read_as(Void, {"reason": reason})
            await _kind(kind).void(work, patient_id, record_id, reason=void.reason)
            return _notice(kind, "voided")
        again = read_as(Restoration, {"reason": reason or None})
        await _kind(kind).restore(work, patient_id, record_id, reason=again.reason)
        return _notice(kind, "restored")

    return await answer_form(
        context,
        visitor,
        lambda: _step(context, visitor, patient_id, kind, record_id, step),
        form,
        act,
        back=_path(patient_id),
    )


_NOTICES: Final = {
    "amended": say("The correction is saved, and the patient was re-evaluated."),
    "voided": say("It counts as entered in error, and the patient was re-evaluated without it."),
    "restored": say("It counts again, and the patient was re-evaluated."),
    "amended-beside": say("The correction is saved; the earlier version is kept."),
    "voided-beside": say("It is marked as entered in error."),
    "restored-beside": say("It counts again."),
}


def _kind(name: str) -> RecordKind:
    kind = _KINDS.get(name)
    if kind is None:
        raise NotFoundError
    return kind


def _notice(kind: str, done: str) -> str:
    return done if _kind(kind).decides else f"{done}-beside"


def _path(patient_id: UUID) -> str:
    return f"/care/patients/{patient_id}/record"


async def _rows(work: Work, whose: AboutPatient, patient_id: UUID) -> list[RecordLine]:
    clock = whose.clock
    infusions = await queries.list_infusions(work, patient_id, with_errors=True, after=None, limit=_MOST)
    courses = await queries.list_courses(work, patient_id, with_errors=True)
    entered = await forms.list_of_patient(work, patient_id, with_errors=True, after=None, limit=_MOST)
    changed = await circumstances.list_circumstances(work, patient_id, with_errors=True)
    return [
        *(
            RecordLine(
                id=UUID(one.course.id),
                what="courses",
                said=say(
                    "Course from {day}: {name}",
                    day=clock.day(one.course.started_on),
                    name=TEMPLATES[one.course.protocol].name,
                ),
                active=status is RecordStatus.ACTIVE,
                amendable=status is RecordStatus.ACTIVE,
            )
            for one, status in courses
        ),
        *(
            RecordLine(
                id=one.id,
                what="infusions",
                said=f"{INFUSIONS[one.infusion.phase]}, {clock.plain(one.infusion.given_at)}",
                active=status is RecordStatus.ACTIVE,
                amendable=status is RecordStatus.ACTIVE,
            )
            for one, status in infusions
        ),
        *(
            RecordLine(
                id=one.stored.id,
                what="assessments",
                said=f"{SCALE_NAMES.get(one.stored.scale, one.stored.scale)} {one.stored.total:g},"
                f" {clock.plain(one.stored.taken_at)}",
                active=one.status is RecordStatus.ACTIVE,
                amendable=one.status is RecordStatus.ACTIVE and one.stored.entered_by == "clinic",
                voidable=one.stored.entered_by == "clinic",
            )
            for one in entered
        ),
        *(
            RecordLine(
                id=one.stored.id,
                what="circumstances",
                said=f"{said(one)}, {days_said(one, clock)}",
                active=one.status is RecordStatus.ACTIVE,
                amendable=one.status is RecordStatus.ACTIVE,
            )
            for one in changed
        ),
    ]


async def _amended(
    context: AppContext, visitor: StaffVisitor, patient_id: UUID, kind: str, record_id: UUID
) -> AskedForm:
    asks = _kind(kind).ask
    asked = await asks(visitor, await about(context, visitor, patient_id), record_id)
    return replace(asked, path=f"{_path(patient_id)}/{kind}/{record_id}", back=_path(patient_id))


async def _infusion(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await queries.list_infusions(
        visitor.work, whose.patient.id, with_errors=False, after=None, limit=_MOST
    )
    stored = next((one for one, _ in found if one.id == record_id), None)
    if stored is None:
        raise NotFoundError
    infusion, clock = stored.infusion, whose.clock
    doses = {"dose_mg_per_kg": infusion.dose_mg_per_kg, "dose_mg": stored.dose_mg}
    given_at = clock.plain(infusion.given_at)
    return AskedForm(
        title=say("Correct an infusion"),
        whose=whose.reference,
        lead=_LEAD,
        path="",
        back="",
        button=say("Save the correction"),
        fields=(*INFUSION_FIELDS, REASON),
        values={
            "on": calendar_day(infusion.given_at, clock.time_zone).isoformat(),
            "at": clock.time(infusion.given_at),
            "phase": infusion.phase.value,
            "route": infusion.route.value if infusion.route else "",
        }
        | {name: f"{dose:g}" if dose is not None else "" for name, dose in doses.items()},
        version=stored.version,
        present=(
            f"{INFUSIONS[infusion.phase]}, {given_at}.",
            say("Route: {value1}.", value1=ROUTES[infusion.route] if infusion.route else "not stated"),
        ),
    )


async def _assessment(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await forms.list_of_patient(
        visitor.work, whose.patient.id, with_errors=False, after=None, limit=_MOST
    )
    one = next((each for each in found if each.stored.id == record_id), None)
    if one is None or one.stored.entered_by != "clinic":
        raise NotFoundError
    stored, clock = one.stored, whose.clock
    name = SCALE_NAMES.get(stored.scale, stored.scale)
    return AskedForm(
        title=say("Correct {name}", name=name),
        whose=whose.reference,
        lead=say(
            "{LEAD} To change its answers, take the form as entered in error and enter it again.", LEAD=_LEAD
        ),
        path="",
        back="",
        button=say("Save the correction"),
        fields=(
            Field(
                name="on",
                label=say("Day it was completed"),
                kind="date",
                api_names=("taken_at",),
                wrong=say("Please give a day and a time."),
            ),
            Field(name="at", label=say("Time"), kind="time"),
            Field(name="total", label=say("Total"), kind="number", wrong=say("The total is a number.")),
            REASON,
        ),
        values={
            "on": calendar_day(stored.taken_at, clock.time_zone).isoformat(),
            "at": clock.time(stored.taken_at),
            "total": f"{stored.total:g}",
        },
        version=stored.version,
        present=(f"{name} {stored.total:g}, {clock.plain(stored.taken_at)}.",),
    )


async def _course(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await queries.list_courses(visitor.work, whose.patient.id, with_errors=False)
    stored = next((one for one, _ in found if one.course.id == str(record_id)), None)
    if stored is None:
        raise NotFoundError
    course = stored.course
    return AskedForm(
        title=say("Correct a course"),
        whose=whose.reference,
        lead=_LEAD,
        path="",
        back="",
        button=say("Save the correction"),
        fields=(
            Field(
                name="protocol",
                label=say("Template"),
                kind="choice",
                choices=tuple((code, one.name) for code, one in TEMPLATES.items()),
            ),
            Field(
                name="planned_infusions",
                label=say("Planned induction infusions, if known"),
                kind="number",
                wrong=say("A whole number from 1 to 20."),
            ),
            Field(name="started_on", label=say("First day"), kind="date", wrong=say("Please give a day.")),
            REASON,
        ),
        values={
            "protocol": course.protocol,
            "planned_infusions": str(course.planned_infusions or ""),
            "started_on": stored.declared_started_on.isoformat(),
        },
        version=stored.version,
        present=(
            say(
                "Course from {day}: {name}.",
                day=whose.clock.day(course.started_on),
                name=TEMPLATES[course.protocol].name,
            ),
        ),
    )


async def _circumstance(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await circumstances.list_circumstances(visitor.work, whose.patient.id, with_errors=False)
    known = next((one for one in found if one.stored.id == record_id), None)
    if known is None:
        raise NotFoundError
    return AskedForm(
        title=say("Correct what else changed"),
        whose=whose.reference,
        lead=say("The earlier version is kept. {DECIDES_NOTHING}", DECIDES_NOTHING=DECIDES_NOTHING),
        path="",
        back="",
        button=say("Save the correction"),
        fields=(*CIRCUMSTANCE_FIELDS, REASON),
        values=circumstance_values(known),
        version=known.stored.version,
        present=(f"{said(known)}, {days_said(known, whose.clock)}.",),
    )


async def _amend_infusion(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    sent = infusion_in(form, whose.patient.time_zone) | {"reason": form["reason"].strip()}
    body = read_as(InfusionAmendment, sent | {"confirm": confirmed_in(form)})
    version = version_in(form["version"])
    await infusion_corrections.amend_infusion(
        work, whose.patient.id, record_id, body.change(), version=version
    )


async def _amend_assessment(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    taken_at = moment_in(form, whose.patient.time_zone, pointer="#/taken_at")
    sent = {"taken_at": taken_at.isoformat(), "reason": form["reason"].strip()}
    body = read_as(AssessmentAmendment, sent | {"total": number_in(form["total"])})
    version = version_in(form["version"])
    await form_corrections.amend_assessment(
        work, whose.patient.id, record_id, body.changes(), reason=body.reason, version=version
    )


async def _amend_course(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    sent = {
        "protocol": form["protocol"],
        "planned_infusions": whole_in(form["planned_infusions"]),
        "started_on": form["started_on"].strip(),
        "reason": form["reason"].strip(),
    }
    body = read_as(CourseAmendment, sent)
    version = version_in(form["version"])
    await course_corrections.amend_course(
        work, whose.patient.id, record_id, body.changes(), reason=body.reason, version=version
    )


async def _amend_circumstance(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    body = read_as(CircumstanceAmendment, circumstance_in(form) | {"reason": form["reason"].strip()})
    await circumstances.amend_circumstance(
        work,
        whose.patient.id,
        record_id,
        body.changes(),
        reason=body.reason,
        version=version_in(form["version"]),
        confirm=body.confirm,
    )


async def _step(
    context: AppContext, visitor: StaffVisitor, patient_id: UUID, kind: str, record_id: UUID, step: str
) -> AskedForm:
    if step not in {"void", "restore"}:
        raise NotFoundError
    one, is_void = _kind(kind), step == "void"
    whose = await about(context, visitor, patient_id)
    rows = await _rows(visitor.work, whose, patient_id)
    row = next((each for each in rows if (each.what, each.id) == (kind, record_id)), None)
    if row is None or not row.voidable:
        raise NotFoundError
    return AskedForm(
        title=say("Was this {noun} entered in error?", noun=one.noun)
        if is_void
        else say("Let this {noun} count again?", noun=one.noun),
        whose=whose.reference,
        lead=joined((row.said, _follows(one, is_void=is_void)), ". "),
        path=f"{_path(patient_id)}/{kind}/{record_id}/{step}",
        back=_path(patient_id),
        button=say("Mark as entered in error") if is_void else say("Restore"),
        fields=(REASON,),
        serious=is_void,
    )


def _follows(kind: RecordKind, *, is_void: bool) -> str:
    """Say what happens when an entry stops counting, or counts again."""
    if not kind.decides:
        return (
            say("It is kept, marked as entered in error. {DECIDES_NOTHING}", DECIDES_NOTHING=DECIDES_NOTHING)
            if is_void
            else DECIDES_NOTHING
        )
    if is_void:
        return say("It is kept, marked as entered in error, and the patient is re-evaluated without it.")
    return say("The patient is re-evaluated with it.")


_KINDS: Final[Mapping[str, RecordKind]] = {
    "infusions": RecordKind(
        noun=say("infusion"),
        ask=_infusion,
        amend=_amend_infusion,
        void=infusion_corrections.void_infusion,
        restore=infusion_corrections.restore_infusion,
    ),
    "courses": RecordKind(
        noun=say("course"),
        ask=_course,
        amend=_amend_course,
        void=course_corrections.void_course,
        restore=course_corrections.restore_course,
    ),
    "assessments": RecordKind(
        noun=say("form"),
        ask=_assessment,
        amend=_amend_assessment,
        void=form_corrections.void_assessment,
        restore=form_corrections.restore_assessment,
    ),
    "circumstances": RecordKind(
        noun=say("entry"),
        ask=_circumstance,
        amend=_amend_circumstance,
        void=circumstances.void_circumstance,
        restore=circumstances.restore_circumstance,
        decides=False,
    ),
}
