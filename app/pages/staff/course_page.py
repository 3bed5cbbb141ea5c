"""A course of treatment: entering one, its review, a benefit that was seen, its end."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.treatment import course_corrections, protocol_templates, queries
from app.care.treatment.course_schemas import CourseChange, CourseEntry
from app.clinical.course import TEMPLATES
from app.foundation.translations import say
from app.pages.staff.about_patient import about, whole_in
from app.pages.staff.asked_form import AskedForm, Choices, Field, confirmed_in, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import PHASES, PROTOCOLS
from app.pages.staff.visitor import StaffVisitor
from app.storage.protocol_templates import OwnTemplate
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/course", route_class=CarePageRoute, include_in_schema=False
)
_WRONG_DAY: Final = say("Please give a day, such as 2026-11-24, or leave it empty.")
_PLANNED: Final = Field(
    name="planned_infusions",
    label=say("Planned induction infusions, if known"),
    kind="number",
    wrong=say("A whole number from 1 to 20."),
)
_DAYS: Final = {
    "induction_ended_on": (
        say("Induction ended on"),
        say("If it ended before the planned infusions were given."),
    ),
    "reviewed_on": (say("Induction was reviewed on"), ""),
    "benefit_recorded_on": (
        say("A benefit was seen on"),
        say("One that a clinician saw and the scales did not show."),
    ),
    "ended_on": (say("Course ended on"), say("As planned, or because it is no longer needed.")),
    "stopped_on": (say("Course stopped on"), say("Before its time.")),
}


def template_choices(own: Sequence[OwnTemplate]) -> Choices:
    """Offer the clinic's own templates, and the protocols."""
    described = {
        str(one.id): say(
            "{name} ({infusions} every {interval_days} days)",
            name=one.name,
            infusions=one.infusions,
            interval_days=one.interval_days,
        )
        for one in own
    }
    return (*described.items(), *PROTOCOLS.items())


def template_in(form: Form) -> dict[str, str]:
    """Read which of them was chosen, as the API has it."""
    return {"protocol" if form["protocol"] in TEMPLATES else "template_id": form["protocol"]}


def course_in(form: Form) -> CourseEntry:
    """Read a planned course, as the API reads its body."""
    sent: dict[str, object] = {
        "planned_infusions": whole_in(form["planned_infusions"]),
        "started_on": form["started_on"].strip(),
        "confirm": confirmed_in(form),
    }
    return read_as(CourseEntry, {**template_in(form), **sent})


async def _new(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    own = await protocol_templates.list_templates(visitor.work)
    return AskedForm(
        title=say("Enter a course"),
        whose=whose.reference,
        lead=say("A later series is a separate course."),
        path=f"{whose.path}/course/new",
        back=whose.path,
        button=say("Enter the course"),
        fields=(
            Field(
                name="protocol",
                label=say("Template"),
                kind="choice",
                hint=say("With one of the clinic's own, its infusions are planned at once."),
                choices=template_choices(own),
                api_names=("protocol", "template_id"),
            ),
            _PLANNED,
            Field(name="started_on", label=say("First day"), kind="date", wrong=say("Please give a day.")),
        ),
        values={
            "protocol": str(own[0].id) if own else next(iter(TEMPLATES)),
            "started_on": whose.clock.wall_date.isoformat(),
        },
    )


async def _change(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    view = await queries.read_course(visitor.work, patient_id)
    course, benefit = view.stored.course, view.stored.benefit
    days = {name: getattr(course, name, None) for name in _DAYS} | {
        "benefit_recorded_on": benefit.recorded_on if benefit else None
    }
    planned = course.planned_infusions
    return AskedForm(
        title=say("Change the course"),
        whose=whose.reference,
        lead=say("Leave a day empty to remove it."),
        path=f"{whose.path}/course",
        back=whose.path,
        button=say("Save"),
        fields=(
            _PLANNED,
            *(
                Field(name=name, label=label, kind="date", hint=hint, wrong=_WRONG_DAY)
                for name, (label, hint) in _DAYS.items()
            ),
        ),
        values={name: day.isoformat() if day else "" for name, day in days.items()}
        | {"planned_infusions": str(planned or "")},
        version=view.stored.version,
        present=(
            say(
                "Phase: {value1}. Planned infusions: {value2}.",
                value1=PHASES[view.phase],
                value2=planned or say("not stated"),
            ),
            *(
                say("{what} {day}.", what=_DAYS[name][0], day=whose.clock.day(day))
                for name, day in days.items()
                if day
            ),
        ),
    )


@form_page(router, "/new", Permission.TREATMENT_RECORD, _new)
async def enter_course(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Enter a course."""
    entry = course_in(form)
    await protocol_templates.enter(visitor.work, patient_id, entry.planned(), entry.template_id)
    return "course"


@form_page(router, "", Permission.TREATMENT_RECORD, _change)
async def change_course(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Change the present course, unless someone else changed it."""
    change = read_as(
        CourseChange,
        {name: form[name].strip() or None for name in _DAYS}
        | {"planned_infusions": whole_in(form["planned_infusions"])},
    )
    version = version_in(form["version"])
    await course_corrections.change_course(visitor.work, patient_id, change.changes(), version=version)
    return "course-changed"
