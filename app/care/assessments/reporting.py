"""Setting the answer to a suicide item on the safety pathway."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.care.alerts.safety import SafetyReport, SafetySource, report
from app.clinical.safety import SafetyTrigger, Urgency, from_items
from app.context import AppContext
from app.foundation.audit import Actor
from app.storage.assessments import StoredAssessment
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRecord


async def report_answer(
    work: UnitOfWork,
    context: AppContext,
    patient: PatientRecord,
    trigger: SafetyTrigger,
    *,
    source: SafetySource,
    source_id: UUID,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Set an answer on the safety pathway; gives the event."""
    said = SafetyReport(
        patient_id=patient.id,
        mode=patient.mode,
        source=source,
        source_id=source_id,
        urgent=trigger.urgency is Urgency.URGENT,
        received_at=now,
        actor=actor,
    )
    return await report(work, context, said)


async def report_item(
    work: UnitOfWork,
    context: AppContext,
    patient: PatientRecord,
    stored: StoredAssessment,
    *,
    actor: Actor,
    now: datetime,
) -> UUID | None:
    """Report the suicide item of a form that is kept, if it was answered so that it acts; gives the event."""
    items: dict[str, Any] = stored.items or {}
    trigger = from_items(stored.scale, {int(number): answer for number, answer in items.items()})
    if trigger is None:
        return None
    return await report_answer(
        work,
        context,
        patient,
        trigger,
        source=SafetySource.ASSESSMENT,
        source_id=stored.id,
        actor=actor,
        now=now,
    )
