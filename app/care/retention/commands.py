"""Setting how long what is kept, placing and lifting legal holds, and removing what is old."""

from typing import Final
from uuid import UUID

import structlog

from app.care.consent.erasure import erase_unasked
from app.care.patients.queries import existing
from app.care.patients.sealed_fields import vault_of
from app.care.retention.queries import REASON_CELL, Hold, Kind, RetentionRules, list_holds, read_rules
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.ids import new_id
from app.storage import patient_states, retention
from app.storage.retention import LegalHold

_AT_ONCE: Final = 1000
# The next look comes within the hour; patients are few, and each is a large transaction.
_BATCHES_A_LOOK: Final = 10
_PATIENTS_A_LOOK: Final = 10


async def write_rules(work: Work, rules: RetentionRules) -> RetentionRules:
    """Let these be the clinic's rules; a kind without months is kept."""
    months = {kind.value: months for kind in Kind if (months := rules.months(kind)) is not None}
    await retention.replace_rules(work, months)
    work.audit("clinic.retention_set", "clinic", work.clinic_id)
    return await read_rules(work)


async def place_hold(work: Work, *, patient_id: UUID | None, reason: str) -> Hold:
    """Place a hold on a patient, or on all of the clinic: nothing is removed by age, and nobody under it erased.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    hold_id = new_id()
    if patient_id is None:
        sealed = work.vault.seal(reason, clinic_id=work.clinic_id, row_id=hold_id, **REASON_CELL)
    else:
        own = vault_of(work, await existing(work, patient_id))
        sealed = own.seal(reason, row_id=hold_id, **REASON_CELL)
    await retention.add_hold(
        work,
        LegalHold(
            id=hold_id,
            patient_id=patient_id,
            reason_sealed=sealed,
            placed_at=work.real_now,
            placed_by=work.actor.id,
        ),
    )
    work.audit("legal_hold.placed", "legal_hold", hold_id, patient_id=patient_id)
    return await _hold(work, hold_id)


async def lift_hold(work: Work, hold_id: UUID) -> Hold:
    """Lift a hold: from now on ages count again.

    Raises:
        NotFoundError: there is no hold of this id, or it was lifted before.
    """
    if await retention.lift(work, hold_id, by=work.actor.id) is None:
        raise NotFoundError
    lifted = await _hold(work, hold_id)
    work.audit("legal_hold.lifted", "legal_hold", hold_id, patient_id=lifted.patient_id)
    return lifted


async def _hold(work: Work, hold_id: UUID) -> Hold:
    (found,) = [one for one in await list_holds(work) if one.id == hold_id]
    return found


async def remove_old(context: AppContext, clinic_id: UUID) -> dict[Kind, int]:
    """Remove what a clinic keeps no longer, in batches; gives how many of each kind.

    A batch is a transaction with its line of the audit log. What has to stay is looked at in it, so a hold that is
    placed meanwhile counts from the next batch on.
    """
    async with context.work(clinic_id) as work:
        kinds = [Kind(one) for one in await retention.rules(work)]
    removed: dict[Kind, int] = {}
    for kind in kinds:
        if kind is Kind.ARCHIVED_PATIENTS:
            removed[kind] = await _erase_archived(context, clinic_id)
        else:
            removed[kind] = await _remove_rows(context, clinic_id, kind)
    if any(removed.values()):
        structlog.get_logger().info(
            "retention.applied", clinic_id=str(clinic_id), count=sum(removed.values())
        )
    return removed


async def _remove_rows(context: AppContext, clinic_id: UUID, kind: Kind) -> int:
    count = 0
    for _ in range(_BATCHES_A_LOOK):
        async with context.work(clinic_id) as work:
            removed = await retention.remove_old(work, kind.value, most=_AT_ONCE)
            if removed:
                work.audit(f"retention.{kind.value}_removed", "clinic", clinic_id)
        count += removed
        if removed < _AT_ONCE:
            break
    return count


async def _erase_archived(context: AppContext, clinic_id: UUID) -> int:
    async with context.work(clinic_id) as work:
        found = await retention.archived_long_ago(work, now=work.real_now, most=_PATIENTS_A_LOOK)
    count = 0
    for patient_id in found:
        try:
            async with context.work(clinic_id) as work:
                await patient_states.lock(work, patient_id)
                # They may have been taken up again since they were listed, or the rule changed.
                if not await retention.is_archived_long_ago(work, patient_id, now=work.real_now):
                    continue
                await erase_unasked(work, patient_id)
            count += 1
        except RefusalError:
            # Something was opened about them meanwhile; the next look asks again.
            continue
    return count
