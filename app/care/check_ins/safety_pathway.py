"""The safety pathway around the check-in operations: whatever becomes of the request, the statement arrives.

The route class below wraps reading, validating and recording. When any of them fails, our own bugs
included, it looks into the body as it was sent; a statement found there becomes a safety event of its own,
and crisis help travels with the error.
"""

from typing import Any

from fastapi import Request

from app.care.check_ins.refused_statements import report_statements
from app.care.check_ins.safety_answers import statements_in
from app.care.check_ins.sources import FromDevice
from app.care.patients.crisis import help_for_patient
from app.context import AppContext
from app.foundation.tokens import TokenKind, TokenNotValidError, read_token
from app.notifications.messages.crisis_help import CrisisHelp, crisis_help
from app.notifications.messages.help_reply import CrisisHelpReply
from app.web.dependencies import bearer_token
from app.web.failed_reports import log_failed_report
from app.web.watched_route import WatchedRoute


class SafetyPathwayRoute(WatchedRoute):
    """A route that cannot lose a patient's statement."""

    async def on_failure(self, request: Request, body: bytes, error: Exception) -> None:
        """Set every statement on its road, and hang the help to show on the error."""
        statements = statements_in(body)
        if statements:
            vars(error)["crisis_help"] = await _report_all(request, statements)


async def _report_all(request: Request, statements: list[object]) -> dict[str, Any]:
    """Put the statements on the road; gives the help to show, also when nothing else works."""
    help_now = crisis_help(request.headers.get("accept-language", "en").split(",")[0])
    try:
        context: AppContext = request.app.state.context
        reference = read_token(bearer_token(request), TokenKind.DEVICE_ACCESS)
        sent_to = str(request.path_params.get("check_in_id", ""))
        help_now = await _report(context, FromDevice(token=reference), statements, sent_to=sent_to)
    except TokenNotValidError:
        pass  # nobody is signed in: nobody to tell the clinic of, but the person still gets help
    except Exception as error:  # noqa: BLE001 - the help must reach the person whatever fails here
        log_failed_report(error)
    return CrisisHelpReply.of(help_now).model_dump(mode="json")


async def _report(
    context: AppContext, source: FromDevice, statements: list[object], *, sent_to: str
) -> CrisisHelp:
    async with context.database.work(source.clinic_id) as work:
        standing = await source.standing(work, (), context.clock.now())
        await report_statements(
            work, context, standing, statements, actor=source.actor(standing), sent_to=sent_to
        )
        help_now = await help_for_patient(work, context.vault, standing.patient_id)
        await work.commit()
    return help_now
