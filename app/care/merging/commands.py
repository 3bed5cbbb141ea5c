"""Merging a duplicate into the right patient, and taking that back exactly.

The duplicate's own rows stay as they are: what was decided about them is decided the same again. The other patient
gets copies, which count from now on, and are void again once the merge is taken back; devices speak for the patient
they were moved to.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from app.care.alerts import signal_commands
from app.care.alerts.finding_commands import FindingCode, end_findings
from app.care.alerts.queries import refuse_open_events
from app.care.merging.copying import copy_record, return_reports, void_copies
from app.care.monitoring import effects
from app.care.monitoring.corrections import CorrectionEffects, believed_now, follow_correction
from app.care.patients.corrections import ArchivedError, ArchiveReason, keep_change
from app.care.patients.queries import existing, existing_even_merged
from app.care.patients.sealed_fields import vault_of
from app.clinical.episodes import Disposition
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import devices, patient_merges, patient_states, patients, signals
from app.storage.patient_merges import Copied, PatientMerge
from app.storage.patients import PatientRecord
from app.web.headers import ChangedMeanwhileError

_DEVICE_CELL: Final = {"table": "devices", "column": "name_sealed"}


class MergeIntoItselfError(RefusalError):
    """A patient cannot be merged into themself; give the other one in `into`."""

    code = "merge-into-itself"


class MergeTargetNotFoundError(RefusalError):
    """This clinic has no patient under the id in `into`; patients of two clinics cannot be merged."""

    code = "merge-target-not-found"


class NotMergedError(RefusalError):
    """This patient is not merged into another."""

    kind = RefusalKind.CONFLICT
    code = "not-merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOutcome:
    """A merge, or one taken back, and what it changed of what is believed about the patient who stays."""

    merge: PatientMerge
    effects: CorrectionEffects


async def merge(work: Work, patient_id: UUID, into_id: UUID, *, reason: str) -> MergeOutcome:
    """Let what is known of a duplicate count for the patient that it is.

    Raises:
        NotFoundError: the clinic has no such patient.
        MergeIntoItselfError: both are the same.
        MergeTargetNotFoundError: the clinic has no such patient to merge into.
        PatientMergedError: one of them is merged already. PatientErasedError: one of them was erased.
        ArchivedError: one of them is archived.
        SafetyEventOpenError: a safety event of one of them is open.
    """
    duplicate, target = await _both(work, patient_id, into_id)
    await refuse_open_events(work, patient_id, into_id)
    before = await believed_now(work, into_id)
    copied, signal_id = await copy_record(work, duplicate, target), await _close_signal(work, patient_id)
    moved = await _move_devices(work, duplicate, target)
    copies = Copied(**copied, devices=moved, signal=signal_id)
    merged = PatientMerge(
        id=new_id(),
        patient_id=patient_id,
        into_id=into_id,
        merged_at=work.now,
        merged_by=work.actor.id,
        content=patient_merges.content_of(copies),
    )
    await patient_merges.add(work, merged)
    archived = {"archived_at": work.now, "archived_reason": ArchiveReason.DUPLICATE.value}
    if not await patients.amend(work, patient_id, version=duplicate.version, **archived):
        raise ChangedMeanwhileError
    await end_findings(work, patient_id, list(FindingCode))
    await keep_change(work, target, "merged", facts={"note": reason})
    work.audit("patient.merged", "patient", patient_id, patient_id=patient_id)
    await _notify(work, duplicate, EventType.PATIENT_MERGED, merged_into=str(into_id))
    found = await follow_correction(work, before, kind="merge", record_id=merged.id)
    return MergeOutcome(merge=merged, effects=found)


async def unmerge(work: Work, patient_id: UUID, *, reason: str) -> MergeOutcome:
    """Take a merge back: both are as they were, and what came since from the moved devices goes back with them.

    Raises:
        NotFoundError: the clinic has no such patient.
        NotMergedError: the patient is not merged.
    """
    await existing_even_merged(work, patient_id)
    merged = await patient_merges.holding(work, patient_id)
    if merged is None:
        raise NotMergedError
    await _lock_for_update(work, patient_id, merged.into_id)
    # Read in both turns: another request may have taken it back meanwhile.
    if await patient_merges.holding(work, patient_id) is None:
        raise NotMergedError
    duplicate = await existing_even_merged(work, patient_id)
    target = await existing(work, merged.into_id)
    before = await believed_now(work, merged.into_id)
    await patient_merges.end(work, merged.id)
    read_again = {"archived_at": None, "archived_reason": None}
    if not await patients.amend(work, patient_id, version=duplicate.version, **read_again):
        raise ChangedMeanwhileError
    await keep_change(work, target, "unmerged", facts={"note": reason})
    await return_reports(work, merged, duplicate, target, reason)
    await void_copies(work, merged, target, reason)
    await _move_back(work, merged, duplicate, target)
    work.audit("patient.unmerged", "patient", patient_id, patient_id=patient_id)
    await _notify(work, duplicate, EventType.PATIENT_UNMERGED, merged_into=str(merged.into_id))
    found = await follow_correction(work, before, kind="merge", record_id=merged.id)
    if merged.copied.signal is not None:
        await signal_commands.reopen(work, merged.copied.signal, reason=reason)
    await effects.evaluate_or_later(work, patient_id)
    return MergeOutcome(merge=merged, effects=found)


async def _both(work: Work, patient_id: UUID, into_id: UUID) -> tuple[PatientRecord, PatientRecord]:
    """Find both and take both turns, always in the same order."""
    await existing(work, patient_id)
    if patient_id == into_id:
        raise MergeIntoItselfError("#/into")
    try:
        await existing(work, into_id)
    except NotFoundError:
        raise MergeTargetNotFoundError("#/into") from None
    await _lock_for_update(work, patient_id, into_id)
    # Read in both turns: another request may have merged or archived one of them meanwhile.
    duplicate, target = await existing(work, patient_id), await existing(work, into_id)
    if duplicate.archived_at is not None or target.archived_at is not None:
        raise ArchivedError
    return duplicate, target


async def _lock_for_update(work: Work, *patient_ids: UUID) -> None:
    for one in sorted(patient_ids):
        await patient_states.lock(work, one)


async def _close_signal(work: Work, patient_id: UUID) -> UUID | None:
    """Close the duplicate's open signal: if it holds, the patient who stays has one."""
    signal = await signals.latest_of_patient(work, patient_id)
    if signal is None or signal.state == "closed":
        return None
    await signal_commands.close(
        work, signal.id, disposition=Disposition.DATA_PROBLEM, booster_booked_for=None, note=None
    )
    return signal.id


