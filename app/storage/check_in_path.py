"""The check-in path: one read finds all that recording needs, one statement writes all of it.

Both are functions of the database, `care.patient_snapshot` and `care.record_check_ins`, which keep their plans.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from app.foundation.ids import new_id
from app.storage.check_ins import StoredCheckIn
from app.storage.engine.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientSnapshot:
    """All that recording a check-in needs to know of a patient: one row, one read."""

    patient_id: UUID
    device_id: UUID | None
    time_zone: str
    locale: str
    mode: str
    archived_at: datetime | None
    version: int
    sync_sequence: int
    event_sequence: int
    packed_state: bytes | None
    level: str
    announced: list[str]
    signal: dict[str, Any] | None
    booster_booked_for: date | None
    consent_withdrawn_at: datetime | None
    wrapped_key: bytes | None
    reviewed_on: date | None
    # The clinic's own active numbers; None when it never set any.
    policy: dict[str, Any] | None
    chosen_reference: dict[str, Any] | None
    # Whether the worklist holds something that a check-in ends.
    waits_for_check_in: bool
    seen: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rule's answer: its state to go on from, the rest beside the latest of the check-ins that caused it."""

    as_of: datetime
    level: str
    rule_version: str
    packed_state: bytes
    burst: bool
    announced: list[str]
    smoothed: float | None
    zone_rules: str


_SNAPSHOT: Final = """
    SELECT * FROM care.patient_snapshot(
        %(tenant)s, %(clinic_id)s, %(digest)s, %(patient_id)s, %(ids)s::uuid[], %(now)s)
"""
_RECORD: Final = """
    SELECT care.record_check_ins(%(tenant)s, %(clinic_id)s, %(patient_id)s, %(version)s, %(rows)s::jsonb,
        %(packed_state)s, %(burst)s, %(level)s, %(announced)s, %(as_of)s, %(audit_at)s, %(audit_actor_kind)s,
        %(audit_actor_id)s) AS ours
"""


class TurnLostError(Exception):
    """Another report of this patient came first; nothing was written, and the caller looks again."""


async def snapshot_by_token(
    work: UnitOfWork, digest: bytes, *, ids: Sequence[UUID], now: datetime
) -> PatientSnapshot | None:
    """Find who signs in with this access token, and where that patient stands.

    ``ids`` are the check-ins about to be recorded; ``seen`` says which of them exist, with their digests.
    """
    return await _snapshot(work, digest=digest, ids=ids, now=now)


async def snapshot_of_patient(
    work: UnitOfWork, patient_id: UUID, *, ids: Sequence[UUID] = (), now: datetime
) -> PatientSnapshot | None:
    """Find where a patient of this clinic stands."""
    return await _snapshot(work, patient_id=patient_id, ids=ids, now=now)


async def record(
    work: UnitOfWork,
    snapshot: PatientSnapshot,
    check_ins: Sequence[StoredCheckIn],
    *,
    answer: Answer | None,
) -> None:
    """Write new check-ins, the rule's answer to them, and the audit log, if it still is this patient's turn.

    Where nothing else follows from them, that happens with the commit. Without an answer the rule's state is
    dropped, so that the next look starts from history.

    Raises:
        TurnLostError: the turn was not ours, now or at the commit; nothing was written.
    """
    await work.defer(
        _RECORD,
        {
            "clinic_id": work.clinic_id,
            "patient_id": snapshot.patient_id,
            "version": snapshot.version,
            "rows": _json_text(_rows(check_ins, answer)),
            "packed_state": None if answer is None else answer.packed_state,
            "burst": None if answer is None else answer.burst,
            "announced": None if answer is None else answer.announced,
            "level": None if answer is None else answer.level,
            "as_of": None if answer is None else answer.as_of,
            "audit_at": work.real_now,
            "audit_actor_kind": work.actor.kind.value,
            "audit_actor_id": work.actor.id,
        },
        check=_was_ours,
    )


def _was_ours(rows: Sequence[Any]) -> None:
    if not rows[0].ours:
        raise TurnLostError(TurnLostError.__doc__)


def _json_text(value: object) -> str:
    # Several times faster than the standard library's, on the one path where it shows.
    return to_json(value).decode()


async def _snapshot(
    work: UnitOfWork,
    *,
    digest: bytes | None = None,
    patient_id: UUID | None = None,
    ids: Sequence[UUID],
    now: datetime,
) -> PatientSnapshot | None:
    rows = await work.glance(
        _SNAPSHOT,
        {
            "clinic_id": work.clinic_id,
            "digest": digest,
            "patient_id": patient_id,
            # As text: psycopg's own arrays cost as much as all other parameters together.
            "ids": f"{{{','.join(map(str, ids))}}}",
            "now": now,
        },
    )
    if not rows:
        return None
    values = rows[0]._asdict()
    seen: Mapping[str, str] | None = values.pop("seen")
    return PatientSnapshot(seen=dict(seen or {}), **values)


def _rows(check_ins: Sequence[StoredCheckIn], answer: Answer | None) -> list[dict[str, Any]]:
    rows = [_values(stored) for stored in check_ins]
    if answer is not None:
        places = range(len(check_ins))
        last = max(places, key=lambda at: (check_ins[at].check_in.recorded_at, check_ins[at].check_in.id))
        rows[last] |= {
            "evaluated_at": answer.as_of.isoformat(),
            "level": answer.level,
            "smoothed": answer.smoothed,
            "rule_version": answer.rule_version,
            "zone_rules": answer.zone_rules,
        }
    return rows


def _values(stored: StoredCheckIn) -> dict[str, Any]:
    sent = stored.check_in
    return {
        "id": sent.id,
        "audit_id": str(new_id()),
        "sync_sequence": stored.sync_sequence,
        "digest": stored.digest.hex(),
        "recorded_at": sent.recorded_at.isoformat(),
        "time_zone": sent.time_zone,
        "check_in_day": stored.check_in_day.isoformat(),
        "received_at": stored.received_at.isoformat(),
        "late": stored.late,
        **sent.reported,
        "asks_about_booster": sent.asks_about_booster,
        "self_harm_thoughts": sent.self_harm_thoughts,
        "input_mode": stored.input_mode,
        "clock_skew_seconds": stored.clock_skew_seconds,
        "note_sealed": stored.note_sealed.hex() if stored.note_sealed else None,
        "supersedes": str(stored.supersedes) if stored.supersedes else None,
    }
