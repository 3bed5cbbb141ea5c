"""The check-in path: one read finds all that recording needs, one statement writes all of it."""

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
    memory: dict[str, Any] | None
    level: str
    announced: list[str]
    signal: dict[str, Any] | None
    booster_booked_for: date | None
    consent_withdrawn_at: datetime | None
    wrapped_key: bytes | None
    reviewed_on: date | None
    # The clinic's own numbers in force; None when it never set any.
    policy: dict[str, Any] | None
    chosen_reference: dict[str, Any] | None
    # Whether the worklist holds something that a check-in ends.
    waits_for_check_in: bool
    seen: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rule's answer to keep with the check-ins that caused it: memory to go on from, summary to look at."""

    as_of: datetime
    level: str
    rule_version: str
    memory: dict[str, Any]
    announced: list[str]
    summary: dict[str, Any]


# The latest signal travels with the snapshot because whether to raise one depends on it.
_STANDING_COLUMNS: Final = """
    p.id AS patient_id, p.time_zone, p.locale, p.mode, p.archived_at,
    s.version, s.sync_sequence, s.event_sequence, s.memory, s.level, s.announced, s.booster_booked_for,
    s.consent_withdrawn_at,
    (SELECT y.wrapped_key FROM care.patient_keys y WHERE y.clinic_id = p.clinic_id AND y.patient_id = p.id)
      AS wrapped_key,
    (SELECT k.reviewed_on FROM care.courses k WHERE k.clinic_id = p.clinic_id AND k.patient_id = p.id
      ORDER BY k.started_on DESC, k.id DESC LIMIT 1) AS reviewed_on,
    (SELECT q.numbers FROM care.clinic_policies q
      WHERE q.clinic_id = p.clinic_id AND q.effective_from <= %(now)s ORDER BY q.version DESC LIMIT 1) AS policy,
    (SELECT jsonb_build_object('from_day', h.from_day, 'to_day', h.to_day, 'set_at', h.set_at)
       FROM care.chosen_references h WHERE h.clinic_id = p.clinic_id AND h.patient_id = p.id
      ORDER BY h.set_at DESC, h.id DESC LIMIT 1) AS chosen_reference,
    (SELECT jsonb_build_object('id', g.id, 'state', g.state, 'criteria', g.criteria, 'raised_on', g.raised_on,
            'steady_since', g.steady_since, 'snoozed_until', g.snoozed_until, 'closed_at', g.closed_at,
            'disposition', g.disposition)
       FROM care.signals g WHERE g.clinic_id = p.clinic_id AND g.patient_id = p.id
      ORDER BY g.raised_at DESC, g.id DESC LIMIT 1) AS signal,
    EXISTS (SELECT FROM care.findings f WHERE f.clinic_id = p.clinic_id AND f.patient_id = p.id
      AND f.state <> 'closed' AND f.source_id IS NULL
      AND f.code IN ('overdue', 'silent_after_low', 'unknown')) AS waits_for_check_in,
    (SELECT jsonb_object_agg(c.id, encode(c.digest, 'hex')) FROM care.check_ins c
      WHERE c.clinic_id = p.clinic_id AND c.patient_id = p.id AND c.id = ANY(%(ids)s)) AS seen
"""


_STANDING_BY_TOKEN: Final = f"""
    SELECT d.id AS device_id, {_STANDING_COLUMNS}
      FROM care.device_tokens t
      JOIN care.devices d ON d.clinic_id = t.clinic_id AND d.id = t.device_id
      JOIN care.patients p ON p.clinic_id = d.clinic_id AND p.id = d.patient_id
      JOIN care.patient_states s ON s.clinic_id = p.clinic_id AND s.patient_id = p.id
     WHERE t.clinic_id = %(clinic_id)s AND t.digest = %(digest)s AND t.kind IN ('access', 'browser')
       AND t.expires_at > %(real_now)s AND d.revoked_at IS NULL
"""  # noqa: S608 - composed of this module's own constants


_STANDING_BY_PATIENT: Final = f"""
    SELECT NULL::uuid AS device_id, {_STANDING_COLUMNS}
      FROM care.patients p
      JOIN care.patient_states s ON s.clinic_id = p.clinic_id AND s.patient_id = p.id
     WHERE p.clinic_id = %(clinic_id)s AND p.id = %(patient_id)s
"""  # noqa: S608 - same


