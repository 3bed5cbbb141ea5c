"""What plans of check-ins rest on, of one patient or several, in two statements. Nothing is written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, or_, select, true
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import LateralFromClause

from app.clinical.check_ins import check_in_day, check_in_day_at
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.long_exposure import LONG_EXPOSURE
from app.clinical.schedule import QUESTIONNAIRE
from app.storage.assessments import StoredAssessment
from app.storage.check_ins import CheckInRow
from app.storage.clinics import ClinicProfile
from app.storage.consents import Consent
from app.storage.courses import CourseRow, course_columns, course_in
from app.storage.engine.rows import listed, one_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.infusions import INFUSION_COLUMNS, InfusionRow, infusions_by_patient
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow

# A day in any zone, and a traveling patient's.
_AROUND: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFacts:
    """What one patient's plan rests on.

    ``infusions``: in order, but of the boosters only the first and the last; no others change a plan.
    ``agreed_again_on``: when consent was given again that had been withdrawn.
    """

    patient_id: UUID
    time_zone: str
    locale: str
    mode: str
    level: str
    burst: bool
    course: Course | None
    infusions: Sequence[Infusion]
    last_check_in_on: date | None
    agreed_again_on: date | None
    last_questionnaire_on: date | None
    asks_long_exposure: bool
    last_exposure_form_on: date | None


async def plan_facts(work: UnitOfWork, patient_id: UUID) -> PlanFacts | None:
    """Find what one patient's plan rests on."""
    found = await _facts(work, _patients(work).where(PatientRow.id == patient_id))
    return found[0] if found else None


async def plan_facts_of(work: UnitOfWork, patient_ids: Sequence[UUID]) -> list[PlanFacts]:
    """List what the plans of several patients rest on."""
    return await _facts(work, _patients(work).where(one_of(PatientRow.id, patient_ids)))


async def _facts(work: UnitOfWork, statement: Select[*tuple[Any, ...]]) -> list[PlanFacts]:
    patients = list(await work.execute(statement))
    given = await _infusions(work, [one.id for one in patients]) if patients else {}
    return [_plan_facts(one, given.get(one.id, ())) for one in patients]


def _patients(work: UnitOfWork) -> Select[*tuple[Any, ...]]:
    patient, state = PatientRow, PatientStateRow
    course, report, clinic = _latest_course(), _latest_check_in(), ClinicProfile
    form, exposure = _latest_form(QUESTIONNAIRE), _latest_form(LONG_EXPOSURE.key)
    return (
        select(
            patient.id,
            patient.time_zone,
            patient.locale,
            patient.mode,
            state.level,
            _burst(),
            *course_columns(course.c),
            report.c.check_in_day,
            _agreed_again().label("agreed_again_at"),
            form.c.taken_at,
            form.c.time_zone.label("form_zone"),
            clinic.asks_long_exposure,
            exposure.c.taken_at.label("exposure_at"),
            exposure.c.time_zone.label("exposure_zone"),
        )
        .join(clinic, clinic.clinic_id == patient.clinic_id)
        .join(state, and_(state.clinic_id == patient.clinic_id, state.patient_id == patient.id))
        .outerjoin(course, true())
        .outerjoin(report, true())
        .outerjoin(form, true())
        .outerjoin(exposure, clinic.asks_long_exposure.is_(True))
        .where(work.owns(patient))
    )


@cache
def _burst() -> ColumnElement[bool]:
    """Whether a low report has made check-ins daily, as it was kept with the rule's state."""
    return and_(PatientStateRow.burst, PatientStateRow.packed_state.is_not(None)).label("burst")


@cache
def _latest_course() -> LateralFromClause:
    return (
        select(*CourseRow.__table__.columns)
        .where(*_of_patient(CourseRow))
        .order_by(CourseRow.started_on.desc(), CourseRow.id.desc())
        .limit(1)
        .lateral("course")
    )


@cache
def _latest_check_in() -> LateralFromClause:
    row = CheckInRow
    return (
        select(row.check_in_day)
        .where(*_of_patient(row), row.superseded_by.is_(None), row.withdrawn_at.is_(None))
        .order_by(row.check_in_day.desc())
        .limit(1)
        .lateral("report")
    )


@cache
def _agreed_again() -> ScalarSelect[datetime]:
    """When consent was given that had been withdrawn last; null where it never was, or still is."""
    given, taken_back = aliased(Consent), aliased(Consent)
    withdrawn_at = (
        select(func.max(taken_back.at))
        .where(*_of_patient(taken_back), taken_back.kind == "withdrawn")
        .scalar_subquery()
    )
    return (
        select(func.min(given.at))
        .where(*_of_patient(given), given.kind == "given", given.at > withdrawn_at)
        .correlate(PatientRow)
        .scalar_subquery()
    )


