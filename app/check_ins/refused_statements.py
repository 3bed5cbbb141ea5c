"""Statements in check-ins that could not be kept: they become safety events of their own."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.check_ins.safety_answers import says_yes
from app.check_ins.sources import Source
from app.foundation.vault import Vault
from app.signals.safety import SafetyReport, SafetySource, report
from app.storage.check_ins import Standing
from app.storage.unit_of_work import UnitOfWork
from app.web.equipment import Equipment


async def report_refused(
    equipment: Equipment, source: Source, items: Sequence[Any], kept: Sequence[bool]
) -> None:
    """Put the statements of a batch's refused items on the safety road, in a transaction of their own."""
    refused = [item for item, was_kept in zip(items, kept, strict=True) if not was_kept and says_yes(item)]
    if not refused:
        return
    now = equipment.clock.now()
    async with equipment.database.work(source.clinic_id) as work:
        standing = await source.standing(work, (), now)
        await report_statements(work, equipment, source, standing, refused)
        await work.commit()


async def report_statements(
    work: UnitOfWork,
    equipment: Equipment,
    source: Source,
    standing: Standing,
    statements: Sequence[object],
    *,
    sent_to: str = "",
) -> None:
    """Make one safety event for each statement; ``sent_to`` is the id in the request's path, if it has one."""
    for said_in in statements:
        said = SafetyReport(
            patient_id=standing.patient_id,
            mode=standing.mode,
            source=SafetySource.REFUSED_CHECK_IN,
            source_id=source_id(equipment.vault, said_in, sent_to=sent_to),
            urgent=True,
            received_at=equipment.clock.now(),
            actor=source.actor(standing),
        )
        await report(work, equipment, said)


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
