"""Setting the answer to a suicide item on the safety road."""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.clinical.safety import SafetyTrigger, Urgency, from_items
from app.foundation.audit import Actor
from app.signals.safety import SafetyReport, SafetySource, report
from app.storage.assessments import StoredAssessment
from app.storage.patients import PatientRecord
from app.storage.unit_of_work import UnitOfWork
from app.web.equipment import Equipment


async def report_answer(
    work: UnitOfWork,
    equipment: Equipment,
    patient: PatientRecord,
    trigger: SafetyTrigger,
    *,
    source: SafetySource,
    source_id: UUID,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Set an answer on the safety road; gives the event."""
    said = SafetyReport(
        patient_id=patient.id,
        mode=patient.mode,
        source=source,
        source_id=source_id,
        urgent=trigger.urgency is Urgency.URGENT,
        received_at=now,
        actor=actor,
    )
    return await report(work, equipment, said)


async def report_item(
    work: UnitOfWork,
    equipment: Equipment,
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
        equipment,
        patient,
        trigger,
        source=SafetySource.ASSESSMENT,
        source_id=stored.id,
        actor=actor,
        now=now,
    )
