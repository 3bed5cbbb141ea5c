"""Statements in check-ins that could not be kept: they become safety events of their own."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.care.alerts.safety import SafetyReport, SafetySource, report
from app.care.check_ins.safety_answers import says_yes
from app.care.check_ins.sources import Source
from app.care.patients.browser_sessions import owner_of_ended
from app.clinical.safety import OWN_STATEMENT, Urgency
from app.context import AppContext
from app.foundation.audit import Actor
from app.foundation.vault import Vault
from app.storage import check_ins
from app.storage.check_ins import PatientSnapshot
from app.storage.engine.unit_of_work import UnitOfWork


async def report_refused(
    context: AppContext, source: Source, items: Sequence[Any], kept: Sequence[bool]
) -> None:
    """Put the statements of a batch's refused items on the safety pathway, in a transaction of their own."""
    refused = [item for item, was_kept in zip(items, kept, strict=True) if not was_kept and says_yes(item)]
    if not refused:
        return
    now = context.clock.now()
    async with context.database.work(source.clinic_id) as work:
        standing = await source.standing(work, (), now)
        await report_statements(work, context, standing, refused, actor=source.actor(standing))
        await work.commit()


async def report_from_ended_browser(context: AppContext, token: str, said_in: object) -> bool:
    """Put a statement on the road that came from a browser whose time has run out; says whether it was known.

    Signing in again may take longer than the clinic should wait; what is sent then is another report.
    """
    caller = await owner_of_ended(context, token)
    if caller is None:
        return False
    async with context.database.work(caller.clinic_id) as work:
        standing = await check_ins.standing_of_patient(
            work, caller.patient_id, ids=(), now=context.clock.now()
        )
        if standing is None:
            return False
        await report_statements(work, context, standing, [said_in], actor=caller.actor)
        await work.commit()
    return True


async def report_statements(
    work: UnitOfWork,
    context: AppContext,
    standing: PatientSnapshot,
    statements: Sequence[object],
    *,
    actor: Actor,
    sent_to: str = "",
) -> None:
    """Make one safety event for each statement; ``sent_to`` is the id in the request's path, if it has one."""
    for said_in in statements:
        said = SafetyReport(
            patient_id=standing.patient_id,
            mode=standing.mode,
            source=SafetySource.REFUSED_CHECK_IN,
            source_id=source_id(context.vault, said_in, sent_to=sent_to),
            urgent=OWN_STATEMENT.urgency is Urgency.URGENT,
            received_at=context.clock.now(),
            actor=actor,
        )
        await report(work, context, said)


def source_id(vault: Vault, said_in: object, *, sent_to: str = "") -> UUID:
    """Make an id of what was sent: the same twice is one event, and anything else is another.

    Not the check-in's own id: a phone that fails may also send one id, or none, again and again, and what it
    says the next time must not be taken for a repetition.
    """
    return UUID(bytes=vault.digest(b"refused check-in", sent_to.encode(), _written(said_in))[:16])


def _written(said_in: object) -> bytes:
    if isinstance(said_in, bytes):
        return said_in
    # Plain values only: anything may be nested below, to any depth.
    fields = said_in if isinstance(said_in, dict) else {}
    plain = {str(name): value for name, value in fields.items() if not isinstance(value, list | dict)}
    return json.dumps(plain, sort_keys=True).encode()
