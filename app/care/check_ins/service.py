"""Recording check-ins: each once, with all that follows from it, in one transaction.

Two ways in (a patient's device, a clinic's import), one way through. If our own evaluation fails, the
check-ins, their safety events and a job to evaluate again are kept all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from app.care.check_ins.safety_answers import report_safety_answers
from app.care.check_ins.sources import Source
from app.care.check_ins.sync import SyncPlace, start_of
from app.care.check_ins.validation import (
    NOTE_CELL,
    ItemOutcome,
    Kept,
    Told,
    find_superseded,
    judge_items,
    numbered,
)
from app.care.monitoring import effects
from app.care.monitoring import service as monitoring
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.vault import Vault
from app.storage import check_ins, patient_states
from app.storage.check_ins import PatientSnapshot, StoredCheckIn
from app.storage.engine.unit_of_work import UnitOfWork

# After so many lost races the patient's row is locked: then it is our turn for certain.
_OPTIMISTIC_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The patient, and for each item in order: kept, or why not."""

    patient_id: UUID
    items: tuple[Kept | RefusalError, ...]


async def record(context: AppContext, source: Source, told: Sequence[Told]) -> Recorded:
    """Record check-ins; one that cannot be kept never fails the others.

    Raises:
        TokenNotValidError: the device may not speak for anybody.
        NotFoundError: the clinic has no such patient.
    """
    evaluate = True
    for turn in range(_OPTIMISTIC_TRIES + 2):
        try:
            recorded = await _record_once(
                context, source, told, evaluate=evaluate, lock=turn >= _OPTIMISTIC_TRIES
            )
        except (RefusalError, OSError):
            raise
        except Exception as error:
            if not evaluate:
                raise
            # Our fault, not the patient's: keep what was told, and evaluate it in the background.
            effects.log_failed_evaluation(error)
            evaluate = False
            continue
        if recorded is not None:
            return recorded
    raise CouldNotTakeTurnError


class CouldNotTakeTurnError(RefusalError):
    """Too much is being written for this patient at once; please send it again."""

    kind = RefusalKind.UNAVAILABLE
    code = "busy"


async def _record_once(
    context: AppContext, source: Source, told: Sequence[Told], *, evaluate: bool, lock: bool
) -> Recorded | None:
    """Try once; None when another report of this patient was faster."""
    now = context.clock.now()
    ids = [one.id for one in told]
    async with context.database.work(source.clinic_id) as work:
        standing = await source.standing(work, ids, now)
        if lock:
            await patient_states.lock(work, standing.patient_id)
            standing = await source.standing(work, ids, now)
        items = judge_items(context.vault, source, standing, told, now=now, clinic_id=source.clinic_id)
        items = numbered(await find_superseded(work, standing, items), after=standing.sync_sequence)
        new = [
            item.stored for item in items if isinstance(item, Kept) and item.outcome is ItemOutcome.CREATED
        ]
        if new:
            actor = source.actor(standing)
            written = await _write(
                work, context, standing, new, actor, now=now, evaluate=evaluate, tell=not source.is_history
            )
            if not written:
                return None
        items = await _with_earlier(work, standing, items)
        # Also for reports that were kept before: the same report twice is one event, never none.
        await report_safety_answers(
            work,
            context,
            standing,
            [item.stored for item in items if isinstance(item, Kept)],
            actor=source.actor(standing),
            now=now,
        )
        await work.commit()
    return Recorded(patient_id=standing.patient_id, items=tuple(items))


async def _write(
    work: UnitOfWork,
    context: AppContext,
    standing: PatientSnapshot,
    new: Sequence[StoredCheckIn],
    actor: Actor,
    *,
    now: datetime,
    evaluate: bool,
    tell: bool,
) -> bool:
    """Write new check-ins and what follows; False when it was not our turn."""
    evaluated = None
    if evaluate:
        evaluated = await monitoring.evaluate_with(work, context, standing, new, now=now, tell=tell)
    audit = _event(now, actor, "check_in.recorded", UUID(new[0].check_in.id), standing.patient_id)
    answer = evaluated.answer if evaluated else None
    if not await check_ins.record(work, standing, new, answer=answer, audit=audit):
        return False
    await _mark_superseded(work, standing, new, actor, now=now)
    if evaluated is None:
        monitoring.evaluate_later(work, standing.patient_id)
    else:
        await monitoring.follow(work, context, standing, evaluated, now=now)
    return True


