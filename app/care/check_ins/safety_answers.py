"""Setting the statements in check-ins that were kept on the safety pathway; all others are heard by the intake."""

from collections.abc import Sequence
from uuid import UUID

from app.care.alerts.safety_events.intake import SafetyReport, SafetySource, is_late_entry, report
from app.clinical.safety import Urgency, from_check_in
from app.context import Work
from app.storage.check_in_path import PatientSnapshot
from app.storage.check_ins import StoredCheckIn


async def report_safety_answers(
    work: Work,
    snapshot: PatientSnapshot,
    stored: Sequence[StoredCheckIn],
    *,
    by_clinic: bool,
) -> None:
    """Set every statement among these check-ins on the safety pathway.

    ``by_clinic``: the clinic brings them along; what was said long ago then pages nobody.
    """
    for one in stored:
        trigger = from_check_in(one.check_in)
        if trigger is not None:
            said = SafetyReport(
                patient_id=snapshot.patient_id,
                mode=snapshot.mode,
                source=SafetySource.CHECK_IN,
                source_id=UUID(one.check_in.id),
                urgent=trigger.urgency is Urgency.URGENT,
                received_at=work.now,
                actor=work.actor,
                late_entry=by_clinic and is_late_entry(one.check_in.recorded_at, work.now),
            )
            await report(work, said)
