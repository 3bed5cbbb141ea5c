"""Correcting a patient's record: everything that staff entered, amended or taken back in place, with a reason."""

from dataclasses import replace
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.caller import allowed
from app.access.clinics.permissions import Permission
from app.care.check_ins.reading import read_place
from app.foundation.errors import NotFoundError
from app.foundation.translations import joined, say
from app.pages.staff.about_patient import MayRecord, about
from app.pages.staff.asked_form import AskedForm, answer_form, show_form
from app.pages.staff.circumstance_page import DECIDES_NOTHING
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.record_kinds import KINDS, REASON, RecordKind
from app.pages.staff.record_lines import REPORTS, imported_lines, line_of, lines_of
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form
from app.web.correction_schemas import Restoration, Void
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/record", route_class=CarePageRoute, include_in_schema=False
)


@router.get("")
async def show_record(patient_id: UUID, visitor: MayRecord, notice: str = "", after: str = "") -> Response:
    """Show what was entered, also in error, each with the way to correct it."""
    whose = await about(visitor, patient_id)
    rows, older = await lines_of(visitor, whose), ""
    if visitor.may(KINDS[REPORTS].permission):
        imported, older = await imported_lines(visitor, whose, after=read_place(after or None))
        rows = [*([] if after else rows), *imported]
    return render(
        visitor,
        "patient_record.html",
        here="/care/patients",
        whose=whose,
        rows=rows,
        older=f"{_path(patient_id)}?after={older}" if older else "",
        notice=_NOTICES.get(notice, ""),
    )


@router.get("/{kind}/{record_id}")
async def show_entry(patient_id: UUID, kind: str, record_id: UUID, visitor: MayRecord) -> Response:
    """Show an entry, to be amended."""
    return show_form(visitor, await _amended(visitor, patient_id, kind, record_id))


@router.post("/{kind}/{record_id}")
async def amend_entry(patient_id: UUID, kind: str, record_id: UUID, visitor: MayRecord) -> Response:
    """Amend an entry, unless someone else changed it meanwhile."""
    form = await read_own_form(visitor)

    async def act() -> str:
        amend = (await _kind(visitor, patient_id, kind)).amend
        await amend(visitor.work, await about(visitor, patient_id), record_id, form)
        return _notice(kind, "amended")

    return await answer_form(
        visitor, lambda: _amended(visitor, patient_id, kind, record_id), form, act, back=_path(patient_id)
    )


@router.get("/{kind}/{record_id}/{step}")
async def ask_about_step(
    patient_id: UUID, kind: str, record_id: UUID, step: str, visitor: MayRecord
) -> Response:
    """Say what follows, and ask for the reason."""
    return show_form(visitor, await _step(visitor, patient_id, kind, record_id, step))


@router.post("/{kind}/{record_id}/{step}")
async def take_step(patient_id: UUID, kind: str, record_id: UUID, step: str, visitor: MayRecord) -> Response:
    """Take an entry as entered in error, or let it count again."""
    form = await read_own_form(visitor)

    async def act() -> str:
        work, reason = visitor.work, form["reason"].strip()
        one = await _kind(visitor, patient_id, kind)
        if step == "void":
            void = read_as(Void, {"reason": reason})
            await one.void(work, patient_id, record_id, reason=void.reason)
            return _notice(kind, "voided")
        again = read_as(Restoration, {"reason": reason or None})
        await one.restore(work, patient_id, record_id, reason=again.reason)
        return _notice(kind, "restored")

    return await answer_form(
        visitor, lambda: _step(visitor, patient_id, kind, record_id, step), form, act, back=_path(patient_id)
    )


_NOTICES: Final = {
    "amended": say("The correction is saved, and the patient was re-evaluated."),
    "voided": say("It counts as entered in error, and the patient was re-evaluated without it."),
    "restored": say("It counts again, and the patient was re-evaluated."),
    "amended-beside": say("The correction is saved; the earlier version is kept."),
    "voided-beside": say("It is marked as entered in error."),
    "restored-beside": say("It counts again."),
}


async def _kind(visitor: StaffVisitor, patient_id: UUID, name: str) -> RecordKind:
    """Find a kind that the visitor may correct; the route let in whoever may record treatment.

    Raises:
        NotFoundError: there is no such kind.
        RoleMayNotError: it is not theirs to correct.
    """
    kind = KINDS.get(name)
    if kind is None:
        raise NotFoundError
    if kind.permission is not Permission.TREATMENT_RECORD:
        await allowed(visitor.context, visitor.signed_in, kind.permission, {"patient_id": str(patient_id)})
    return kind


def _notice(kind: str, done: str) -> str:
    return done if KINDS[kind].decides else f"{done}-beside"


def _path(patient_id: UUID) -> str:
    return f"/care/patients/{patient_id}/record"


async def _amended(visitor: StaffVisitor, patient_id: UUID, kind: str, record_id: UUID) -> AskedForm:
    ask = (await _kind(visitor, patient_id, kind)).ask
    asked = await ask(visitor, await about(visitor, patient_id), record_id)
    return replace(asked, path=f"{_path(patient_id)}/{kind}/{record_id}", back=_path(patient_id))


async def _step(visitor: StaffVisitor, patient_id: UUID, kind: str, record_id: UUID, step: str) -> AskedForm:
    if step not in {"void", "restore"}:
        raise NotFoundError
    one, is_void = await _kind(visitor, patient_id, kind), step == "void"
    whose = await about(visitor, patient_id)
    row = await line_of(visitor, whose, kind, record_id)
    if row is None:
        raise NotFoundError
    return AskedForm(
        title=say("Was this {noun} entered in error?", noun=one.noun)
        if is_void
        else say("Let this {noun} count again?", noun=one.noun),
        whose=whose.reference,
        lead=joined((row.said, _follows(one, is_void=is_void)), ". "),
        path=f"{_path(patient_id)}/{kind}/{record_id}/{step}",
        back=_path(patient_id),
        button=say("Mark as entered in error") if is_void else say("Restore"),
        fields=(REASON,),
        serious=is_void,
    )


def _follows(kind: RecordKind, *, is_void: bool) -> str:
    """Say what happens when an entry stops counting, or counts again."""
    if not kind.decides:
        return (
            say("It is kept, marked as entered in error. {DECIDES_NOTHING}", DECIDES_NOTHING=DECIDES_NOTHING)
            if is_void
            else DECIDES_NOTHING
        )
    if is_void:
        return say("It is kept, marked as entered in error, and the patient is re-evaluated without it.")
    return say("The patient is re-evaluated with it.")
