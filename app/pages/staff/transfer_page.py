"""Handing a patient over to another clinic, and taking one in: start, file, receipt, each on a page."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.foundation.text import read_chart_number
from app.foundation.translations import say
from app.interop.transfer import commands, queries
from app.interop.transfer.commands import ReceivedTransfer, StartedTransfer
from app.interop.transfer.routes import as_file
from app.interop.transfer.schemas import TransferReceipt, TransferStart
from app.interop.transfer.sealed_file import NotATransferError
from app.pages.staff.about_patient import about, path_of
from app.pages.staff.asked_form import AskedForm, Field, answer_form, show_form
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form, read_own_upload, staff_may
from app.storage.patient_transfers import ConsentForm, Direction, TransferState
from app.web.reading import read_as

router = APIRouter(
    prefix="/care/patients/{patient_id}/transfer", route_class=CarePageRoute, include_in_schema=False
)
receiving_router = APIRouter(prefix="/care/transfers", route_class=CarePageRoute, include_in_schema=False)
MayTransfer = Annotated[StaffVisitor, staff_may(Permission.RIGHTS)]
_LIST: Final = "/care/patients"
_HOW: Final = {
    ConsentForm.IN_WRITING: say("In writing"),
    ConsentForm.IN_PERSON: say("In person"),
    ConsentForm.BY_TELEPHONE: say("By telephone"),
}
_NOTICES: Final = {
    "confirmed": say(
        "The other clinic is responsible now. The patient is archived here; open safety events stay open."
    ),
    "canceled": say("The transfer is canceled. The patient stays here."),
    "received": say(
        "The patient is here, with everything that was known. Send the receipt back: until the other clinic"
        " has it, they are responsible too."
    ),
}
_CONSENT: Final = say("A patient is transferred with their own consent: give the day and how they agreed.")


async def _start_form(visitor: StaffVisitor, patient_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Transfer {reference} to another clinic", reference=whose.reference),
        whose=whose.reference,
        lead=say(
            "Everything that is known of the patient goes into one encrypted file. This clinic "
            "stays responsible"
            " until the other one has confirmed that it imported the file."
        ),
        path=f"{whose.path}/transfer/new",
        back=f"{whose.path}/transfer",
        button=say("Start the transfer"),
        fields=(
            Field(
                name="to",
                label=say("Receiving clinic"),
                wrong=say("Please write the clinic's name in one line."),
            ),
            Field(
                name="given_on",
                label=say("The patient agreed on"),
                kind="date",
                hint=say("To be transferred to just this clinic."),
                wrong=_CONSENT,
                api_names=("given_on", "consent"),
            ),
            Field(
                name="how",
                label=say("How the patient agreed"),
                kind="choice",
                choices=(("", say("Not recorded")), *((one.value, words) for one, words in _HOW.items())),
                wrong=_CONSENT,
            ),
        ),
    )


async def _receipt_form(visitor: StaffVisitor, patient_id: UUID, transfer_id: UUID) -> AskedForm:
    whose = await about(visitor, patient_id)
    return AskedForm(
        title=say("Enter the receipt"),
        whose=whose.reference,
        lead=say(
            "The other clinic is responsible from then on, and {reference} is archived here as transferred.",
            reference=whose.reference,
        ),
        path=f"{whose.path}/transfer/{transfer_id}/confirm",
        back=f"{whose.path}/transfer",
        button=say("Confirm the transfer"),
        fields=(
            Field(
                name="receipt",
                label=say("Receipt"),
                kind="note",
                hint=say("The line that begins with afterglow-receipt."),
                wrong=say("Please copy all of the receipt."),
            ),
        ),
        serious=True,
    )


def _receive_form() -> AskedForm:
    return AskedForm(
        title=say("Take in a transferred patient"),
        whose="",
        lead=say(
            "The patient comes with the same evaluation as before. Open safety events wait for "
            "someone here too."
        ),
        path="/care/transfers/receive",
        back=_LIST,
        button=say("Import the patient"),
        fields=(
            Field(
                name="file",
                label=say("File from the other clinic"),
                kind="file",
                wrong=say("Please choose the file that the other clinic sent."),
            ),
            Field(
                name="passphrase",
                label=say("Passphrase"),
                hint=say("Six groups of four, as the other clinic gave it to you."),
                wrong=say("Please write the passphrase as the other clinic gave it to you."),
            ),
            Field(
                name="external_ref",
                label=say("Chart number here (optional)"),
                hint=say("Empty: as it was."),
                wrong=say("A chart number has 1 to 100 characters that can be seen."),
            ),
        ),
    )


@router.get("")
async def show_transfers(patient_id: UUID, visitor: MayTransfer) -> Response:
    """Show where the patient was handed over to or came from, and what can be done now."""
    return await _page(
        visitor, patient_id, notice=_NOTICES.get(visitor.request.query_params.get("notice", ""), "")
    )


@router.get("/new")
async def show_start_form(patient_id: UUID, visitor: MayTransfer) -> Response:
    """Ask where the patient goes, and for their consent."""
    return show_form(visitor, await _start_form(visitor, patient_id))


@router.post("/new")
async def start(patient_id: UUID, visitor: MayTransfer) -> Response:
    """Start a transfer, and show its passphrase this once."""
    form, begun = await read_own_form(visitor), list[StartedTransfer]()

    async def act() -> str:
        consent = {name: form[name].strip() for name in ("given_on", "how") if form[name].strip()}
        asked = read_as(TransferStart, {"to": form["to"].strip(), "consent": consent or None})
        begun.append(await commands.start(visitor.work, patient_id, to=asked.to, consent=asked.agreed()))
        return ""

    back = f"{path_of(patient_id)}/transfer"
    answer = await answer_form(visitor, lambda: _start_form(visitor, patient_id), form, act, back=back)
    if not begun:
        return answer
    return await _page(visitor, patient_id, passphrase=begun[0].passphrase)


@router.get("/{transfer_id}/file")
async def download_file(patient_id: UUID, transfer_id: UUID, visitor: MayTransfer) -> Response:
    """Give the encrypted file."""
    return as_file(await queries.make_file(visitor.work, patient_id, transfer_id), transfer_id)


@router.get("/{transfer_id}/confirm")
async def show_receipt_form(patient_id: UUID, transfer_id: UUID, visitor: MayTransfer) -> Response:
    """Ask for the receipt."""
    return show_form(visitor, await _receipt_form(visitor, patient_id, transfer_id))


@router.post("/{transfer_id}/confirm")
async def confirm(patient_id: UUID, transfer_id: UUID, visitor: MayTransfer) -> Response:
    """Confirm with the receipt."""
    form = await read_own_form(visitor)

    async def act() -> str:
        asked = read_as(TransferReceipt, {"receipt": form["receipt"].strip()})
        await commands.confirm(visitor.work, patient_id, transfer_id, receipt=asked.receipt)
        return "confirmed"

    return await answer_form(
        visitor,
        lambda: _receipt_form(visitor, patient_id, transfer_id),
        form,
        act,
        back=f"{path_of(patient_id)}/transfer",
    )


@router.post("/{transfer_id}/cancel")
async def cancel(patient_id: UUID, transfer_id: UUID, visitor: MayTransfer) -> Response:
    """Cancel a transfer that is not confirmed yet."""
    await read_own_form(visitor)
    await commands.cancel(visitor.work, patient_id, transfer_id)
    return RedirectResponse(f"{path_of(patient_id)}/transfer?notice=canceled", 303)


@receiving_router.get("/receive")
async def show_receive_form(visitor: MayTransfer) -> Response:
    """Ask for the file, its passphrase, and the chart number here."""
    return show_form(visitor, _receive_form())


@receiving_router.post("/receive")
async def receive(visitor: MayTransfer) -> Response:
    """Import the patient, and lead to the receipt."""
    form, content = await read_own_upload(visitor, "file")
    received: list[ReceivedTransfer] = []

    async def act() -> str:
        if not content:
            raise NotATransferError("#/file")
        received.append(
            await commands.receive(
                visitor.work,
                content,
                passphrase=form["passphrase"],
                external_ref=read_chart_number(form["external_ref"])
                if form["external_ref"].strip()
                else None,
            )
        )
        return ""

    async def ask() -> AskedForm:
        return _receive_form()

    answer = await answer_form(visitor, ask, form, act, back=_LIST)
    if not received:
        return answer
    path = path_of(received[0].transfer.patient_id)
    return RedirectResponse(f"{path}/transfer?notice=received", 303)


async def _page(
    visitor: StaffVisitor, patient_id: UUID, *, notice: str = "", passphrase: str = ""
) -> Response:
    whose = await about(visitor, patient_id)
    known = await queries.list_transfers(visitor.work, patient_id)
    open_now = next((one for one in known if one.transfer.state is TransferState.STARTED), None)
    return render(
        visitor,
        "transfer.html",
        here="/care/patients",
        whose=whose,
        notice=notice,
        passphrase=passphrase,
        open_now=open_now,
        may_start=open_now is None and whose.patient.archived is None,
        past=[one for one in known if one is not open_now],
        came=Direction.RECEIVED,
    )
