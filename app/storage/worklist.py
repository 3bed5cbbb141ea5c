"""The worklist's rows: each with what stands beside it, in one statement, however many patients there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Integer, Select, and_, case, cast, literal, or_, select, tuple_
from sqlalchemy.orm import aliased

from app.storage.care_plans import CarePlanRow, PlanKind
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_keys import wrapped_key_of
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.signals import SignalRow
from app.storage.treatment import InfusionRow

# How long a closed signal stays within reach of the worklist.
RECENTLY: Final = timedelta(days=30)
_FACTORS, _TAPER = aliased(CarePlanRow), aliased(CarePlanRow)
Place = tuple[int, datetime, UUID]
"""A place in a list: its part, the time it is ordered by, the row."""


class Shown(StrEnum):
    """Which signals are listed."""

    # Nobody has closed them, and they are not put aside: what there is to do.
    WAITING = "waiting"
    UNSEEN = "open"
    SEEN = "acknowledged"
    SNOOZED = "snoozed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for; all of it must hold."""

    shown: Shown = Shown.WAITING
    steady: bool | None = None
    criterion: str | None = None
    caution: str | None = None
    acknowledged_by: UUID | None = None
    patient_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSignal:
    """A signal as it is listed; what ends in ``_sealed`` opens with the patient's key."""

    id: UUID
    patient_id: UUID
    external_ref_sealed: bytes
    wrapped_key: bytes | None
    time_zone: str
    state: str
    level: str
    criteria: list[str]
    raised_at: datetime
    explanation: str
    steady_since: date | None
    acknowledged_at: datetime | None
    snoozed_until: datetime | None
    closed_at: datetime | None
    disposition: str | None
    escalated_at: datetime | None
    quality_on: date
    days_in_last_10: int
    last_report_on: date | None
    reference: dict[str, Any]
    cautions: list[str] | None
    booster_booked_for: date | None
    planned_interval_days: int | None
    last_infusion_at: datetime | None


async def signals_page(
    work: UnitOfWork, wanted: Wanted, *, after: Place | None, limit: int, now: datetime
) -> list[tuple[Place, ListedSignal]]:
    """List signals: those to do by level and age, those put aside by their return, closed ones latest first."""
    part, at, newest_first = _order(wanted.shown)
    place: tuple[ColumnElement[Any], ...] = (part, at, SignalRow.id.expression)
    statement = _signals(work, now).add_columns(part.label("part"), at.label("place_at"))
    statement = statement.where(*_conditions(wanted, now)).limit(limit)
    statement = statement.order_by(*((one.desc() if newest_first else one) for one in place))
    if after is not None:
        here, there = tuple_(*place), tuple_(*(literal(one) for one in after))
        statement = statement.where(here < there if newest_first else here > there)
    found = []
    for row in await work.execute(statement):
        values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it
        found.append(((values.pop("part"), values.pop("place_at"), row.id), ListedSignal(**values)))
    return found


def _order(shown: Shown) -> tuple[ColumnElement[int], ColumnElement[Any], bool]:
    """By what a list is ordered, and whether the latest come first."""
    if shown is Shown.CLOSED:
        return literal(0), SignalRow.closed_at.expression, True
    if shown is Shown.SNOOZED:
        return literal(0), SignalRow.snoozed_until.expression, False
    # What has become steady again by itself comes after what has not.
    return case((SignalRow.steady_since.is_(None), 0), else_=1), SignalRow.raised_at.expression, False


def _conditions(wanted: Wanted, now: datetime) -> Sequence[ColumnElement[bool]]:
    found = [_state_is(wanted.shown, now)]
    if wanted.steady is not None:
        steady = SignalRow.steady_since.is_not(None)
        found.append(steady if wanted.steady else ~steady)
    if wanted.criterion is not None:
        found.append(SignalRow.criteria.contains([wanted.criterion]))
    if wanted.caution is not None:
        found.append(_FACTORS.content["cautions"].contains([wanted.caution]))
    if wanted.acknowledged_by is not None:
        found.append(SignalRow.acknowledged_by == wanted.acknowledged_by)
    if wanted.patient_id is not None:
        found.append(SignalRow.patient_id == wanted.patient_id)
    return found


def _state_is(shown: Shown, now: datetime) -> ColumnElement[bool]:
    """A snooze whose time has passed is over, even before the sweep says so."""
    row = SignalRow
    if shown is Shown.CLOSED:
        return and_(row.state == "closed", row.closed_at > now - RECENTLY)
    away = and_(row.state == "snoozed", row.snoozed_until > now)
    if shown is Shown.SNOOZED:
        return away
    waiting = and_(row.state != "closed", or_(row.state != "snoozed", row.snoozed_until <= now))
    if shown is Shown.WAITING:
        return waiting
    seen = row.acknowledged_at.is_not(None)
    return and_(waiting, seen if shown is Shown.SEEN else ~seen)


def _signals(work: UnitOfWork, now: datetime) -> Select[*tuple[Any, ...]]:
    row, quality = SignalRow, SignalRow.latest["data_quality"]
    back = and_(row.state == "snoozed", row.snoozed_until <= now)
    seen = case((row.acknowledged_at.is_(None), "open"), else_="acknowledged")
    return (
        select(
            row.id,
            row.patient_id,
            PatientRow.external_ref_sealed,
            wrapped_key_of(work, row.patient_id),
            PatientRow.time_zone,
            case((back, seen), else_=row.state).label("state"),
            row.level,
            row.criteria,
            row.raised_at,
            row.explanation,
            row.steady_since,
            row.acknowledged_at,
            row.snoozed_until,
            row.closed_at,
            row.disposition,
            row.escalated_at,
            cast(row.latest["day"].astext, Date).label("quality_on"),
            cast(quality["days_in_last_10"].astext, Integer).label("days_in_last_10"),
            cast(quality["last_report_on"].astext, Date).label("last_report_on"),
            row.latest["reference"].label("reference"),
            _FACTORS.content["cautions"].label("cautions"),
            PatientStateRow.booster_booked_for,
            cast(_TAPER.content["interval_days"].astext, Integer).label("planned_interval_days"),
            _last_infusion(),
        )
        .join(PatientRow, (PatientRow.clinic_id == row.clinic_id) & (PatientRow.id == row.patient_id))
        .join(
            PatientStateRow,
            (PatientStateRow.clinic_id == row.clinic_id) & (PatientStateRow.patient_id == row.patient_id),
        )
        .outerjoin(_FACTORS, _is_plan(_FACTORS, PlanKind.FACTORS))
        .outerjoin(_TAPER, _is_plan(_TAPER, PlanKind.TAPER))
        .where(row.clinic_id == work.clinic_id)
    )


def _is_plan(plan: type[CarePlanRow], kind: PlanKind) -> ColumnElement[bool]:
    return and_(
        plan.clinic_id == SignalRow.clinic_id,
        plan.patient_id == SignalRow.patient_id,
        plan.kind == kind.value,
    )


def _last_infusion() -> ColumnElement[Any]:
    return (
        select(InfusionRow.given_at)
        .where(InfusionRow.clinic_id == SignalRow.clinic_id, InfusionRow.patient_id == SignalRow.patient_id)
        .order_by(InfusionRow.given_at.desc())
        .limit(1)
        .correlate(SignalRow)
        .scalar_subquery()
        .label("last_infusion_at")
    )