async def withdraw(
    context: AppContext, clinic_id: UUID, patient_id: UUID, check_in_id: UUID, *, actor: Actor
) -> None:
    """Take a check-in back: it stays on the record, marked, and no longer counts.

    Raises:
        NotFoundError: there is none under this id, or it was corrected or withdrawn before.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        state = await patient_states.lock(work, patient_id)
        if state is None:
            raise NotFoundError
        sequence = await patient_states.next_sync_sequence(work, patient_id)
        audit = _event(now, actor, "check_in.withdrawn", check_in_id, patient_id)
        withdrawn = await check_ins.withdraw(
            work, patient_id, check_in_id, now=now, sync_sequence=sequence, audit=audit
        )
        if not withdrawn:
            raise NotFoundError
        await effects.evaluate_or_later(work, context, patient_id, now=now)
        await work.commit()


async def changes_since(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, asked: SyncPlace | None, limit: int
) -> tuple[list[StoredCheckIn], SyncPlace]:
    """List what changed after this place of the patient's sync, and how far that goes.

    Raises:
        SyncStartsAnewError: the place is one of a database that this one is not.
    """
    async with context.database.work(clinic_id) as work:
        latest = SyncPlace(*await patient_states.sync_place(work, patient_id))
        start = start_of(asked, latest)
        found = await check_ins.since(work, patient_id, sequence=start, limit=limit)
    return found, SyncPlace(latest.epoch, found[-1].sync_sequence if found else start)


def open_note(vault: Vault, clinic_id: UUID, stored: StoredCheckIn) -> str | None:
    """Open a check-in's note."""
    if stored.note_sealed is None:
        return None
    own = vault.of_patient(stored.wrapped_key, clinic_id=clinic_id, patient_id=stored.patient_id)
    return own.open(stored.note_sealed, row_id=UUID(stored.check_in.id), **NOTE_CELL)


async def _mark_superseded(
    work: UnitOfWork, standing: PatientSnapshot, new: Sequence[StoredCheckIn], actor: Actor, *, now: datetime
) -> None:
    for stored in new:
        if stored.supersedes is None:
            continue
        number = await patient_states.next_sync_sequence(work, standing.patient_id)
        audit = _event(now, actor, "check_in.superseded", stored.supersedes, standing.patient_id)
        await check_ins.supersede(
            work,
            standing.patient_id,
            stored.supersedes,
            by=UUID(stored.check_in.id),
            sync_sequence=number,
            audit=audit,
        )


async def _with_earlier(
    work: UnitOfWork, standing: PatientSnapshot, items: list[Kept | RefusalError]
) -> list[Kept | RefusalError]:
    """Put what was kept by an earlier request in place of what was sent again."""
    again = [
        UUID(item.stored.check_in.id)
        for item in items
        if isinstance(item, Kept) and item.outcome is ItemOutcome.UNCHANGED
    ]
    if not again:
        return items
    earlier = await check_ins.find_all(work, standing.patient_id, again)
    return [
        replace(item, stored=earlier[UUID(item.stored.check_in.id)])
        if isinstance(item, Kept) and item.outcome is ItemOutcome.UNCHANGED
        else item
        for item in items
    ]


def _event(now: datetime, actor: Actor, action: str, check_in_id: UUID, patient_id: UUID) -> AuditEvent:
    return AuditEvent(
        at=now,
        actor=actor,
        action=action,
        subject_kind="check_in",
        subject_id=check_in_id,
        patient_id=patient_id,
    )
