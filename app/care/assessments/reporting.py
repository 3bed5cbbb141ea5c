"""Setting the answer to a suicide item on the safety pathway."""

from typing import Any
from uuid import UUID

from app.care.alerts.safety_events.intake import SafetyReport, SafetySource, is_late_entry, report
from app.clinical.safety import Urgency, from_items, from_total
from app.context import Work
from app.storage.assessments import StoredAssessment
from app.storage.patients import PatientRecord


async def report_item(work: Work, patient: PatientRecord, stored: StoredAssessment) -> UUID | None:
    """Report what a form that is kept says of the suicide item, by its answer or by its total; gives the event."""
    items: dict[str, Any] = stored.items or {}
    answers = {int(number): answer for number, answer in items.items()}
    trigger = from_items(stored.scale, answers) or from_total(stored.scale, stored.total, answers)
    if trigger is None:
        return None
    said = SafetyReport(
        patient_id=patient.id,
        mode=patient.mode,
        source=SafetySource.ASSESSMENT,
        source_id=stored.id,
        urgent=trigger.urgency is Urgency.URGENT,
        received_at=work.now,
        actor=work.actor,
        late_entry=stored.entered_by == "clinic" and is_late_entry(stored.taken_at, work.now),
    )
    return await report(work, said)
