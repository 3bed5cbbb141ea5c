"""What the rule would have said in the last 90 days about the patients of a clinic's files. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID

from app.care.check_ins.reading import draft_of
from app.clinical.check_ins import check_in_day
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.history import History, ScaleTotals
from app.clinical.protocol import Protocol
from app.clinical.scales import AssessmentTotal, Scale
from app.imports.clinic_files import Newcomer, check_in
from app.studies.backtest import backtested
from app.studies.patients import StudyPatient

QUARTER: Final = timedelta(days=90)
_DAYS_A_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class PastQuarter:
    """The last 90 days as they would have been.

    Attributes:
        watched: patients of whom the rule knew a reference; the others have too few check-ins around induction.
        raised: the lines of the patients with a signal in the file of patients, with the days of their signals.
        years: patient-years in which the rule watched.
    """

    patients: int
    watched: int
    years: float
    raised: Sequence[tuple[int, Sequence[date]]]


def past_quarter(
    newcomers: Iterable[Newcomer], *, scales: Mapping[str, Scale], protocol: Protocol, now: datetime
) -> PastQuarter:
    """Run the rule over the files, report by report, and count what it would have raised in the last 90 days."""
    patients = watched = days = 0
    raised = []
    for one in newcomers:
        patients += 1
        today = check_in_day(now, one.registration.time_zone)
        first = today - QUARTER
        result = backtested(_study_patient(one, scales), protocol=protocol)
        watched += result.rule_on
        if result.watched_from is not None and result.watched_until is not None:
            days += max(0, (min(result.watched_until, today) - max(result.watched_from, first)).days + 1)
        on = [signal.raised_on for signal in result.signals if first <= signal.raised_on <= today]
        if on:
            raised.append((one.line, on))
    return PastQuarter(patients=patients, watched=watched, years=days / _DAYS_A_YEAR, raised=raised)


def _study_patient(one: Newcomer, scales: Mapping[str, Scale]) -> StudyPatient:
    zone, course = one.registration.time_zone, one.course
    infusions = [
        Infusion(
            id=f"{number:06d}",
            given_at=given.given_at,
            phase=given.phase,
            dose_mg_per_kg=given.dose_mg_per_kg,
            route=given.route,
        )
        for number, given in enumerate(one.infusions)
    ]
    induction = sum(given.phase is InfusionPhase.INDUCTION for given in infusions)
    began = course.started_on or min((given.day(zone) for given in infusions), default=None)
    check_ins = (
        draft_of(item.id, item).check_in
        for row in one.check_ins
        for item in [check_in(one, row, UUID(int=0))]
    )
    return StudyPatient(
        name=str(one.line),
        history=History(
            time_zone=zone,
            course=Course(
                id=str(one.line),
                protocol=course.protocol or "standard",
                planned_infusions=course.planned_infusions or induction,
                started_on=began,
            )
            if induction and began is not None
            else None,
            infusions=tuple(infusions),
            check_ins=tuple(check_ins),
            assessments=tuple(_totals(one, scales)),
        ),
    )


def _totals(one: Newcomer, scales: Mapping[str, Scale]) -> Iterable[ScaleTotals]:
    by_scale = groupby(sorted(one.totals, key=lambda form: form.scale), key=lambda form: form.scale)
    for key, forms in by_scale:
        totals = tuple(AssessmentTotal(form.taken_at, form.total) for form in forms if form.total is not None)
        if key in scales:
            yield ScaleTotals(scale=scales[key], totals=totals)
