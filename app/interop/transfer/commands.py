"""Handing a patient over, and taking one in: each step is one transaction of one clinic.

The sender stays responsible until the receiver's receipt is there: until then the patient's devices report here, and
signals and safety events are seen to here. What the receiver imported is evaluated there as it was here.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from app.care.patients import corrections
from app.care.patients.consent_status import ConsentStatus, consent_status_of
from app.care.patients.corrections import ArchivedError, ArchiveReason
from app.care.patients.queries import existing_for_update
from app.care.patients.sealed_fields import vault_of
from app.clinical.check_ins import check_in_day
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.interop.archive.importing import import_patient
from app.interop.transfer.sealed_file import (
    derive_key,
    new_passphrase,
    new_salt,
    open_file,
    read_head,
    read_receipt,
    receipt_key,
    sign_receipt,
)
from app.storage import patient_transfers
from app.storage.patient_transfers import ConsentForm, Direction, PatientTransfer, TransferState
from app.storage.patients import PatientRecord

CONFIRM_HERE: Final = "confirm_transfer"
KEY_CELL: Final = {"table": "patient_transfers", "column": "key_sealed"}
TO_CELL: Final = {"table": "patient_transfers", "column": "to_sealed"}


class TransferWithoutConsentError(RefusalError):
    """A patient is transferred with their own consent: please record on which day and how they gave it."""

    code = "transfer-without-consent"


class TransferStartedError(RefusalError):
    """A transfer of this patient is under way; confirm or cancel that one first."""

    kind = RefusalKind.CONFLICT
    code = "transfer-started"


class TransferOverError(RefusalError):
    """This transfer was confirmed or canceled before; nothing about it changes any more."""

    kind = RefusalKind.CONFLICT
    code = "transfer-over"


class TransferIntoItselfError(RefusalError):
    """This file is of this very clinic: a patient is transferred to another one."""

    kind = RefusalKind.CONFLICT
    code = "transfer-into-itself"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferConsent:
    """On which day a patient agreed to be transferred there, and how."""

    given_on: date
    form: ConsentForm


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedTransfer:
    """A transfer that began, and the passphrase of its file, which is kept nowhere."""

    transfer: PatientTransfer
    to: str
    passphrase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedTransfer:
    """A transfer that is over, and how many check-ins came here after the file was made."""

    transfer: PatientTransfer
    check_ins_since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedTransfer:
    """A patient who was taken in, and the receipt for the clinic that sent them."""

    transfer: PatientTransfer
    receipt: str


async def start(work: Work, patient_id: UUID, *, to: str, consent: TransferConsent | None) -> StartedTransfer:
    """Begin to hand a patient over; this clinic stays responsible until the receipt is there.

    Raises:
        NotFoundError: the clinic has no such patient.
        TransferWithoutConsentError: nobody recorded that the patient agreed, or they took their consent back.
        ArchivedError: the patient is archived.
        TransferStartedError: a transfer is under way.
    """
    patient = await existing_for_update(work, patient_id)
    if patient.archived_at is not None:
        raise ArchivedError
    if consent is None or await consent_status_of(work, patient_id) is ConsentStatus.WITHDRAWN:
        raise TransferWithoutConsentError("#/consent")
    if consent.given_on > check_in_day(work.now, patient.time_zone):
        raise TransferWithoutConsentError("#/consent/given_on")
    if any(
        one.state is TransferState.STARTED for one in await patient_transfers.of_patient(work, patient_id)
    ):
        raise TransferStartedError
    transfer_id, passphrase, salt = new_id(), new_passphrase(), new_salt()
    key, own = derive_key(passphrase, salt), vault_of(work, patient)
    transfer = PatientTransfer(
        id=transfer_id,
        patient_id=patient_id,
        direction=Direction.SENT,
        state=TransferState.STARTED,
        began_at=work.now,
        began_by=work.actor.id,
        to_sealed=own.seal(to, row_id=transfer_id, **TO_CELL),
        consent_on=consent.given_on,
        consent_form=consent.form.value,
        key_sealed=own.seal(key.hex(), row_id=transfer_id, **KEY_CELL),
        salt=salt,
        receipt_key=receipt_key(key),
    )
    await patient_transfers.add(work, transfer)
    work.audit("transfer.started", "transfer", transfer_id, patient_id=patient_id)
    return StartedTransfer(transfer=transfer, to=to, passphrase=passphrase)


async def cancel(work: Work, patient_id: UUID, transfer_id: UUID) -> PatientTransfer:
    """Cancel a transfer that nobody has confirmed: the file is made no more, and its receipt is refused.

    Raises:
        NotFoundError: the patient has no such transfer.
        TransferOverError: it was confirmed or canceled before.
    """
    _, transfer = await started(work, patient_id, transfer_id)
    await patient_transfers.end(work, transfer.id, TransferState.CANCELED)
    work.audit("transfer.canceled", "transfer", transfer.id, patient_id=patient_id)
    return await _found(work, transfer.id)


async def confirm(work: Work, patient_id: UUID, transfer_id: UUID, *, receipt: str) -> ConfirmedTransfer:
    """Take the receiver's receipt: they are responsible now, and the patient is archived as transferred here.

    Open safety events stay open here too.

    Raises:
        NotFoundError: the patient has no such transfer.
        TransferOverError: it was confirmed or canceled before.
        ReceiptNotValidError: it is not this transfer's receipt.
    """
    patient, transfer = await started(work, patient_id, transfer_id)
    read = read_receipt(receipt, transfer.receipt_key or b"")
    ended = {"receipt": receipt, "other_clinic_id": read.clinic_id}
    await patient_transfers.end(work, transfer.id, TransferState.CONFIRMED, **ended)
    work.audit("transfer.confirmed", "transfer", transfer.id, patient_id=patient_id)
    if patient.archived_at is None:
        await corrections.archive(work, patient_id, ArchiveReason.TRANSFERRED, note=None)
    since = await patient_transfers.check_ins_since(work, patient_id, since=read.file_made_at)
    return ConfirmedTransfer(transfer=await _found(work, transfer.id), check_ins_since=since)


async def receive(
    work: Work, content: bytes, *, passphrase: str, external_ref: str | None
) -> ReceivedTransfer:
    """Take a patient in from another clinic's file; a clinic of this installation is confirmed to by itself.

    Args:
        work: the transaction.
        content: the file.
        passphrase: as the sender gave it.
        external_ref: the chart number here; None: as it was.

    Raises:
        NotATransferError, PassphraseWrongError, ArchiveDamagedError: the file does not open.
        TransferIntoItselfError: this clinic made it.
        ArchiveNewerError, AlreadyImportedError, PatientExistsError, ModesDifferError: see `import_patient`.
    """
    if read_head(content).clinic_id == work.clinic_id:
        raise TransferIntoItselfError
    opened = open_file(content, passphrase)
    imported = await import_patient(work, opened.lines, external_ref=external_ref)
    (patient_id,), head = imported.patients, opened.head
    receipt = sign_receipt(opened, clinic_id=work.clinic_id, imported_at=work.now)
    transfer = PatientTransfer(
        id=head.transfer_id,
        patient_id=patient_id,
        direction=Direction.RECEIVED,
        state=TransferState.CONFIRMED,
        began_at=work.now,
        began_by=work.actor.id,
        other_clinic_id=head.clinic_id,
        receipt=receipt,
        ended_at=work.now,
    )
    await patient_transfers.add(work, transfer)
    work.audit("transfer.received", "transfer", transfer.id, patient_id=patient_id)
    work.queue(CONFIRM_HERE, clinic_id=work.clinic_id, transfer_id=transfer.id, sender_id=head.clinic_id)
    return ReceivedTransfer(transfer=transfer, receipt=receipt)


async def confirm_here(context: AppContext, clinic_id: UUID, transfer_id: UUID, sender_id: UUID) -> bool:
    """Bring a receipt to the clinic that sent the patient, where it is in this installation; says whether it is."""
    async with context.work(clinic_id, snapshot=True) as work:
        received = await patient_transfers.find(work, transfer_id)
    if received is None or received.receipt is None:
        return False
    async with context.work(sender_id) as work:
        sent = await patient_transfers.find(work, transfer_id)
        if sent is None or sent.state is not TransferState.STARTED:
            return False
        await confirm(work, sent.patient_id, transfer_id, receipt=received.receipt)
    return True


async def started(work: Work, patient_id: UUID, transfer_id: UUID) -> tuple[PatientRecord, PatientTransfer]:
    """Find a transfer that is under way, and take the patient's turn.

    Raises:
        NotFoundError: the patient has no such transfer.
        TransferOverError: it was confirmed or canceled.
    """
    patient = await existing_for_update(work, patient_id)
    transfer = await patient_transfers.find(work, transfer_id)
    if transfer is None or transfer.patient_id != patient_id:
        raise NotFoundError
    if transfer.state is not TransferState.STARTED:
        raise TransferOverError
    return patient, transfer


async def _found(work: Work, transfer_id: UUID) -> PatientTransfer:
    transfer = await patient_transfers.find(work, transfer_id)
    if transfer is None:
        raise NotFoundError
    return transfer
