"""What else changed for a patient: entering it, and correcting what was entered."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.care.treatment import circumstances
from app.care.treatment.circumstance_schemas import CircumstanceAmendment, CircumstanceEntry
from app.care.treatment.circumstances import KnownCircumstance
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.pages.staff.about_patient import AboutPatient, about, number_in, whole_in
from app.pages.staff.asked_form import AskedForm, Field, answer_form, show_form
from app.pages.staff.circumstance_words import KINDS, SEVERITIES, days_said, said
from app.pages.staff.infusion_routes import confirmed_in
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_access import MayRecord
from app.pages.staff.record_routes import REASON
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.storage.record_versions import RecordStatus
from app.web.correction_schemas import Restoration, Void
from app.web.dependencies import ContextNeeded
from app.web.etags import version_in
from app.web.pages.forms import Form
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/circumstances", route_class=CarePageRoute, include_in_schema=False
)
_LEAD: Final = "It is shown beside the trend and with a signal. It decides nothing."
_NOTICES: Final[Mapping[str, str]] = {
    "entered": "Saved. It stands on the chart from its day on.",
    "amended": "The correction is saved; the earlier version is kept.",
    "voided": "It is marked as entered in error.",
    "restored": "It counts again.",
}
_FIELDS: Final = (
    Field(name="kind", label="What changed", kind="choice", choices=tuple(KINDS.items())),
    Field(name="since", label="From", kind="date", wrong="Please give a day, such as 2026-11-24."),
    Field(
        name="until",
        label="Until (optional)",
        kind="date",
        hint="Its last day, if it is over.",
        wrong="Please give a day, or leave it empty.",
    ),
    Field(
        name="detail",
        label="What it is",
        hint="Such as a medicine with its dose. Kept sealed.",
        wrong="At most 500 characters, please.",
    ),
    Field(
        name="weight_kg",
        label="Weight in kg",
        kind="number",
        hint="For weight only.",
        wrong="A weight is a number from 20 to 400, in kilograms.",
    ),
    Field(
        name="severity",
        label="Severity",
        kind="choice",
        hint="For severity only.",
        choices=(("", "Not stated"), *SEVERITIES.items()),
    ),
    Field(
        name="months",
        label="Months of illness",
        kind="number",
        hint="For the duration of the illness only.",
        wrong="A whole number of months.",
    ),
)


@router.get("")
async def show_circumstances(
    patient_id: UUID, context: ContextNeeded, visitor: MayRecord, notice: str = ""
) -> Response:
    """Show what else changed, also what was entered in error, each with the way to correct it."""
    whose = await about(context, visitor, patient_id)
    found = await circumstances.list_circumstances(visitor.work, patient_id, with_errors=True)
    rows = [
        {
            "id": one.stored.id,
            "said": said(one),
            "days": days_said(one, whose.clock),
            "active": one.status is RecordStatus.ACTIVE,
        }
        for one in found
    ]
    return render(
        context,
        visitor,
        "patient_circumstances.html",
        here="",
        whose=whose,
        rows=rows,
        path=_path(patient_id),
        notice=_NOTICES.get(notice, ""),
    )


@router.get("/new")
async def show_new_form(patient_id: UUID, context: ContextNeeded, visitor: MayRecord) -> Response:
    """Show the form for something that changed."""
    return show_form(context, visitor, await _new(context, visitor, patient_id))


@router.post("/new")
async def enter_circumstance(
    patient_id: UUID, request: Request, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Keep something that changed."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        entry = read_as(CircumstanceEntry, _sent(form))
        await circumstances.enter_circumstance(visitor.work, patient_id, entry.given())
        return "entered"

    return await answer_form(
        context, visitor, lambda: _new(context, visitor, patient_id), form, act, back=_path(patient_id)
    )


@router.get("/{circumstance_id}")
async def show_circumstance(
    patient_id: UUID, circumstance_id: UUID, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Show one, to be amended."""
    return show_form(context, visitor, await _amended(context, visitor, patient_id, circumstance_id))


