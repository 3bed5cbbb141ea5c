"""Writing the taper plan: its steps, the interval that applies now, and since when."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.access.clinics.permissions import Permission
from app.care.treatment import commands, queries
from app.care.treatment.maintenance_schemas import TaperPlanEntry
from app.care.treatment.queries import WrittenPlan
from app.clinical.taper import TaperStep
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import about, whole_in
from app.pages.staff.asked_form import AskedForm, Field, form_page
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor
from app.web.headers import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/taper", route_class=CarePageRoute, include_in_schema=False
)
_OPEN: Final = "on"


def step_written(step: TaperStep) -> str:
    """Write a step as it is typed: "14 x 2", or "28 x on" until someone changes it."""
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


_FIELDS: Final = (
    Field(
        name="steps",
        label=say("Steps, one a line"),
        kind="note",
        hint=say(
            "Days between boosters, x, how often: “14 x 2”. “28 x on” goes on until someone changes it."
        ),
        wrong=say("Each line is like “14 x 2”."),
    ),
    Field(
        name="interval_days",
        label=say("Days between boosters now"),
        kind="number",
        wrong=say("A whole number of days, from 1 to 365."),
    ),
    Field(
        name="since",
        label=say("Since"),
        kind="date",
        hint=say("Empty: since induction."),
        wrong=say("Please give a day, or leave it empty."),
    ),
)


async def _asked(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    view = await queries.read_taper(visitor.work, patient_id)
    written = view.written
    steps = [step_written(step) for step in written.plan.steps]
    return AskedForm(
        title=say("Taper plan"),
        whose=whose.reference,
        lead=say("Intervals never grow shorter along a plan; only the last step may be open."),
        path=f"{whose.path}/taper",
        back=whose.path,
        button=say("Save the plan"),
        fields=_FIELDS,
        values={
            "steps": "\n".join(steps),
            "interval_days": str(written.interval_days),
            "since": written.since.isoformat() if written.since else "",
        },
        version=written.version,
        present=(
            say("Steps: {join}.", join=joined(steps)),
            say(
                "Every {interval_days} days now, since {value2}.",
                interval_days=written.interval_days,
                value2=written.since or say("induction"),
            ),
        ),
    )


def _plan_in(form: Form) -> WrittenPlan:
    entry = read_as(
        TaperPlanEntry,
        {
            "steps": _steps_in(form["steps"]),
            "interval_days": whole_in(form["interval_days"]),
            "since": form["since"].strip() or None,
        },
    )
    return entry.written(version_in(form["version"]))


@form_page(router, "", Permission.TREATMENT_DECIDE, _asked)
async def keep_taper(visitor: StaffVisitor, patient_id: UUID, form: Form) -> str:
    """Replace the plan, unless someone else changed it."""
    await commands.write_taper(visitor.work, patient_id, _plan_in(form))
    return "taper"
