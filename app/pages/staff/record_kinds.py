"""The kinds of entries that staff correct: how each is listed, asked about, amended, voided and restored."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.care.assessments import corrections as form_corrections
from app.care.assessments import queries as forms
from app.care.assessments.schemas import AssessmentAmendment
from app.care.check_ins import corrections as report_corrections
from app.care.check_ins import queries as reports
from app.care.check_ins.schemas import CheckInAmendment
from app.care.treatment import circumstances, course_corrections, infusion_corrections, queries
from app.care.treatment.circumstance_schemas import CircumstanceAmendment
from app.care.treatment.course_schemas import CourseAmendment
from app.care.treatment.infusion_schemas import InfusionAmendment
from app.care.treatment.maintenance_schemas import ReferenceAmendment
from app.clinical.check_ins import calendar_day
from app.clinical.domains import DOMAINS, REPORTED_NUMBERS
from app.clinical.long_exposure import scale_name
from app.context import Work
from app.foundation.errors import NotFoundError
from app.foundation.translations import say
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
from app.pages.staff.patient_words import INFUSIONS, PROTOCOLS
from app.pages.staff.record_lines import MOST, REPORTS, course_said, days_of, line_of
from app.pages.staff.reference_page import WINDOW_FIELDS
from app.pages.staff.visitor import StaffVisitor
from app.storage import check_ins
from app.storage.check_ins import StoredCheckIn
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

REASON: Final = Field(
    name="reason",
    label=say("Why"),
    kind="note",
    hint=say("Kept sealed; the audit log says that it was corrected and by whom."),
    wrong=say("Please say why, in at most 1000 characters."),
)
_ANSWERS: Final = tuple(REPORTED_NUMBERS)
_REPORT_FIELDS: Final = (
    Field(
        name="on",
        label=say("Day"),
        kind="date",
        hint=say("By the patient's clock."),
        api_names=("recorded_at",),
        wrong=say("Please give a day and a time."),
    ),
    Field(name="at", label=say("Time"), kind="time"),
    *(
        Field(name=domain, label=label, kind="number", wrong=say("A number from 0 to 10."))
        for domain, label in zip(
            DOMAINS,
            (say("Mood, 0 to 10"), say("Energy, 0 to 10"), say("Sleep quality, 0 to 10")),
            strict=True,
        )
    ),
    Field(
        name="sleep_hours",
        label=say("Hours of sleep"),
        kind="number",
        wrong=say("A number of hours from 0 to 24."),
    ),
)
_LEAD: Final = say(
    "The earlier version is kept. The patient is re-evaluated as if this had been entered rightly at once."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """What can be corrected in one way.

    Attributes:
        noun: what one entry is called.
        void: takes one as entered in error.
        restore: lets one count again.
        ask: makes the form that amends one.
        amend: amends one as the form says.
        permission: what one needs to correct it.
        decides: whether it counts in the evaluation; what does not is only shown beside it.
    """

    noun: str
    void: Callable[..., Awaitable[object]]
    restore: Callable[..., Awaitable[object]]
    ask: Callable[[StaffVisitor, AboutPatient, UUID], Awaitable[AskedForm]]
    amend: Callable[[Work, AboutPatient, UUID, Form], Awaitable[object]]
    permission: Permission = Permission.TREATMENT_RECORD
    decides: bool = True


def _correction(
    title: str,
    whose: AboutPatient,
    *,
    fields: Sequence[Field],
    values: Mapping[str, str],
    version: int,
    present: Sequence[str],
    lead: str = _LEAD,
) -> AskedForm:
    return AskedForm(
        title=title,
        whose=whose.reference,
        lead=lead,
        path="",
        back="",
        button=say("Save the correction"),
        fields=(*fields, REASON),
        values=values,
        version=version,
        present=present,
    )


async def _infusion(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await queries.list_infusions(
        visitor.work, whose.patient.id, with_errors=False, after=None, limit=MOST
    )
    stored = next((one for one, _ in found if one.id == record_id), None)
    if stored is None:
        raise NotFoundError
    infusion, clock = stored.infusion, whose.clock
    doses = {"dose_mg_per_kg": infusion.dose_mg_per_kg, "dose_mg": stored.dose_mg}
    given_at = clock.plain(infusion.given_at)
    return _correction(
        say("Correct an infusion"),
        whose,
        fields=INFUSION_FIELDS,
        values={
            "on": calendar_day(infusion.given_at, clock.time_zone).isoformat(),
            "at": clock.time(infusion.given_at),
            "phase": infusion.phase.value,
            "route": infusion.route.value if infusion.route else "",
        }
        | {name: f"{dose:g}" if dose is not None else "" for name, dose in doses.items()},
        version=stored.version,
        present=(
            say("{what}, {day}.", what=INFUSIONS[infusion.phase], day=given_at),
            say("Route: {value1}.", value1=ROUTES[infusion.route] if infusion.route else say("not stated")),
        ),
    )


async def _assessment(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await forms.list_of_patient(
        visitor.work, whose.patient.id, with_errors=False, after=None, limit=MOST
    )
    one = next((each for each in found if each.stored.id == record_id), None)
    if one is None or one.stored.entered_by != "clinic":
        raise NotFoundError
    stored, clock = one.stored, whose.clock
    name = scale_name(stored.scale)
    return _correction(
        say("Correct {name}", name=name),
        whose,
        lead=say(
            "{LEAD} To change its answers, take the form as entered in error and enter it again.", LEAD=_LEAD
        ),
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
        ),
        values={
            "on": calendar_day(stored.taken_at, clock.time_zone).isoformat(),
            "at": clock.time(stored.taken_at),
            "total": f"{stored.total:g}",
        },
        version=stored.version,
        present=(
            say("{name} {total:g}, {at}.", name=name, total=stored.total, at=clock.plain(stored.taken_at)),
        ),
    )


async def _course(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await queries.list_courses(visitor.work, whose.patient.id, with_errors=False)
    stored = next((one for one, _ in found if one.course.id == str(record_id)), None)
    if stored is None:
        raise NotFoundError
    course = stored.course
    return _correction(
        say("Correct a course"),
        whose,
        fields=(
            Field(
                name="protocol",
                label=say("Template"),
                kind="choice",
                choices=tuple(PROTOCOLS.items()),
            ),
            Field(
                name="planned_infusions",
                label=say("Planned induction infusions, if known"),
                kind="number",
                wrong=say("A whole number from 1 to 20."),
            ),
            Field(name="started_on", label=say("First day"), kind="date", wrong=say("Please give a day.")),
        ),
        values={
            "protocol": course.protocol,
            "planned_infusions": str(course.planned_infusions or ""),
            "started_on": stored.declared_started_on.isoformat(),
        },
        version=stored.version,
        present=(course_said(course, whose),),
    )


async def _reference(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await queries.list_references(visitor.work, whose.patient.id, with_errors=False)
    stored = next((one for one, _ in found if one.id == record_id), None)
    if stored is None:
        raise NotFoundError
    clock = whose.clock
    return _correction(
        say("Correct a chosen reference"),
        whose,
        fields=WINDOW_FIELDS,
        values={"from": stored.from_day.isoformat(), "to": stored.to_day.isoformat()},
        version=stored.version,
        present=(days_of(stored, clock),),
    )


async def _circumstance(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    found = await circumstances.list_circumstances(visitor.work, whose.patient.id, with_errors=False)
    known = next((one for one in found if one.stored.id == record_id), None)
    if known is None:
        raise NotFoundError
    return _correction(
        say("Correct what else changed"),
        whose,
        lead=say("The earlier version is kept. {DECIDES_NOTHING}", DECIDES_NOTHING=DECIDES_NOTHING),
        fields=CIRCUMSTANCE_FIELDS,
        values=circumstance_values(known),
        version=known.stored.version,
        present=(say("{what}, {day}.", what=said(known), day=days_said(known, whose.clock)),),
    )


async def _report(visitor: StaffVisitor, whose: AboutPatient, record_id: UUID) -> AskedForm:
    stored = await check_ins.find(visitor.work, whose.patient.id, record_id)
    line = await line_of(visitor, whose, REPORTS, record_id)
    if stored is None or line is None or not line.amendable:
        raise NotFoundError
    report = stored.check_in
    answers = {name: getattr(report, name) for name in _ANSWERS}
    return _correction(
        say("Correct an imported check-in"),
        whose,
        fields=_REPORT_FIELDS,
        values=_report_time(stored, whose)
        | {name: "" if value is None else f"{value:g}" for name, value in answers.items()},
        version=await reports.version_of(visitor.work, stored),
        present=(line.said,),
    )


def _report_time(stored: StoredCheckIn, whose: AboutPatient) -> dict[str, str]:
    at, clock = stored.check_in.recorded_at, whose.clock
    return {"on": calendar_day(at, clock.time_zone).isoformat(), "at": clock.time(at)}


async def _carry_out(
    amend: Callable[..., Awaitable[object]],
    work: Work,
    whose: AboutPatient,
    record_id: UUID,
    form: Form,
    body: CheckInAmendment | AssessmentAmendment | CourseAmendment | CircumstanceAmendment,
) -> None:
    """Have a form's amendment made by the command of its kind, to the version that the page showed."""
    await amend(
        work,
        whose.patient.id,
        record_id,
        body.changes(),
        reason=body.reason,
        version=version_in(form["version"]),
        confirm=body.confirm,
    )


