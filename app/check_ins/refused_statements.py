"""Statements in check-ins that could not be kept: they become safety events of their own."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.check_ins.safety_answers import says_yes
from app.check_ins.service import Source
from app.foundation.vault import Vault
from app.signals.safety import SafetyReport, SafetySource, report
from app.storage.check_ins import Standing
from app.storage.unit_of_work import UnitOfWork
from app.web.equipment import Equipment


async def report_refused(
    equipment: Equipment, source: Source, items: Sequence[Any], kept: Sequence[bool]
) -> None:
    """Put the statements of a batch's refused items on the safety road, in a transaction of their own."""
    refused = [
        item.get("id") for item, was_kept in zip(items, kept, strict=True) if not was_kept and says_yes(item)
    ]
    if not refused:
        return
    now = equipment.clock.now()
    async with equipment.database.work(source.clinic_id) as work:
        standing = await source.standing(work, (), now)
        await report_statements(work, equipment, source, standing, refused)
        await work.commit()


async def report_statements(
    work: UnitOfWork, equipment: Equipment, source: Source, standing: Standing, told_ids: Sequence[object]
) -> None:
    """Make one safety event for each statement, whatever stood in the place of its check-in's id."""
    for told_id in told_ids:
        said = SafetyReport(
            patient_id=standing.patient_id,
            mode=standing.mode,
            source=SafetySource.REFUSED_CHECK_IN,
            source_id=source_id(equipment.vault, told_id),
            urgent=True,
            received_at=equipment.clock.now(),
            actor=source.actor(standing),
        )
        await report(work, said, public_url=equipment.public_url)


def source_id(vault: Vault, told: object) -> UUID:
    """Give the refused check-in's id, or one made of what stood in its place: the same twice is one event."""
    try:
        return UUID(str(told))
    except ValueError:
        return UUID(bytes=vault.digest(b"refused check-in", str(told)[:64].encode())[:16])
