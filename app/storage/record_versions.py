"""What a record said before it was corrected: every version that was replaced, when, by whom and why.

The nouns' own tables hold what is believed now. What was amended, or entered in error, is kept here for good, with
the turns of the patient in which it was believed: a decision is replayed from what was known in its turn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, create_model
from sqlalchemy import CheckConstraint, Index, Select, insert, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.foundation.ids import new_id
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key, column_names, columns_of, values_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import this_turn

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

RecordT = TypeVar("RecordT", bound=TenantRow)
CopiedT = TypeVar("CopiedT", bound="DataclassInstance")
FoundT = TypeVar("FoundT")
FoundT_co = TypeVar("FoundT_co", covariant=True)
_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

_HexBytes = Annotated[bytes, BeforeValidator(bytes.fromhex)]


class RecordKind(StrEnum):
    """Whose version it is."""

    INFUSION = "infusion"
    ASSESSMENT = "assessment"
    COURSE = "course"
    CHECK_IN = "check_in"
    CHOSEN_REFERENCE = "chosen_reference"
    CIRCUMSTANCE = "circumstance"


class RecordStatus(StrEnum):
    """Whether a record counts."""

    ACTIVE = "active"
    ENTERED_IN_ERROR = "entered_in_error"


class Correction(StrEnum):
    """What replaced a version."""

    AMENDED = "amended"
    VOIDED = "voided"
    RESTORED = "restored"


class RecordVersion(TenantRow):
    """A version that was replaced; ``content`` is the record's plain form as its noun wrote it.

    The application adds them and never changes one.
    """

    __tablename__ = "record_versions"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint(
            "kind in ('infusion', 'assessment', 'course', 'check_in', 'chosen_reference', 'circumstance')",
            name="kind",
        ),
        CheckConstraint("correction in ('amended', 'voided', 'restored')", name="correction"),
        Index(
            "uq_record_versions_version",
            "clinic_id",
            "patient_id",
            "kind",
            "record_id",
            "version",
            unique=True,
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    kind: Mapped[str]
    record_id: Mapped[UUID]
    version: Mapped[int]
    # False: in this version the record counted as entered in error.
    active: Mapped[bool]
    content: Mapped[dict[str, Any]]
    # Believed from this turn of the patient's until that one, in which it was replaced; null: not distinguished.
    known_from_turn: Mapped[int | None]
    replaced_in_turn: Mapped[int]
    correction: Mapped[str]
    replaced_at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[UUID | None]
    reason_sealed: Mapped[bytes | None]


def content_of(record: TenantRow) -> dict[str, Any]:
    """Give the plain form of a record that is its own table: what a replaced version keeps of it."""
    return {
        name: value.hex() if isinstance(value, bytes) else value for name, value in values_of(record).items()
    }


def from_content(record: type[RecordT], content: Mapping[str, Any]) -> RecordT:
    """Read the plain form of a record back, each value as its column's type; what is not in it has its default."""
    values = _plain_form(record).model_validate(content).model_dump(exclude_unset=True)
    return record(**values)


