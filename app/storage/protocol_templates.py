"""A clinic's own protocol templates, in versions: a change adds one, so that what a course followed can be seen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Numeric, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from app.clinical.course import Route
from app.storage.engine.rows import CARE, FRONT_DESK, TenantRow
from app.storage.engine.unit_of_work import UnitOfWork


class ProtocolTemplateRow(TenantRow):
    """One version of a template; the highest is the one that courses are started with."""

    __tablename__ = "protocol_templates"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id"], [f"{FRONT_DESK}.clinics.id"]),
        CheckConstraint("infusions between 1 and 20", name="infusions"),
        CheckConstraint("interval_days between 1 and 90", name="interval_days"),
        {"schema": CARE},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    infusions: Mapped[int]
    interval_days: Mapped[int]
    dose_mg_per_kg: Mapped[float | None] = mapped_column(Numeric(5, 3, asdecimal=False))
    dose_mg: Mapped[float | None] = mapped_column(Numeric(7, 2, asdecimal=False))
    route: Mapped[str | None]
    # No course is started with it any more.
    retired: Mapped[bool]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTemplate:
    """A way in which a clinic gives an induction series.

    Attributes:
        interval_days: days from one infusion to the next.
        dose_mg_per_kg: milligrams per kilogram of body weight; ``dose_mg``: milligrams.
    """

    id: UUID
    version: int
    name: str
    infusions: int
    interval_days: int
    dose_mg_per_kg: float | None = None
    dose_mg: float | None = None
    route: Route | None = None
    retired: bool = False


TEMPLATE_CONTENT: Final = TypeAdapter(OwnTemplate)
"""What a course keeps of the template that it was started with."""


async def add(work: UnitOfWork, template: OwnTemplate) -> bool:
    """Keep a version; says whether nobody else added the same one meanwhile."""
    values = {name: getattr(template, name) for name in OwnTemplate.__dataclass_fields__}
    values["route"] = template.route.value if template.route else None
    try:
        async with work.attempt():
            await work.execute(
                insert(ProtocolTemplateRow).values(
                    clinic_id=work.clinic_id, created_at=work.now, created_by=work.actor.id, **values
                )
            )
    except IntegrityError:
        return False
    return True


async def all_of_clinic(work: UnitOfWork) -> list[OwnTemplate]:
    """List the present version of each template, by name."""
    row = ProtocolTemplateRow
    versions = await work.execute(select(*_columns()).where(work.owns(row)).order_by(row.version))
    found = {one.id: one for one in map(_template, versions)}.values()
    return sorted(found, key=lambda one: (one.name, one.id))


async def find(work: UnitOfWork, template_id: UUID) -> OwnTemplate | None:
    """Find the present version of a template."""
    row = ProtocolTemplateRow
    found = await work.execute(
        select(*_columns()).where(work.owns(row), row.id == template_id).order_by(row.version.desc()).limit(1)
    )
    one = found.one_or_none()
    return None if one is None else _template(one)


def _columns() -> list[Any]:
    return [getattr(ProtocolTemplateRow, name) for name in OwnTemplate.__dataclass_fields__]


def _template(row: Any) -> OwnTemplate:  # noqa: ANN401 - SQLAlchemy's row type has no declared fields
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
    route = values.pop("route")
    return OwnTemplate(route=Route(route) if route else None, **values)