@cache
def _latest_form(scale: str) -> LateralFromClause:
    row = StoredAssessment
    return (
        select(row.taken_at, row.time_zone)
        .where(*_of_patient(row), row.scale == scale)
        .order_by(row.taken_at.desc())
        .limit(1)
        .lateral(f"form_{scale.replace('-', '_')}")
    )


def _of_patient(
    row: type[CourseRow] | type[CheckInRow] | type[StoredAssessment] | type[Consent],
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return row.clinic_id == PatientRow.clinic_id, row.patient_id == PatientRow.id


async def _infusions(work: UnitOfWork, patients: Sequence[UUID]) -> dict[UUID, list[Infusion]]:
    """All that can matter: induction, what lies around the course's first day, the first and last booster since.

    Whether an infusion on the first day belongs to the course hangs on the patient's zone; the core says it.
    """
    row = InfusionRow
    began = (
        select(func.max(CourseRow.started_on))
        .where(CourseRow.clinic_id == row.clinic_id, CourseRow.patient_id == row.patient_id)
        .scalar_subquery()
    )
    same = (row.patient_id, row.phase, row.given_at > began + _AROUND)
    numbered = (
        select(
            row.patient_id,
            *INFUSION_COLUMNS,
            row.given_at.between(began - _AROUND, began + _AROUND).label("around"),
            func.row_number().over(partition_by=same, order_by=row.given_at).label("first"),
            func.row_number().over(partition_by=same, order_by=row.given_at.desc()).label("last"),
        )
        .where(work.owns(row), row.patient_id.in_(patients))
        .subquery()
    )
    known = numbered.c
    matters = or_(
        known.phase == InfusionPhase.INDUCTION.value, known.around, known.first == 1, known.last == 1
    )
    found = await work.execute(select(numbered).where(matters).order_by(known.given_at, known.id))
    return infusions_by_patient(found)


def _plan_facts(row: Any, infusions: Sequence[Infusion]) -> PlanFacts:  # noqa: ANN401 - SQLAlchemy's row
    return PlanFacts(
        patient_id=row.id,
        time_zone=row.time_zone,
        locale=row.locale,
        mode=row.mode,
        level=row.level,
        burst=row.burst,
        course=row.course_id and course_in(row),
        infusions=infusions,
        last_check_in_on=row.check_in_day,
        agreed_again_on=row.agreed_again_at and check_in_day(row.agreed_again_at, row.time_zone),
        last_questionnaire_on=row.taken_at and check_in_day(row.taken_at, row.form_zone),
        asks_long_exposure=row.asks_long_exposure,
        last_exposure_form_on=row.exposure_at and check_in_day(row.exposure_at, row.exposure_zone),
    )


async def of_patients(work: UnitOfWork, patient_ids: Collection[UUID]) -> dict[UUID, list[date]]:
    """Give the days on which several patients had infusions, each in the zone in which it was entered."""
    given = await _given(work, patient_ids)
    return {patient_id: [check_in_day_at(*one) for one in every] for patient_id, every in given.items()}


async def lately_of(
    work: UnitOfWork, patient_ids: Collection[UUID], *, since: datetime
) -> dict[UUID, tuple[int, list[date]]]:
    """Give how many infusions several patients had, and the days of those since then and of the last one before."""
    found, first = {}, since.timestamp()
    for patient_id, every in (await _given(work, patient_ids)).items():
        later = [one for one in every if one[0] >= first]
        before = max((one for one in every if one[0] < first), default=None)
        shown = later if before is None else [before, *later]
        found[patient_id] = len(every), [check_in_day_at(*one) for one in shown]
    return found


async def _given(work: UnitOfWork, patient_ids: Collection[UUID]) -> dict[UUID, list[tuple[float, str]]]:
    """Give when several patients had infusions, in seconds since 1970, each with the zone in which it was entered."""
    given = InfusionRow
    # A row a patient and zone: hardly anybody has several.
    found = await work.execute(
        select(
            given.patient_id,
            given.time_zone,
            listed(func.date_part("epoch", given.given_at)).label("moments"),
        )
        .where(work.owns(given), one_of(given.patient_id, patient_ids))
        .group_by(given.patient_id, given.time_zone)
    )
    every: dict[UUID, list[tuple[float, str]]] = {}
    for row in found:
        zone = row.time_zone
        every.setdefault(row.patient_id, []).extend([(at, zone) for at in row.moments])
    return every
