"""What of a check-in people must act on: a statement of self-harm, a note, a wish to talk about a booster."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.care.alerts.finding_commands import BY_CHECK_IN, FindingCode, end_findings, raise_finding
from app.care.alerts.safety_reports import SafetyReport, SafetySource, is_late_entry, report
from app.clinical.safety import Urgency, from_check_in
from app.context import Work
from app.storage.check_in_path import PatientSnapshot
from app.storage.check_ins import StoredCheckIn

# What a clinic brings along from long ago ends nobody's silence.
_RECENT: Final = timedelta(days=7)


async def end_silence(work: Work, snapshot: PatientSnapshot, new: Sequence[StoredCheckIn]) -> None:
    """End what says that the patient is silent, also by a report that the clinic brings along."""
    recent = any(stored.check_in.recorded_at > work.now - _RECENT for stored in new)
    if snapshot.waits_for_check_in and recent:
        await end_findings(work, snapshot.patient_id, BY_CHECK_IN)


async def put_on_worklist(work: Work, snapshot: PatientSnapshot, new: Sequence[StoredCheckIn]) -> None:
    """Raise a finding for each note and, if there is none yet, for the wish to talk.

    A report that corrects another takes the place of what that one said.
    """
    for stored in new:
        if stored.supersedes is not None:
            await take_off_worklist(work, snapshot.patient_id, stored.supersedes)
        if stored.note_sealed is not None:
            await raise_finding(
                work,
                FindingCode.NOTE,
                snapshot.patient_id,
                mode=snapshot.mode,
                on=stored.check_in_day,
                source_id=UUID(stored.check_in.id),
            )
        if stored.check_in.asks_about_booster:
            await raise_finding(
                work, FindingCode.ASKED, snapshot.patient_id, mode=snapshot.mode, on=stored.check_in_day
            )


async def take_off_worklist(work: Work, patient_id: UUID, check_in_id: UUID) -> None:
    """End what a report that was taken back or corrected had put there."""
    await end_findings(work, patient_id, [FindingCode.NOTE], source_id=check_in_id)


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
                received_at=work.real_now,
                actor=work.actor,
                late_entry=by_clinic and is_late_entry(one.check_in.recorded_at, work.now),
            )
            await report(work, said)
