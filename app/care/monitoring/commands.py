"""Evaluating a patient: incrementally where check-ins come in order, from the whole history where not.

Both give the same answer (the core promises it, and its tests hold it to that), so it never matters which
way was taken, or in what order reports arrived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from app.access.clinics.erased import PatientMergedError
from app.care.alerts.signal_episodes import carry_out
from app.care.monitoring.conditions import (
    AT_ONCE,
    Condition,
    announce_conditions,
    conditions_of,
    keep_findings,
    marks_of,
)
from app.care.monitoring.history import episode_of_patient, latest_in, protocol_of, snapshot_of
from app.care.monitoring.timeline_replay import (
    Passed,
    ReplayedTimeline,
    keep_passed,
    kept_state,
    passed_in_order,
    replayed,
    timeline_now,
)
from app.clinical.answer import Evaluation
from app.clinical.check_ins import CheckIn
from app.clinical.episodes import Move, MoveKind, next_move
from app.clinical.evaluation import evaluate
from app.clinical.protocol import Protocol
from app.clinical.review_notice import is_review_to_announce
from app.clinical.state.timeline import Timeline, timeline_after
from app.context import AppContext, Work
from app.foundation.zones import zone_edition
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import patient_states
from app.storage.check_in_path import Answer, PatientSnapshot
from app.storage.check_ins import StoredCheckIn
from app.storage.clinical_json import KeptState, pack_state
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.histories import known_now

EVALUATE_AGAIN: Final = "evaluate_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """An answer with what the rule wants to do about it, and the checkpoints to keep."""

    evaluation: Evaluation
    answer: Answer
    move: Move
    passed: Passed | None


async def evaluate_with(
    work: UnitOfWork,
    context: AppContext,
    snapshot: PatientSnapshot,
    new: Sequence[StoredCheckIn],
    *,
    now: datetime,
    announce: bool,
) -> Evaluated:
    """Evaluate a patient as of now, with check-ins that are about to be written; writes nothing.

    ``announce``: whether conditions may be announced. Not while history is imported piece by piece, when
    much seems to be missing that comes with the next piece; they are announced with the patient's next report.
    """
    protocol = protocol_of(snapshot, context)
    before = None if any(stored.supersedes for stored in new) else kept_state(snapshot, protocol)
    timeline = before and _advanced(before.timeline, [stored.check_in for stored in new], protocol)
    if before is None or timeline is None:
        again = await replayed(work, snapshot, protocol=protocol, now=now, also=new)
        return _evaluated(context, snapshot, again, announce=announce)
    step = ReplayedTimeline(
        timeline=timeline,
        as_of=latest_in(timeline.state, snapshot, now=now),
        treatment=before.treatment,
        passed=passed_in_order(snapshot, before, min(one.check_in.recorded_at for one in new), protocol),
    )
    return _evaluated(context, snapshot, step, announce=announce)


async def follow(work: Work, snapshot: PatientSnapshot, evaluated: Evaluated) -> None:
    """Do what the rule wants done: raise a signal, add to it, or note that it became steady.

    The answer was kept in the turn after the one that ``snapshot`` was read in.
    """
    await keep_passed(work, snapshot, evaluated.passed)
    await announce_conditions(
        work,
        snapshot.patient_id,
        mode=snapshot.mode,
        on=evaluated.evaluation.day,
        before=snapshot.announced,
        holding=evaluated.answer.announced,
    )
    await keep_findings(
        work,
        snapshot.patient_id,
        evaluated.evaluation,
        mode=snapshot.mode,
        before=snapshot.announced,
        holding=evaluated.answer.announced,
    )
    if evaluated.answer.level != snapshot.level:
        await notify_of_patient(
            work,
            EventType.LEVEL_CHANGED,
            About.patient(
                snapshot.patient_id, public_url=work.public_url, mode=snapshot.mode, page="/evaluation"
            ),
            now=work.now,
            more={"level": evaluated.answer.level, "previous_level": snapshot.level},
        )
    if evaluated.move.kind is MoveKind.NONE:
        return
    await carry_out(
        work,
        evaluated.move,
        evaluated.evaluation,
        known=await known_now(work, snapshot.patient_id, turn=snapshot.version + 1),
        patient_id=snapshot.patient_id,
        signal_id=UUID(snapshot.signal["id"]) if snapshot.signal else None,
        episode=episode_of_patient(snapshot),
    )


async def re_evaluate(work: Work, patient_id: UUID, *, announce: bool = False) -> None:
    """Evaluate from the whole history and do what follows; the caller holds the patient's turn.

    Nothing is evaluated for a patient who withdrew consent; the state goes, for the day they give it again.
    ``announce``: whether conditions may begin that history coming in piece by piece would only seem to have.
    """
    snapshot = await snapshot_of(work, patient_id, now=work.now)
    if snapshot.consent_withdrawn_at is not None:
        await patient_states.forget_state(work, patient_id)
        return
    evaluated = await _from_history(work, snapshot, announce=announce)
    await patient_states.keep_answer(
        work,
        patient_id,
        packed_state=evaluated.answer.packed_state,
        burst=evaluated.answer.burst,
        level=evaluated.answer.level,
        announced=evaluated.answer.announced,
        now=work.now,
    )
    await follow(work, snapshot, evaluated)


async def evaluate_by_time(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, kept_level: str
) -> bool:
    """Evaluate what time alone may have changed since the last answer; says whether something had.

    Nothing is written and no turn is taken where nothing did, which is so for nearly everybody each day.
    """
    async with context.work(clinic_id) as work:
        now = work.now
        try:
            snapshot = await snapshot_of(work, patient_id, now=now)
        except PatientMergedError:
            return False
        if snapshot.archived_at is not None:
            return False
        protocol = protocol_of(snapshot, context)
        timeline = await timeline_now(work, snapshot, protocol=protocol, now=now)
        known = ReplayedTimeline(timeline=timeline, as_of=latest_in(timeline.state, snapshot, now=now))
        evaluated = _evaluated(context, snapshot, known, announce=True)
        same = evaluated.answer.level == kept_level and set(evaluated.answer.announced) == set(
            snapshot.announced
        )
        if same and evaluated.move.kind is MoveKind.NONE:
            return False
        if await patient_states.lock(work, patient_id) is None:
            return False
        await re_evaluate(work, patient_id, announce=True)
    return True


def evaluate_later(work: UnitOfWork, patient_id: UUID, *, corrected: UUID | None = None) -> None:
    """Have a worker evaluate this patient, in case this transaction commits.

    ``corrected``: what of the record was; the patient's signal has to follow that too.
    """
    if corrected is None:
        work.queue(EVALUATE_AGAIN, clinic_id=work.clinic_id, patient_id=patient_id)
    else:
        work.queue(EVALUATE_AGAIN, clinic_id=work.clinic_id, patient_id=patient_id, corrected=corrected)


def _advanced(timeline: Timeline | None, new: Sequence[CheckIn], protocol: Protocol) -> Timeline | None:
    """Take the state through the new check-ins; None when one of them belongs further back."""
    for check_in in sorted(new, key=lambda one: (one.recorded_at, one.id)):
        if timeline is None:
            return None
        timeline = timeline_after(timeline, check_in, protocol=protocol)
    return timeline


async def _from_history(work: Work, snapshot: PatientSnapshot, *, announce: bool) -> Evaluated:
    again = await replayed(work, snapshot, protocol=protocol_of(snapshot, work.context), now=work.now)
    return _evaluated(work.context, snapshot, again, announce=announce)


def _evaluated(
    context: AppContext, snapshot: PatientSnapshot, known: ReplayedTimeline, *, announce: bool
) -> Evaluated:
    timeline, as_of = known.timeline, known.as_of
    evaluation = evaluate(timeline.state, as_of=as_of, protocol=protocol_of(snapshot, context))
    holding = conditions_of(evaluation)
    # A series that was just completed is announced at once; the others wait while history comes in.
    at_once = is_review_to_announce(
        timeline.state.treatment,
        reviewed_on=snapshot.reviewed_on,
        today=evaluation.day,
        announced=Condition.REVIEW_DUE.value in snapshot.announced,
        announce=announce,
        protocol=protocol_of(snapshot, context),
    )
    holds = {one.value for one in holding} | marks_of(evaluation)
    announced = {one for one in holds if announce or one in AT_ONCE or one in snapshot.announced}
    answer = Answer(
        as_of=as_of,
        level=evaluation.level.value,
        rule_version=protocol_of(snapshot, context).name,
        packed_state=pack_state(
            KeptState(timeline, known.treatment), rule=protocol_of(snapshot, context).name
        ),
        burst=timeline.state.loss is not None and timeline.state.loss.burst,
        announced=sorted(announced | ({Condition.REVIEW_DUE.value} if at_once else set())),
        smoothed=evaluation.smoothed,
        zone_rules=zone_edition(),
    )
    move = next_move(
        episode_of_patient(snapshot), evaluation, as_of=as_of, protocol=protocol_of(snapshot, context)
    )
    return Evaluated(evaluation=evaluation, answer=answer, move=move, passed=known.passed)
