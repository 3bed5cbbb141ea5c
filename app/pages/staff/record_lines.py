"""What of a patient's record staff entered, a line for each entry that they may correct."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.care.assessments import queries as forms
from app.care.check_ins import queries as reports
from app.care.treatment import circumstances, queries
from app.clinical.course import Course
from app.clinical.long_exposure import scale_name
from app.context import Work
from app.foundation.translations import Words, joined, number_written, say
from app.pages.staff.about_patient import AboutPatient
from app.pages.staff.circumstance_page import days_said, said
from app.pages.staff.patient_words import INFUSIONS, PROTOCOLS, scores_said
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import WallClock
from app.storage import check_ins
from app.storage.check_ins import StoredCheckIn
from app.storage.chosen_references import StoredReference
from app.storage.record_versions import RecordStatus
from app.web.schemas import write_cursor

REPORTS: Final = "check-ins"
MOST: Final = 1000
_MOST_REPORTS: Final = 100


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


def course_said(course: Course, whose: AboutPatient) -> Words:
    """Name a course by its first day and its template."""
    day, name = whose.clock.day(course.started_on), PROTOCOLS[course.protocol]
    return say("Course from {day}: {name}", day=day, name=name)


async def _courses(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await queries.list_courses(work, whose.patient.id, with_errors=True)
    return [
        _line(
            "courses",
            UUID(one.course.id),
            course_said(one.course, whose),
            status,
        )
        for one, status in found
    ]


async def _infusions(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await queries.list_infusions(work, whose.patient.id, with_errors=True, after=None, limit=MOST)
    return [
        _line(
            "infusions",
            one.id,
            joined((INFUSIONS[one.infusion.phase], whose.clock.plain(one.infusion.given_at))),
            status,
        )
        for one, status in found
    ]


async def _forms(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await forms.list_of_patient(work, whose.patient.id, with_errors=True, after=None, limit=MOST)
    return [
        _line(
            "assessments",
            one.stored.id,
            joined(
                (
                    joined((scale_name(one.stored.scale), number_written(one.stored.total)), " "),
                    whose.clock.plain(one.stored.taken_at),
                )
            ),
            one.status,
            own=one.stored.entered_by == "clinic",
        )
        for one in found
    ]


async def _circumstances(work: Work, whose: AboutPatient) -> list[RecordLine]:
    found = await circumstances.list_circumstances(work, whose.patient.id, with_errors=True)
    return [
        _line("circumstances", one.stored.id, joined((said(one), days_said(one, whose.clock))), one.status)
        for one in found
    ]


def days_of(one: StoredReference, clock: WallClock) -> Words:
    """Name the days of a chosen reference."""
    return say("{first} to {last}", first=clock.day(one.from_day), last=clock.day(one.to_day))


async def _references(work: Work, whose: AboutPatient) -> list[RecordLine]:
    clock = whose.clock
    found = await queries.list_references(work, whose.patient.id, with_errors=True)
    return [
        _line(
            "references",
            one.id,
            joined((say("Reference chosen {at}", at=clock.plain(one.set_at)), days_of(one, clock)), ": "),
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
    answers = joined(scores_said(report))
    at = whose.clock.plain(report.recorded_at)
    return RecordLine(
        id=UUID(report.id),
        what=REPORTS,
        said=say("Imported check-in, {at}: {answers}", at=at, answers=answers),
        active=stored.withdrawn_at is None,
        amendable=stored.withdrawn_at is None,
        restorable=stored.entered_in_error,
    )
