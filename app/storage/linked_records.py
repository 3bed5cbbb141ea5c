"""Which of our records is which record of a connected system, as that system last said."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork


class LinkedRecord(TenantRow):
    """A record of ours that is a record there; found by a digest of the id that it has there."""

    __tablename__ = "linked_records"
    __table_args__ = (
        clinic_foreign_key("system_id", of="connected_systems"),
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("kind in ('patient', 'infusion', 'appointment')", name="kind"),
        Index("ix_linked_records_patient", "clinic_id", "patient_id"),
        {"schema": CARE},
    )

    system_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    external_digest: Mapped[bytes] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    record_id: Mapped[UUID]
    # When it was last changed there, as far as we have read; null: it did not say.
    changed_at: Mapped[datetime | None]
    linked_at: Mapped[datetime]


async def find(work: UnitOfWork, system_id: UUID, kind: str, external_digest: bytes) -> LinkedRecord | None:
    """Find our record of what a system has under this id."""
    return await work.one(
        LinkedRecord,
        select(*columns_of(LinkedRecord)).where(
            work.owns(LinkedRecord),
            LinkedRecord.system_id == system_id,
            LinkedRecord.kind == kind,
            LinkedRecord.external_digest == external_digest,
        ),
    )


async def keep(work: UnitOfWork, link: LinkedRecord) -> None:
    """Keep which record it is, and when it was changed there."""
    row = LinkedRecord
    await work.execute(
        insert(row)
        .values(clinic_id=work.clinic_id, **values_of(link))
        .on_conflict_do_update(
            index_elements=[row.clinic_id, row.system_id, row.kind, row.external_digest],
            set_={
                "patient_id": link.patient_id,
                "record_id": link.record_id,
                "changed_at": link.changed_at,
            },
        )
    )
