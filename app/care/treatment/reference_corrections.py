"""Taking a reference that a clinician chose as entered in error, and letting it count again."""

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
from app.foundation.errors import NotFoundError
from app.storage import chosen_references, patient_states, record_versions
from app.storage.record_versions import Correction, RecordKind, ReplacedVersion


async def void_reference(work: Work, patient_id: UUID, choice_id: UUID, *, reason: str) -> CorrectionEffects:
    """Take a chosen reference as entered in error: the one before it holds again, or the one after induction.

    Raises:
        NotFoundError: the patient has no such reference.
        EnteredInErrorError: it counts as entered in error already.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    every = await chosen_references.all_of_patient(work, patient_id)
    stored = next((one for one in every if one.id == choice_id), None)
    last = await record_versions.latest(work, patient_id, RecordKind.CHOSEN_REFERENCE, choice_id)
    if stored is None:
        raise NotFoundError if last is None else EnteredInErrorError
    before = await believed_now(work, patient_id)
    replaced = ReplacedVersion(
        kind=RecordKind.CHOSEN_REFERENCE,
        record_id=choice_id,
        version=(last.version if last else 0) + 1,
        content=chosen_references.content_of(stored),
        known_from_turn=stored.turn,
    )
    await keep_version(work, patient, replaced, Correction.VOIDED, reason)
    await chosen_references.take_away(work, choice_id)
    work.audit("reference.voided", "chosen_reference", choice_id, patient_id=patient_id)
    return await follow_correction(work, before, kind="reference", record_id=choice_id)


async def restore_reference(
    work: Work, patient_id: UUID, choice_id: UUID, *, reason: str | None = None
) -> CorrectionEffects:
    """Let a chosen reference count again that was taken as entered in error.

    Raises:
        NotFoundError: the patient has no such reference.
        NotEnteredInErrorError: it does not count as entered in error.
    """
    patient = await existing(work, patient_id)
    await patient_states.lock(work, patient_id)
    last = await record_versions.latest(work, patient_id, RecordKind.CHOSEN_REFERENCE, choice_id)
    if last is None or last.correction != Correction.VOIDED:
        every = await chosen_references.all_of_patient(work, patient_id)
        raise NotEnteredInErrorError if any(one.id == choice_id for one in every) else NotFoundError
    before = await believed_now(work, patient_id)
    stored = chosen_references.from_version(last)
    replaced = ReplacedVersion(
        kind=RecordKind.CHOSEN_REFERENCE,
        record_id=choice_id,
        version=last.version + 1,
        content=last.content,
        known_from_turn=last.replaced_in_turn,
        active=False,
    )
    await keep_version(work, patient, replaced, Correction.RESTORED, reason)
    await chosen_references.add(
        work, choice_id, patient_id, stored.choice, reason_sealed=stored.reason_sealed, set_by=stored.set_by
    )
    work.audit("reference.restored", "chosen_reference", choice_id, patient_id=patient_id)
    return await follow_correction(work, before, kind="reference", record_id=choice_id)
