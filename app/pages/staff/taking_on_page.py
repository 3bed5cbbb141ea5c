"""Taking a patient on who joins in maintenance: the day, the infusions that are known, and a stable period."""

import re
from dataclasses import replace
from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.treatment import protocol_templates
from app.care.treatment.course_schemas import CourseEntry
from app.clinical.course import TEMPLATES, DatePrecision
from app.foundation.translations import say
from app.pages.staff.about_patient import about, whole_in
from app.pages.staff.asked_form import AskedForm, Field, confirmed_in, form_page
from app.pages.staff.course_page import template_choices, template_in
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/course/taken-on", route_class=CarePageRoute, include_in_schema=False
)
_BETWEEN: Final = re.compile(r"[\s,;]+")
_PRECISION: Final = (
    (DatePrecision.DAY.value, say("To the day")),
    (DatePrecision.MONTH.value, say("To the month")),
    (DatePrecision.UNKNOWN.value, say("Not known")),
)
_FIELDS: Final = (
    Field(
        name="protocol",
        label=say("Template"),
        kind="choice",
        api_names=("protocol", "template_id"),
    ),
    Field(name="on", label=say("Taken on"), kind="date", wrong=say("Please give the day, today or before.")),
    Field(
        name="infusions",
        label=say("Infusions whose day is known (optional)"),
        kind="note",
        hint=say("Days such as 2026-08-03, one a line."),
        wrong=say("Please give days such as 2026-08-03, none after the day of taking on."),
    ),
    Field(
        name="count",
        label=say("Other infusions before, about (optional)"),
        kind="number",
        wrong=say("Please give a whole number from 1 to 1000, and how well the last day is known."),
        api_names=("earlier",),
    ),
    Field(
        name="last_on",
        label=say("The last of these (optional)"),
        kind="date",
        wrong=say("Please give a day."),
    ),
    Field(name="precision", label=say("How well that day is known"), kind="radios", choices=_PRECISION),
    Field(
        name="from",
        label=say("Stable period: first day (optional)"),
        kind="date",
        hint=say(
            "At least 10 days with check-ins on 7. Left empty, a period is proposed after 14 days "
            "of check-ins."
        ),
        wrong=say("Please give both days, and why."),
        api_names=("reference",),
    ),
    Field(
        name="to",
        label=say("Stable period: last day (optional)"),
        kind="date",
        wrong=say("Please give a day."),
    ),
    Field(name="reason", label=say("Why this period (optional)"), kind="note"),
)


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    own = await protocol_templates.list_templates(visitor.work)
    template, *others = _FIELDS
    return AskedForm(
        title=say("Take on in maintenance"),
        whose=whose.reference,
        within="taken_on/",
        lead=say(
            "For a patient whose induction was elsewhere or long ago. Infusions from now on count "
            "as boosters."
        ),
        path=f"{whose.path}/course/taken-on",
        back=whose.path,
        button=say("Take on"),
        fields=(replace(template, choices=template_choices(own)), *others),
        values={
            "protocol": str(own[0].id) if own else next(iter(TEMPLATES)),
            "on": whose.clock.wall_date.isoformat(),
            "precision": DatePrecision.UNKNOWN.value,
        },
    )


def _entry(form: Form) -> CourseEntry:
    """Read the form as the API reads its body; what is left empty is not sent."""
    said = {name: form[name].strip() or None for name in ("on", "last_on", "from", "to", "reason")}
    days = [one for one in _BETWEEN.split(form["infusions"]) if one]
    earlier = {"count": whole_in(form["count"]), "last_on": said["last_on"], "precision": form["precision"]}
    reference = {name: said[name] for name in ("from", "to", "reason")}
    return read_as(
        CourseEntry,
        {
            **template_in(form),
            "taken_on": {
                "on": said["on"],
                "infusions": [{"given_on": one} for one in days],
                "earlier": earlier if earlier["count"] or said["last_on"] else None,
                "reference": reference if any(reference.values()) else None,
                "confirm": confirmed_in(form),
            },
        },
    )


@form_page(router, "", Permission.TREATMENT_DECIDE, _asked)
async def take_on(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Take the patient on, by the same rules as through the API."""
    entry = _entry(form)
    joining = entry.joining()
    if joining is not None:
        await protocol_templates.enter(visitor.work, patient_id, joining, entry.template_id)
    return "taken-on"
