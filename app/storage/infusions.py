"""Infusions that were given, each with its session."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import Base64Bytes, TypeAdapter
from sqlalchemy import CheckConstraint, Executable, Index, Numeric, Select, delete, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.course import Infusion, InfusionPhase, Route
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.statements import Owner, built_once
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import this_turn
from app.storage.record_versions import RecordVersion
from app.storage.treatment_sessions import Session, plain_session, session_in

SCORE_AFTER: Final = timedelta(hours=4)
"""How long after an infusion its score is due."""
SCORE_ASKED_FOR: Final = timedelta(hours=24)
"""How long after an infusion the score is asked for: a later one would not be of four hours."""


class InfusionRow(TenantRow):
    """One infusion that was given."""

    __tablename__ = "infusions"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        CheckConstraint("phase in ('induction', 'booster')", name="phase"),
        Index("ix_infusions_given_at", "clinic_id", "given_at"),
        Index("uq_infusions_moment", "clinic_id", "patient_id", "given_at", unique=True),
        Index(
            "uq_infusions_external_id",
            "clinic_id",
            "source",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    patient_id: Mapped[UUID]
    given_at: Mapped[datetime]
    # The patient's zone when it was entered: a traveler's past days do not move.
    time_zone: Mapped[str]
    phase: Mapped[str]
    dose_mg_per_kg: Mapped[float | None] = mapped_column(Numeric(5, 3, asdecimal=False))
    dose_mg: Mapped[float | None] = mapped_column(Numeric(7, 2, asdecimal=False))
    route: Mapped[str | None]
    # The id that the clinic's other system has for it, unique within that source.
    external_id: Mapped[str | None]
    source: Mapped[str] = mapped_column(server_default=text("''"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    # Its day is known and its hour is not: it is kept at noon.
    day_only: Mapped[bool] = mapped_column(server_default=text("false"))
    # The course that this infusion let begin earlier, and the booking that it took the place of: both come back
    # when it turns out to have been entered in error.
    began_course_id: Mapped[UUID | None]
    kept_booking_on: Mapped[date | None]
    kept_booking_made_at: Mapped[datetime | None]
    # How the session went, and the notes of whoever gave it, sealed with the patient's own key.
    session: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    note_sealed: Mapped[bytes | None]
    created_at: Mapped[datetime]
    turn: Mapped[int]


INFUSION_COLUMNS: Final = (
    InfusionRow.id,
    InfusionRow.given_at,
    InfusionRow.time_zone,
    InfusionRow.phase,
    InfusionRow.dose_mg_per_kg,
    InfusionRow.route,
)
"""What `infusions_by_patient` reads, beside the patient's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInfusion:
    """An infusion as it is believed now, with what is kept beside it.

    Attributes:
        infusion: as the clinical rule knows it.
        dose_mg: the dose in milligrams, when it was given so.
        day_only: the hour is not known; ``given_at`` is noon of the day.
        external_id: the id that ``source``, another system of the clinic's, has for it.
        began_course_id: the course that it let begin earlier.
        kept_booking_on: the booked booster that it took the place of, booked at ``kept_booking_made_at``.
        session: how the session went; ``note_sealed`` are the notes of it.
        turn: the patient's turn from which this version is known; 0 for one that is not kept yet.
    """

    infusion: Infusion
    dose_mg: float | None = None
    external_id: str | None = None
    source: str = ""
    version: int = 1
    day_only: bool = False
    began_course_id: UUID | None = None
    kept_booking_on: date | None = None
    kept_booking_made_at: datetime | None = None
    session: Session | None = None
    note_sealed: Base64Bytes | None = None
    created_at: datetime | None = None
    turn: int = 0

    @property
    def id(self) -> UUID:
        """Its id."""
        return UUID(self.infusion.id)


_CONTENT: Final = TypeAdapter(StoredInfusion)


def content_of(stored: StoredInfusion) -> dict[str, Any]:
    """Give what a replaced version keeps of an infusion."""
    content: dict[str, Any] = _CONTENT.dump_python(stored, mode="json")
    return content


def from_version(version: RecordVersion) -> StoredInfusion:
    """Read a replaced version of an infusion."""
    return _CONTENT.validate_python(version.content)


async def add_infusion(work: UnitOfWork, patient_id: UUID, stored: StoredInfusion) -> bool:
    """Keep an infusion, unless the patient has one at this very moment already; says whether it was kept."""
    adding = _add(
        patient_id, id=stored.id, created_at=stored.created_at or work.now, **_infusion_values(stored)
    )
    return (await work.execute(adding)).one_or_none() is not None


@built_once
def _add(work: Owner, /, patient_id: UUID, **values: Any) -> Executable:  # noqa: ANN401 - columns
    return (
        insert(InfusionRow)
        .on_conflict_do_nothing(
            index_elements=[InfusionRow.clinic_id, InfusionRow.patient_id, InfusionRow.given_at]
        )
        .values(clinic_id=work.clinic_id, patient_id=patient_id, turn=this_turn(work, patient_id), **values)
        .returning(InfusionRow.id)
    )


