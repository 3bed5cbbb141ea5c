"""Imported check-ins that were entered in error: voided and restored by the clinic, always kept.

What a patient sent stays the patient's: only the patient corrects or withdraws it.
"""

from dataclasses import dataclass
from uuid import UUID

from app.care.monitoring.corrections import (
    CorrectionEffects,
    EnteredInErrorError,
    NotEnteredInErrorError,
    believed_now,
    follow_correction,
    keep_version,
)
from app.care.patients.service import existing
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import check_ins, patient_states, record_versions
from app.storage.check_ins import StoredCheckIn
from app.storage.record_versions import Correction, RecordKind, ReplacedVersion


class PatientsOwnReportError(RefusalError):
    """The patient sent this check-in; only the patient can correct or withdraw it."""

    kind = RefusalKind.CONFLICT
    code = "patients-own-report"


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedCheckIn:
    """A check-in after a correction, its version, and what the correction changed."""

    stored: StoredCheckIn
    version: int
    effects: CorrectionEffects


async def void_check_in(work: Work, patient_id: UUID, check_in_id: UUID, *, reason: str) -> CorrectedCheckIn:
    """Take an imported check-in as entered in error: it no longer counts.

    Raises:
        NotFoundError: the patient has no such check-in, or it was corrected by another.
        PatientsOwnReportError: the patient sent it.
        EnteredInErrorError: it counts as entered in error already.
    """
    stored = await _imported(work, patient_id, check_in_id)
    if stored.withdrawn_at is not None:
        raise EnteredInErrorError
    return await _mark(work, stored, Correction.VOIDED, reason)


async def restore_check_in(
    work: Work, patient_id: UUID, check_in_id: UUID, *, reason: str | None = None
) -> CorrectedCheckIn:
    """Let an imported check-in count again.

    Raises:
        NotFoundError: the patient has no such check-in, or it was corrected by another.
        PatientsOwnReportError: the patient sent it.
        NotEnteredInErrorError: it does not count as entered in error.
    """
    stored = await _imported(work, patient_id, check_in_id)
    if not stored.entered_in_error:
        raise NotEnteredInErrorError
    return await _mark(work, stored, Correction.RESTORED, reason)


async def _imported(work: Work, patient_id: UUID, check_in_id: UUID) -> StoredCheckIn:
    await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    stored = await check_ins.find(work, patient_id, check_in_id)
    if stored is None or stored.superseded_by is not None:
        raise NotFoundError
    if stored.input_mode != "import":
        raise PatientsOwnReportError
    return stored


async def _mark(
    work: Work, stored: StoredCheckIn, correction: Correction, reason: str | None
) -> CorrectedCheckIn:
    check_in_id, patient_id = UUID(stored.check_in.id), stored.patient_id
    before = await believed_now(work, patient_id)
    last = await record_versions.latest(work, patient_id, RecordKind.CHECK_IN, check_in_id)
    version = (last.version if last else 0) + 1
    # The report itself never changes: a version only says in which turns it did not count.
    replaced = ReplacedVersion(
        kind=RecordKind.CHECK_IN,
        record_id=check_in_id,
        version=version,
        content={},
        known_from_turn=stored.withdrawn_turn if stored.entered_in_error else stored.turn,
        active=not stored.entered_in_error,
    )
    patient = await existing(work, patient_id)
    await keep_version(work, patient, replaced, correction, reason)
    await check_ins.set_entered_in_error(
        work,
        patient_id,
        check_in_id,
        is_error=correction is Correction.VOIDED,
        sync_sequence=await patient_states.next_sync_sequence(work, patient_id),
    )
    work.audit(f"check_in.{correction.value}", "check_in", check_in_id, patient_id=patient_id)
    effects = await follow_correction(work, before, kind="check_in", record_id=check_in_id)
    now = await check_ins.find(work, patient_id, check_in_id)
    return CorrectedCheckIn(stored=now or stored, version=version + 1, effects=effects)
