"""The safety road around the entry of a form: whatever becomes of the request, the answer arrives.

The route class below wraps reading, validating and keeping. When any of them fails, our own bugs included,
it looks into the body as it was sent; an answer that acts becomes a safety event of its own, and the error
names the event.
"""

from uuid import UUID

import structlog
from fastapi import Request

from app.assessments.reporting import report_answer
from app.assessments.safety_items import FoundAnswer, answers_in, source_id
from app.clinics.access import ClinicCaller, ScopeMissingError, caller_with
from app.clinics.scopes import Scope
from app.foundation.errors import NotFoundError
from app.foundation.logs import where
from app.foundation.tokens import TokenNotValidError
from app.patients.erased import PatientErasedError
from app.patients.service import existing
from app.signals.safety import SafetySource
from app.web.equipment import Equipment
from app.web.watched_route import WatchedRoute


class AssessmentSafetyRoute(WatchedRoute):
    """A route that cannot lose the answer to a suicide item."""

    async def on_failure(self, request: Request, body: bytes, error: Exception) -> None:
        """Set every answer that acts on its road, and name the event on the error."""
        answers = answers_in(body) if request.method == "POST" else []
        event_id = await _report_all(request, answers) if answers else None
        if event_id is not None:
            vars(error)["safety_event_id"] = event_id


async def _report_all(request: Request, answers: list[FoundAnswer]) -> UUID | None:
    """Put the answers on the road; gives the first one's event."""
    try:
        equipment: Equipment = request.app.state.equipment
        caller = await caller_with(request, equipment, Scope.TREATMENT)
        return await _report(equipment, caller, UUID(str(request.path_params["patient_id"])), answers)
    except (TokenNotValidError, ScopeMissingError, NotFoundError, PatientErasedError, ValueError):
        return None  # nobody of this clinic, or nobody's form: there is nobody to tell of anybody
    except Exception as error:  # noqa: BLE001 - the answer to the request is the error that brought us here
        structlog.get_logger().error(
            "safety.report_failed", error_type=type(error).__name__, error_at=where(error)
        )
        return None


async def _report(
    equipment: Equipment, caller: ClinicCaller, patient_id: UUID, answers: list[FoundAnswer]
) -> UUID:
    now = equipment.clock.now()
    async with equipment.database.work(caller.clinic_id) as work:
        patient = await existing(work, patient_id)
        events = [
            await report_answer(
                work,
                equipment,
                patient,
                answer.trigger,
                source=SafetySource.REFUSED_ASSESSMENT,
                source_id=source_id(equipment.vault, patient_id, answer),
                actor=caller.actor,
                now=now,
            )
            for answer in answers
        ]
        await work.commit()
    return events[0]