async def replace_infusion(
    work: UnitOfWork, patient_id: UUID, stored: StoredInfusion, *, same_turn: bool = False
) -> None:
    """Write what an infusion says from this turn on; the caller keeps what it said before.

    ``same_turn``: it says the same, and only what is kept beside it changes.
    """
    await work.execute(
        update(InfusionRow)
        .where(work.owns(InfusionRow), InfusionRow.id == stored.id)
        .values(**_infusion_values(stored), **({} if same_turn else {"turn": this_turn(work, patient_id)}))
    )


async def take_infusion_away(work: UnitOfWork, infusion_id: UUID) -> None:
    """Take an infusion away that was entered in error; what it said is kept among the record's versions."""
    await work.execute(delete(InfusionRow).where(work.owns(InfusionRow), InfusionRow.id == infusion_id))


async def find(work: UnitOfWork, patient_id: UUID, infusion_id: UUID) -> StoredInfusion | None:
    """Find one infusion of one patient as it is believed now."""
    found = await work.execute(
        _infusions(work).where(InfusionRow.patient_id == patient_id, InfusionRow.id == infusion_id)
    )
    row = found.one_or_none()
    return row and _stored_infusion(row)


async def stored_infusions(work: UnitOfWork, patient_id: UUID) -> list[StoredInfusion]:
    """List a patient's infusions as they are believed now, latest first."""
    return [_stored_infusion(row) for row in await work.execute(_all_of_patient(patient_id))]


async def infusion_by_external_id(
    work: UnitOfWork, *, source: str, external_id: str
) -> tuple[UUID, StoredInfusion] | None:
    """Find an infusion by the id that its source gave it, and whose it is."""
    found = await work.execute(
        _infusions(work).where(InfusionRow.source == source, InfusionRow.external_id == external_id)
    )
    row = found.one_or_none()
    return row and (row.patient_id, _stored_infusion(row))


@built_once
def _all_of_patient(work: Owner, patient_id: UUID) -> Executable:
    return (
        _infusions(work)
        .where(InfusionRow.patient_id == patient_id)
        .order_by(InfusionRow.given_at.desc(), InfusionRow.id.desc())
    )


def _infusions(work: Owner) -> Select[*tuple[Any, ...]]:
    return select(*InfusionRow.__table__.columns).where(work.owns(InfusionRow))


def _infusion_values(stored: StoredInfusion) -> dict[str, Any]:
    infusion = stored.infusion
    return {
        "given_at": infusion.given_at,
        "time_zone": infusion.time_zone,
        "phase": infusion.phase.value,
        "dose_mg_per_kg": infusion.dose_mg_per_kg,
        "dose_mg": stored.dose_mg,
        "route": infusion.route.value if infusion.route else None,
        "external_id": stored.external_id,
        "source": stored.source,
        "version": stored.version,
        "day_only": stored.day_only,
        "began_course_id": stored.began_course_id,
        "kept_booking_on": stored.kept_booking_on,
        "kept_booking_made_at": stored.kept_booking_made_at,
        "session": None if stored.session is None else plain_session(stored.session),
        "note_sealed": stored.note_sealed,
    }


def _stored_infusion(row: Any) -> StoredInfusion:  # noqa: ANN401 - same
    return StoredInfusion(
        infusion=_infusion(row),
        dose_mg=row.dose_mg,
        external_id=row.external_id,
        source=row.source,
        version=row.version,
        day_only=row.day_only,
        began_course_id=row.began_course_id,
        kept_booking_on=row.kept_booking_on,
        kept_booking_made_at=row.kept_booking_made_at,
        session=session_in(row.session),
        note_sealed=row.note_sealed,
        created_at=row.created_at,
        turn=row.turn,
    )


async def infusions(
    work: UnitOfWork, patient_id: UUID, *, since: datetime | None = None, up_to_turn: int | None = None
) -> tuple[Infusion, ...]:
    """List the infusions of a patient, oldest first.

    ``since``: only those given from that moment on. ``up_to_turn``: only those that were entered by that turn
    of the patient's.
    """
    return tuple(_infusion(row) for row in await work.execute(_given(patient_id, since, up_to_turn)))


@built_once
def _given(work: Owner, patient_id: UUID, since: datetime | None, up_to_turn: int | None) -> Executable:
    later = () if since is None else (InfusionRow.given_at >= since,)
    known = () if up_to_turn is None else (InfusionRow.turn <= up_to_turn,)
    return (
        select(*INFUSION_COLUMNS)
        .where(work.owns(InfusionRow), InfusionRow.patient_id == patient_id, *later, *known)
        .order_by(InfusionRow.given_at, InfusionRow.id)
    )


def infusions_by_patient(rows: Iterable[Any]) -> dict[UUID, list[Infusion]]:
    """Give each patient's infusions in the order of the rows; none for who has none."""
    given: dict[UUID, list[Infusion]] = defaultdict(list)
    for row in rows:
        given[row.patient_id].append(_infusion(row))
    return given


def _infusion(row: Any) -> Infusion:  # noqa: ANN401 - same
    return Infusion(
        id=str(row.id),
        given_at=row.given_at,
        time_zone=row.time_zone,
        phase=InfusionPhase(row.phase),
        dose_mg_per_kg=row.dose_mg_per_kg,
        route=Route(row.route) if row.route else None,
    )
