"""The kinds of entries that staff correct: how each is listed, asked about, amended, voided and restored."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.care.assessments import corrections as form_corrections
from app.care.assessments import queries as forms
from app.care.assessments.schemas import AssessmentAmendment
from app.care.check_ins import corrections as report_corrections
from app.care.check_ins import queries as reports
from app.care.treatment import circumstances, course_corrections, infusion_corrections, queries
from app.care.treatment.circumstance_schemas import CircumstanceAmendment
from app.care.treatment.course_schemas import CourseAmendment
from app.care.treatment.infusion_schemas import InfusionAmendment
from app.care.treatment.maintenance_schemas import ReferenceAmendment
from app.clinical.check_ins import calendar_day
from app.clinical.course import TEMPLATES, Course
from app.clinical.domains import DOMAINS, LABELS
from app.clinical.english_formats import SCALE_NAMES
from app.context import Work
from app.foundation.errors import NotFoundError
from app.foundation.translations import Words, joined, say
from app.pages.staff.about_patient import AboutPatient, moment_in, number_in, whole_in
from app.pages.staff.asked_form import AskedForm, Field, confirmed_in
from app.pages.staff.circumstance_page import (
    CIRCUMSTANCE_FIELDS,
    DECIDES_NOTHING,
    circumstance_in,
    circumstance_values,
    days_said,
    said,
)
from app.pages.staff.infusion_page import INFUSION_FIELDS, ROUTES, infusion_in
from app.pages.staff.patient_words import INFUSIONS
from app.pages.staff.reference_page import WINDOW_FIELDS
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import WallClock
from app.storage import check_ins
from app.storage.check_ins import StoredCheckIn
from app.storage.chosen_references import StoredReference
from app.storage.record_versions import RecordStatus
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as
from app.web.schemas import write_cursor

REPORTS: Final = "check-ins"
_MOST: Final = 1000
_MOST_REPORTS: Final = 100
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
    restorable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """What can be corrected in one way.

    Attributes:
        noun: what one entry is called.
        void: takes one as entered in error.
        restore: lets one count again.
        ask: makes the form that amends one; None: it is only taken as entered in error.
        amend: amends one as the form says.
        permission: what one needs to correct it.
        decides: whether it counts in the evaluation; what does not is only shown beside it.
    """

    noun: str
    void: Callable[..., Awaitable[object]]
    restore: Callable[..., Awaitable[object]]
    ask: Callable[[StaffVisitor, AboutPatient, UUID], Awaitable[AskedForm]] | None = None
    amend: Callable[[Work, AboutPatient, UUID, Form], Awaitable[object]] | None = None
    permission: Permission = Permission.TREATMENT_RECORD
    decides: bool = True


async def lines_of(visitor: StaffVisitor, whose: AboutPatient) -> list[RecordLine]:
    """List what staff entered and this visitor may correct, but for imported check-ins, which are many."""
    work = visitor.work
    return [
        *await _courses(work, whose),
        *await _infusions(work, whose),
        *await _forms(work, whose),
        *await _circumstances(work, whose),
        *(await _references(work, whose) if visitor.may(Permission.TREATMENT_DECIDE) else ()),
    ]


def _line(what: str, record_id: UUID, said: str, status: RecordStatus, *, own: bool = True) -> RecordLine:
    """``own``: whether staff entered it."""
    active = status is RecordStatus.ACTIVE
    return RecordLine(
        id=record_id, what=what, said=said, active=active, amendable=active and own, voidable=own
    )


def _course_said(course: Course, whose: AboutPatient) -> Words:
    day, name = whose.clock.day(course.started_on), TEMPLATES[course.protocol].name
    return say("Course from {day}: {name}", day=day, name=name)


async def _courses(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await queries.list_courses(work, whose.patient.id, with_errors=True)
    return [
        _line(
            "courses",
            UUID(one.course.id),
            _course_said(one.course, whose),
            status,
        )
        for one, status in found
    ]


async def _infusions(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await queries.list_infusions(work, whose.patient.id, with_errors=True, after=None, limit=_MOST)
    return [
        _line(
            "infusions",
            one.id,
            f"{INFUSIONS[one.infusion.phase]}, {whose.clock.plain(one.infusion.given_at)}",
            status,
        )
        for one, status in found
    ]


async def _forms(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await forms.list_of_patient(work, whose.patient.id, with_errors=True, after=None, limit=_MOST)
    return [
        _line(
            "assessments",
            one.stored.id,
            f"{SCALE_NAMES.get(one.stored.scale, one.stored.scale)} {one.stored.total:g},"
            f" {whose.clock.plain(one.stored.taken_at)}",
            one.status,
            own=one.stored.entered_by == "clinic",
        )
        for one in found
    ]


async def _circumstances(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await circumstances.list_circumstances(work, whose.patient.id, with_errors=True)
    return [
        _line("circumstances", one.stored.id, f"{said(one)}, {days_said(one, whose.clock)}", one.status)
        for one in found
    ]


def _days_of(one: StoredReference, clock: WallClock) -> Words:
    return say("{first} to {last}", first=clock.day(one.from_day), last=clock.day(one.to_day))


async def _references(work: Work, whose: AboutPatient) -> list[RecordLine]:
    clock = whose.clock
    found = await queries.list_references(work, whose.patient.id, with_errors=True)
    return [
        _line(
            "references",
            one.id,
            joined((say("Reference chosen {at}", at=clock.plain(one.set_at)), _days_of(one, clock)), ": "),
            status,
        )
        for one, status in found
    ]


async def imported_lines(
    visitor: StaffVisitor, whose: AboutPatient, *, after: tuple[datetime, UUID] | None
) -> tuple[list[RecordLine], str]:
    """List a page of the imported check-ins, the latest first, and where the next one begins, if there is one."""
    found = await reports.list_of_patient(
        visitor.work, whose.patient.id, after=after, limit=_MOST_REPORTS, with_errors=True
    )
    last = found[-1][0].check_in if len(found) == _MOST_REPORTS else None
    lines = [_report_line(one, whose) for one, _ in found if one.input_mode == "import"]
    return lines, write_cursor(f"{last.recorded_at.isoformat()} {last.id}") if last else ""


async def line_of(
    visitor: StaffVisitor, whose: AboutPatient, kind: str, record_id: UUID
) -> RecordLine | None:
    """Find one entry that may be taken as entered in error, or restored."""
    if kind == REPORTS:
        stored = await check_ins.find(visitor.work, whose.patient.id, record_id)
        is_imported = stored is not None and stored.input_mode == "import" and stored.superseded_by is None
        return _report_line(stored, whose) if stored is not None and is_imported else None
    lines = await lines_of(visitor, whose)
    return next((one for one in lines if (one.what, one.id) == (kind, record_id) and one.voidable), None)


def _report_line(stored: StoredCheckIn, whose: AboutPatient) -> RecordLine:
    report = stored.check_in
    values = (report.mood, report.energy, report.sleep_quality)
    answers = joined(
        f"{LABELS[domain].lower()} {value:g}"
        for domain, value in zip(DOMAINS, values, strict=True)
        if value is not None
    )
    at = whose.clock.plain(report.recorded_at)
    return RecordLine(
        id=UUID(report.id),
        what=REPORTS,
        said=say("Imported check-in, {at}: {answers}", at=at, answers=answers),
        active=stored.withdrawn_at is None,
        amendable=False,
        restorable=stored.entered_in_error,
    )


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
            say("Route: {value1}.", value1=ROUTES[infusion.route] if infusion.route else say("not stated")),
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
        present=(_course_said(course, whose),),
    )


async def _reference(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await queries.list_references(visitor.work, whose.patient.id, with_errors=False)
    stored = next((one for one, _ in found if one.id == record_id), None)
    if stored is None:
        raise NotFoundError
    clock = whose.clock
    return AskedForm(
        title=say("Correct a chosen reference"),
        whose=whose.reference,
        lead=_LEAD,
        path="",
        back="",
        button=say("Save the correction"),
        fields=(*WINDOW_FIELDS, REASON),
        values={"from": stored.from_day.isoformat(), "to": stored.to_day.isoformat()},
        version=stored.version,
        present=(_days_of(stored, clock),),
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
    sent: dict[str, object] = {"taken_at": taken_at.isoformat(), "reason": form["reason"].strip()}
    sent |= {"total": number_in(form["total"]), "confirm": confirmed_in(form)}
    body = read_as(AssessmentAmendment, sent)
    version = version_in(form["version"])
    await form_corrections.amend_assessment(
        work,
        whose.patient.id,
        record_id,
        body.changes(),
        reason=body.reason,
        version=version,
        confirm=body.confirm,
    )


async def _amend_course(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    sent = {
        "protocol": form["protocol"],
        "planned_infusions": whole_in(form["planned_infusions"]),
        "started_on": form["started_on"].strip(),
        "reason": form["reason"].strip(),
        "confirm": confirmed_in(form),
    }
    body = read_as(CourseAmendment, sent)
    version = version_in(form["version"])
    await course_corrections.amend_course(
        work,
        whose.patient.id,
        record_id,
        body.changes(),
        reason=body.reason,
        version=version,
        confirm=body.confirm,
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


async def _amend_reference(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    sent = {name: form[name].strip() for name in ("from", "to", "reason")}
    body, version = read_as(ReferenceAmendment, sent), version_in(form["version"])
    await course_corrections.amend_reference(
        work, whose.patient.id, record_id, body.changes(), reason=body.reason, version=version
    )


KINDS: Final[Mapping[str, RecordKind]] = {
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
    "references": RecordKind(
        noun=say("reference"),
        ask=_reference,
        amend=_amend_reference,
        void=course_corrections.void_reference,
        restore=course_corrections.restore_reference,
        permission=Permission.TREATMENT_DECIDE,
    ),
    REPORTS: RecordKind(
        noun=say("check-in"),
        void=report_corrections.void_check_in,
        restore=report_corrections.restore_check_in,
        permission=Permission.CHECK_INS_IMPORT,
    ),
}
