"""An answer about long exposure that stands out: for review, with the exposure beside it, and never a diagnosis."""

from app.care.alerts.findings.codes import FindingCode
from app.care.alerts.findings.commands import end_findings, raise_finding
from app.clinical.answer import exposure_on
from app.clinical.check_ins import check_in_day
from app.clinical.long_exposure import LONG_EXPOSURE, TOPICS, items_that_stand_out
from app.context import Work
from app.storage import infusion_days
from app.storage.assessments import StoredAssessment
from app.storage.patients import PatientRecord


async def raise_if_it_stands_out(work: Work, patient: PatientRecord, stored: StoredAssessment) -> None:
    """Put a form with an answer for review on the worklist; the caller holds the patient's turn.

    The finding names what was asked about and not what was answered: that is on the patient's page.
    """
    if stored.scale != LONG_EXPOSURE.key:
        return
    answers = {int(number): answer for number, answer in (stored.items or {}).items()}
    items = items_that_stand_out(answers)
    if not items:
        await end_findings(work, patient.id, [FindingCode.LONG_EXPOSURE], source_id=stored.id)
        return
    today = check_in_day(work.now, patient.time_zone)
    given = (await infusion_days.of_patients(work, [patient.id])).get(patient.id, ())
    days = sorted(day.toordinal() for day in given if day <= today)
    exposure = exposure_on(days, today.toordinal(), total=len(days))
    await raise_finding(
        work,
        FindingCode.LONG_EXPOSURE,
        patient.id,
        mode=patient.mode,
        on=today,
        source_id=stored.id,
        facts={
            "topics": list(dict.fromkeys(TOPICS[item] for item in items)),
            "answered_on": check_in_day(stored.taken_at, stored.time_zone).isoformat(),
            "infusions": exposure.total,
            "in_30_days": exposure.in_30_days,
            "in_90_days": exposure.in_90_days,
            "in_365_days": exposure.in_365_days,
            "last_infusion_on": exposure.last_on.isoformat() if exposure.last_on else None,
        },
    )
