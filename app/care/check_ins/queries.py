"""Reading check-ins: what changed since a phone last asked, and what a check-in says in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.care.check_ins.validation import NOTE_CELL
from app.care.patients.queries import existing
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.vault import Vault
from app.storage import check_ins, patient_states, record_versions
from app.storage.check_ins import StoredCheckIn
from app.storage.record_versions import RecordKind


class SyncStartsAgainError(RefusalError):
    """This cursor belongs to an earlier state of our data, which was restored since.

    Please sync from the beginning, and send what is not among it again.
    """

    kind = RefusalKind.GONE
    code = "sync-starts-again"


@dataclass(frozen=True, slots=True)
class SyncPlace:
    """How far a sync has come: up to this number of one patient's counter, in this state of the database.

    After a restore the counter may stand where it stood before, with other reports behind it. So a place names
    the database that it belongs to; in another one it means nothing, and the phone starts again.
    """

    epoch: str
    sequence: int


def start_of(asked: SyncPlace | None, latest: SyncPlace) -> int:
    """Where to go on from, in the database as it is.

    Raises:
        SyncStartsAgainError: the cursor is from another database, or from ahead of this one.
    """
    if asked is None:
        return 0
    if asked.epoch != latest.epoch or asked.sequence > latest.sequence:
        raise SyncStartsAgainError("query/after")
    return asked.sequence


async def changes_since(
    work: Work, patient_id: UUID, *, asked: SyncPlace | None, limit: int
) -> tuple[list[StoredCheckIn], SyncPlace]:
    """List what changed after this place of the patient's sync, and how far that goes.

    Raises:
        SyncStartsAgainError: the place is one of a database that this one is not.
    """
    latest = SyncPlace(*await patient_states.sync_place(work, patient_id))
    start = start_of(asked, latest)
    found = await check_ins.since(work, patient_id, sequence=start, limit=limit)
    return found, SyncPlace(latest.epoch, found[-1].sync_sequence if found else start)


async def list_of_patient(
    work: Work,
    patient_id: UUID,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
    with_errors: bool,
) -> list[tuple[StoredCheckIn, int]]:
    """List a patient's check-ins for the clinic, latest first, each with its version.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    found = await check_ins.latest_first(work, patient_id, after=after, limit=limit, with_errors=with_errors)
    versions = await _versions(work, patient_id)
    work.record_access("check_ins", patient_id=patient_id)
    return [(one, _version_in(versions, one)) for one in found]


async def version_of(work: Work, stored: StoredCheckIn) -> int:
    """Count a check-in's corrections by the clinic, the first version being 1."""
    return _version_in(await _versions(work, stored.patient_id), stored)


async def _versions(work: Work, patient_id: UUID) -> dict[UUID, int]:
    return {
        one.record_id: one.version + 1
        for one in await record_versions.of_kind(work, patient_id, RecordKind.CHECK_IN)
    }


def _version_in(versions: Mapping[UUID, int], stored: StoredCheckIn) -> int:
    """An amended check-in goes on counting from the one whose place it took."""
    own, corrected = UUID(stored.check_in.id), stored.supersedes
    return versions.get(own) or (versions.get(corrected, 1) if corrected else 1)


async def current_check_in(work: Work, patient_id: UUID, check_in_id: UUID) -> StoredCheckIn | None:
    """Find what stands now in the place of a check-in: the last of its corrections, else itself."""
    stored = await check_ins.find(work, patient_id, check_in_id)
    while stored is not None and stored.superseded_by is not None:
        stored = await check_ins.find(work, patient_id, stored.superseded_by)
    return stored


def open_note(vault: Vault, clinic_id: UUID, stored: StoredCheckIn) -> str | None:
    """Open a check-in's note."""
    if stored.note_sealed is None:
        return None
    own = vault.of_patient(stored.wrapped_key, clinic_id=clinic_id, patient_id=stored.patient_id)
    return own.open(stored.note_sealed, row_id=UUID(stored.check_in.id), **NOTE_CELL)