async def _move_devices(work: Work, giver: PatientRecord, taker: PatientRecord) -> tuple[UUID, ...]:
    own, other = (vault_of(work, one) for one in (giver, taker))
    moved = await devices.of_patient(work, giver.id)
    for one in moved:
        name = own.open(one.name_sealed, row_id=one.id, **_DEVICE_CELL)
        sealed = other.seal(name, row_id=one.id, **_DEVICE_CELL)
        await patient_merges.move_device(work, one.id, to=taker.id, name_sealed=sealed)
        work.audit("device.moved", "device", one.id, patient_id=taker.id)
    return tuple(one.id for one in moved)


async def _move_back(
    work: Work, merged: PatientMerge, duplicate: PatientRecord, target: PatientRecord
) -> None:
    own, other = (vault_of(work, one) for one in (target, duplicate))
    for one in await devices.of_patient(work, target.id):
        if one.id in merged.copied.devices:
            name = own.open(one.name_sealed, row_id=one.id, **_DEVICE_CELL)
            sealed = other.seal(name, row_id=one.id, **_DEVICE_CELL)
            await patient_merges.move_device(work, one.id, to=duplicate.id, name_sealed=sealed)
            work.audit("device.moved", "device", one.id, patient_id=duplicate.id)


async def _notify(work: Work, patient: PatientRecord, event: EventType, **more: str) -> None:
    about = About(
        patient_id=patient.id,
        mode=patient.mode,
        subject="patient",
        subject_id=patient.id,
        url=f"{work.public_url}/v1/patients/{patient.id}",
    )
    await notify_of_patient(work, event, about, now=work.now, more=more)
