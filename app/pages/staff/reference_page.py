"""Taking other check-in days as the reference, with a reason."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.care.treatment import commands, taking_on
from app.care.treatment.maintenance_schemas import ReferenceEntry
from app.foundation.translations import say
from app.pages.staff.about_patient import MayDecide, about
from app.pages.staff.asked_form import AskedForm, Field, answer_about, show_form
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, read_own_form
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


@router.get("")
async def show_reference_form(patient_id: UUID, visitor: MayDecide) -> Response:
    """Ask for the days."""
    return show_form(visitor, await _asked(visitor, patient_id))


@router.post("")
async def choose_reference(patient_id: UUID, visitor: MayDecide) -> Response:
    """Take the days, by the same rules as through the API."""
    form = await read_own_form(visitor)

    async def act() -> str:
        entry = read_as(ReferenceEntry, {name: form[name].strip() for name in ("from", "to", "reason")})
        await commands.choose_reference(visitor.work, patient_id, entry.chosen())
        return "reference"

    return await answer_about(visitor, patient_id, _asked, form, act)
