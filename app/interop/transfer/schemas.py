"""Requests and replies about transferring a patient to another clinic."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Base64Bytes, Field

from app.interop.transfer.commands import (
    ConfirmedTransfer,
    ReceivedTransfer,
    StartedTransfer,
    TransferConsent,
)
from app.interop.transfer.queries import KnownTransfer
from app.storage.patient_transfers import ConsentForm, Direction, PatientTransfer, TransferState
from app.web.schemas import ChartNumber, Day, Name, ReplyBody, RequestBody, ShownOnce, choice_of, example


class TransferConsentEntry(RequestBody):
    """The patient's consent to be transferred to just this clinic, as it was given."""

    given_on: Day
    how: Annotated[ConsentForm, choice_of(ConsentForm)]


class TransferStart(RequestBody):
    """Where a patient goes, and their consent to it."""

    model_config = example(
        to="Riverside Ketamine Clinic", consent={"given_on": "2026-11-02", "how": "in_writing"}
    )

    to: Name = Field(description="The receiving clinic; sealed")
    consent: TransferConsentEntry | None = Field(
        default=None, description="Without it the transfer is refused: `transfer-without-consent`"
    )

    def agreed(self) -> TransferConsent | None:
        """Take the consent as it was given."""
        if self.consent is None:
            return None
        return TransferConsent(given_on=self.consent.given_on, form=self.consent.how)


class TransferReply(ReplyBody):
    """One transfer, as this clinic keeps it."""

    id: UUID
    patient_id: UUID
    direction: Direction
    state: TransferState
    to: str | None = Field(description="The receiving clinic as staff named it; null: the patient came here")
    other_clinic_id: UUID | None = Field(description="Known once the patient was imported")
    consent_on: date | None
    consent_form: str | None
    began_at: datetime
    ended_at: datetime | None
    receipt: str | None = Field(description="For the sender: it shows that the patient was imported")

    @classmethod
    def of(cls, known: KnownTransfer) -> "TransferReply":
        """Make the reply."""
        return cls.model_validate(_plain(known.transfer, known.to))


class StartedTransferReply(TransferReply):
    """A transfer that began; give the passphrase to the other clinic by another way than the file."""

    passphrase: ShownOnce

    @classmethod
    def of_started(cls, begun: StartedTransfer) -> "StartedTransferReply":
        """Make the reply."""
        return cls.model_validate(_plain(begun.transfer, begun.to) | {"passphrase": begun.passphrase})


class TransferReceipt(RequestBody):
    """The receipt, as the receiving clinic has it."""

    model_config = example(receipt="afterglow-receipt.eyJ0….q1Zs…")

    receipt: Annotated[str, Field(min_length=1, max_length=4000)]


class ConfirmedTransferReply(TransferReply):
    """A transfer that is over: the other clinic is responsible."""

    check_ins_since: int = Field(
        description="Check-ins that came here after the file was made: the other clinic has not got them"
    )

    @classmethod
    def of_confirmed(cls, done: ConfirmedTransfer, to: str | None) -> "ConfirmedTransferReply":
        """Make the reply."""
        return cls.model_validate(_plain(done.transfer, to) | {"check_ins_since": done.check_ins_since})


class TransferFile(RequestBody):
    """A patient's file from another clinic, and its passphrase."""

    model_config = example(
        file="eyJmb3JtYXQiOiAiYWZ0ZXJnbG93LXRyYW5zZmVyIn0=",
        passphrase="7K2M-9QF4-XB3T-0HZC-5RWE-M8AN",  # noqa: S106 - an example, which opens nothing
        external_ref="B-17",
    )

    file: Base64Bytes = Field(description="The file, in base64")
    passphrase: Annotated[str, Field(min_length=1, max_length=200)]
    external_ref: ChartNumber | None = Field(
        default=None, description="The chart number here; null: as it was"
    )


class ReceivedTransferReply(TransferReply):
    """A patient who was taken in; the receipt goes back to the sender, who is responsible until it is there."""

    @classmethod
    def of_received(cls, done: ReceivedTransfer) -> "ReceivedTransferReply":
        """Make the reply."""
        return cls.model_validate(_plain(done.transfer, None))


class TransferList(ReplyBody):
    """A patient's transfers, latest first."""

    items: list[TransferReply]


def _plain(transfer: PatientTransfer, to: str | None) -> dict[str, object]:
    own = set(TransferReply.model_fields) - {"to"}
    return {name: getattr(transfer, name) for name in own} | {"to": to}
