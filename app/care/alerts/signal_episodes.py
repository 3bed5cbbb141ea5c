"""What the rule does with a patient's signal: from the stored signal to the core's episode, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.access.clinics.queries import waiting_limits
from app.care.alerts.signal_commands import SIGNAL, episode_of
from app.clinical.answer import Evaluation
from app.clinical.episodes import (
    NO_EPISODE,
    Action,
    Disposition,
    Episode,
    EpisodeState,
    Move,
    MoveKind,
    closed_by_infusion,
    closed_by_withdrawal,
    moved,
    require_allowed,
)
from app.clinical.explanation import explain
from app.clinical.findings import Finding
from app.clinical.levels import CriterionName
from app.clinical.profiles import Caution
from app.clinical.waiting import signal_wait
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.storage import signals
from app.storage.alert_steps import StepDetails
from app.storage.clinical_json import answer_to_json
from app.storage.histories import Known
from app.storage.signals import Signal


def episode_from(stored: Mapping[str, Any] | None, *, booster_booked_for: date | None) -> Episode:
    """Read the patient's latest signal, as it travels with the snapshot, as the core's episode."""
    if stored is None:
        return replace(NO_EPISODE, booster_booked_for=booster_booked_for)
    return Episode(
        # Someone having seen it changes nothing for the rule.
        state=EpisodeState("open" if stored["state"] == "acknowledged" else stored["state"]),
        raised_on=date.fromisoformat(stored["raised_on"]),
        criteria=tuple(CriterionName(name) for name in stored["criteria"]),
        steady_since=_day(stored["steady_since"]),
        snoozed_until=_moment(stored["snoozed_until"]),
        closed_at=_moment(stored["closed_at"]),
        disposition=Disposition(stored["disposition"]) if stored["disposition"] else None,
        booster_booked_for=booster_booked_for,
    )


async def carry_out(
    work: Work,
    move: Move,
    evaluation: Evaluation,
    *,
    known: Known,
    patient_id: UUID,
    signal_id: UUID | None,
    episode: Episode,
) -> None:
    """Store what the rule decided to do, and notify of it; the caller holds the patient's turn."""
    if move.kind is MoveKind.RAISE:
        await _raise(work, move, evaluation, known=known, patient_id=patient_id, episode=episode)
    elif move.kind is not MoveKind.NONE and signal_id is not None:
        after = moved(episode, move, on=evaluation.day)
        await signals.TABLE.change(
            work,
            signal_id,
            criteria=[name.value for name in after.criteria],
            steady_since=after.steady_since,
            latest=answer_to_json(evaluation),
            explanation=explain(evaluation, cautions=_cautions(known)),
        )
        await SIGNAL.keep_step(work, signal_id, patient_id, move.kind.value, actor=SYSTEM)
        await SIGNAL.announce(work, EventType.SIGNAL_UPDATED, await SIGNAL.existing(work, signal_id))


async def close_by_infusion(
    work: Work,
    patient_id: UUID,
    *,
    given_at: datetime,
    given_on: date,
    findings: Sequence[Finding],
) -> None:
    """Close an open signal as "booster given", if the infusion came after it was raised.

    Not one that stands because boosters do not hold (``findings`` are those before the infusion).
    """
    signal = await signals.latest_of_patient(work, patient_id)
    if signal is None:
        return
    before = episode_of(signal)
    after = closed_by_infusion(before, given_at=given_at, given_on=given_on, findings=findings)
    if after != before:
        await _close_by_rule(work, signal, after, "closed_by_infusion")


async def close_by_withdrawal(work: Work, patient_id: UUID) -> None:
    """Close an open signal because the patient withdrew consent; the caller holds the patient's turn.

    It must not stay as something to act on, nor vanish: it says with what it was closed, and the clinic's
    systems are notified as of every closing.
    """
    signal = await signals.latest_of_patient(work, patient_id)
    if signal is None or signal.state == "closed":
        return
    after = closed_by_withdrawal(episode_of(signal), at=work.now)
    await _close_by_rule(work, signal, after, "closed_by_withdrawal")


async def _close_by_rule(work: Work, signal: Signal, after: Episode, action: str) -> None:
    if after.disposition is None:
        return
    closed = await SIGNAL.close(
        work,
        signal,
        action=action,
        actor=SYSTEM,
        details=StepDetails(id=new_id(), disposition=after.disposition.value),
        closed_at=after.closed_at,
        disposition=after.disposition.value,
        snoozed_until=None,
    )
    await SIGNAL.announce(work, EventType.SIGNAL_CLOSED, closed)


async def _raise(
    work: Work,
    move: Move,
    evaluation: Evaluation,
    *,
    known: Known,
    patient_id: UUID,
    episode: Episode,
) -> None:
    require_allowed(episode.state, Action.RAISE)
    plain = answer_to_json(evaluation)
    signal = Signal(
        id=new_id(),
        patient_id=patient_id,
        state="open",
        level=evaluation.level.value,
        criterion=move.criteria[0].value,
        criteria=[name.value for name in move.criteria],
        raised_at=work.now,
        raised_on=evaluation.day,
        decision=plain,
        latest=plain,
        explanation=explain(evaluation, cautions=_cautions(known)),
        escalate_at=work.now + signal_wait(await waiting_limits(work)),
        turn=known.turn,
        known=known.to_plain(),
    )
    await signals.add(work, signal)
    await SIGNAL.keep_step(work, signal.id, patient_id, "raised", actor=SYSTEM)
    await SIGNAL.announce(work, EventType.SIGNAL_RAISED, signal)
    SIGNAL.queue_escalation(work, signal.id, at=signal.escalate_at)


def _cautions(known: Known) -> list[Caution]:
    return [Caution(name) for name in known.cautions]


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
