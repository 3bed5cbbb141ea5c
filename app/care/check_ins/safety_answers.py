"""Finding safety answers in check-ins, kept or refused, and setting them on the safety pathway."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from app.care.alerts.safety import SafetyReport, SafetySource, report
from app.clinical.safety import Urgency, from_check_in
from app.context import AppContext
from app.foundation.audit import Actor
from app.storage.check_ins import PatientSnapshot, StoredCheckIn
from app.storage.engine.unit_of_work import UnitOfWork
from app.web.sent_documents import objects_in

FIELD: Final = "self_harm_thoughts"
# What means "no" in a field that should hold true or false. Everything else is taken as a yes: a phone
# that writes it wrongly must not silence the person.
_NO: Final = frozenset({"", "0", "false", "no", "none", "null"})
_BROKEN: Final = re.compile(rb'"self_harm_thoughts"\s*:\s*"?(\w*)')


async def report_safety_answers(
    work: UnitOfWork,
    context: AppContext,
    standing: PatientSnapshot,
    stored: Sequence[StoredCheckIn],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Set every statement among these check-ins on the safety pathway."""
    for one in stored:
        trigger = from_check_in(one.check_in)
        if trigger is not None:
            said = SafetyReport(
                patient_id=standing.patient_id,
                mode=standing.mode,
                source=SafetySource.CHECK_IN,
                source_id=UUID(one.check_in.id),
                urgent=trigger.urgency is Urgency.URGENT,
                received_at=now,
                actor=actor,
            )
            await report(work, context, said)


def statements_in(body: bytes) -> list[object]:
    """Find statements in a body as it was sent, however broken: what each was said in."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        answers = (answer.decode("ascii", "replace") for answer in _BROKEN.findall(body))
        return [body] if any(_means_yes(answer) for answer in answers) else []
    return [one for one in objects_in(document) if says_yes(one)]


def says_yes(document: object) -> bool:
    """Whether one check-in, as sent, holds the statement."""
    return isinstance(document, dict) and FIELD in document and _means_yes(document[FIELD])


def _means_yes(answer: object) -> bool:
    return str(answer).strip().lower() not in _NO
