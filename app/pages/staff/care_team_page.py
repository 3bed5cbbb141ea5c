"""The care team of a patient: all of the staff, with what each is in it."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.access.staff.members import ACTIVE
from app.care.alerts.queries import names_in
from app.care.patients import care_teams
from app.foundation.translations import say
from app.pages.staff.about_patient import about
from app.pages.staff.asked_form import AskedForm, Field, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor
from app.storage import staff_members
from app.storage.care_teams import Assigned, Duty
from app.web.headers import version_in
from app.web.pages.forms import Form

router = APIRouter(
    prefix="/care/patients/{patient_id}/care-team", route_class=CarePageRoute, include_in_schema=False
)
DUTIES: Final = {
    Duty.FIRST.value: say("First contact"),
    Duty.ON_CALL.value: say("On call"),
    Duty.MEMBER.value: say("In the team"),
}


async def _active(visitor: StaffVisitor) -> list[staff_members.StaffMember]:
    return [one for one in await staff_members.all_of_clinic(visitor.work) if one.state == ACTIVE]


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    team, active = await care_teams.read_care_team(visitor.work, patient_id), await _active(visitor)
    names = await names_in(visitor.work, [one.id for one in active])
    assigned = {one.member_id: one.duty.value for one in team.members}
    said = [
        say("{who}: {duty}.", who=names.get(member, say("Someone")), duty=DUTIES[duty])
        for member, duty in assigned.items()
    ]
    return AskedForm(
        title=say("Care team"),
        whose=whose.reference,
        lead=say(
            "Who is assigned is notified of a safety event first. The clinic's contacts and every "
            "endpoint are"
            " notified at the same moment, in any case."
        ),
        path=f"{whose.path}/care-team",
        back=whose.path,
        button=say("Save"),
        fields=tuple(
            Field(
                name=f"m_{one.id}",
                label=names[one.id],
                kind="choice",
                choices=(("", say("Not assigned")), *DUTIES.items()),
            )
            for one in active
        ),
        values={f"m_{member}": duty for member, duty in assigned.items()},
        version=team.version,
        present=tuple(said) or (say("Nobody is assigned."),),
    )


@form_page(router, "", Permission.PATIENTS_EDIT, _asked)
async def save_care_team(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Assign these and nobody else, unless someone else changed it meanwhile."""
    chosen = {one.id: form[f"m_{one.id}"] for one in await _active(visitor)}
    members = [
        Assigned(member_id=member, duty=Duty(duty)) for member, duty in chosen.items() if duty in DUTIES
    ]
    version = version_in(form["version"])
    await care_teams.write_care_team(visitor.work, patient_id, members, version=version)
    return "care-team"
