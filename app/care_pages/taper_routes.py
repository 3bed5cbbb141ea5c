"""Writing the taper plan: its steps, the interval that applies now, and since when."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.care_pages.about_patient import about, path_of, whole_in
from app.care_pages.asked_form import AskedForm, Field, answer_form, show_form
from app.care_pages.page_route import CarePageRoute
from app.care_pages.patient_access import MayDecide
from app.care_pages.visitor import StaffVisitor, read_own_form
from app.clinical.taper import TaperStep
from app.treatment import maintenance
from app.treatment.maintenance import WrittenPlan
from app.treatment.reading import read_written_plan
from app.web.dependencies import EquipmentNeeded
from app.web.equipment import Equipment
from app.web.etags import version_in
from app.web.pages.forms import Form

router = APIRouter(
    prefix="/care/patients/{patient_id}/taper", route_class=CarePageRoute, include_in_schema=False
)
_OPEN: Final = "on"


def step_told(step: TaperStep) -> str:
    """Write a step as it is typed: "14 x 2", or "28 x on" until somebody changes it."""
    return f"{step.interval_days} x {_OPEN if step.count is None else step.count}"


def _steps_in(text: str) -> list[dict[str, object]]:
    """Read the steps, one a line; what is no step stays as it is, for the rules to refuse."""
    lines = [
        line.partition("x")
        for line in text.lower().replace("\N{MULTIPLICATION SIGN}", "x").splitlines()
        if line.strip()
    ]
    return [
        {
            "interval_days": whole_in(days),
            "count": None if count.strip() in {_OPEN, ""} else whole_in(count),
        }
        for days, _, count in lines
    ]


async def _asked(equipment: Equipment, visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose, caller = await about(equipment, visitor, patient_id), visitor.signed_in
    view = await maintenance.read_taper(equipment, caller.clinic_id, patient_id, actor=caller.actor)
    written = view.written
    steps = [step_told(step) for step in written.plan.steps]
    return AskedForm(
        title="Taper plan",
        whose=whose.reference,
        lead="Intervals never grow shorter along a plan; only the last step may be open.",
        path=f"{whose.path}/taper",
        back=whose.path,
        button="Keep this plan",
        fields=(
            Field(
                name="steps",
                label="Steps, one a line",
                kind="note",
                hint="Days between boosters, x, how often: “14 x 2”. “28 x on” goes on until somebody changes it.",
                wrong="Each line is like “14 x 2”.",
            ),
            Field(
                name="interval_days",
                label="Days between boosters now",
                kind="number",
                wrong="A whole number of days, from 1 to 365.",
            ),
            Field(
                name="since",
                label="Since",
                kind="date",
                hint="Empty: since induction.",
                wrong="Please give a day, or leave it empty.",
            ),
        ),
        values={
            "steps": "\n".join(steps),
            "interval_days": str(written.interval_days),
            "since": written.since.isoformat() if written.since else "",
        },
        version=written.version,
        present=(
            f"Steps: {', '.join(steps)}.",
            f"Every {written.interval_days} days now, since {written.since or 'induction'}.",
        ),
    )


def _plan_in(form: Form) -> WrittenPlan:
    return read_written_plan(
        {
            "steps": _steps_in(form["steps"]),
            "interval_days": whole_in(form["interval_days"]),
            "since": form["since"].strip() or None,
        },
        version=version_in(form["version"]),
    )


@router.get("")
async def show_taper_form(patient_id: UUID, equipment: EquipmentNeeded, visitor: MayDecide) -> Response:
    """Show the plan."""
    return show_form(equipment, visitor, await _asked(equipment, visitor, patient_id))


@router.post("")
async def keep_taper(
    patient_id: UUID, request: Request, equipment: EquipmentNeeded, visitor: MayDecide
) -> Response:
    """Replace the plan, unless somebody was faster."""
    form, caller = await read_own_form(request, equipment, visitor), visitor.signed_in

    async def act() -> str:
        await maintenance.write_taper(
            equipment, caller.clinic_id, patient_id, _plan_in(form), actor=caller.actor
        )
        return "taper"

    return await answer_form(
        equipment,
        visitor,
        lambda: _asked(equipment, visitor, patient_id),
        form,
        act,
        back=path_of(patient_id),
    )
