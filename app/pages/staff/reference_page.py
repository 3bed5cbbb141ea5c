"""Taking other check-in days as the reference, with a reason."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.treatment import commands, taking_on
from app.care.treatment.maintenance_schemas import ReferenceEntry
from app.foundation.translations import say
from app.pages.staff.about_patient import about
from app.pages.staff.asked_form import AskedForm, Field, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/reference", route_class=CarePageRoute, include_in_schema=False
)


WINDOW_FIELDS: Final = (
    Field(name="from", label=say("First day"), kind="date", wrong=say("Please give a day.")),
    Field(
        name="to",
        label=say("Last day"),
        kind="date",
        hint=say("Before today."),
        wrong=say("Please give a day on or after the first one, and before today."),
    ),
)


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    proposed = await taking_on.proposed_days(visitor.work, patient_id)
    return AskedForm(
        title=say("Choose the reference"),
        whose=whose.reference,
        lead=say(
            "Check-ins are measured against these days. From the last of them on, nothing counts as lost yet."
        ),
        path=f"{whose.path}/reference",
        back=whose.path,
        button=say("Take these days as the reference"),
        values={"from": proposed[0].isoformat(), "to": proposed[1].isoformat()} if proposed else {},
        present=(say("These days are proposed: name others if they were not stable."),) if proposed else (),
        fields=(
            *WINDOW_FIELDS,
            Field(
                name="reason",
                label=say("Why"),
                kind="note",
                hint=say("Kept sealed; the audit log says that it was done and by whom."),
                wrong=say("Please say why, in at most 1000 characters."),
            ),
        ),
    )


@form_page(router, "", Permission.TREATMENT_DECIDE, _asked)
async def choose_reference(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Take the days, by the same rules as through the API."""
    entry = read_as(ReferenceEntry, {name: form[name].strip() for name in ("from", "to", "reason")})
    await commands.choose_reference(visitor.work, patient_id, entry.chosen())
    return "reference"
