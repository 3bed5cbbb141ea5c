"""Answers to suicide items in forms that could not be kept: they become safety events of their own."""

from collections.abc import Sequence
from uuid import UUID

from app.assessments.reporting import report_answer
from app.assessments.safety_items import FoundAnswer, source_id
from app.foundation.audit import Actor
from app.patients.service import existing
from app.signals.safety import SafetySource
from app.web.equipment import Equipment


async def report_refused(
    equipment: Equipment, clinic_id: UUID, patient_id: UUID, answers: Sequence[FoundAnswer], *, actor: Actor
) -> UUID:
    """Put answers on the safety road, in a transaction of their own; gives the first one's event.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    now = equipment.clock.now()
    async with equipment.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        events = [
            await report_answer(
                work,
                equipment,
                patient,
                answer.trigger,
                source=SafetySource.REFUSED_ASSESSMENT,
                source_id=source_id(equipment.vault, patient_id, answer),
                actor=actor,
                now=now,
            )
            for answer in answers
        ]
        await work.commit()
    return events[0]
