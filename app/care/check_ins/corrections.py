"""Correcting check-ins: the same form sent again with other answers; imported ones amended, voided and restored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final
from uuid import UUID

from app.care.check_ins.commands import CouldNotTakeTurnError, mark_superseded, record
from app.care.check_ins.consequences import report_safety_answers
from app.care.check_ins.imports import CLOSE, refuse_import
from app.care.check_ins.queries import current_check_in, open_note, version_of
from app.care.check_ins.reading import amended_draft
from app.care.check_ins.sources import FromClinic, FromDevice
from app.care.check_ins.validation import (
    CheckInConflictError,
    CheckInDraft,
    ItemOutcome,
    Kept,
    SupersededNotFoundError,
    numbered,
    validate_items,
)
from app.care.monitoring.corrections import (
    CorrectionEffects,
    EnteredInErrorError,
    NotEnteredInErrorError,
    believed_now,
    follow_correction,
    keep_version,
)
from app.care.monitoring.history import snapshot_of
from app.care.patients.plausibility import refuse_before_birth
from app.care.patients.queries import existing, existing_for_update
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import check_in_path, check_ins, patient_states
from app.storage.check_ins import StoredCheckIn
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction, RecordKind, ReplacedVersion
from app.web.headers import ChangedMeanwhileError

# So often another correction may come first.
_TRIES: Final = 3


class Sending(Enum):
    """What became of a form."""

    NEW = "new"
    KEPT_BEFORE = "kept before"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form that is kept, and what became of it."""

    stored: StoredCheckIn
    sending: Sending


async def record_or_correct(context: AppContext, source: FromDevice, draft: CheckInDraft) -> Sent:
    """Record what a form says; under an id that is kept with another content, as its correction.

    Raises:
        RefusalError: it cannot be kept.
    """
    recorded = await record(context, source, [draft])
    (outcome,) = recorded.items
    if isinstance(outcome, Kept):
        sending = Sending.NEW if outcome.outcome is ItemOutcome.CREATED else Sending.KEPT_BEFORE
        return Sent(stored=outcome.stored, sending=sending)
    if not isinstance(outcome, CheckInConflictError):
        raise outcome
    return await _correct(context, source, draft, recorded.patient_id)


async def _correct(context: AppContext, source: FromDevice, draft: CheckInDraft, patient_id: UUID) -> Sent:
    corrected_id = _id_of_correction(context, patient_id, draft)
    for _ in range(_TRIES):
        async with context.work(source.clinic_id) as work:
            earlier = await check_ins.find(work, patient_id, corrected_id)
            current = await current_check_in(work, patient_id, draft.id)
        if earlier is not None:
            return Sent(stored=earlier, sending=Sending.KEPT_BEFORE)
        correction = replace(
            draft, check_in=replace(draft.check_in, id=str(corrected_id)), supersedes=_correctable(current)
        )
        recorded = await record(context, source, [correction])
        (outcome,) = recorded.items
        if isinstance(outcome, Kept):
            return Sent(stored=outcome.stored, sending=Sending.CORRECTED)
        if not isinstance(outcome, SupersededNotFoundError):
            raise outcome
        # Another correction came first: now that one is to be corrected.
    raise CouldNotTakeTurnError


def _id_of_correction(context: AppContext, patient_id: UUID, draft: CheckInDraft) -> UUID:
    """Make the same id for the same answers: the correction, too, may be sent twice.

    A UUIDv7 with the time of the form's own id.
    """
    made = bytearray(
        context.vault.digest(b"correction", patient_id.bytes, draft.id.bytes, draft.canonical)[:16]
    )
    made[:6] = draft.id.bytes[:6]
    made[6] = made[6] & 0x0F | 0x70
    made[8] = made[8] & 0x3F | 0x80
    return UUID(bytes=bytes(made))


def _correctable(current: StoredCheckIn | None) -> UUID | None:
    """What a correction takes the place of; of one that was withdrawn, nothing is left."""
    return None if current is None or current.withdrawn_at else UUID(current.check_in.id)


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


