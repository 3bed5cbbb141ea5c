"""What a clinic must look after beside its list: what did not get out, silence, no reference, reviews, the sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.attention import Attention, attention_of
from app.care.patients.service import open_reference
from app.foundation.errors import NotFoundError
from app.foundation.vault import Vault
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.queries import UndeliveredSummary, undelivered
from app.storage import clinics, patients_waiting
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients_waiting import WaitingPatient

# As many as are named; of one more it is only said that there is one.
NAMED: Final = 10
# Every patient is looked at once a day, at their own time; a sweep comes every few seconds.
_SWEEP_IS_LATE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPatient:
    """A patient by the clinic's own reference."""

    id: UUID
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPatients:
    """The first of some patients, and whether there are more."""

    first: tuple[NamedPatient, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAfter:
    """What stands above the worklist.

    Attributes:
        no_sweep_since: since when nobody has looked at what is due; None while somebody does.
    """

    mode: str
    attention: tuple[Attention, ...]
    undelivered: UndeliveredSummary
    silent: NamedPatients
    no_reference: NamedPatients
    review_due: NamedPatients
    no_sweep_since: datetime | None


async def look_after_in(work: UnitOfWork, vault: Vault, *, now: datetime) -> LookAfter:
    """Read all of it, within a transaction that reads more.

    Raises:
        NotFoundError: there is no such clinic.
    """
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    without = EventType.REFERENCE_NOT_ESTABLISHED.value
    review = EventType.INDUCTION_REVIEW_DUE.value
    due_since = await patients_waiting.longest_not_looked_at(work)
    late = due_since is not None and due_since < now - _SWEEP_IS_LATE
    return LookAfter(
        mode=profile.mode,
        attention=await attention_of(work, mode=profile.mode),
        undelivered=await undelivered(work),
        silent=_named(work, vault, await patients_waiting.silent(work, limit=NAMED + 1)),
        no_reference=_named(work, vault, await patients_waiting.told_of(work, without, limit=NAMED + 1)),
        review_due=_named(work, vault, await patients_waiting.told_of(work, review, limit=NAMED + 1)),
        no_sweep_since=due_since if late else None,
    )


def reference_of(
    vault: Vault, clinic_id: UUID, patient_id: UUID, sealed: bytes, wrapped_key: bytes | None
) -> str:
    """Open the clinic's own reference of a patient."""
    own = vault.of_patient(wrapped_key, clinic_id=clinic_id, patient_id=patient_id)
    return open_reference(own, patient_id, sealed)


def _named(work: UnitOfWork, vault: Vault, found: Sequence[WaitingPatient]) -> NamedPatients:
    return NamedPatients(
        first=tuple(
            NamedPatient(
                id=one.id,
                reference=reference_of(
                    vault, work.clinic_id, one.id, one.external_ref_sealed, one.wrapped_key
                ),
            )
            for one in found[:NAMED]
        ),
        more=len(found) > NAMED,
    )
