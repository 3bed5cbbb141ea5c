"""What patients agreed to and took back, line by line; the application may add and read, never change."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import PatientStateRow


class Consent(TenantRow):
    """One answer as stored."""

    __tablename__ = "consents"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("kind in ('given', 'withdrawn')", name="kind"),
        Index("ix_consents_patient", "clinic_id", "patient_id", "at"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    kind: Mapped[str]
    # The text that was shown; for a withdrawal the one that stood, if any did.
    version: Mapped[str | None]
    locale: Mapped[str]
    at: Mapped[datetime]
    # A device of the patient's, or staff to whom the patient said it.
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    reason_sealed: Mapped[bytes | None]


async def add(work: UnitOfWork, consent: Consent) -> None:
    """Keep an answer, and note it where the check-in path looks; the caller holds the patient's turn.

    The rule's state goes: whichever way the answer went, what comes next starts from history. Reports on
    their way find that their turn is over, and look again.
    """
    values = values_of(consent)
    await work.execute(insert(Consent).values(clinic_id=work.clinic_id, **values))
    await work.execute(
        update(PatientStateRow)
        .where(work.owns(PatientStateRow), PatientStateRow.patient_id == consent.patient_id)
        .values(
            version=PatientStateRow.version + 1,
            packed_state=None,
            consent_version=consent.version,
            consent_withdrawn_at=consent.at if consent.kind == "withdrawn" else None,
        )
    )


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[Consent]:
    """List a patient's answers, oldest first."""
    columns = columns_of(Consent)
    return await work.all(
        Consent,
        select(*columns)
        .where(work.owns(Consent), Consent.patient_id == patient_id)
        .order_by(Consent.at, Consent.id),
    )
