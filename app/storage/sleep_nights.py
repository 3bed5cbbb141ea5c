"""Nights that a patient's phone or watch measured, and whether the patient has switched their import on."""

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Index, Select, delete, insert, select, tuple_, update
from sqlalchemy.orm import Mapped, mapped_column

from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRow


class SleepNight(TenantRow):
    """One night as a source measured it. The phone chose its id, so it is unique for one patient, never alone."""

    __tablename__ = "sleep_nights"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("source in ('healthkit', 'health_connect')", name="source"),
        CheckConstraint("started_at < ended_at", name="span"),
        CheckConstraint("asleep_minutes between 0 and 1440", name="asleep_minutes"),
        CheckConstraint("in_bed_minutes between asleep_minutes and 1440", name="in_bed_minutes"),
        Index("ix_sleep_nights_night", "clinic_id", "patient_id", "night"),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    # The calendar day of waking, where the person was.
    night: Mapped[date]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    time_zone: Mapped[str]
    asleep_minutes: Mapped[int]
    in_bed_minutes: Mapped[int | None]
    source: Mapped[str]
    # The app that wrote it into the phone's store, by its package or bundle name, and the kind of device.
    app: Mapped[str]
    device: Mapped[str]
    received_at: Mapped[datetime]
    supersedes: Mapped[UUID | None]
    superseded_by: Mapped[UUID | None] = mapped_column(default=None)
    withdrawn_at: Mapped[datetime | None] = mapped_column(default=None)


async def import_since(work: UnitOfWork, patient_id: UUID) -> datetime | None:
    """Give since when the patient has nights imported; None: the import is off."""
    found = await work.execute(
        select(PatientRow.sleep_import_since).where(work.owns(PatientRow), PatientRow.id == patient_id)
    )
    return found.scalar_one_or_none()


async def set_import(work: UnitOfWork, patient_id: UUID, since: datetime | None) -> None:
    """Switch the import on since a moment, or off."""
    await work.execute(
        update(PatientRow)
        .where(work.owns(PatientRow), PatientRow.id == patient_id)
        .values(sleep_import_since=since)
    )


async def add(work: UnitOfWork, night: SleepNight) -> None:
    """Keep a night; the one that it corrects is marked."""
    await work.execute(insert(SleepNight).values(clinic_id=work.clinic_id, **values_of(night)))
    if night.supersedes is not None:
        await supersede(work, night.patient_id, night.supersedes, by=night.id)


async def supersede(work: UnitOfWork, patient_id: UUID, night_id: UUID, *, by: UUID) -> None:
    """Mark a night as corrected by another, unless it is already."""
    await work.execute(
        update(SleepNight).where(*_not_corrected(work, patient_id, night_id)).values(superseded_by=by)
    )


async def bring(work: UnitOfWork, night: SleepNight, *, to: UUID) -> None:
    """Keep another patient's night for this one, as it stands there."""
    values = values_of(night) | {"patient_id": to}
    await work.execute(insert(SleepNight).values(clinic_id=work.clinic_id, **values))


async def withdraw(work: UnitOfWork, patient_id: UUID, night_id: UUID) -> bool:
    """Mark a night as taken back; says whether there was one that still counted."""
    return await work.changes(
        update(SleepNight)
        .where(*_not_corrected(work, patient_id, night_id), SleepNight.withdrawn_at.is_(None))
        .values(withdrawn_at=work.now)
    )


async def find(work: UnitOfWork, patient_id: UUID, night_id: UUID) -> SleepNight | None:
    """Find a night of the patient, whatever became of it."""
    return await work.one(SleepNight, _of_patient(work, patient_id).where(SleepNight.id == night_id))


async def overlapping(work: UnitOfWork, night: SleepNight) -> bool:
    """Whether the same app has another night that counts at the same time."""
    found = await work.execute(
        _counting(work, night.patient_id)
        .where(
            SleepNight.source == night.source,
            SleepNight.app == night.app,
            SleepNight.started_at < night.ended_at,
            SleepNight.ended_at > night.started_at,
            SleepNight.id.is_distinct_from(night.supersedes),
        )
        .limit(1)
    )
    return found.first() is not None


async def remove(work: UnitOfWork, patient_id: UUID, night_ids: Collection[UUID]) -> None:
    """Remove what a merge had brought to a patient; the caller writes the line of the audit log."""
    await work.execute(
        delete(SleepNight).where(
            work.owns(SleepNight),
            SleepNight.patient_id == patient_id,
            SleepNight.id.in_(night_ids),
        )
    )


async def shown(
    work: UnitOfWork,
    patient_id: UUID,
    *,
    since: date | None = None,
    before: tuple[date, UUID] | None = None,
    limit: int,
) -> list[SleepNight]:
    """List the nights that count, the latest first.

    Args:
        work: the transaction.
        patient_id: whose.
        since: the first night to give.
        before: the night and the id of the last one that was given already.
        limit: how many at most.
    """
    statement = _counting(work, patient_id)
    if since is not None:
        statement = statement.where(SleepNight.night >= since)
    if before is not None:
        statement = statement.where(tuple_(SleepNight.night, SleepNight.id) < tuple_(*before))
    return await work.all(
        SleepNight, statement.order_by(SleepNight.night.desc(), SleepNight.id.desc()).limit(limit)
    )


async def every_night(work: UnitOfWork, patient_id: UUID) -> list[SleepNight]:
    """List all nights on record, also those that were corrected or taken back."""
    return await work.all(SleepNight, _of_patient(work, patient_id).order_by(SleepNight.night, SleepNight.id))


def _counting(work: UnitOfWork, patient_id: UUID) -> Select[*tuple[object, ...]]:
    return _of_patient(work, patient_id).where(
        SleepNight.superseded_by.is_(None), SleepNight.withdrawn_at.is_(None)
    )


def _of_patient(work: UnitOfWork, patient_id: UUID) -> Select[*tuple[object, ...]]:
    return select(*columns_of(SleepNight)).where(work.owns(SleepNight), SleepNight.patient_id == patient_id)


def _not_corrected(work: UnitOfWork, patient_id: UUID, night_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        work.owns(SleepNight),
        SleepNight.patient_id == patient_id,
        SleepNight.id == night_id,
        SleepNight.superseded_by.is_(None),
    )
