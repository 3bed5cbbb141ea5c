"""Taking other check-in days as the reference, with a reason."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.care_pages.about_patient import about, path_of
from app.care_pages.asked_form import AskedForm, Field, answer_form, show_form
from app.care_pages.page_route import CarePageRoute
from app.care_pages.patient_access import MayDecide
from app.care_pages.visitor import StaffVisitor, read_own_form
from app.treatment import chosen_reference
from app.treatment.reading import read_chosen_days
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment

router = APIRouter(
    prefix="/care/patients/{patient_id}/reference", route_class=CarePageRoute, include_in_schema=False
)


async def _asked(equipment: Equipment, visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(equipment, visitor, patient_id)
    return AskedForm(
        title="Choose the reference",
        whose=whose.reference,
        lead="Check-ins are measured against these days. From the last of them on, nothing counts as lost yet.",
        path=f"{whose.path}/reference",
        back=whose.path,
        button="Take these days as the reference",
        fields=(
            Field(name="from", label="First day", kind="date", wrong="Please give a day."),
            Field(
                name="to",
                label="Last day",
                kind="date",
                hint="Before today.",
                wrong="Please give a day on or after the first one, and before today.",
            ),
            Field(
                name="reason",
                label="Why",
                kind="note",
                hint="Kept sealed; the audit trail says that it was done and by whom.",
                wrong="Please say why, in at most 1000 characters.",
            ),
        ),
    )


@router.get("")
async def show_reference_form(patient_id: UUID, equipment: EquipmentNeeded, visitor: MayDecide) -> Response:
    """Ask for the days."""
    return show_form(equipment, visitor, await _asked(equipment, visitor, patient_id))


@router.post("")
async def choose_reference(
    patient_id: UUID, request: Request, equipment: EquipmentNeeded, visitor: MayDecide
) -> Response:
    """Take the days, by the same rules as through the API."""
    form, caller = await read_own_form(request, equipment, visitor), visitor.signed_in

    async def act() -> str:
        chosen = read_chosen_days({name: form[name].strip() for name in ("from", "to", "reason")})
        await chosen_reference.choose_reference(
            equipment, caller.clinic_id, patient_id, chosen, actor=caller.actor
        )
        return "reference"

    return await answer_form(
        equipment,
        visitor,
        lambda: _asked(equipment, visitor, patient_id),
        form,
        act,
        back=path_of(patient_id),
    )
