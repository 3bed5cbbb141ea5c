"""The lists of patients: who is on each, in which order, and what stands beside each."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.dialects.postgresql import distinct_on

from app.clinical.check_ins import check_in_day
from app.clinical.protocol import STANDARD
from app.storage.alerts import Alert
from app.storage.care_teams import CareTeamRow, Duty, patients_of
from app.storage.check_ins import CheckInRow
from app.storage.courses import CourseRow
from app.storage.engine.rows import one_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.findings import Finding
from app.storage.infusions import InfusionRow
from app.storage.patient_merges import PatientMerge
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal

_SILENT: Final = ("overdue", "unknown", "silent_after_low")
_SHOWN_FOR: Final = timedelta(days=30)
# A course begins on a day of the patient's clock, which no zone begins earlier than this before UTC.
_EARLIEST_ZONE: Final = timedelta(hours=14)
_ALERTS: Final[tuple[type[Alert], ...]] = (SafetyEvent, Signal, Finding)


class Listing(StrEnum):
    """Which patients are shown; nobody who is merged into another."""

    IN_CARE = "care"
    # In their care team, or taking care of something that is open.
    MINE = "mine"
    INDUCTION = "induction"
    SILENT = "silent"
    NO_REFERENCE = "no-reference"
    LEFT = "left"


class Order(StrEnum):
    """What stands first; who has no such value stands last."""

    REGISTERED = "registered"
    MOST_LOST = "lost"
    LONGEST_SILENT = "check-in"
    NEXT_BOOSTER = "booster"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside a patient on a list.

    Attributes:
        member_id: who takes care of the oldest open item, or else is the first contact of the care team.
    """

    booster_on: date | None
    unsafe: bool
    silent: bool
    member_id: UUID | None


async def page(
    work: UnitOfWork, listing: Listing, *, order: Order, member_id: UUID, skip: int, limit: int
) -> list[UUID]:
    """List patients, by the time of their registration where the order leaves a choice."""
    found = await work.execute(
        select(PatientRow.id)
        .join(PatientStateRow, _same_patient(work, PatientStateRow))
        .where(work.owns(PatientRow), *_on(work, listing, member_id))
        .order_by(*await _by(work, order), PatientRow.id)
        .offset(skip)
        .limit(limit)
    )
    return list(found.scalars())


async def counts(work: UnitOfWork, member_id: UUID) -> dict[Listing, int]:
    """Count the patients on each list."""
    counted = [
        func.count().filter(and_(true(), *_on(work, listing, member_id))).label(listing.name)
        for listing in Listing
    ]
    found = await work.execute(select(*counted).select_from(PatientRow).where(work.owns(PatientRow)))
    row = found.one()._mapping  # noqa: SLF001 - SQLAlchemy's documented name for it
    return {listing: row[listing.name] for listing in Listing}


async def beside(work: UnitOfWork, patient_ids: Collection[UUID]) -> Mapping[UUID, Beside]:
    """Give what stands beside each of these patients."""
    state = PatientStateRow
    found = await work.execute(
        select(
            state.patient_id,
            state.booster_booked_for,
            state.patient_id.in_(_open(work, SafetyEvent)).label("unsafe"),
            state.patient_id.in_(_open(work, Finding).where(Finding.code.in_(_SILENT))).label("silent"),
            CareTeamRow.members,
        )
        .outerjoin(
            CareTeamRow,
            and_(CareTeamRow.clinic_id == state.clinic_id, CareTeamRow.patient_id == state.patient_id),
        )
        .where(work.owns(state), one_of(state.patient_id, patient_ids))
    )
    taking = await _taking_care(work, patient_ids)
    return {
        row.patient_id: Beside(
            booster_on=row.booster_booked_for,
            unsafe=row.unsafe,
            silent=row.silent,
            member_id=taking.get(row.patient_id) or _first_contact(row.members or ()),
        )
        for row in found
    }


def _first_contact(members: Iterable[Mapping[str, str]]) -> UUID | None:
    found = (one["member_id"] for one in members if one["duty"] == Duty.FIRST.value)
    return next(map(UUID, found), None)


