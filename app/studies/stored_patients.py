"""The patients of a clinic's database as studies take them: a few at a time, in any process."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.access.clinics.erased import PatientErasedError, PatientMergedError
from app.access.clinics.policy import protocol_with
from app.care.monitoring.history import present_history
from app.clinical.protocol import STANDARD, Protocol
from app.foundation.errors import NotFoundError
from app.storage import clinics, patients, policies
from app.storage.engine.database import Database
from app.storage.engine.unit_of_work import UnitOfWork
from app.studies.patients import StudyPatient

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPatients:
    """A clinic's patients with everything that stands about them now; of a live clinic, not those of its test.

    Attributes:
        url: the database; it may hold a password, so it is never shown.
        tenant_key: what proves there that a transaction is of this clinic.
        ids: of the patients, in the order of their registration.
        protocol: the numbers that the clinic decides with now.
        ends_at: until when they are followed.
    """

    url: str = field(repr=False)
    tenant_key: bytes | None = field(repr=False)
    clinic_id: UUID
    ids: tuple[UUID, ...]
    protocol: Protocol
    ends_at: datetime

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.ids)

    def patients(self, first: int, past_last: int) -> Iterator[StudyPatient]:
        """Those numbered from `first` up to and without `past_last`, read when they are asked for."""
        yield from asyncio.run(self._read(self.ids[first:past_last]))

    async def _read(self, ids: Sequence[UUID]) -> list[StudyPatient]:
        database = Database(self.url, pool_size=1, tenant_key=self.tenant_key)
        try:
            async with database.work(self.clinic_id) as work:
                return [one async for one in self._read_in(work, ids)]
        finally:
            await database.close()

    async def _read_in(self, work: UnitOfWork, ids: Sequence[UUID]) -> AsyncIterator[StudyPatient]:
        for one in ids:
            # Who was erased since the study began is no part of it any more, and a duplicate counts as who they are.
            with suppress(NotFoundError, PatientErasedError, PatientMergedError):
                history = await present_history(work, one, now=self.ends_at)
                yield StudyPatient(name=str(one), history=history, ends_at=self.ends_at)


def patients_of(database: Database, clinic_id: UUID, *, now: datetime) -> StoredPatients:
    """Find a clinic's patients and the active numbers.

    Raises:
        UnknownClinicError: there is no such clinic.
    """
    return asyncio.run(_found(database, clinic_id, now))


async def patients_in(
    database: Database, clinic_id: UUID, *, base: Protocol, now: datetime
) -> StoredPatients:
    """Find a clinic's patients and the active numbers; `base` are the numbers of the service itself.

    Raises:
        UnknownClinicError: there is no such clinic.
    """
    ids, after = list[UUID](), None
    async with database.work(clinic_id) as work:
        profile = await clinics.profile(work)
        if profile is None:
            raise clinics.UnknownClinicError(clinics.UnknownClinicError.__doc__)
        protocol = protocol_with(base, await policies.active_numbers(work, now=now))
        while found := await patients.page(work, after=after, limit=_AT_ONCE):
            after = found[-1].id
            ids.extend(one.id for one in found if one.mode == profile.mode)
    return StoredPatients(
        url=database.direct_url,
        tenant_key=database.proof.key,
        clinic_id=clinic_id,
        ids=tuple(ids),
        protocol=protocol,
        ends_at=now,
    )


async def _found(database: Database, clinic_id: UUID, now: datetime) -> StoredPatients:
    try:
        return await patients_in(database, clinic_id, base=STANDARD, now=now)
    finally:
        await database.close()
