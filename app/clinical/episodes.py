"""One episode, not a stream: when a signal is raised, when it grows, and what else may happen to it.

A patient has at most one signal. The first rise to consider raises it; later criteria are added to it in
place; falls go only to steady; it stays until someone closes it or an infusion is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.clinical.answer import Evaluation
from app.clinical.check_ins import check_in_day
from app.clinical.errors import MoveNotAllowedError, SnoozeTooLongError
from app.clinical.fast_enums import quick
from app.clinical.findings import Finding
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reasons import (
    BelowConsider,
    BoosterBooked,
    ClosedRecently,
    ConsentGivenAgain,
    FirstAtConsider,
    InfusionSinceClosing,
    NewCriterion,
    Reason,
    RoseAgain,
    SignalOpen,
    SignalSnoozed,
    SteadyNow,
    SteadySinceClosing,
    StillAtConsider,
)


@quick
class EpisodeState(StrEnum):
    """Where a patient's signal stands."""

    NONE = "none"
    OPEN = "open"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class Disposition(StrEnum):
    """With what a signal was closed."""

    BOOSTER_GIVEN = "booster_given"
    BOOSTER_BOOKED = "booster_booked"
    WATCHFUL_WAITING = "watchful_waiting"
    OTHER_TREATMENT = "other_treatment"
    NOT_A_RELAPSE = "not_a_relapse"
    DATA_PROBLEM = "data_problem"
    # Not for staff to choose: the patient withdrew consent, and nobody may act on it any more.
    CONSENT_WITHDRAWN = "consent_withdrawn"


class Action(StrEnum):
    """What can be done to a signal, by the rule or by staff."""

    RAISE = "raise"
    ADD_EVIDENCE = "add_evidence"
    BECOME_STEADY = "become_steady"
    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    RETURN_FROM_SNOOZE = "return_from_snooze"
    CLOSE = "close"
    REOPEN = "reopen"
    GIVE_INFUSION = "give_infusion"
    WITHDRAW_CONSENT = "withdraw_consent"


ALLOWED_MOVES: Final[Mapping[EpisodeState, Mapping[Action, EpisodeState]]] = {
    EpisodeState.NONE: {Action.RAISE: EpisodeState.OPEN, Action.GIVE_INFUSION: EpisodeState.NONE},
    EpisodeState.OPEN: {
        Action.ADD_EVIDENCE: EpisodeState.OPEN,
        Action.BECOME_STEADY: EpisodeState.OPEN,
        Action.ACKNOWLEDGE: EpisodeState.OPEN,
        Action.SNOOZE: EpisodeState.SNOOZED,
        Action.CLOSE: EpisodeState.CLOSED,
        Action.GIVE_INFUSION: EpisodeState.CLOSED,
        Action.WITHDRAW_CONSENT: EpisodeState.CLOSED,
    },
    EpisodeState.SNOOZED: {
        Action.ADD_EVIDENCE: EpisodeState.SNOOZED,
        Action.BECOME_STEADY: EpisodeState.SNOOZED,
        Action.ACKNOWLEDGE: EpisodeState.SNOOZED,
        Action.SNOOZE: EpisodeState.SNOOZED,
        Action.RETURN_FROM_SNOOZE: EpisodeState.OPEN,
        Action.CLOSE: EpisodeState.CLOSED,
        Action.GIVE_INFUSION: EpisodeState.CLOSED,
        Action.WITHDRAW_CONSENT: EpisodeState.CLOSED,
    },
    EpisodeState.CLOSED: {
        Action.RAISE: EpisodeState.OPEN,
        Action.REOPEN: EpisodeState.OPEN,
        Action.GIVE_INFUSION: EpisodeState.CLOSED,
    },
}
"""From each state, what may be done and where it leads. What is not here is refused."""