@cache
def _plain_form(record: type[TenantRow]) -> type[BaseModel]:
    columns = [record.__table__.columns[name] for name in column_names(record)]
    fields: dict[str, Any] = {}
    for one in columns:
        kind = _HexBytes if one.type.python_type is bytes else one.type.python_type
        fields[one.key] = (kind | None if one.nullable else kind, None)
    return create_model(record.__name__, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedVersion:
    """A version about to be replaced."""

    kind: RecordKind
    record_id: UUID
    version: int
    content: dict[str, Any]
    known_from_turn: int | None
    active: bool = True


async def keep(
    work: UnitOfWork,
    patient_id: UUID,
    replaced: ReplacedVersion,
    correction: Correction,
    *,
    version_id: UUID | None = None,
    reason_sealed: bytes | None = None,
) -> None:
    """Keep a version that is being replaced, with who does it and why; the caller holds the patient's turn."""
    await work.execute(
        insert(RecordVersion).values(
            clinic_id=work.clinic_id,
            id=version_id or new_id(),
            patient_id=patient_id,
            kind=replaced.kind.value,
            record_id=replaced.record_id,
            version=replaced.version,
            active=replaced.active,
            content=replaced.content,
            known_from_turn=replaced.known_from_turn,
            replaced_in_turn=this_turn(work, patient_id),
            correction=correction.value,
            replaced_at=work.now,
            actor_kind=work.actor.kind.value,
            actor_id=work.actor.id,
            reason_sealed=reason_sealed,
        )
    )


async def latest(
    work: UnitOfWork, patient_id: UUID, kind: RecordKind, record_id: UUID
) -> RecordVersion | None:
    """Find the version of a record that was replaced last."""
    return await work.one(
        RecordVersion,
        _versions(work, patient_id, kind)
        .where(RecordVersion.record_id == record_id)
        .order_by(RecordVersion.version.desc())
        .limit(1),
    )


async def of_kind(work: UnitOfWork, patient_id: UUID, kind: RecordKind) -> list[RecordVersion]:
    """List all versions of a patient's records of this kind that were replaced, oldest first."""
    return await work.all(
        RecordVersion,
        _versions(work, patient_id, kind).order_by(RecordVersion.record_id, RecordVersion.version),
    )


async def all_of_patient(work: UnitOfWork, patient_id: UUID) -> list[RecordVersion]:
    """List every version of a patient's records that was replaced, latest first."""
    return await work.all(
        RecordVersion,
        select(*columns_of(RecordVersion))
        .where(work.owns(RecordVersion), RecordVersion.patient_id == patient_id)
        .order_by(RecordVersion.replaced_at.desc(), RecordVersion.id.desc()),
    )


async def voided(work: UnitOfWork, patient_id: UUID, kind: RecordKind) -> list[RecordVersion]:
    """List the records that count as entered in error now, each as it was last believed."""
    last: dict[UUID, RecordVersion] = {}
    for one in await of_kind(work, patient_id, kind):
        last[one.record_id] = one
    return [one for one in last.values() if one.correction == Correction.VOIDED]


async def voided_as(
    work: UnitOfWork, patient_id: UUID, kind: RecordKind, read: Callable[[RecordVersion], CopiedT]
) -> list[CopiedT]:
    """List the records that count as entered in error now, each as it was last believed, in its present version."""
    return [replace(read(one), version=one.version + 1) for one in await voided(work, patient_id, kind)]


class Find(Protocol[FoundT_co]):
    """How a noun finds a record by the id that its source gave it."""

    async def __call__(self, work: UnitOfWork, /, *, source: str, external_id: str) -> FoundT_co | None:
        """Find it."""


async def kept_under(
    work: UnitOfWork,
    kind: RecordKind,
    find: Find[FoundT],
    read: Callable[[RecordVersion], FoundT],
    *,
    source: str,
    external_id: str,
) -> tuple[FoundT, RecordStatus] | None:
    """Find what is kept under the id that its source gave it, also what counts as entered in error.

    Nobody else looks for the id until the transaction ends: sent for two patients at once, it is one's.
    """
    key = "\n".join(("external id", str(work.clinic_id), kind.value, source, external_id))
    await work.execute(_HOLD, {"key": key})
    found = await find(work, source=source, external_id=external_id)
    if found is not None:
        return found, RecordStatus.ACTIVE
    error = await work.one(
        RecordVersion,
        select(*columns_of(RecordVersion))
        .where(
            work.owns(RecordVersion),
            RecordVersion.kind == kind.value,
            RecordVersion.content["external_id"].astext == external_id,
            RecordVersion.content["source"].astext == source,
        )
        .order_by(RecordVersion.version.desc())
        .limit(1),
    )
    return None if error is None else (read(error), RecordStatus.ENTERED_IN_ERROR)


async def believed_in(
    work: UnitOfWork, patient_id: UUID, kind: RecordKind, *, turn: int
) -> list[RecordVersion]:
    """List the versions that were believed in a turn of the patient's and have been replaced since."""
    return await work.all(
        RecordVersion,
        _versions(work, patient_id, kind).where(
            RecordVersion.active,
            RecordVersion.known_from_turn <= turn,
            RecordVersion.replaced_in_turn > turn,
        ),
    )


async def void_spans(work: UnitOfWork, patient_id: UUID, kind: RecordKind, *, turn: int) -> set[UUID]:
    """Give the records that counted as entered in error in this turn, though they count again now."""
    found = await work.execute(
        select(RecordVersion.record_id).where(
            work.owns(RecordVersion),
            RecordVersion.patient_id == patient_id,
            RecordVersion.kind == kind.value,
            ~RecordVersion.active,
            RecordVersion.known_from_turn <= turn,
            RecordVersion.replaced_in_turn > turn,
        )
    )
    return set(found.scalars())


def _versions(work: UnitOfWork, patient_id: UUID, kind: RecordKind) -> Select[*tuple[Any, ...]]:
    return select(*columns_of(RecordVersion)).where(
        work.owns(RecordVersion),
        RecordVersion.patient_id == patient_id,
        RecordVersion.kind == kind.value,
    )
