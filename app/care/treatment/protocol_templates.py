"""A clinic's own protocol templates, and starting a course with one: its series is planned at once."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.care.patients.queries import existing
from app.care.treatment.course_entry import EnteredCourse, PlannedCourse, enter_course
from app.care.treatment.taking_on import TakenOn, take_on
from app.clinical.check_ins import calendar_day
from app.clinical.course import OWN_PROTOCOL
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import appointments, protocol_templates
from app.storage.appointments import MOST_PLANNED, Appointment, AppointmentKind
from app.storage.protocol_templates import OwnTemplate
from app.web.headers import ChangedMeanwhileError


class TemplateNotFoundError(RefusalError):
    """This clinic has no such protocol template, or starts no course with it any more."""

    code = "template-not-found"


class TemplateNameTakenError(RefusalError):
    """Another protocol template of this clinic has this name."""

    kind = RefusalKind.CONFLICT
    code = "template-name-taken"


async def list_templates(work: Work, *, with_retired: bool = False) -> list[OwnTemplate]:
    """List the clinic's templates, by name."""
    found = await protocol_templates.all_of_clinic(work)
    return [one for one in found if with_retired or not one.retired]


async def read_template(work: Work, template_id: UUID) -> OwnTemplate:
    """Give a template as it is now.

    Raises:
        NotFoundError: the clinic has no such template.
    """
    found = await protocol_templates.find(work, template_id)
    if found is None:
        raise NotFoundError
    return found


async def add_template(work: Work, values: Mapping[str, Any]) -> OwnTemplate:
    """Keep a new template.

    Raises:
        TemplateNameTakenError: another one has its name.
    """
    template = OwnTemplate(id=new_id(), version=1, **values)
    await _refuse_taken(work, template)
    await protocol_templates.add(work, template)
    work.audit("protocol_template.added", "protocol_template", template.id)
    return template


async def change_template(
    work: Work, template_id: UUID, changes: Mapping[str, Any], *, version: int
) -> OwnTemplate:
    """Keep the next version of a template; courses that were started with an earlier one keep that.

    Raises:
        NotFoundError: the clinic has no such template.
        ChangedMeanwhileError: the version is not the current one.
        TemplateNameTakenError: another one has its name.
    """
    before = await read_template(work, template_id)
    changed = replace(before, version=before.version + 1, **changes)
    await _refuse_taken(work, changed)
    if before.version != version or not await protocol_templates.add(work, changed):
        raise ChangedMeanwhileError("header/if-match")
    work.audit("protocol_template.changed", "protocol_template", template_id)
    return changed


async def enter(
    work: Work, patient_id: UUID, course: PlannedCourse | TakenOn, template_id: UUID | None
) -> EnteredCourse:
    """Enter a course, or take a patient on in maintenance, perhaps by a template of the clinic's own.

    Of a planned series, the infusions that lie ahead are planned by the template.

    Raises:
        TemplateNotFoundError: there is no such template; and all that entering and taking on raise.
    """
    template = None if template_id is None else await _in_use(work, template_id)
    if isinstance(course, TakenOn):
        if template is not None:
            course = replace(course, protocol=OWN_PROTOCOL, template=template)
        return await take_on(work, patient_id, course)
    if template is None:
        return await enter_course(work, patient_id, course)
    count = course.planned_infusions or template.infusions
    wanted = replace(course, protocol=OWN_PROTOCOL, planned_infusions=count, template=template)
    entered = await enter_course(work, patient_id, wanted)
    if entered.created:
        await _plan_series(work, patient_id, wanted, template)
    return entered


async def _in_use(work: Work, template_id: UUID) -> OwnTemplate:
    template = await protocol_templates.find(work, template_id)
    if template is None or template.retired:
        raise TemplateNotFoundError("#/template_id")
    return template


async def _plan_series(work: Work, patient_id: UUID, planned: PlannedCourse, template: OwnTemplate) -> None:
    patient = await existing(work, patient_id)
    today = calendar_day(work.now, patient.time_zone)
    there = await appointments.planned_of_patient(work, patient_id)
    taken = {one.on for one in there if one.kind is AppointmentKind.INDUCTION}
    days = [
        planned.started_on + timedelta(days=number * template.interval_days)
        for number in range(planned.planned_infusions or 0)
    ]
    ahead = [day for day in days if day >= today and day not in taken]
    for day in ahead[: MOST_PLANNED - len(there)]:
        made = Appointment(
            id=new_id(),
            patient_id=patient_id,
            kind=AppointmentKind.INDUCTION,
            on=day,
            dose_mg_per_kg=template.dose_mg_per_kg,
            dose_mg=template.dose_mg,
            route=template.route.value if template.route else None,
            made_at=work.now,
        )
        await appointments.add(work, made)
        work.audit("appointment.planned", "appointment", made.id, patient_id=patient_id)


async def _refuse_taken(work: Work, template: OwnTemplate) -> None:
    others = await protocol_templates.all_of_clinic(work)
    name = template.name.casefold()
    if any(one.name.casefold() == name and one.id != template.id and not one.retired for one in others):
        raise TemplateNameTakenError("#/name")