async def _amend_report(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    sent: dict[str, object] = {name: number_in(form[name]) for name in _ANSWERS}
    stored = await reports.current_check_in(work, whose.patient.id, record_id)
    typed = {name: form[name].strip() for name in ("on", "at")}
    # The form knows no seconds: what was not touched stays to the second.
    if stored is None or typed != _report_time(stored, whose):
        moment = moment_in(form, whose.patient.time_zone, pointer="#/recorded_at")
        sent["recorded_at"] = moment.isoformat()
    sent |= {"reason": form["reason"].strip(), "confirm": confirmed_in(form)}
    body = read_as(CheckInAmendment, sent)
    await _carry_out(report_corrections.amend_check_in, work, whose, record_id, form, body)


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
    await _carry_out(form_corrections.amend_assessment, work, whose, record_id, form, body)


async def _amend_course(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    sent = {
        "protocol": form["protocol"],
        "planned_infusions": whole_in(form["planned_infusions"]),
        "started_on": form["started_on"].strip(),
        "reason": form["reason"].strip(),
        "confirm": confirmed_in(form),
    }
    body = read_as(CourseAmendment, sent)
    await _carry_out(course_corrections.amend_course, work, whose, record_id, form, body)


async def _amend_circumstance(work: Work, whose: AboutPatient, record_id: UUID, form: Form) -> None:
    body = read_as(CircumstanceAmendment, circumstance_in(form) | {"reason": form["reason"].strip()})
    await _carry_out(circumstances.amend_circumstance, work, whose, record_id, form, body)


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
        ask=_report,
        amend=_amend_report,
        void=report_corrections.void_check_in,
        restore=report_corrections.restore_check_in,
        permission=Permission.CHECK_INS_IMPORT,
    ),
}
