"""The rule's state of a patient: as it was kept, or made again from the last checkpoint that still holds.

A checkpoint holds as long as all that it was made of is what is known now. That is asked of the record itself each
time, so nothing that corrects the record has to know of checkpoints.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter

from app.care.monitoring.history import chosen_in, history_of, latest_of
from app.clinical.course import Course, Infusion
from app.clinical.history import History
from app.clinical.protocol import Protocol
from app.clinical.state.checkpoints import (
    Checkpoint,
    can_begin_from,
    is_kept,
    period_of,
    replay_from,
    through_of,
)
from app.clinical.state.timeline import Timeline
from app.foundation.zones import zone_edition
from app.storage import check_ins, patient_states
from app.storage.check_in_path import PatientSnapshot
from app.storage.check_ins import StoredCheckIn
from app.storage.clinical_json import KeptState, pack_state, unpack_state
from app.storage.engine.unit_of_work import UnitOfWork

_IN_A_THREAD: Final = 100
"""From so many check-ins on a replay runs beside the event loop: there it would keep others waiting for 5 ms."""
_TREATMENT: Final = TypeAdapter(tuple[str, str, Course | None, list[Infusion]])
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """The checkpoints that evaluating went past, as they are stored; those kept until ``after`` stay."""

    checkpoints: Sequence[Plain]
    after: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedTimeline:
    """A timeline, the moment that it speaks about, and how it is kept; as it was read it is not kept again."""

    timeline: Timeline
    as_of: datetime
    treatment: str = ""
    passed: Passed | None = None


def kept_state(snapshot: PatientSnapshot, protocol: Protocol) -> KeptState | None:
    """Read the rule's state; None when there is none, or when other numbers or an earlier release made it."""
    return unpack_state(snapshot.packed_state, rule=protocol.name) if snapshot.packed_state else None


async def timeline_now(
    work: UnitOfWork, snapshot: PatientSnapshot, *, protocol: Protocol, now: datetime
) -> Timeline:
    """Give the rule's state of a patient: as it was kept, or made again from history."""
    kept = kept_state(snapshot, protocol) or await replayed(work, snapshot, protocol=protocol, now=now)
    return kept.timeline


async def replayed(
    work: UnitOfWork,
    snapshot: PatientSnapshot,
    *,
    protocol: Protocol,
    now: datetime,
    also: Sequence[StoredCheckIn] = (),
    as_of: datetime | None = None,
) -> ReplayedTimeline:
    """Make the timeline from the last checkpoint that holds, or from the whole history where none does.

    Args:
        work: the transaction.
        snapshot: where the patient stands.
        protocol: the numbers to evaluate by.
        now: the time.
        also: check-ins that are about to be written.
        as_of: the moment to speak about; None: now, or the latest of what is known.
    """
    kept = await patient_states.checkpoints(work, snapshot.patient_id)
    history, begin = await _since_the_last(work, snapshot, kept, protocol, also=also, as_of=as_of)
    moment = as_of or max(latest_of(history, now=now), begin.through if begin else now)
    if len(history.check_ins) > _IN_A_THREAD:
        timeline, made = await asyncio.to_thread(replay_from, begin, history, as_of=moment, protocol=protocol)
    else:
        timeline, made = replay_from(begin, history, as_of=moment, protocol=protocol)
    sync = max([snapshot.sync_sequence, *(one.sync_sequence for one in also)])
    return ReplayedTimeline(
        timeline=timeline,
        as_of=moment,
        treatment=_treatment(history, moment),
        passed=Passed(
            checkpoints=[
                _checkpoint(
                    snapshot,
                    KeptState(one.timeline, _treatment(history, one.through)),
                    protocol,
                    through=one.through,
                    sync=sync,
                )
                for one in made
            ],
            after=begin.through if begin else None,
        ),
    )


def passed_in_order(
    snapshot: PatientSnapshot, before: KeptState, first: datetime, protocol: Protocol
) -> Passed | None:
    """Give the state as a checkpoint when the next report is of a later period; None where it is not.

    ``first``: when the first of the new reports was recorded.
    """
    through = through_of(before.timeline.state)
    if through is None or period_of(through) >= period_of(first):
        return None
    checkpoint = _checkpoint(snapshot, before, protocol, through=through, sync=snapshot.sync_sequence)
    return Passed(checkpoints=[checkpoint], after=through)


async def keep_passed(work: UnitOfWork, snapshot: PatientSnapshot, passed: Passed | None) -> None:
    """Keep the checkpoints that evaluating went past; the caller holds the patient's turn."""
    if passed is None or not passed.checkpoints:
        return
    made = {one["period"] for one in passed.checkpoints}
    until = period_of(passed.after) if passed.after else -1
    beside = [one for one in range(until + 1) if one not in made and is_kept(one, max(made))]
    await patient_states.keep_checkpoints(work, snapshot.patient_id, list(passed.checkpoints), beside=beside)


async def _since_the_last(
    work: UnitOfWork,
    snapshot: PatientSnapshot,
    kept: Sequence[Plain],
    protocol: Protocol,
    *,
    also: Sequence[StoredCheckIn],
    as_of: datetime | None,
) -> tuple[History, Checkpoint | None]:
    """The history after the last checkpoint that holds, and that checkpoint; all of it where none does."""
    earliest = min((one.check_in.recorded_at for one in also), default=None)
    limits = [one for one in (earliest, as_of) if one is not None]
    candidates = [one for one in kept if all(_through(one) <= limit for limit in limits)]
    counted = (
        await check_ins.current_through(
            work,
            snapshot.patient_id,
            [_through(one) for one in candidates],
            without=[one.supersedes for one in also if one.supersedes],
        )
        if candidates
        else []
    )
    same = [
        one
        for one, (count, latest) in zip(candidates, counted, strict=True)
        if count == one["reports"] and latest <= one["sync"]
    ]
    chosen = chosen_in(snapshot)
    for one in reversed(same):
        state, through = unpack_state(b64decode(one["packed_state"]), rule=protocol.name), _through(one)
        if state is None or one["chosen"] not in (None, snapshot.chosen_reference):
            continue
        history = await history_of(work, snapshot, also=also, after=through)
        begin = Checkpoint(through, state.timeline)
        until = as_of or latest_of(history, now=work.now)
        treated = state.treatment == _treatment(history, through)
        if treated and can_begin_from(begin, chosen, history.check_ins, as_of=until):
            return history, begin
    return await history_of(work, snapshot, also=also), None


def _checkpoint(
    snapshot: PatientSnapshot, kept: KeptState, protocol: Protocol, *, through: datetime, sync: int
) -> Plain:
    return {
        "packed_state": b64encode(pack_state(kept, rule=protocol.name)).decode(),
        "reports": kept.timeline.reports,
        "period": period_of(through),
        "through": through.isoformat(),
        "sync": sync,
        "chosen": snapshot.chosen_reference,
    }


def _through(stored: Plain) -> datetime:
    return datetime.fromisoformat(stored["through"])


def _treatment(history: History, through: datetime) -> str:
    """A digest of what a state through a moment rests on beside check-ins and a chosen reference."""
    given = sorted((one for one in history.infusions if one.given_at <= through), key=lambda one: one.id)
    plain = _TREATMENT.dump_json((history.time_zone, zone_edition(), history.course, given))
    return sha256(plain).hexdigest()[:16]
