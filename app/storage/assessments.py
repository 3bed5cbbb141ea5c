"""Completed assessments, and the scales that a clinic describes itself; neither is ever changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    Executable,
    ForeignKeyConstraint,
    Index,
    Select,
    and_,
    delete,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.check_ins import zone_of
from app.clinical.history import ScaleTotals
from app.clinical.long_exposure import KNOWN_FORMS, LONG_EXPOSURE
from app.clinical.scales import AssessmentTotal, Scale, read_custom_scales
from app.storage import record_versions
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow, clinic_foreign_key, columns_of, values_of
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import this_turn
from app.storage.record_versions import RecordVersion


class CustomScaleRow(TenantRow):
    """A clinic's own scale, in its JSON form. It stays as it is: totals were scored by it."""

    __tablename__ = "custom_scales"
    __table_args__ = (ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]), {"schema": CARE})

    key: Mapped[str] = mapped_column(primary_key=True)
    definition: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class StoredAssessment(TenantRow):
    """A completed form as stored; ``items`` by number, None when only the total was given.

    A phone may have chosen its id, so it is unique for one patient, never alone.
    """

    __tablename__ = "assessments"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        # One form of a scale at one moment: what is sent twice is kept once.
        Index("uq_assessments_moment", "clinic_id", "patient_id", "scale", "taken_at", unique=True),
        Index(
            "uq_assessments_external_id",
            "clinic_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        CheckConstraint("entered_by in ('clinic', 'patient')", name="entered_by"),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    entered_by: Mapped[str]
    scale: Mapped[str]
    taken_at: Mapped[datetime]
    # The patient's zone when it was answered or entered: a traveler's past days do not move.
    time_zone: Mapped[str]
    total: Mapped[float] = mapped_column(Double())
    items: Mapped[dict[str, Any] | None]
    received_at: Mapped[datetime]
    digest: Mapped[bytes]
    # The id that the clinic's other system has for it, unique within that source.
    external_id: Mapped[str | None] = mapped_column(default=None)
    source: Mapped[str] = mapped_column(default="", server_default=text("''"))
    version: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    turn: Mapped[int] = mapped_column(init=False)


def from_version(version: RecordVersion) -> StoredAssessment:
    """Read a replaced version of a form."""
    return record_versions.from_content(StoredAssessment, version.content)


async def add(work: UnitOfWork, assessment: StoredAssessment) -> bool:
    """Keep a form, unless the patient has one of this scale at this very moment; says whether it was kept."""
    added = await work.execute(
        insert(StoredAssessment)
        .values(
            clinic_id=work.clinic_id, turn=this_turn(work, assessment.patient_id), **values_of(assessment)
        )
        .on_conflict_do_nothing(
            index_elements=[
                StoredAssessment.clinic_id,
                StoredAssessment.patient_id,
                StoredAssessment.scale,
                StoredAssessment.taken_at,
            ]
        )
        .returning(StoredAssessment.id),
        unaudited="one that is there changes nothing; a new one is audited below",
    )
    return added.one_or_none() is not None


async def replace(work: UnitOfWork, assessment: StoredAssessment) -> None:
    """Write what a form says from this turn on; the caller keeps what it said before."""
    changed = {
        name: getattr(assessment, name) for name in ("taken_at", "total", "items", "digest", "version")
    }
    await work.execute(
        update(StoredAssessment)
        .where(
            work.owns(StoredAssessment),
            StoredAssessment.patient_id == assessment.patient_id,
            StoredAssessment.id == assessment.id,
        )
        .values(turn=this_turn(work, assessment.patient_id), **changed)
    )


async def take_away(work: UnitOfWork, patient_id: UUID, assessment_id: UUID) -> None:
    """Take a form away that was entered in error; what it said is kept among the record's versions."""
    await work.execute(
        delete(StoredAssessment).where(
            work.owns(StoredAssessment),
            StoredAssessment.patient_id == patient_id,
            StoredAssessment.id == assessment_id,
        )
    )


async def turn_of(work: UnitOfWork, patient_id: UUID, assessment_id: UUID) -> int:
    """Give the patient's turn from which the present version of a form is known."""
    found = await work.execute(
        select(StoredAssessment.turn).where(
            work.owns(StoredAssessment),
            StoredAssessment.patient_id == patient_id,
            StoredAssessment.id == assessment_id,
        )
    )
    return int(found.scalar_one())


async def by_external_id(work: UnitOfWork, *, source: str, external_id: str) -> StoredAssessment | None:
    """Find a form of this clinic by the id that its source gave it."""
    return await work.one(
        StoredAssessment,
        select(*columns_of(StoredAssessment)).where(
            work.owns(StoredAssessment),
            StoredAssessment.source == source,
            StoredAssessment.external_id == external_id,
        ),
    )


async def at_moment(
    work: UnitOfWork, patient_id: UUID, *, scale: str, taken_at: datetime
) -> StoredAssessment | None:
    """Find the form of a scale that was taken at this very moment."""
    return await work.one(
        StoredAssessment,
        _assessments(work, patient_id).where(
            StoredAssessment.scale == scale, StoredAssessment.taken_at == taken_at
        ),
    )


async def between(
    work: UnitOfWork, patient_id: UUID, *, scale: str, first: datetime, last: datetime
) -> list[StoredAssessment]:
    """List the forms of a scale that were taken between two moments, neither included."""
    return await work.all(
        StoredAssessment,
        _assessments(work, patient_id).where(
            StoredAssessment.scale == scale,
            StoredAssessment.taken_at > first,
            StoredAssessment.taken_at < last,
        ),
    )


async def find(work: UnitOfWork, patient_id: UUID, assessment_id: UUID) -> StoredAssessment | None:
    """Find one form of one patient."""
    return await work.one(
        StoredAssessment, _assessments(work, patient_id).where(StoredAssessment.id == assessment_id)
    )


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[StoredAssessment]:
    """List a patient's forms as they are believed now, those that were completed last first."""
    statement = _assessments(work, patient_id).order_by(
        StoredAssessment.taken_at.desc(), StoredAssessment.id.desc()
    )
    return await work.all(StoredAssessment, statement)


async def latest(
    work: UnitOfWork, patient_id: UUID, *, limit: int, until: datetime | None = None
) -> list[StoredAssessment]:
    """List a patient's forms that were completed last, latest first; with ``until`` by then."""
    statement = (
        _assessments(work, patient_id)
        .order_by(StoredAssessment.taken_at.desc(), StoredAssessment.id.desc())
        .limit(limit)
    )
    if until is not None:
        statement = statement.where(StoredAssessment.taken_at <= until)
    return await work.all(StoredAssessment, statement)


async def totals_of_patient(
    work: UnitOfWork,
    patient_id: UUID,
    *,
    up_to_turn: int | None = None,
    taken_since: datetime | None = None,
    also: Sequence[StoredAssessment] = (),
) -> tuple[ScaleTotals, ...]:
    """Give all totals of a patient, one entry a scale, each by the patient's clock at that time.

    Not of the form about long exposure, which is no scale: its answers are for review, and decide nothing.

    ``up_to_turn``: only those that had come by that turn of the patient's. ``taken_since``: only those taken
    from then on. ``also``: forms as they were believed then, which were corrected since.
    """
    rows: list[Any] = list(await work.execute(_totals(patient_id, up_to_turn, taken_since)))
    if also:
        own = await own_scales(work)
        rows += [
            _FormTotal(one.scale, one.taken_at, one.time_zone, one.total, own.get(one.scale)) for one in also
        ]
    return totals_in([row for row in rows if row.scale != LONG_EXPOSURE.key])


@built_once
def _totals(
    work: Owner, patient_id: UUID, up_to_turn: int | None, taken_since: datetime | None
) -> Executable:
    known = () if up_to_turn is None else (StoredAssessment.turn <= up_to_turn,)
    taken = () if taken_since is None else (StoredAssessment.taken_at >= taken_since,)
    return (
        select(
            StoredAssessment.scale,
            StoredAssessment.taken_at,
            StoredAssessment.time_zone,
            StoredAssessment.total,
            CustomScaleRow.definition,
        )
        .outerjoin(
            CustomScaleRow,
            and_(
                CustomScaleRow.clinic_id == StoredAssessment.clinic_id,
                CustomScaleRow.key == StoredAssessment.scale,
            ),
        )
        .where(
            work.owns(StoredAssessment),
            StoredAssessment.patient_id == patient_id,
            *known,
            *taken,
        )
    )


class _FormTotal(NamedTuple):
    scale: str
    taken_at: datetime
    time_zone: str
    total: float
    definition: dict[str, Any] | None


def totals_in(rows: Iterable[Any]) -> tuple[ScaleTotals, ...]:
    """Read one patient's totals from rows of scale, its definition, time, zone and total."""
    scales: dict[str, Scale] = {}
    totals: dict[str, list[AssessmentTotal]] = defaultdict(list)
    for row in rows:
        if row.scale not in scales:
            scales[row.scale] = _scale(row.scale, row.definition)
        taken_at = row.taken_at.astimezone(zone_of(row.time_zone))
        totals[row.scale].append(AssessmentTotal(taken_at=taken_at, total=row.total))
    return tuple(
        ScaleTotals(scale=scales[key], totals=tuple(sorted(entry))) for key, entry in sorted(totals.items())
    )


async def add_scales(work: UnitOfWork, definitions: Mapping[str, dict[str, Any]]) -> list[str]:
    """Keep a clinic's own scales; one whose key is taken already stays as it was. Gives the keys that are new."""
    new = []
    for key, definition in definitions.items():
        added = await work.execute(
            insert(CustomScaleRow)
            .values(clinic_id=work.clinic_id, key=key, definition=definition, created_at=work.now)
            .on_conflict_do_nothing(index_elements=[CustomScaleRow.clinic_id, CustomScaleRow.key])
            .returning(CustomScaleRow.key),
            unaudited="one that is there changes nothing; a new one is audited below",
        )
        if added.one_or_none() is not None:
            new.append(key)
    return new


async def own_scales(work: UnitOfWork) -> dict[str, dict[str, Any]]:
    """Give the clinic's own scales in their JSON form, by key."""
    found = await work.execute(
        select(CustomScaleRow.key, CustomScaleRow.definition)
        .where(work.owns(CustomScaleRow))
        .order_by(CustomScaleRow.key)
    )
    return {row.key: row.definition for row in found}


async def find_scale(work: UnitOfWork, key: str) -> Scale | None:
    """Find a scale by its key: a validated one, or one of this clinic's own."""
    if key in KNOWN_FORMS:
        return KNOWN_FORMS[key]
    found = await work.execute(
        select(CustomScaleRow.definition).where(work.owns(CustomScaleRow), CustomScaleRow.key == key)
    )
    definition = found.scalar_one_or_none()
    return None if definition is None else _scale(key, definition)


def _scale(key: str, definition: dict[str, Any] | None) -> Scale:
    return KNOWN_FORMS[key] if definition is None else read_custom_scales({key: definition}).scales[key]


def _assessments(work: UnitOfWork, patient_id: UUID) -> Select[*tuple[Any, ...]]:
    return select(*columns_of(StoredAssessment)).where(
        work.owns(StoredAssessment), StoredAssessment.patient_id == patient_id
    )