async def _taking_care(work: UnitOfWork, patient_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Give who takes care of the oldest open item of each patient; ids are time-ordered."""
    assigned = union(
        *(
            select(row.id, row.patient_id, row.assignee_id).where(
                work.owns(row),
                one_of(row.patient_id, patient_ids),
                row.state != "closed",
                row.assignee_id.is_not(None),
            )
            for row in _ALERTS
        )
    ).subquery()
    found = await work.execute(
        select(assigned.c.patient_id, assigned.c.assignee_id).order_by(assigned.c.id.desc())
    )
    return {row.patient_id: row.assignee_id for row in found}


def _open(work: UnitOfWork, row: type[Alert]) -> Select[UUID]:
    return select(row.patient_id).where(work.owns(row), row.state != "closed")


def _same_patient(work: UnitOfWork, row: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table of patients' rows
    return and_(work.owns(row), row.patient_id == PatientRow.id)


def _on(work: UnitOfWork, listing: Listing, member_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Say who is on a list."""
    patient, here = PatientRow.id, PatientRow.archived_at.is_(None)
    finding = _open(work, Finding)
    match listing:
        case Listing.IN_CARE:
            return (here,)
        case Listing.MINE:
            taken = [_open(work, row).where(row.assignee_id == member_id) for row in _ALERTS]
            return here, or_(patient.in_(patients_of(work, member_id)), *(patient.in_(one) for one in taken))
        case Listing.INDUCTION:
            return here, patient.in_(_in_induction(work))
        case Listing.SILENT:
            return here, patient.in_(finding.where(Finding.code.in_(_SILENT)))
        case Listing.NO_REFERENCE:
            return here, patient.in_(finding.where(Finding.code == "no_reference"))
        case Listing.LEFT:
            merged = select(PatientMerge.patient_id).where(
                work.owns(PatientMerge), PatientMerge.unmerged_at.is_(None)
            )
            return ~here, patient.not_in(merged)


def _in_induction(work: UnitOfWork) -> Select[UUID]:
    """Select who is in a series: by the four ends that the rule knows, of the patient's latest course."""
    course = (
        select(CourseRow)
        .ext(distinct_on(CourseRow.patient_id))
        .ext(distinct_on(CourseRow.patient_id))
        .where(work.owns(CourseRow))
        .order_by(CourseRow.patient_id, CourseRow.started_on.desc(), CourseRow.id.desc())
        .subquery()
        .c
    )
    given = InfusionRow
    return (
        select(course.patient_id)
        .outerjoin(
            given,
            and_(
                work.owns(given),
                given.patient_id == course.patient_id,
                given.given_at >= _begins(course.started_on) - _EARLIEST_ZONE,
                given.given_at <= work.now,
            ),
        )
        .where(
            course.induction_ended_on.is_(None),
            course.taken_on_at.is_(None),
            course.ended_on.is_(None),
            course.stopped_on.is_(None),
        )
        .group_by(course.patient_id, course.planned_infusions)
        .having(
            and_(
                func.count(given.id).between(1, func.coalesce(course.planned_infusions, 1_000) - 1),
                func.bool_and(given.phase == "induction"),
                func.max(given.given_at) > work.now - timedelta(days=STANDARD.induction_ends_after_days),
            )
        )
    )


def _begins(day: ColumnElement[date]) -> ColumnElement[datetime]:
    """The first moment of a day, by UTC."""
    return func.timezone("UTC", cast(day, DateTime()), type_=DateTime(timezone=True))


async def _today(work: UnitOfWork) -> ColumnElement[date]:
    """Today where the patient is: rules of time zones are ours, not the database's."""
    zones = await work.execute(select(PatientRow.time_zone).where(work.owns(PatientRow)).distinct())
    days = {zone: check_in_day(work.now, zone) for zone in zones.scalars()}
    return case(days, value=PatientRow.time_zone) if days else literal(work.now.date())


async def _by(work: UnitOfWork, order: Order) -> tuple[ColumnElement[Any], ...]:
    """Say what stands first."""
    report = CheckInRow
    stands = select(report).where(
        _same_patient(work, report), report.superseded_by.is_(None), report.withdrawn_at.is_(None)
    )
    last = stands.order_by(report.check_in_day.desc(), report.evaluated_at.desc()).limit(1)
    match order:
        case Order.REGISTERED:
            return ()
        case Order.NEXT_BOOSTER:
            booked = PatientStateRow.booster_booked_for
            return (case((booked >= await _today(work), booked)).asc().nulls_last(),)
        case Order.LONGEST_SILENT:
            day = last.with_only_columns(report.check_in_day).correlate(PatientRow).scalar_subquery()
            return (day.asc().nulls_last(),)
        case Order.MOST_LOST:
            infused = (
                select(func.max(InfusionRow.given_at))
                .where(_same_patient(work, InfusionRow), InfusionRow.given_at <= work.now)
                .correlate(PatientRow)
                .scalar_subquery()
            )
            share = (
                last.with_only_columns(report.smoothed)
                .where(
                    report.smoothed.is_not(None),
                    report.evaluated_at >= work.now - _SHOWN_FOR,
                    # A share from before the last infusion says nothing of now.
                    report.evaluated_at >= func.coalesce(infused, report.evaluated_at),
                )
                .correlate(PatientRow)
                .scalar_subquery()
            )
            return (share.desc().nulls_last(),)