@quick
class MoveKind(StrEnum):
    """What the rule does next."""

    RAISE = "raise"
    ADD_EVIDENCE = "add_evidence"
    BECAME_STEADY = "became_steady"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Move:
    """What the rule does next and why; `criteria` are those at consider now."""

    kind: MoveKind
    reason: Reason
    criteria: tuple[CriterionName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A patient's latest signal, as far as the rule needs to know it.

    Attributes:
        raised_on: the check-in day on which it was raised.
        criteria: the criteria it has been raised on or grown by.
        steady_since: the day on which it was seen to have become steady; None while it has not.
        booster_booked_for: the day of the next booked booster, whatever the state.
    """

    state: EpisodeState = EpisodeState.NONE
    raised_on: date | None = None
    criteria: tuple[CriterionName, ...] = ()
    steady_since: date | None = None
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    disposition: Disposition | None = None
    booster_booked_for: date | None = None


NO_EPISODE: Final = Episode()
CHOSEN_BY_STAFF: Final = tuple(one for one in Disposition if one is not Disposition.CONSENT_WITHDRAWN)
"""The dispositions that a person can close a signal with."""
_WAITING: Final = (EpisodeState.OPEN, EpisodeState.SNOOZED)


def next_move(
    episode: Episode, evaluation: Evaluation, *, as_of: datetime, protocol: Protocol = STANDARD
) -> Move:
    """What the rule does: raise, add evidence, note that it became steady, or nothing, and why.

    Args:
        episode: the patient's latest signal.
        evaluation: the answer as of `as_of`; only what holds now can raise.
        as_of: now.
        protocol: the numbers.
    """
    criteria = _at_consider(evaluation)
    if episode.state in _WAITING:
        return _while_waiting(episode, evaluation, criteria, as_of)
    if not criteria:
        return Move(MoveKind.NONE, BelowConsider())
    suppressed_by = _suppressed_by(episode, evaluation, protocol)
    if suppressed_by:
        return Move(MoveKind.NONE, suppressed_by, criteria)
    return _raise_or_wait(episode, evaluation, criteria, as_of, protocol)


def moved(episode: Episode, move: Move, *, on: date) -> Episode:
    """The episode after a move of the rule, made on the given check-in day."""
    if move.kind is MoveKind.RAISE:
        require_allowed(episode.state, Action.RAISE)
        return Episode(
            state=EpisodeState.OPEN,
            raised_on=on,
            criteria=move.criteria,
            booster_booked_for=episode.booster_booked_for,
        )
    if move.kind is MoveKind.ADD_EVIDENCE:
        require_allowed(episode.state, Action.ADD_EVIDENCE)
        known = tuple(name for name in episode.criteria if name not in move.criteria)
        return replace(episode, criteria=(*known, *move.criteria), steady_since=None)
    if move.kind is MoveKind.BECAME_STEADY:
        require_allowed(episode.state, Action.BECOME_STEADY)
        return replace(episode, steady_since=on)
    return episode


def snoozed(episode: Episode, *, until: datetime, as_of: datetime, protocol: Protocol = STANDARD) -> Episode:
    """The episode out of sight until a time at most 14 days away; it then returns by itself.

    Raises:
        MoveNotAllowedError: when there is no open signal.
        SnoozeTooLongError: when the time has passed or is too far away.
    """
    state = require_allowed(episode.state, Action.SNOOZE)
    longest = timedelta(days=protocol.snooze_longest_days)
    if not 0 < until.timestamp() - as_of.timestamp() <= longest.total_seconds():
        raise SnoozeTooLongError(longest_days=protocol.snooze_longest_days)
    return replace(episode, state=state, snoozed_until=until)


def reopened(episode: Episode, *, as_of: datetime) -> Episode:
    """The episode as it stands now: a snooze whose time has passed is open again."""
    until = episode.snoozed_until
    if episode.state is not EpisodeState.SNOOZED or (until and until.timestamp() > as_of.timestamp()):
        return episode
    return replace(episode, state=EpisodeState.OPEN, snoozed_until=None)


def closed(episode: Episode, *, disposition: Disposition, at: datetime) -> Episode:
    """The episode closed by staff.

    Raises:
        MoveNotAllowedError: when there is no open signal.
    """
    state = require_allowed(episode.state, Action.CLOSE)
    return replace(episode, state=state, closed_at=at, snoozed_until=None, disposition=disposition)


def opened_again(episode: Episode) -> Episode:
    """The episode open again, because closing it was a mistake or too early.

    Raises:
        MoveNotAllowedError: when it is not closed, or a withdrawn consent closed it: nobody may act on it.
    """
    state = require_allowed(episode.state, Action.REOPEN)
    if episode.disposition is Disposition.CONSENT_WITHDRAWN:
        raise MoveNotAllowedError(state=episode.state.value, action=Action.REOPEN.value)
    return replace(episode, state=state, closed_at=None, disposition=None)


def closed_by_infusion(
    episode: Episode, *, given_at: datetime, given_on: date, findings: Sequence[Finding] = ()
) -> Episode:
    """The episode after an infusion: an open signal raised by then is closed as "booster given".

    An infusion that is entered late and was given before the signal was raised closes nothing; and while
    boosters do not hold, none closes the signal that says so.

    Args:
        episode: before the infusion.
        given_at: when it was given; `given_on` is the check-in day.
        given_on: see above.
        findings: those that stand before it.
    """
    if any(one.code is FindingCode.BOOSTERS_NOT_HOLDING for one in findings):
        return episode
    if episode.state not in _WAITING or (episode.raised_on and given_on < episode.raised_on):
        return episode
    return closed(episode, disposition=Disposition.BOOSTER_GIVEN, at=given_at)


def keeps_booking(*, booked_at: datetime, given_at: datetime) -> bool:
    """Whether an infusion is the booster that was booked: the first one given after it was booked is.

    It may come before or after the day. One that is entered late and was given earlier keeps nothing.
    """
    return given_at.timestamp() >= booked_at.timestamp()


def closed_by_withdrawal(episode: Episode, *, at: datetime) -> Episode:
    """The episode after the patient withdrew consent: an open signal is closed, and says why.

    Raises:
        MoveNotAllowedError: when there is no open signal.
    """
    state = require_allowed(episode.state, Action.WITHDRAW_CONSENT)
    withdrawn = Disposition.CONSENT_WITHDRAWN
    return replace(episode, state=state, closed_at=at, snoozed_until=None, disposition=withdrawn)


def require_allowed(state: EpisodeState, action: Action) -> EpisodeState:
    """The state that an action leads to.

    Raises:
        MoveNotAllowedError: when the table has no such move.
    """
    allowed = ALLOWED_MOVES[state]
    if action not in allowed:
        raise MoveNotAllowedError(state=state.value, action=action.value)
    return allowed[action]


def _at_consider(evaluation: Evaluation) -> tuple[CriterionName, ...]:
    if evaluation.level is not Level.CONSIDER_BOOSTER:
        return ()
    names = (criterion.name for criterion in evaluation.criteria if criterion.level is Level.CONSIDER_BOOSTER)
    return tuple(dict.fromkeys(names))


def _while_waiting(
    episode: Episode, evaluation: Evaluation, criteria: tuple[CriterionName, ...], as_of: datetime
) -> Move:
    """An open or snoozed signal grows by new criteria, says when it became steady, or stays."""
    new = tuple(name for name in criteria if name not in episode.criteria)
    if new:
        return Move(MoveKind.ADD_EVIDENCE, NewCriterion(" ".join(new)), criteria)
    if criteria and episode.steady_since is not None:
        return Move(MoveKind.ADD_EVIDENCE, RoseAgain(episode.steady_since), criteria)
    if episode.steady_since is None and _is_steady_since(episode, evaluation):
        return Move(MoveKind.BECAME_STEADY, SteadyNow(evaluation.day))
    until = episode.snoozed_until
    if episode.state is EpisodeState.SNOOZED and until and until.timestamp() > as_of.timestamp():
        return Move(MoveKind.NONE, SignalSnoozed(until), criteria)
    return Move(MoveKind.NONE, SignalOpen(episode.raised_on), criteria)


def _is_steady_since(episode: Episode, evaluation: Evaluation) -> bool:
    """Steady now, and shown by something newer than the signal: silence is not a recovery."""
    if not evaluation.is_steady:
        return False
    if CriterionName.SCALE_RELAPSE in episode.criteria and len(episode.criteria) == 1:
        return True
    return evaluation.steady_on is not None and (
        episode.raised_on is None or evaluation.steady_on >= episode.raised_on
    )


def _suppressed_by(episode: Episode, evaluation: Evaluation, protocol: Protocol) -> Reason | None:
    """Induction, acute effects, a closed course, or a booked booster until two days after its date."""
    if evaluation.suppressed_by:
        return evaluation.suppressed_by[0]
    booked = episode.booster_booked_for
    if booked is None:
        return None
    until = booked + timedelta(days=protocol.booked_grace_days)
    if evaluation.day > until:
        return None
    return BoosterBooked(booked, until)


def _raise_or_wait(
    episode: Episode,
    evaluation: Evaluation,
    criteria: tuple[CriterionName, ...],
    as_of: datetime,
    protocol: Protocol,
) -> Move:
    """A closed signal can be raised again once steady, after an infusion, or 14 days after closing.

    One that a withdrawn consent closed is no such signal: it can be raised at once.
    """
    closed_at = episode.closed_at
    if episode.state is EpisodeState.NONE or closed_at is None:
        return Move(MoveKind.RAISE, FirstAtConsider(), criteria)
    if episode.disposition is Disposition.CONSENT_WITHDRAWN:
        # Nobody decided anything; who has agreed again is looked at as if there had been no signal.
        return Move(MoveKind.RAISE, ConsentGivenAgain(), criteria)
    closed_on = check_in_day(closed_at, evaluation.time_zone)
    infused_on = evaluation.exposure.last_on
    by_infusion = episode.disposition is Disposition.BOOSTER_GIVEN
    if infused_on is not None and (infused_on > closed_on or (by_infusion and infused_on == closed_on)):
        return Move(MoveKind.RAISE, InfusionSinceClosing(infused_on), criteria)
    rose_on = evaluation.unsteady_since
    if rose_on is not None and rose_on > closed_on:
        return Move(MoveKind.RAISE, SteadySinceClosing(rose_on), criteria)
    rearmed_at = closed_at.timestamp() + timedelta(days=protocol.rearm_after_days).total_seconds()
    if as_of.timestamp() >= rearmed_at:
        return Move(MoveKind.RAISE, StillAtConsider(closed_on, protocol.rearm_after_days), criteria)
    until = closed_on + timedelta(days=protocol.rearm_after_days)
    return Move(MoveKind.NONE, ClosedRecently(closed_on, until), criteria)
