"""Patients: the clinic's own reference and an address are sealed; the reference is found by its blind index."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Executable,
    ForeignKeyConstraint,
    Index,
    Select,
    UniqueConstraint,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.zones import canonical_zone
from app.storage import patient_keys, reminder_plans
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, one_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of
from app.storage.patient_states import PatientStateRow


class PatientRow(TenantRow):
    """One patient of one clinic."""

    __tablename__ = "patients"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        UniqueConstraint("clinic_id", "external_ref_index"),
        UniqueConstraint("clinic_id", "external_ref_key"),
        Index("ix_patients_without_key", "clinic_id", postgresql_where=text("external_ref_key IS NULL")),
        CheckConstraint("mode in ('test', 'live')", name="mode"),
        CheckConstraint(
            "archived_reason in ('care_ended', 'transferred', 'deceased', 'registered_in_error', 'duplicate')",
            name="archived_reason",
        ),
        CheckConstraint("(archived_at is null) = (archived_reason is null)", name="archived"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    # Blind indexes of the chart number: exactly as written, and as people read it (null: to be computed).
    external_ref_index: Mapped[bytes]
    external_ref_key: Mapped[bytes | None]
    external_ref_sealed: Mapped[bytes]
    # As it was given, and its name of today beside it.
    time_zone: Mapped[str]
    time_zone_canonical: Mapped[str]
    locale: Mapped[str]
    # As someone chose it (ISO 3166); null: as the zone says.
    country: Mapped[str | None]
    email_sealed: Mapped[bytes | None]
    # Taken from the clinic at registration; a patient made in test mode never becomes live.
    mode: Mapped[str]
    registered_at: Mapped[datetime]
    version: Mapped[int]
    # Since when and why nobody here reads this patient's reports any more; null: they are read.
    archived_at: Mapped[datetime | None]
    archived_reason: Mapped[str | None]
    # Name, telephone and the like, for staff who must reach someone: one sealed document.
    contact_facts_sealed: Mapped[bytes | None]
    # Since when the patient has nights imported from a phone; null: the import is off.
    sleep_import_since: Mapped[datetime | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRecord:
    """A patient as stored: what ends in ``_sealed`` opens only with the key, for this row."""

    id: UUID
    external_ref_sealed: bytes
    email_sealed: bytes | None
    time_zone: str
    time_zone_canonical: str
    locale: str
    mode: str
    registered_at: datetime
    version: int
    # The patient's own data key, wrapped; None for one who was registered before there were such keys.
    wrapped_key: bytes | None
    country: str | None = None
    archived_at: datetime | None = None
    archived_reason: str | None = None
    contact_facts_sealed: bytes | None = None
    consent_version: str | None = None
    consent_withdrawn_at: datetime | None = None
    # As it was last answered.
    level: str = "no_reference"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedChartNumber:
    """A chart number as it is found: blind indexes of it exactly as written, and as people read it."""

    exactly: bytes
    key: bytes


async def add(work: UnitOfWork, patient: PatientRecord, *, external_ref: IndexedChartNumber) -> bool:
    """Keep a new patient, unless the reference is taken; says whether it was kept.

    An empty state, a key and a plan of reminders are kept beside it.
    """
    added = await work.execute(
        _new(
            id=patient.id,
            external_ref_index=external_ref.exactly,
            external_ref_key=external_ref.key,
            external_ref_sealed=patient.external_ref_sealed,
            time_zone=patient.time_zone,
            time_zone_canonical=patient.time_zone_canonical,
            locale=patient.locale,
            country=patient.country,
            email_sealed=patient.email_sealed,
            mode=patient.mode,
            registered_at=patient.registered_at,
            version=patient.version,
        )
    )
    if added.one_or_none() is None:
        return False
    await work.execute(_new_state(patient.id))
    if patient.wrapped_key is not None:
        await patient_keys.add(work, patient.id, patient.wrapped_key, made_at=patient.registered_at)
    await reminder_plans.add(work, patient.id, look_at=patient.registered_at)
    return True


@built_once
def _new(work: Owner, /, **values: Any) -> Executable:  # noqa: ANN401 - columns
    adding = insert(PatientRow).on_conflict_do_nothing().values(clinic_id=work.clinic_id, **values)
    return adding.returning(PatientRow.id)


@built_once
def _new_state(work: Owner, patient_id: UUID) -> Executable:
    return insert(PatientStateRow).values(
        clinic_id=work.clinic_id,
        patient_id=patient_id,
        version=0,
        sync_sequence=0,
        event_sequence=0,
        packed_state=None,
        level="no_reference",
        announced=[],
        evaluated_at=None,
        booster_booked_for=None,
        consent_version=None,
        consent_withdrawn_at=None,
        booster_booked_at=None,
        checkpoints=None,
    )


async def find(work: UnitOfWork, patient_id: UUID) -> PatientRecord | None:
    """Find a patient of this clinic."""
    row = (await work.execute(_one(patient_id))).one_or_none()
    return row and _record(row)


async def find_many(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, PatientRecord]:
    """Find several patients of this clinic."""
    found = await work.execute(_patients(work).where(one_of(PatientRow.id, patient_ids)))
    return {row.id: _record(row) for row in found}


async def find_by_chart_number(work: UnitOfWork, reference: IndexedChartNumber) -> UUID | None:
    """Find whose chart number this is: exactly as written first, then as people read it."""
    found = await work.execute(_holder(reference.exactly, reference.key))
    return found.scalar_one_or_none()


@built_once
def _holder(work: Owner, exactly: bytes, key: bytes) -> Executable:
    return (
        select(PatientRow.id)
        .where(
            work.owns(PatientRow),
            or_(PatientRow.external_ref_index == exactly, PatientRow.external_ref_key == key),
        )
        .order_by((PatientRow.external_ref_index == exactly).desc())
        .limit(1)
    )


async def amend(work: UnitOfWork, patient_id: UUID, *, version: int, **values: Any) -> bool:  # noqa: ANN401 - columns
    """Change columns of a patient who still is at this version; says whether they were changed."""
    return await work.changes(
        update(PatientRow)
        .where(work.owns(PatientRow), PatientRow.id == patient_id, PatientRow.version == version)
        .values(version=version + 1, **values)
    )


async def without_key(work: UnitOfWork, *, limit: int) -> list[PatientRecord]:
    """List patients whose chart number has no key yet: they were registered before there were keys."""
    statement = _patients(work).where(PatientRow.external_ref_key.is_(None)).order_by(PatientRow.id)
    return [_record(row) for row in await work.execute(statement.limit(limit))]


async def holder_of_key(work: UnitOfWork, key: bytes) -> UUID | None:
    """Find whose chart number has this key."""
    found = await work.execute(
        select(PatientRow.id).where(work.owns(PatientRow), PatientRow.external_ref_key == key)
    )
    return found.scalar_one_or_none()


async def set_key(work: UnitOfWork, patient_id: UUID, key: bytes) -> None:
    """Keep the key of a chart number, once; the number itself does not change."""
    await work.execute(
        update(PatientRow)
        .where(
            work.owns(PatientRow),
            PatientRow.id == patient_id,
            PatientRow.external_ref_key.is_(None),
        )
        .values(external_ref_key=key),
        unaudited="how a number that is kept already is found; nothing about the person changes",
    )


async def page(work: UnitOfWork, *, after: UUID | None, limit: int) -> list[PatientRecord]:
    """List patients in the order of their registration (ids are time-ordered)."""
    statement = _patients(work).order_by(PatientRow.id).limit(limit)
    if after is not None:
        statement = statement.where(PatientRow.id > after)
    return [_record(row) for row in await work.execute(statement)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedReference:
    """A patient's sealed chart number, and the key that opens it."""

    id: UUID
    external_ref_sealed: bytes
    wrapped_key: bytes | None


