"""A list of patients with where each stands, a page at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.care.alerts.queries import names_in
from app.care.patients.queries import Patient, patient_of, search_patients
from app.care.worklist.queries import RecentLoss, recent_losses
from app.clinical.check_ins import check_in_day
from app.clinical.course import InfusionPhase, Phase, infusions_of_course, phase_of
from app.context import Work
from app.storage import appointments, patient_lists, patients, schedules
from app.storage.patient_lists import Listing, Order
from app.storage.schedules import PlanFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPatient:
    """A patient on a list.

    Attributes:
        today: the check-in day by the patient's clock.
        given: how many infusions of the series were given, and how many are planned; None outside a series.
        booster_on: the day of the next booked booster.
        assignee: who takes care of the oldest open item, or else is the first contact of the care team.
    """

    patient: Patient
    today: date
    phase: Phase
    given: tuple[int, int | None] | None
    loss: RecentLoss
    last_check_in_on: date | None
    booster_on: date | None
    unsafe: bool
    silent: bool
    assignee: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPage:
    """A page of a list, how many patients each list has, and whether another page follows."""

    patients: tuple[ListedPatient, ...]
    counts: Mapping[Listing, int]
    has_more: bool


async def read_page(
    work: Work, listing: Listing, *, order: Order, member: UUID, skip: int, limit: int
) -> PatientPage:
    """Give a page of a list."""
    ids = await patient_lists.page(work, listing, order=order, member_id=member, skip=skip, limit=limit + 1)
    return await _page(work, ids[:limit], member=member, has_more=len(ids) > limit)


async def find_page(work: Work, part: str, *, member: UUID, limit: int) -> PatientPage:
    """Give the patients whose chart number contains this."""
    found = await search_patients(work, part, limit=limit)
    return await _page(work, [patient_id for patient_id, _ in found], member=member)


async def planned_page(work: Work, day: date, *, member: UUID) -> PatientPage:
    """Give the patients with whom something is planned for a day."""
    planned = await appointments.planned_between(work, first=day, last=day)
    return await _page(work, list(dict.fromkeys(one.patient_id for one in planned)), member=member)


async def _page(work: Work, ids: Sequence[UUID], *, member: UUID, has_more: bool = False) -> PatientPage:
    records = await patients.find_many(work, ids)
    facts = {one.patient_id: one for one in await schedules.plan_facts_of(work, ids)}
    losses = await recent_losses(work, {one.id: one.time_zone for one in records.values()})
    beside = await patient_lists.beside(work, ids)
    names = await names_in(work, {one.member_id for one in beside.values()})
    work.record_access("patients", patient_id=None)
    shown = []
    for patient_id in ids:
        patient, fact, more = (
            patient_of(work, records[patient_id]),
            facts[patient_id],
            beside[patient_id],
        )
        today = check_in_day(work.now, patient.time_zone)
        phase, given = _series(work, fact)
        shown.append(
            ListedPatient(
                patient=patient,
                today=today,
                phase=phase,
                given=given,
                loss=losses[patient_id],
                last_check_in_on=fact.last_check_in_on,
                booster_on=more.booster_on if more.booster_on and more.booster_on >= today else None,
                unsafe=more.unsafe,
                silent=more.silent,
                assignee=names.get(more.member_id) if more.member_id else None,
            )
        )
    counts = await patient_lists.counts(work, member)
    return PatientPage(patients=tuple(shown), counts=counts, has_more=has_more)


def _series(work: Work, fact: PlanFacts) -> tuple[Phase, tuple[int, int | None] | None]:
    past = [one for one in fact.infusions if one.given_at <= work.now]
    phase = phase_of(fact.course, past, as_of=work.now, time_zone=fact.time_zone)
    if phase is not Phase.INDUCTION:
        return phase, None
    of_course = infusions_of_course(fact.course, past, time_zone=fact.time_zone)
    count = sum(one.phase is InfusionPhase.INDUCTION for one in of_course)
    return phase, (count, fact.course.planned_infusions if fact.course else None)
