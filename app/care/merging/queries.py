"""What is shown of two patients before one is merged into the other."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.care.patients.corrections import read_contact_facts
from app.care.patients.queries import Patient, existing, patient_of
from app.care.patients.sealed_fields import chart_number_index
from app.context import Work
from app.storage import assessments, check_ins, courses, devices, infusions, patient_merges, patients


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeFacts:
    """One of the two, by what distinguishes people and by how much is known of them."""

    patient: Patient
    name: str | None
    birth_year: int | None
    check_ins: int
    last_check_in_at: datetime | None
    infusions: int
    last_infusion_at: datetime | None
    courses_from: tuple[date, ...]
    assessments: int
    devices: int


async def find_by_chart_number(work: Work, number: str) -> UUID | None:
    """Find whose chart number this is, as people read it."""
    return await patients.find_by_chart_number(work, chart_number_index(work, number))


async def merged_here(work: Work, patient_id: UUID) -> list[tuple[UUID, str]]:
    """List the duplicates that are merged into this patient: id and chart number."""
    found = await patient_merges.into(work, patient_id)
    if not found:
        return []
    records = await patients.find_many(work, [one.patient_id for one in found])
    shown = [patient_of(work, one) for one in records.values()]
    return [(one.id, one.external_ref) for one in shown]


async def merge_facts(work: Work, patient_id: UUID) -> MergeFacts:
    """Give what is known of one of the two; the look at name and year of birth is in the audit log.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientMergedError: the patient is merged already.
    """
    record = await existing(work, patient_id)
    contact = await read_contact_facts(work, patient_id)
    reports = await check_ins.current_history(work, patient_id)
    given = await infusions.infusions(work, patient_id)
    return MergeFacts(
        patient=patient_of(work, record),
        name=contact.get("name"),
        birth_year=contact.get("birth_year"),
        check_ins=len(reports),
        last_check_in_at=max((one.recorded_at for one in reports), default=None),
        infusions=len(given),
        last_infusion_at=given[-1].given_at if given else None,
        courses_from=tuple(one.course.started_on for one in await courses.stored_courses(work, patient_id)),
        assessments=len(await assessments.all_of_patient(work, patient_id)),
        devices=len(await devices.of_patient(work, patient_id)),
    )
