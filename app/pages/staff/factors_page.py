"""Keeping a patient's profile and open cautions."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.treatment import commands, queries
from app.care.treatment.maintenance_schemas import FactorsEntry
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import about
from app.pages.staff.asked_form import AskedForm, Field, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import CAUTIONS, PROFILES
from app.pages.staff.visitor import StaffVisitor
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/factors", route_class=CarePageRoute, include_in_schema=False
)
_NO_PROFILE: Final = say("Nobody has said yet")


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    found = await queries.read_factors(visitor.work, patient_id)
    named = joined(CAUTIONS[one] for one in found.cautions) or say("none")
    return AskedForm(
        title=say("Profile and cautions"),
        whose=whose.reference,
        lead=say("They are shown with every decision and decide nothing."),
        path=f"{whose.path}/factors",
        back=whose.path,
        button=say("Save"),
        fields=(
            Field(
                name="profile",
                label=say("Profile"),
                kind="choice",
                choices=(("", _NO_PROFILE), *PROFILES.items()),
            ),
            Field(
                name="cautions",
                label=say("Active precautions"),
                kind="ticks",
                choices=tuple(CAUTIONS.items()),
            ),
        ),
        values={"profile": found.profile or ""} | {f"cautions_{one}": "yes" for one in found.cautions},
        version=found.version,
        present=(
            say("Profile: {value1}.", value1=PROFILES[found.profile] if found.profile else _NO_PROFILE),
            say("Active precautions: {named}.", named=named),
        ),
    )


@form_page(router, "", Permission.TREATMENT_DECIDE, _asked)
async def keep_factors(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Replace them, unless someone else changed it."""
    ticked = [one for one in CAUTIONS if form[f"cautions_{one}"]]
    entry = read_as(FactorsEntry, {"profile": form["profile"] or None, "cautions": ticked})
    await commands.write_factors(visitor.work, patient_id, entry.factors(version_in(form["version"])))
    return "factors"