# The update comes first and everything hangs on it: if another report of this patient came first, its
# version has moved, the update finds no row, and nothing at all is written.
_RECORD: Final = """
    WITH turn AS (
        UPDATE care.patient_states
           SET version = version + 1, sync_sequence = sync_sequence + %(count)s,
               memory = CAST(%(memory)s AS jsonb),
               level = coalesce(CAST(%(level)s AS text), level),
               announced = coalesce(CAST(%(announced)s AS text[]), announced),
               evaluated_at = coalesce(CAST(%(as_of)s AS timestamptz), evaluated_at)
         WHERE clinic_id = %(clinic_id)s AND patient_id = %(patient_id)s AND version = %(version)s
        RETURNING clinic_id, patient_id, version
    ), report AS (
        SELECT turn.clinic_id, turn.patient_id, turn.version AS turn, r.*
          FROM turn, jsonb_to_recordset(CAST(%(rows)s AS jsonb)) AS r(id uuid, audit_id uuid,
               sync_sequence bigint, digest text, recorded_at timestamptz, time_zone text, check_in_day date,
               received_at timestamptz, late boolean, mood numeric, energy numeric, sleep_quality numeric,
               sleep_hours numeric, asks_about_booster boolean, self_harm_thoughts boolean, input_mode text,
               clock_skew_seconds bigint, note_sealed text, supersedes uuid)
    ), written AS (
        INSERT INTO care.check_ins (clinic_id, patient_id, id, sync_sequence, digest, recorded_at, time_zone,
               check_in_day, received_at, late, mood, energy, sleep_quality, sleep_hours, asks_about_booster,
               self_harm_thoughts, input_mode, clock_skew_seconds, note_sealed, supersedes, turn)
        SELECT clinic_id, patient_id, id, sync_sequence, decode(digest, 'hex'), recorded_at, time_zone,
               check_in_day, received_at, late, mood, energy, sleep_quality, sleep_hours, asks_about_booster,
               self_harm_thoughts, input_mode, clock_skew_seconds, decode(note_sealed, 'hex'), supersedes,
               turn
          FROM report
    ), answered AS (
        INSERT INTO care.evaluations (clinic_id, patient_id, id, as_of, level, rule_version, answer)
        SELECT clinic_id, patient_id, %(evaluation_id)s, CAST(%(as_of)s AS timestamptz), %(level)s, %(rule_version)s,
               CAST(%(summary)s AS jsonb)
          FROM turn WHERE CAST(%(as_of)s AS timestamptz) IS NOT NULL
    ), announced_rows AS (
        INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, actor_id, action, subject_kind,
               subject_id, patient_id)
        SELECT clinic_id, audit_id, %(audit_at)s, %(audit_actor_kind)s, %(audit_actor_id)s, 'check_in.recorded',
               'check_in', id, patient_id
          FROM report
    )
    SELECT count(*) FROM turn
"""


async def snapshot_by_token(
    work: UnitOfWork, digest: bytes, *, ids: Sequence[UUID], now: datetime
) -> PatientSnapshot | None:
    """Find who signs in with this access token, and where that patient stands.

    ``ids`` are the check-ins about to be recorded; ``seen`` says which of them exist, with their digests.
    """
    found = await work.directly(
        _STANDING_BY_TOKEN,
        {"clinic_id": work.clinic_id, "digest": digest, "ids": list(ids), "now": now}
        | {"real_now": work.real_now},
    )
    return _snapshot(found)


async def snapshot_of_patient(
    work: UnitOfWork, patient_id: UUID, *, ids: Sequence[UUID] = (), now: datetime
) -> PatientSnapshot | None:
    """Find where a patient of this clinic stands."""
    found = await work.directly(
        _STANDING_BY_PATIENT,
        {"clinic_id": work.clinic_id, "patient_id": patient_id, "ids": list(ids), "now": now},
    )
    return _snapshot(found)


async def record(
    work: UnitOfWork,
    snapshot: PatientSnapshot,
    check_ins: Sequence[StoredCheckIn],
    *,
    answer: Answer | None,
) -> bool:
    """Write new check-ins, the rule's answer to them, and the audit log, if it still is this patient's turn.

    Without an answer the rule's memory is dropped, so that the next look starts from history. Says
    whether the turn was ours; if not, nothing was written.
    """
    written = await work.directly(
        _RECORD,
        {
            "clinic_id": work.clinic_id,
            "patient_id": snapshot.patient_id,
            "version": snapshot.version,
            "count": len(check_ins),
            "rows": _json_text([_values(stored) for stored in check_ins]),
            "memory": None if answer is None else _json_text(answer.memory),
            "summary": None if answer is None else _json_text(answer.summary),
            "announced": None if answer is None else answer.announced,
            "level": None if answer is None else answer.level,
            "as_of": None if answer is None else answer.as_of,
            "rule_version": None if answer is None else answer.rule_version,
            "evaluation_id": new_id(),
            "audit_at": work.real_now,
            "audit_actor_kind": work.actor.kind.value,
            "audit_actor_id": work.actor.id,
        },
    )
    return bool(written[0][0])


def _json_text(value: object) -> str:
    # Several times faster than the standard library's, on the one path where it shows.
    return to_json(value).decode()


def _snapshot(rows: Sequence[Any]) -> PatientSnapshot | None:
    if not rows:
        return None
    values = rows[0]._asdict()
    seen: Mapping[str, str] | None = values.pop("seen")
    return PatientSnapshot(seen=dict(seen or {}), **values)


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
        "mood": sent.mood,
        "energy": sent.energy,
        "sleep_quality": sent.sleep_quality,
        "sleep_hours": sent.sleep_hours,
        "asks_about_booster": sent.asks_about_booster,
        "self_harm_thoughts": sent.self_harm_thoughts,
        "input_mode": stored.input_mode,
        "clock_skew_seconds": stored.clock_skew_seconds,
        "note_sealed": stored.note_sealed.hex() if stored.note_sealed else None,
        "supersedes": str(stored.supersedes) if stored.supersedes else None,
    }