async def amend_check_in(
    work: Work,
    patient_id: UUID,
    check_in_id: UUID,
    changes: Mapping[str, Any],
    *,
    reason: str,
    version: int,
    confirm: Sequence[str] = (),
) -> CorrectedCheckIn:
    """Change what an imported check-in says: another takes its place, and both stay on the record.

    Raises:
        NotFoundError: the patient has no such check-in.
        PatientsOwnReportError: the patient sent it.
        EnteredInErrorError: it counts as entered in error.
        ChangedMeanwhileError: the version is not the current one.
        InvalidRequestError, CheckInInFutureError, TimeSkippedError, BeforeBirthError, ConsentWithdrawnError: it
            cannot be kept like this.
        NeedsConfirmationError: it is likely another report that is on record; nobody has confirmed it.
    """
    stored = await _imported(work, patient_id, check_in_id)
    if stored.withdrawn_at is not None:
        raise EnteredInErrorError
    if await version_of(work, stored) != version:
        raise ChangedMeanwhileError("header/if-match")
    patient, amended_id = await existing(work, patient_id), UUID(stored.check_in.id)
    draft = amended_draft(new_id(), stored, open_note(work.vault, work.clinic_id, stored), changes, confirm)
    said_at = draft.check_in.recorded_at
    known = await check_ins.current_between(work, patient_id, first=said_at - CLOSE, last=said_at + CLOSE)
    refuse_import(work, patient, draft, [one for one in known if one.id != stored.check_in.id])
    before = await believed_now(work, patient_id)
    replaced = ReplacedVersion(
        kind=RecordKind.CHECK_IN,
        record_id=amended_id,
        version=version,
        content={},
        known_from_turn=stored.turn,
    )
    await keep_version(work, patient, replaced, Correction.AMENDED, reason)
    new = await _take_place(work, patient_id, draft)
    work.audit("check_in.amended", "check_in", amended_id, patient_id=patient_id)
    effects = await follow_correction(work, before, kind="check_in", record_id=draft.id)
    if draft.check_in.self_harm_thoughts and not stored.check_in.self_harm_thoughts:
        snapshot = await snapshot_of(work, patient_id, now=work.now)
        await report_safety_answers(work, snapshot, [new], by_clinic=True)
    return CorrectedCheckIn(stored=new, version=version + 1, effects=effects)


async def _take_place(work: Work, patient_id: UUID, draft: CheckInDraft) -> StoredCheckIn:
    """Write a check-in in the place of the one that it corrects."""
    source = FromClinic(clinic_id=work.clinic_id, patient_id=patient_id, by=work.actor)
    snapshot = await source.snapshot(work, [], work.real_now)
    (item,) = numbered(validate_items(work, source, snapshot, [draft]), after=snapshot.sync_sequence)
    if isinstance(item, RefusalError):
        raise item
    await check_in_path.record(work, snapshot, [item.stored], answer=None)
    await mark_superseded(work, snapshot, [item.stored])
    return item.stored


async def void_check_in(work: Work, patient_id: UUID, check_in_id: UUID, *, reason: str) -> CorrectedCheckIn:
    """Take an imported check-in as entered in error: it no longer counts.

    Raises:
        NotFoundError: the patient has no such check-in.
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
        NotFoundError: the patient has no such check-in.
        PatientsOwnReportError: the patient sent it.
        NotEnteredInErrorError: it does not count as entered in error.
        BeforeBirthError: the year of birth, which was entered meanwhile, is later.
    """
    stored = await _imported(work, patient_id, check_in_id)
    if not stored.entered_in_error:
        raise NotEnteredInErrorError
    refuse_before_birth(work, await existing(work, patient_id), stored.check_in.recorded_at.year)
    return await _mark(work, stored, Correction.RESTORED, reason)


async def _imported(work: Work, patient_id: UUID, check_in_id: UUID) -> StoredCheckIn:
    """An imported check-in, or what stands in its place since it was corrected."""
    await existing_for_update(work, patient_id)
    stored = await current_check_in(work, patient_id, check_in_id)
    if stored is None:
        raise NotFoundError
    if stored.input_mode != "import":
        raise PatientsOwnReportError
    return stored


async def mark_check_in(
    work: Work, patient: PatientRecord, stored: StoredCheckIn, correction: Correction, reason: str | None
) -> int:
    """Let a check-in count no more, or again; gives the version that it had until now."""
    check_in_id = UUID(stored.check_in.id)
    version = await version_of(work, stored)
    # The report itself never changes: a version only says in which turns it did not count.
    replaced = ReplacedVersion(
        kind=RecordKind.CHECK_IN,
        record_id=check_in_id,
        version=version,
        content={},
        known_from_turn=stored.withdrawn_turn if stored.entered_in_error else stored.turn,
        active=not stored.entered_in_error,
    )
    await keep_version(work, patient, replaced, correction, reason)
    await check_ins.set_entered_in_error(
        work,
        patient.id,
        check_in_id,
        is_error=correction is Correction.VOIDED,
        sync_sequence=await patient_states.next_sync_sequence(work, patient.id),
    )
    work.audit(f"check_in.{correction.value}", "check_in", check_in_id, patient_id=patient.id)
    return version


async def _mark(
    work: Work, stored: StoredCheckIn, correction: Correction, reason: str | None
) -> CorrectedCheckIn:
    check_in_id, patient_id = UUID(stored.check_in.id), stored.patient_id
    before = await believed_now(work, patient_id)
    version = await mark_check_in(work, await existing(work, patient_id), stored, correction, reason)
    effects = await follow_correction(work, before, kind="check_in", record_id=check_in_id)
    now = await check_ins.find(work, patient_id, check_in_id)
    return CorrectedCheckIn(stored=now or stored, version=version + 1, effects=effects)
