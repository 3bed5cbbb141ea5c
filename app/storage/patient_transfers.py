"""Transfers of patients to another clinic, and from one: what was agreed, where each stands, and its receipt."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Text, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.check_ins import CheckInRow
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class Direction(StrEnum):
    """Whether the patient left this clinic, or came to it."""

    SENT = "sent"
    RECEIVED = "received"


class TransferState(StrEnum):
    """Where a transfer stands; one that was received is confirmed by its import."""

    STARTED = "started"
    CONFIRMED = "confirmed"
    CANCELED = "canceled"


class ConsentForm(StrEnum):
    """How the patient agreed."""

    IN_WRITING = "in_writing"
    IN_PERSON = "in_person"
    BY_TELEPHONE = "by_telephone"


class PatientTransfer(TenantRow):
    """One transfer, as one of the two clinics keeps it; both name it by the same id."""

    __tablename__ = "patient_transfers"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("direction in ('sent', 'received')", name="direction"),
        CheckConstraint("state in ('started', 'confirmed', 'canceled')", name="state"),
        # Nothing leaves without consent.
        CheckConstraint("direction = 'received' or consent_on is not null", name="consent"),
        Index(
            "uq_patient_transfers_started",
            "clinic_id",
            "patient_id",
            unique=True,
            postgresql_where=text("state = 'started'"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    direction: Mapped[Direction] = mapped_column(Text())
    state: Mapped[TransferState] = mapped_column(Text())
    began_at: Mapped[datetime]
    began_by: Mapped[UUID | None]
    # The other clinic, once it is known by its id.
    other_clinic_id: Mapped[UUID | None] = mapped_column(default=None)
    # To whom, as staff wrote it, and how the patient agreed to just that.
    to_sealed: Mapped[bytes | None] = mapped_column(default=None)
    consent_on: Mapped[date | None] = mapped_column(default=None)
    consent_form: Mapped[str | None] = mapped_column(default=None)
    # The file's key, derived from the passphrase; gone when the transfer is over.
    key_sealed: Mapped[bytes | None] = mapped_column(default=None)
    salt: Mapped[bytes | None] = mapped_column(default=None)
    receipt_key: Mapped[bytes | None] = mapped_column(default=None)
    receipt: Mapped[str | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)


async def add(work: UnitOfWork, transfer: PatientTransfer) -> None:
    """Keep a transfer."""
    await work.execute(insert(PatientTransfer).values(clinic_id=work.clinic_id, **values_of(transfer)))


async def find(work: UnitOfWork, transfer_id: UUID) -> PatientTransfer | None:
    """Find a transfer of this clinic."""
    found = await work.execute(
        select(*columns_of(PatientTransfer)).where(
            work.owns(PatientTransfer), PatientTransfer.id == transfer_id
        )
    )
    row = found.one_or_none()
    return None if row is None else _transfer(row)


async def of_patient(work: UnitOfWork, patient_id: UUID) -> list[PatientTransfer]:
    """List a patient's transfers, latest first."""
    found = await work.execute(
        select(*columns_of(PatientTransfer))
        .where(work.owns(PatientTransfer), PatientTransfer.patient_id == patient_id)
        .order_by(PatientTransfer.began_at.desc(), PatientTransfer.id.desc())
    )
    return [_transfer(row) for row in found]


async def end(
    work: UnitOfWork,
    transfer_id: UUID,
    state: TransferState,
    **values: Any,  # noqa: ANN401 - columns
) -> None:
    """Note how a transfer ended; its file opens nowhere here any more."""
    await work.execute(
        update(PatientTransfer)
        .where(work.owns(PatientTransfer), PatientTransfer.id == transfer_id)
        .values(state=state.value, ended_at=work.now, key_sealed=None, **values)
    )


async def check_ins_since(work: UnitOfWork, patient_id: UUID, *, since: datetime) -> int:
    """Count a patient's check-ins that came after a moment."""
    found = await work.execute(
        select(func.count())
        .select_from(CheckInRow)
        .where(
            work.owns(CheckInRow),
            CheckInRow.patient_id == patient_id,
            CheckInRow.received_at > since,
        )
    )
    return int(found.scalar_one())


def _transfer(row: Any) -> PatientTransfer:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    direction, state = Direction(values.pop("direction")), TransferState(values.pop("state"))
    return PatientTransfer(direction=direction, state=state, **values)
