"""Importing the patients that were read: one after the other, by the commands that the API uses.

What comes out is what the same data entered by hand would be. Run again, it goes on where it stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.care.assessments.commands import enter
from app.care.check_ins.commands import record
from app.care.check_ins.reading import draft_of
from app.care.check_ins.sources import FromClinic
from app.care.patients.commands import PatientExistsError, register
from app.care.patients.sealed_fields import chart_number_index
from app.care.treatment.commands import InfusionExistsError, choose_reference, enter_infusion
from app.care.treatment.course_entry import CourseExistsError, enter_course
from app.care.treatment.course_schemas import CourseEntry
from app.care.treatment.infusion_schemas import InfusionEntry
from app.care.treatment.taking_on import TakenOn, take_on
from app.clinical.check_ins import check_in_day
from app.context import AppContext, Work
from app.foundation.audit import OPERATOR, Actor
from app.foundation.errors import RefusalError
from app.imports.clinic_files import CONFIRMED, Counted, Newcomer, RefusedRows, check_in
from app.storage import chosen_references, file_imports, patients
from app.studies.row_problems import FileKind

_BATCH: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Importing:
    """Into which clinic, and by whom; of an import on a page also its id, which then knows whom it registered."""

    context: AppContext
    clinic_id: UUID
    actor: Actor = OPERATOR
    import_id: UUID | None = None

    async def import_all(self, newcomers: Sequence[Newcomer], counted: Counted) -> None:
        """Import the patients; who cannot be is named in ``counted``, and the others go on."""
        for one in newcomers:
            with RefusedRows(counted, FileKind.PATIENTS, one.line):
                await self._import(one, counted)
                counted.patients += 1

    async def _import(self, one: Newcomer, counted: Counted) -> None:
        patient_id = await self._registered(one)
        for given in one.infusions:
            if one.course.taken_on is None or not _is_before(given.given_at, one):
                await self._infuse(patient_id, given)
            counted.infusions += 1
        # Oldest first: each batch then goes on from where the one before ended, however the file is sorted.
        items = sorted(
            (check_in(one, row, patient_id) for row in one.check_ins), key=lambda item: item.recorded_at
        )
        drafts = [draft_of(item.id, item) for item in items]
        source = FromClinic(clinic_id=self.clinic_id, patient_id=patient_id, by=self.actor)
        for begin in range(0, len(drafts), _BATCH):
            recorded = await record(self.context, source, drafts[begin : begin + _BATCH])
            for outcome in recorded.items:
                if isinstance(outcome, RefusalError):
                    raise outcome
        counted.check_ins += len(drafts)
        for total in one.totals:
            async with self.context.work(self.clinic_id, actor=self.actor) as work:
                await enter(work, patient_id, total.form())
            counted.assessments += 1
        await self._choose(patient_id, one)

    async def _registered(self, one: Newcomer) -> UUID:
        """Register the patient with the course, unless that was done before."""
        registration = one.registration.registration()
        async with self.context.work(self.clinic_id, actor=self.actor) as work:
            index = chart_number_index(work, registration.external_ref)
            patient_id = await patients.find_by_chart_number(work, index)
            if patient_id is not None:
                await self._refuse_others(work, patient_id)
                return patient_id
            patient_id = (await register(work, registration)).id
            joining = _joining(one)
            if joining is not None:
                await take_on(work, patient_id, joining)
            else:
                await enter_course(work, patient_id, one.course.planned())
            if self.import_id is not None:
                await file_imports.add_patient(work, self.import_id, patient_id)
        return patient_id

    async def _refuse_others(self, work: Work, patient_id: UUID) -> None:
        """On a page only those are imported who were not there: what it did can be undone."""
        if self.import_id is None:
            return
        made = await file_imports.find(work, self.import_id)
        if made is None or patient_id not in made.patient_ids:
            raise PatientExistsError

    async def _infuse(self, patient_id: UUID, given: InfusionEntry) -> None:
        try:
            async with self.context.work(self.clinic_id, actor=self.actor) as work:
                await enter_infusion(work, patient_id, given.given())
        except (InfusionExistsError, CourseExistsError):
            return

    async def _choose(self, patient_id: UUID, one: Newcomer) -> None:
        if one.reference is None:
            return
        async with self.context.work(self.clinic_id, actor=self.actor) as work:
            if not await chosen_references.all_of_patient(work, patient_id):
                await choose_reference(work, patient_id, one.reference)


def _is_before(given_at: datetime, one: Newcomer) -> bool:
    joining = one.course.joining()
    return joining is not None and check_in_day(given_at, one.registration.time_zone) <= joining.on


def _joining(one: Newcomer) -> TakenOn | None:
    """How the patient joins, with the infusions of the file that were given before."""
    if one.course.taken_on is None:
        return None
    known: list[dict[str, Any]] = [
        {
            "given_at": given.given_at.isoformat(),
            "dose_mg_per_kg": given.dose_mg_per_kg,
            "dose_mg": given.dose_mg,
            "route": given.route and given.route.value,
        }
        for given in one.infusions
        if _is_before(given.given_at, one)
    ]
    taken_on = one.course.taken_on.model_dump(mode="json") | {"infusions": known, "confirm": CONFIRMED}
    sent = {"protocol": one.course.protocol, "taken_on": taken_on}
    return CourseEntry.model_validate(sent, strict=False).joining()
