"""Escalation by the clock: what nobody acknowledged within the clinic's limit is notified again, to someone else.

The due time is in the row. A job wakes a worker then, and every sweep looks too, so that neither a lost job nor
a worker that was down keeps anybody from being notified; the lock on the patient makes it once.
"""

from typing import Final
from uuid import UUID

import structlog

from app.care.alerts.finding_commands import FINDING
from app.care.alerts.life_cycle import LifeCycle
from app.care.alerts.safety_event_commands import SAFETY_EVENT
from app.care.alerts.signal_commands import SIGNAL
from app.context import AppContext
from app.foundation.logs import where
from app.storage import due_work
from app.storage.alerts import AlertT
from app.storage.due_work import DueClinic

_MOST_AT_ONCE: Final = 200


async def list_due(context: AppContext) -> list[DueClinic]:
    """List the clinics in which something is due by the clock, those with a safety event first.

    What a clock that was ahead put off for longer than it may wait is due now.
    """
    found = await _list_due(context)
    ahead = [one.clinic_id for one in found if one.ahead]
    for clinic_id in ahead:
        try:
            async with context.work(clinic_id, safety=True) as work:
                await due_work.pull_in(work)
                work.audit("clinic.due_times_pulled_in", "clinic", clinic_id)
        except Exception as error:  # noqa: BLE001 - the next sweep tries it again; the others must not wait
            structlog.get_logger().error(
                "sweep.pull_in_failed", error_type=type(error).__name__, error_at=where(error)
            )
    return await _list_due(context) if ahead else found


async def _list_due(context: AppContext) -> list[DueClinic]:
    async with context.work(None) as work:
        return await due_work.list_due(work, now=work.now)


async def escalate_safety(context: AppContext, clinic_id: UUID, event_id: UUID) -> bool:
    """Escalate a safety event if its time has come; says whether it had."""
    return await _escalate(context, clinic_id, SAFETY_EVENT, event_id)


async def escalate_signal(context: AppContext, clinic_id: UUID, signal_id: UUID) -> bool:
    """Escalate a signal if its time has come; says whether it had."""
    return await _escalate(context, clinic_id, SIGNAL, signal_id)


async def escalate_due(context: AppContext, clinic_id: UUID) -> int:
    """Escalate all that is due in a clinic, safety first; one that fails keeps no other from being escalated."""
    return (
        await _escalate_all(context, clinic_id, SAFETY_EVENT)
        + await _escalate_all(context, clinic_id, SIGNAL)
        + await _escalate_all(context, clinic_id, FINDING)
    )


async def _escalate_all(context: AppContext, clinic_id: UUID, kind: LifeCycle[AlertT]) -> int:
    async with context.work(clinic_id) as work:
        due = await kind.table.due_to_escalate(work, now=kind.now(work), limit=_MOST_AT_ONCE)
    count = 0
    for alert_id in due:
        try:
            count += await _escalate(context, clinic_id, kind, alert_id)
        except Exception as error:  # noqa: BLE001 - the next sweep tries it again; the others must not wait
            structlog.get_logger().error(
                "escalation.failed", error_type=type(error).__name__, error_at=where(error)
            )
    return count


async def _escalate(context: AppContext, clinic_id: UUID, kind: LifeCycle[AlertT], alert_id: UUID) -> bool:
    async with context.work(clinic_id, safety=kind is SAFETY_EVENT) as work:
        return await kind.escalate(work, alert_id)
