"""The care team of a patient, one row a patient, in the order in which they are notified."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from app.storage import staff_members
from app.storage.engine.rows import CARE, TenantRow, clinic_foreign_key
from app.storage.engine.unit_of_work import UnitOfWork


class Duty(StrEnum):
    """What someone is in a patient's care team."""

    FIRST = "first"
    ON_CALL = "on_call"
    MEMBER = "member"


class CareTeamRow(TenantRow):
    """One patient's care team, as staff last wrote it."""

    __tablename__ = "care_teams"
    __table_args__ = (
        clinic_foreign_key("patient_id", of="patients"),
        {"schema": CARE},
    )

    patient_id: Mapped[UUID] = mapped_column(primary_key=True)
    members: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    version: Mapped[int]
    changed_at: Mapped[datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A member of the staff in a patient's care team."""

    member_id: UUID
    duty: Duty


@dataclass(frozen=True, slots=True, kw_only=True)
class CareTeam:
    """A care team; version 0 is one that nobody has written yet."""

    members: tuple[Assigned, ...]
    version: int


async def find(work: UnitOfWork, patient_id: UUID) -> CareTeam:
    """Give a patient's care team."""
    found = await work.execute(
        select(CareTeamRow.members, CareTeamRow.version).where(
            work.owns(CareTeamRow), CareTeamRow.patient_id == patient_id
        )
    )
    row = found.one_or_none()
    if row is None:
        return CareTeam(members=(), version=0)
    members = tuple(Assigned(member_id=UUID(one["member_id"]), duty=Duty(one["duty"])) for one in row.members)
    return CareTeam(members=members, version=row.version)


async def present(work: UnitOfWork, patient_id: UUID, *, on: date) -> frozenset[UUID]:
    """Give those of a patient's care team who can be reached on this day: active, at work, and mail gets through."""
    team = {one.member_id for one in (await find(work, patient_id)).members}
    return frozenset(
        one.id
        for one in (await staff_members.all_of_clinic(work) if team else ())
        if one.id in team and one.state == "active" and not one.is_away(on) and one.unreachable_since is None
    )


async def write(work: UnitOfWork, patient_id: UUID, members: Sequence[Assigned], *, version: int) -> bool:
    """Write a care team if it still is at this version; says whether it was."""
    content = [{"member_id": str(one.member_id), "duty": one.duty.value} for one in members]
    if version == 0:
        written = await work.execute(
            insert(CareTeamRow)
            .values(
                clinic_id=work.clinic_id,
                patient_id=patient_id,
                members=content,
                version=1,
                changed_at=work.now,
            )
            .on_conflict_do_nothing(index_elements=[CareTeamRow.clinic_id, CareTeamRow.patient_id])
            .returning(CareTeamRow.version)
        )
    else:
        written = await work.execute(
            update(CareTeamRow)
            .where(
                work.owns(CareTeamRow),
                CareTeamRow.patient_id == patient_id,
                CareTeamRow.version == version,
            )
            .values(members=content, version=version + 1, changed_at=work.now)
            .returning(CareTeamRow.version)
        )
    return written.one_or_none() is not None


def patients_of(work: UnitOfWork, member_id: UUID) -> Select[UUID]:
    """Select the patients in whose care team a member is."""
    return select(CareTeamRow.patient_id).where(
        work.owns(CareTeamRow),
        CareTeamRow.members.contains([{"member_id": str(member_id)}]),
    )
