"""Where a clinic's patients stand, for a receiver that begins: ids, levels and states only, many at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.storage.alerts import OPEN_STATES, Alert
from app.storage.engine.rows import one_of
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.findings import Finding
from app.storage.patient_merges import PatientMerge
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEntry:
    """One patient's row of a snapshot, without the alerts."""

    id: UUID
    mode: str
    level: str
    archived_reason: str | None
    merged_into: UUID | None
    consent_version: str | None
    consent_withdrawn_at: datetime | None
    announced: list[str]


async def page(work: UnitOfWork, *, after: UUID | None, limit: int) -> list[SnapshotEntry]:
    """List patients in the order of their ids."""
    patient, state, merge = PatientRow, PatientStateRow, PatientMerge
    statement = (
        select(
            patient.id,
            patient.mode,
            state.level,
            patient.archived_reason,
            merge.into_id.label("merged_into"),
            state.consent_version,
            state.consent_withdrawn_at,
            state.announced,
        )
        .join(state, (state.clinic_id == patient.clinic_id) & (state.patient_id == patient.id))
        .outerjoin(
            merge,
            (merge.clinic_id == patient.clinic_id)
            & (merge.patient_id == patient.id)
            & merge.unmerged_at.is_(None),
        )
        .where(work.owns(patient))
        .order_by(patient.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(patient.id > after)
    return [SnapshotEntry(**row._mapping) for row in await work.execute(statement)]  # noqa: SLF001 - SQLAlchemy's documented name for it


async def open_signals(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """List the open signals of several patients."""
    return await _open(work, Signal, ("state", "level", "criterion"), patient_ids)


async def open_safety_events(
    work: UnitOfWork, patient_ids: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    """List the open safety events of several patients."""
    return await _open(work, SafetyEvent, ("state", "urgent"), patient_ids)


async def open_findings(work: UnitOfWork, patient_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """List the open findings of several patients."""
    return await _open(work, Finding, ("state", "code"), patient_ids)


async def _open(
    work: UnitOfWork, row: type[Alert], names: Sequence[str], patient_ids: Sequence[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    found = await work.execute(
        select(row.patient_id, row.id, *(getattr(row, name) for name in names))
        .where(work.owns(row), one_of(row.patient_id, patient_ids), row.state.in_(OPEN_STATES))
        .order_by(row.id)
    )
    alerts: dict[UUID, list[dict[str, Any]]] = {}
    for one in found:
        values = dict(one._mapping)  # noqa: SLF001 - same
        alerts.setdefault(values.pop("patient_id"), []).append(values)
    return alerts