async def all_references(work: UnitOfWork) -> list[SealedReference]:
    """Give every patient's chart number, sealed."""
    return await work.all(
        SealedReference,
        select(PatientRow.id, PatientRow.external_ref_sealed, wrapped_key_of(work, PatientRow.id)).where(
            work.owns(PatientRow)
        ),
    )


async def change(
    work: UnitOfWork,
    patient_id: UUID,
    *,
    time_zone: str,
    locale: str,
    country: str | None,
    email_sealed: bytes | None,
    version: int,
) -> bool:
    """Change zone, language and address if the patient still is at this version; says whether it was."""
    return await work.changes(
        update(PatientRow)
        .where(
            work.owns(PatientRow),
            PatientRow.id == patient_id,
            PatientRow.version == version,
        )
        .values(
            time_zone=time_zone,
            time_zone_canonical=canonical_zone(time_zone),
            locale=locale,
            country=country,
            email_sealed=email_sealed,
            version=version + 1,
        )
    )


@built_once
def _one(work: Owner, patient_id: UUID) -> Executable:
    return _patients(work).where(PatientRow.id == patient_id)


def _patients(work: Owner) -> Select[*tuple[Any, ...]]:
    return (
        select(
            PatientRow.id,
            PatientRow.external_ref_sealed,
            PatientRow.email_sealed,
            PatientRow.time_zone,
            PatientRow.time_zone_canonical,
            PatientRow.locale,
            PatientRow.country,
            PatientRow.mode,
            PatientRow.registered_at,
            PatientRow.version,
            PatientRow.archived_at,
            PatientRow.archived_reason,
            PatientRow.contact_facts_sealed,
            PatientStateRow.consent_version,
            PatientStateRow.consent_withdrawn_at,
            PatientStateRow.level,
            wrapped_key_of(work, PatientRow.id),
        )
        .join_from(
            PatientRow,
            PatientStateRow,
            (PatientStateRow.clinic_id == PatientRow.clinic_id)
            & (PatientStateRow.patient_id == PatientRow.id),
        )
        .where(work.owns(PatientRow))
    )


def _record(row: Any) -> PatientRecord:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    return PatientRecord(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
