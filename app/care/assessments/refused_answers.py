"""Answers to suicide items in forms that could not be kept: they become safety events of their own."""

from collections.abc import Sequence
from uuid import UUID

from app.care.alerts.safety import SafetySource
from app.care.assessments.reporting import report_answer
from app.care.assessments.safety_items import FoundAnswer, source_id
from app.care.patients.service import existing
from app.context import AppContext
from app.foundation.audit import Actor


async def report_refused(
    context: AppContext, clinic_id: UUID, patient_id: UUID, answers: Sequence[FoundAnswer], *, actor: Actor
) -> UUID:
    """Put answers on the safety pathway, in a transaction of their own; gives the first one's event.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        events = [
            await report_answer(
                work,
                context,
                patient,
                answer.trigger,
                source=SafetySource.REFUSED_ASSESSMENT,
                source_id=source_id(context.vault, patient_id, answer),
                actor=actor,
                now=now,
            )
            for answer in answers
        ]
        await work.commit()
    return events[0]
