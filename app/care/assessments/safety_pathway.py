"""The safety pathway around forms: whatever becomes of the request, the answer arrives.

The route classes below wrap reading, validating and keeping. When any of them fails, our own bugs included,
they look into the body as it was sent. An answer that acts becomes a safety event of its own; the error names
the event to staff, and carries crisis help to a patient.
"""

from typing import Any
from uuid import UUID

from fastapi import Request

from app.access.clinics.caller import find_caller
from app.access.clinics.erased import PatientErasedError
from app.access.clinics.permissions import Permission
from app.care.assessments.refused_answers import report_refused
from app.care.assessments.safety_items import FoundAnswer, answers_in
from app.care.patients.access import signed_in_patient
from app.care.patients.crisis import help_for_caller
from app.context import AppContext
from app.foundation.errors import NotFoundError
from app.foundation.tokens import TokenKind, TokenNotValidError, read_token
from app.notifications.messages.crisis_help import crisis_help
from app.notifications.messages.help_reply import CrisisHelpReply
from app.web.dependencies import bearer_token
from app.web.failed_reports import log_failed_report
from app.web.watched_route import WatchedRoute


class AssessmentSafetyRoute(WatchedRoute):
    """A route of staff that cannot lose the answer to a suicide item."""

    async def on_failure(self, request: Request, body: bytes, error: Exception) -> None:
        """Set every answer that acts on its road, and name the event on the error."""
        answers = answers_in(body) if request.method == "POST" else []
        event_id = await _report_for_staff(request, answers) if answers else None
        if event_id is not None:
            vars(error)["safety_event_id"] = event_id


class OwnFormSafetyRoute(WatchedRoute):
    """A route of patients that cannot lose the answer to a suicide item."""

    async def on_failure(self, request: Request, body: bytes, error: Exception) -> None:
        """Set every answer that acts on its road, and hang the help to show on the error."""
        answers = answers_in(body)
        if answers:
            vars(error)["crisis_help"] = await _report_for_patient(request, answers)


async def _report_for_staff(request: Request, answers: list[FoundAnswer]) -> UUID | None:
    """Put the answers on the road; gives the first one's event."""
    try:
        context: AppContext = request.app.state.context
        token = bearer_token(request)
        caller = await find_caller(context, token, TokenKind.API_KEY, TokenKind.STAFF_SESSION)
        # A member whose role may not record the form has read the answer all the same: it arrives.
        if caller.member is None and not caller.may(Permission.TREATMENT_RECORD):
            return None
        patient_id = UUID(str(request.path_params["patient_id"]))
        return await report_refused(context, caller.clinic_id, patient_id, answers, actor=caller.actor)
    except (TokenNotValidError, NotFoundError, PatientErasedError, ValueError):
        return None  # nobody of this clinic, or nobody's form: there is nobody to tell of anybody
    except Exception as error:  # noqa: BLE001 - the answer to the request is the error that brought us here
        log_failed_report(error)
        return None


async def _report_for_patient(request: Request, answers: list[FoundAnswer]) -> dict[str, Any]:
    """Put the answers on the road; gives the help to show, also when nothing else works."""
    help_now = crisis_help(request.headers.get("accept-language", "en").split(",")[0])
    try:
        context: AppContext = request.app.state.context
        reference = read_token(bearer_token(request), TokenKind.DEVICE_ACCESS)
        caller = await signed_in_patient(context, reference)
        await report_refused(context, caller.clinic_id, caller.patient_id, answers, actor=caller.actor)
        help_now = help_for_caller(caller)
    except TokenNotValidError:
        pass  # nobody is signed in: nobody to tell the clinic of, but the person still gets help
    except Exception as error:  # noqa: BLE001 - the help must reach the person whatever fails here
        log_failed_report(error)
    return CrisisHelpReply.of(help_now).model_dump(mode="json")
