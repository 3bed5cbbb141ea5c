"""Recording check-ins: each once, with all that follows from it, in one transaction.

Two ways in (a patient's device, a clinic's import), one way through. If our own evaluation fails, the
check-ins, their safety events and a job to evaluate again are kept all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from app.care.check_ins.consequences import (
    end_silence,
    put_on_worklist,
    report_safety_answers,
    take_off_worklist,
)
from app.care.check_ins.imports import refuse_imports
from app.care.check_ins.sources import Source
from app.care.check_ins.validation import (
    CheckInDraft,
    ItemOutcome,
    Kept,
    find_superseded,
    numbered,
    validate_items,
)
from app.care.monitoring import commands as monitoring
from app.care.monitoring import effects
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import check_in_path, check_ins, patient_states
from app.storage.check_in_path import PatientSnapshot, TurnLostError
from app.storage.check_ins import StoredCheckIn
from app.storage.engine.health import is_taken

# After so many lost races the patient's row is locked: then it is our turn for certain.
_OPTIMISTIC_TRIES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The patient, and for each item in order: kept, or why not."""

    patient_id: UUID
    items: tuple[Kept | RefusalError, ...]


async def record(context: AppContext, source: Source, drafts: Sequence[CheckInDraft]) -> Recorded:
    """Record check-ins; one that cannot be kept never fails the others.

    Raises:
        TokenNotValidError: the device may not speak for anybody.
        NotFoundError: the clinic has no such patient.
    """
    evaluate = True
    for turn in range(_OPTIMISTIC_TRIES + 2):
        try:
            recorded = await _record_once(
                context, source, drafts, evaluate=evaluate, lock=turn >= _OPTIMISTIC_TRIES
            )
        except (RefusalError, OSError):
            raise
        except TurnLostError:
            continue
        except Exception as error:
            if is_taken(error):
                # Without an evaluation it would have to wait for the same.
                raise CouldNotTakeTurnError from None
            if not evaluate:
                raise
            # Our fault, not the patient's: keep what was sent, and evaluate it in the background.
            effects.log_failed_evaluation(error)
            evaluate = False
            continue
        return recorded
    raise CouldNotTakeTurnError


class CouldNotTakeTurnError(RefusalError):
    """Too much is being written for this patient at once; please send it again."""

    kind = RefusalKind.UNAVAILABLE
    code = "busy"


async def _record_once(
    context: AppContext, source: Source, drafts: Sequence[CheckInDraft], *, evaluate: bool, lock: bool
) -> Recorded:
    """Try once.

    Raises:
        TurnLostError: another report of this patient came first.
    """
    ids = [one.id for one in drafts]
    async with context.work(source.clinic_id) as work:
        snapshot = await source.snapshot(work, ids, work.real_now)
        # What a clinic brings along is compared with what is there: nobody else writes meanwhile.
        if lock or source.is_history:
            await patient_states.lock(work, snapshot.patient_id)
            snapshot = await source.snapshot(work, ids, work.real_now)
        items = validate_items(work, source, snapshot, drafts)
        work.actor = source.actor(snapshot)
        if source.is_history:
            items = await refuse_imports(work, snapshot.patient_id, drafts, items)
        items = numbered(await find_superseded(work, snapshot, items), after=snapshot.sync_sequence)
        new = [
            item.stored for item in items if isinstance(item, Kept) and item.outcome is ItemOutcome.CREATED
        ]
        if new:
            await _write(work, snapshot, new, evaluate=evaluate, announce=not source.is_history)
        items = await _with_earlier(work, snapshot, items)
        # Also for reports that were kept before: the same report twice is one event, never none.
        await report_safety_answers(
            work,
            snapshot,
            [item.stored for item in items if isinstance(item, Kept)],
            by_clinic=source.is_history,
        )
    return Recorded(patient_id=snapshot.patient_id, items=tuple(items))


async def _write(
    work: Work, snapshot: PatientSnapshot, new: Sequence[StoredCheckIn], *, evaluate: bool, announce: bool
) -> None:
    """Write new check-ins and what follows."""
    evaluated = None
    if evaluate:
        evaluated = await monitoring.evaluate_with(
            work, work.context, snapshot, new, now=work.now, announce=announce
        )
    answer = evaluated.answer if evaluated else None
    await check_in_path.record(work, snapshot, new, answer=answer)
    await mark_superseded(work, snapshot, new)
    if evaluated is None:
        monitoring.evaluate_later(work, snapshot.patient_id)
    else:
        await monitoring.follow(work, snapshot, evaluated)
    await end_silence(work, snapshot, new)
    if announce:
        await put_on_worklist(work, snapshot, new)


async def withdraw(work: Work, patient_id: UUID, check_in_id: UUID) -> None:
    """Take a check-in back: it stays on the record, marked, and no longer counts.

    Raises:
        NotFoundError: there is none under this id, or it was corrected or withdrawn before.
    """
    if await patient_states.lock(work, patient_id) is None:
        raise NotFoundError
    sequence = await patient_states.next_sync_sequence(work, patient_id)
    if not await check_ins.withdraw(work, patient_id, check_in_id, sync_sequence=sequence):
        raise NotFoundError
    work.audit("check_in.withdrawn", "check_in", check_in_id, patient_id=patient_id)
    await take_off_worklist(work, patient_id, check_in_id)
    await effects.evaluate_or_later(work, patient_id)


async def mark_superseded(work: Work, snapshot: PatientSnapshot, new: Sequence[StoredCheckIn]) -> None:
    """Mark the check-ins that new ones correct; both stay on the record."""
    for stored in new:
        if stored.supersedes is None:
            continue
        number = await patient_states.next_sync_sequence(work, snapshot.patient_id)
        if await check_ins.supersede(
            work,
            snapshot.patient_id,
            stored.supersedes,
            by=UUID(stored.check_in.id),
            sync_sequence=number,
        ):
            work.audit("check_in.superseded", "check_in", stored.supersedes, patient_id=snapshot.patient_id)


async def _with_earlier(
    work: Work, snapshot: PatientSnapshot, items: list[Kept | RefusalError]
) -> list[Kept | RefusalError]:
    """Put what was kept by an earlier request in place of what was sent again."""
    again = [
        UUID(item.stored.check_in.id)
        for item in items
        if isinstance(item, Kept) and item.outcome is ItemOutcome.UNCHANGED
    ]
    if not again:
        return items
    earlier = await check_ins.find_all(work, snapshot.patient_id, again)
    return [
        replace(item, stored=earlier[UUID(item.stored.check_in.id)])
        if isinstance(item, Kept) and item.outcome is ItemOutcome.UNCHANGED
        else item
        for item in items
    ]
