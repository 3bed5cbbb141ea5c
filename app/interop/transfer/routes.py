"""Transferring a patient to another clinic, and taking one in, for both clinics."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Response

from app.access.clinics.access import ClinicRoute, work_for
from app.access.clinics.permissions import Permission
from app.context import Work
from app.interop.transfer import commands, queries
from app.interop.transfer.schemas import (
    ConfirmedTransferReply,
    ReceivedTransferReply,
    StartedTransferReply,
    TransferFile,
    TransferList,
    TransferReceipt,
    TransferReply,
    TransferStart,
)
from app.web.problems import Problem

router = APIRouter(prefix="/v1/patients/{patient_id}/transfers", tags=["patients"], route_class=ClinicRoute)
receiving_router = APIRouter(prefix="/v1/transfers", tags=["patients"], route_class=ClinicRoute)

MayTransfer = Annotated[Work, work_for(Permission.RIGHTS)]
MEDIA_TYPE: Final = "application/octet-stream"
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {409: {"model": Problem}}


@router.post("", status_code=201, summary="Start a patient's transfer", responses=_REFUSED)
async def start_transfer(patient_id: UUID, body: TransferStart, work: MayTransfer) -> StartedTransferReply:
    """Begin to hand a patient over, with their recorded consent; this clinic stays responsible until the receipt.

    The passphrase is shown this once: give it to the other clinic by another way than the file.
    """
    begun = await commands.start(work, patient_id, to=body.to, consent=body.agreed())
    return StartedTransferReply.of_started(begun)


@router.get("", summary="List a patient's transfers")
async def list_transfers(patient_id: UUID, work: MayTransfer) -> TransferList:
    """List where a patient was handed over to, or came from."""
    found = await queries.list_transfers(work, patient_id)
    return TransferList(items=[TransferReply.of(one) for one in found])


@router.get(
    "/{transfer_id}/file",
    summary="Download a transfer's file",
    response_class=Response,
    responses={
        200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
        **_REFUSED,
    },
)
async def download_transfer_file(patient_id: UUID, transfer_id: UUID, work: MayTransfer) -> Response:
    """Give the encrypted file, with all that is known by now, until the receipt is there."""
    return as_file(await queries.make_file(work, patient_id, transfer_id), transfer_id)


@router.post("/{transfer_id}/cancel", summary="Cancel a transfer", responses=_REFUSED)
async def cancel_transfer(patient_id: UUID, transfer_id: UUID, work: MayTransfer) -> TransferReply:
    """Cancel a transfer that is not confirmed yet: the patient stays here, and its receipt is refused."""
    await commands.cancel(work, patient_id, transfer_id)
    return await _reply(work, patient_id, transfer_id)


@router.post("/{transfer_id}/confirm", summary="Confirm a transfer", responses=_REFUSED)
async def confirm_transfer(
    patient_id: UUID, transfer_id: UUID, body: TransferReceipt, work: MayTransfer
) -> ConfirmedTransferReply:
    """Enter the receipt: the other clinic is responsible now, and the patient is archived as `transferred`.

    Open safety events stay open here too. A clinic of this installation confirms by itself.
    """
    done = await commands.confirm(work, patient_id, transfer_id, receipt=body.receipt)
    known = await _reply(work, patient_id, transfer_id)
    return ConfirmedTransferReply.of_confirmed(done, known.to)


@receiving_router.post(
    "/receive", status_code=201, summary="Take in a transferred patient", responses=_REFUSED
)
async def receive_transfer(body: TransferFile, work: MayTransfer) -> ReceivedTransferReply:
    """Import a patient from another clinic's file, with the same evaluation; open safety events wait here too.

    The receipt in the reply goes back to the sender.
    """
    done = await commands.receive(work, body.file, passphrase=body.passphrase, external_ref=body.external_ref)
    return ReceivedTransferReply.of_received(done)


def as_file(content: bytes, transfer_id: UUID) -> Response:
    """Send a transfer's file, to be saved."""
    named = {"content-disposition": f'attachment; filename="transfer-{transfer_id}.afterglow"'}
    return Response(content, media_type=MEDIA_TYPE, headers=named)


async def _reply(work: Work, patient_id: UUID, transfer_id: UUID) -> TransferReply:
    known = await queries.list_transfers(work, patient_id)
    return next(TransferReply.of(one) for one in known if one.transfer.id == transfer_id)
