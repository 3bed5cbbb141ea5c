"""Reading transfers, and making the file of one that is under way."""

from dataclasses import dataclass
from uuid import UUID

from app.care.patients.queries import existing
from app.care.patients.sealed_fields import vault_of
from app.context import Work
from app.foundation.errors import NotFoundError
from app.interop.archive.making import archive_of_patient
from app.interop.transfer.commands import KEY_CELL, TO_CELL, TransferOverError
from app.interop.transfer.sealed_file import seal_file
from app.storage import patient_transfers
from app.storage.patient_transfers import PatientTransfer, TransferState


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTransfer:
    """A transfer with the name of the clinic that the patient agreed to; None: the patient came from there."""

    transfer: PatientTransfer
    to: str | None


async def list_transfers(work: Work, patient_id: UUID) -> list[KnownTransfer]:
    """List a patient's transfers, latest first.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    own = vault_of(work, patient)
    work.record_access("transfers", patient_id=patient_id)
    return [
        KnownTransfer(
            transfer=one,
            to=None if one.to_sealed is None else own.open(one.to_sealed, row_id=one.id, **TO_CELL),
        )
        for one in await patient_transfers.of_patient(work, patient_id)
    ]


async def make_file(work: Work, patient_id: UUID, transfer_id: UUID) -> bytes:
    """Make the encrypted file of a transfer that is under way, with all that is known by now.

    Raises:
        NotFoundError: the patient has no such transfer.
        TransferOverError: it was confirmed or canceled.
    """
    patient, transfer = await existing(work, patient_id), await patient_transfers.find(work, transfer_id)
    if transfer is None or transfer.patient_id != patient_id:
        raise NotFoundError
    if transfer.state is not TransferState.STARTED or not transfer.key_sealed:
        raise TransferOverError
    key = vault_of(work, patient).open(transfer.key_sealed, row_id=transfer.id, **KEY_CELL)
    work.record_access("transfer", patient_id=patient_id)
    lines = [line async for line in archive_of_patient(work, patient_id)]
    return seal_file(
        lines,
        bytes.fromhex(key),
        salt=transfer.salt or b"",
        transfer_id=transfer.id,
        clinic_id=work.clinic_id,
        made_at=work.now,
    )
