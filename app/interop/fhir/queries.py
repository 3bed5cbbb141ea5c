"""Reading resources: one, a page of a search, everything about a patient. Each look is in the audit log."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.access.clinics.erased import PatientMergedError
from app.care.patients.queries import existing, existing_even_merged
from app.context import Work
from app.foundation.errors import NotFoundError
from app.interop.fhir.catalogue import RESOURCE_TYPES
from app.interop.fhir.codes import Json, patient_in
from app.interop.fhir.resource_type import ResourceType, Subject, subject_of
from app.interop.fhir.resources.patient import PATIENT
from app.interop.fhir.searching import Search
from app.storage import patients
from app.storage.patients import PatientRecord
from app.web.schemas import CursorNotValidError, read_cursor, write_cursor

# A page that finds little looks at so many patients, and leaves the others to the next.
_PATIENTS_A_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a search found; ``following`` is where the next page begins, if there may be more."""

    matches: list[Json]
    included: list[Json]
    following: str | None


async def read_resource(work: Work, kind: ResourceType, resource_id: str) -> Json:
    """Give one resource.

    Raises:
        NotFoundError: the clinic has none under this id.
        PatientErasedError, PatientMergedError: its patient is not there any more.
    """
    if kind.of_clinic is not None:
        return _one(await kind.of_clinic(work), resource_id)
    patient_id = _uuid(resource_id) if kind is PATIENT else patient_in(resource_id)
    patient = await existing_even_merged(work, patient_id)
    if kind is not PATIENT:
        await existing(work, patient_id)
    found = _one(await of_subject(work, kind, await subject_of(work, patient)), resource_id)
    work.record_access(kind.noun, patient_id=patient_id)
    return found


async def search(work: Work, kind: ResourceType, wanted: Search) -> Page:
    """Give a page of what is looked for, patient by patient in the order of their registration.

    A page may hold fewer than asked for, even none, and still have a next one.

    Raises:
        NotFoundError: the clinic has no patient who is named.
        CursorNotValidError: the page is none that this search gave out.
    """
    if kind.of_clinic is not None:
        return _clinics_page(await kind.of_clinic(work), wanted)
    walk = _Walk(work, kind, wanted)
    page = await walk.page()
    only = wanted.patients[0] if wanted.patients is not None and len(wanted.patients) == 1 else None
    work.record_access(kind.noun, patient_id=only)
    return page


async def everything(work: Work, patient_id: UUID, kinds: Collection[str] | None = None) -> list[Json]:
    """Give all resources about a patient, the patient first.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientErasedError, PatientMergedError: not any more.
    """
    patient = await existing(work, patient_id)
    work.audit("patient.exported", "patient", patient_id)
    return [one async for one in resources_of(work, patient, kinds)]


async def resources_of(
    work: Work, patient: PatientRecord, kinds: Collection[str] | None = None
) -> AsyncIterator[Json]:
    """Give a patient's resources of these types, else of all."""
    subject = await subject_of(work, patient)
    for kind in RESOURCE_TYPES:
        if kind.of_patient is not None and (kinds is None or kind.name in kinds):
            for one in await of_subject(work, kind, subject):
                yield one


async def of_subject(work: Work, kind: ResourceType, subject: Subject) -> list[Json]:
    """Give a patient's resources of one type, in the order of their ids."""
    if kind.of_patient is None:
        return []
    return sorted(await kind.of_patient(work, subject), key=lambda one: str(one["id"]))


class _Walk:
    """One page's walk from patient to patient."""

    def __init__(self, work: Work, kind: ResourceType, wanted: Search) -> None:
        self._work, self._kind, self._wanted = work, kind, wanted
        self._after_patient, self._after_id = _place(wanted.page)
        self._matches: list[Json] = []
        self._included: list[Json] = []
        self._last = ""

    async def page(self) -> Page:
        listed = await self._patients()
        for patient in listed:
            following = await self._take(patient)
            if following is not None:
                return self._page(following)
        # A patient with nothing is passed over as well as one with much.
        complete = len(listed) < _PATIENTS_A_PAGE
        return self._page(None if complete else f"{listed[-1].id} ~")

    def _page(self, following: str | None) -> Page:
        cursor = None if following is None else write_cursor(following)
        return Page(matches=self._matches, included=self._included, following=cursor)

    async def _patients(self) -> list[PatientRecord]:
        named = await self._named()
        if named is None:
            # The patient of the last page comes again, from behind the last resource.
            again = [] if self._after_patient is None else await self._existing([self._after_patient])
            more = await patients.page(
                self._work, after=self._after_patient, limit=_PATIENTS_A_PAGE - len(again)
            )
            return [*again, *more]
        left = [one for one in named if self._after_patient is None or one >= self._after_patient]
        return await self._existing(left[:_PATIENTS_A_PAGE])

    async def _named(self) -> list[UUID] | None:
        """Give the patients whom the search names, by themselves or by the ids of their resources."""
        wanted = self._wanted
        if wanted.patients is not None:
            return [await self._existing_id(one) for one in wanted.patients]
        if wanted.ids is None:
            return None
        whose = _uuid if self._kind is PATIENT else patient_in
        found = set()
        for one in wanted.ids:
            try:
                found.add(whose(one))
            except NotFoundError:
                continue
        return sorted(found)

    async def _existing_id(self, patient_id: UUID) -> UUID:
        try:
            return (await existing(self._work, patient_id)).id
        except NotFoundError:
            # Another clinic's patient as well as one whom there never was.
            raise NotFoundError("http.patient") from None

    async def _existing(self, ids: list[UUID]) -> list[PatientRecord]:
        found = await patients.find_many(self._work, ids)
        return [found[one] for one in ids if one in found]

    async def _take(self, patient: PatientRecord) -> str | None:
        """Take what fits of a patient's; gives the place of the last one when the page is full."""
        if self._kind is not PATIENT and await _is_merged(self._work, patient):
            return None
        subject = await subject_of(self._work, patient)
        after = self._after_id if patient.id == self._after_patient else ""
        resources = await of_subject(self._work, self._kind, subject)
        for one in resources:
            if str(one["id"]) <= after or not self._wanted.holds(one):
                continue
            if len(self._matches) == self._wanted.count:
                return self._last
            self._matches.append(one)
            self._last = f"{patient.id} {one['id']}"
            if self._wanted.with_patient and (
                not self._included or self._included[-1]["id"] != str(patient.id)
            ):
                self._included += await of_subject(self._work, PATIENT, subject)
        return None


async def _is_merged(work: Work, patient: PatientRecord) -> bool:
    """Say whether a patient is a duplicate: all that is known stands at the other one."""
    if patient.archived_at is None:
        return False
    try:
        await existing(work, patient.id)
    except PatientMergedError:
        return True
    return False


def _clinics_page(found: list[Json], wanted: Search) -> Page:
    matches = [one for one in found if wanted.holds(one)]
    start = int(read_cursor(wanted.page, pointer="http._page") or 0)
    end = start + wanted.count
    following = write_cursor(str(end)) if end < len(matches) else None
    return Page(matches=matches[start:end], included=[], following=following)


def _one(found: list[Json], resource_id: str) -> Json:
    for one in found:
        if one["id"] == resource_id:
            return one
    raise NotFoundError


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError from None


def _place(page: str | None) -> tuple[UUID | None, str]:
    """Read where a page begins: behind which patient's which resource."""
    position = read_cursor(page, pointer="http._page")
    if position is None:
        return None, ""
    patient_id, _, resource_id = position.partition(" ")
    try:
        return UUID(patient_id), resource_id
    except ValueError:
        raise CursorNotValidError("http._page") from None