@router.post("/{circumstance_id}")
async def amend_circumstance(
    patient_id: UUID, circumstance_id: UUID, request: Request, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Amend one, unless someone else changed it meanwhile."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        body = read_as(CircumstanceAmendment, _sent(form) | {"reason": form["reason"].strip()})
        await circumstances.amend_circumstance(
            visitor.work,
            patient_id,
            circumstance_id,
            body.changes(),
            reason=body.reason,
            version=version_in(form["version"]),
            confirm=body.confirm,
        )
        return "amended"

    return await answer_form(
        context,
        visitor,
        lambda: _amended(context, visitor, patient_id, circumstance_id),
        form,
        act,
        back=_path(patient_id),
    )


@router.get("/{circumstance_id}/{step}")
async def ask_about_step(
    patient_id: UUID, circumstance_id: UUID, step: str, context: ContextNeeded, visitor: MayRecord
) -> Response:
    """Ask for the reason."""
    return show_form(context, visitor, await _step(context, visitor, patient_id, circumstance_id, step))


@router.post("/{circumstance_id}/{step}")
async def take_step(
    patient_id: UUID,
    circumstance_id: UUID,
    step: str,
    request: Request,
    context: ContextNeeded,
    visitor: MayRecord,
) -> Response:
    """Mark one as entered in error, or let it count again."""
    form = await read_own_form(request, context, visitor)

    async def act() -> str:
        work, reason = visitor.work, form["reason"].strip()
        if step == "void":
            void = read_as(Void, {"reason": reason})
            await circumstances.void_circumstance(work, patient_id, circumstance_id, reason=void.reason)
            return "voided"
        again = read_as(Restoration, {"reason": reason or None})
        await circumstances.restore_circumstance(work, patient_id, circumstance_id, reason=again.reason)
        return "restored"

    return await answer_form(
        context,
        visitor,
        lambda: _step(context, visitor, patient_id, circumstance_id, step),
        form,
        act,
        back=_path(patient_id),
    )


def _path(patient_id: UUID) -> str:
    return f"/care/patients/{patient_id}/circumstances"


def _sent(form: Form) -> dict[str, object]:
    """Take a form's fields as the API is sent them."""
    return {
        "kind": form["kind"],
        "since": form["since"].strip(),
        "until": form["until"].strip() or None,
        "detail": form["detail"].strip() or None,
        "weight_kg": number_in(form["weight_kg"]),
        "severity": form["severity"] or None,
        "months": whole_in(form["months"]),
        "confirm": confirmed_in(form),
    }


async def _new(context: AppContext, visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(context, visitor, patient_id)
    return AskedForm(
        title="Enter what else changed",
        whose=whose.reference,
        lead=_LEAD,
        path=f"{_path(patient_id)}/new",
        back=_path(patient_id),
        button="Save",
        fields=_FIELDS,
        values={"kind": next(iter(KINDS)), "since": whose.clock.today.isoformat()},
    )


async def _one(
    context: AppContext, visitor: StaffVisitor, patient_id: UUID, circumstance_id: UUID
) -> tuple[AboutPatient, KnownCircumstance]:
    whose = await about(context, visitor, patient_id)
    found = await circumstances.list_circumstances(visitor.work, patient_id, with_errors=True)
    known = next((one for one in found if one.stored.id == circumstance_id), None)
    if known is None:
        raise NotFoundError
    return whose, known


async def _amended(
    context: AppContext, visitor: StaffVisitor, patient_id: UUID, circumstance_id: UUID
) -> AskedForm:
    whose, known = await _one(context, visitor, patient_id, circumstance_id)
    stored = known.stored
    if known.status is not RecordStatus.ACTIVE:
        raise NotFoundError
    return AskedForm(
        title="Correct what else changed",
        whose=whose.reference,
        lead=f"The earlier version is kept. {_LEAD}",
        path=f"{_path(patient_id)}/{circumstance_id}",
        back=_path(patient_id),
        button="Save the correction",
        fields=(*_FIELDS, REASON),
        values={
            "kind": stored.kind.value,
            "since": stored.since.isoformat(),
            "until": stored.until.isoformat() if stored.until else "",
            "detail": known.detail or "",
            "weight_kg": "" if stored.weight_kg is None else f"{stored.weight_kg:g}",
            "severity": stored.severity.value if stored.severity else "",
            "months": "" if stored.months is None else str(stored.months),
        },
        version=stored.version,
        present=(f"{said(known)}, {days_said(known, whose.clock)}.",),
    )


async def _step(
    context: AppContext, visitor: StaffVisitor, patient_id: UUID, circumstance_id: UUID, step: str
) -> AskedForm:
    whose, known = await _one(context, visitor, patient_id, circumstance_id)
    if step not in {"void", "restore"}:
        raise NotFoundError
    is_void = step == "void"
    return AskedForm(
        title="Was this entered in error?" if is_void else "Let this count again?",
        whose=whose.reference,
        lead=f"{said(known)}, {days_said(known, whose.clock)}.",
        path=f"{_path(patient_id)}/{circumstance_id}/{step}",
        back=_path(patient_id),
        button="Mark as entered in error" if is_void else "Restore",
        fields=(REASON,),
        serious=is_void,
    )
