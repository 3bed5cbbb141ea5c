"""A backtest: what the rule would have said about one patient, report by report, as it came in.

It moves through time as the service does: one state advanced per check-in, one evaluation, one move of
the one episode. Nothing later than the moment is known to it. A signal that became steady closes itself
here, since there is nobody to close it, unless it says that boosters do not hold: that one stands as long.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Final, NamedTuple

from app.clinical.answer import Evaluation
from app.clinical.check_ins import CheckIn
from app.clinical.course import Infusion
from app.clinical.criterion_a_gain import may_consider, nothing_to_lose
from app.clinical.domains import MOOD
from app.clinical.episodes import (
    NO_EPISODE,
    Disposition,
    EpisodeState,
    Move,
    MoveKind,
    closed,
    closed_by_infusion,
    moved,
    next_move,
)
from app.clinical.evaluation import evaluate
from app.clinical.ewma import ROUNDING
from app.clinical.explanation import explain
from app.clinical.history import History
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.reference import NoReference, NoReferenceBecause, Reference, ReferenceKind
from app.clinical.state.patient_state import PatientState, advance
from app.clinical.state.timeline import after_infusion, replay
from app.studies.patients import Outcome, StudyPatient

GAIN_TOO_SMALL: Final = "gain_too_small"


class SignalEnd(NamedTuple):
    """When a signal was over in the backtest, and by what: `steady` or `infusion`."""

    on: date
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedSignal:
    """One signal as it would have been raised.

    Attributes:
        raised_at, raised_on: the moment, and its check-in day.
        criterion: the first criterion that raised it; `criteria` are all that spoke then or joined later.
        share_lost: the share of the gain lost that this criterion saw; None for a validated total.
        reference_kind: how far the reference could be trusted.
        explanation: the whole basis, as a clinician would have read it.
        ended: None while it is still open at the end.
    """

    raised_at: datetime
    raised_on: date
    level: Level
    criterion: CriterionName
    criteria: tuple[CriterionName, ...]
    share_lost: float | None
    reference_kind: ReferenceKind
    explanation: str
    ended: SignalEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientResult:
    """What the rule said about one patient.

    Attributes:
        check_ins: how many there were.
        signals: in the order in which they were raised.
        watches: the days on which the level rose from below watch to watch or more.
        reference: the kind of the latest reference, and why there is none (`no_reference_because`).
        rule_off_because: why the rule could not speak; None when it was on.
        day_zero: the day of the last induction infusion.
        watched_from, watched_until: first and last day on which the rule was on and was asked.
        last_on: the day of the last report or total.
    """

    name: str
    check_ins: int
    signals: tuple[RaisedSignal, ...]
    watches: tuple[date, ...]
    reference: ReferenceKind
    no_reference_because: str | None
    rule_off_because: str | None
    day_zero: date | None
    watched_from: date | None
    watched_until: date | None
    last_on: date | None
    outcome: Outcome | None

    @property
    def rule_on(self) -> bool:
        """Whether the rule could speak: a reference, and a gain worth losing."""
        return self.rule_off_because is None

    @property
    def days_watched(self) -> int:
        """The days from the first to the last on which the rule was on, both included."""
        if self.watched_from is None or self.watched_until is None:
            return 0
        return (self.watched_until - self.watched_from).days + 1


def backtested(patient: StudyPatient, *, protocol: Protocol = STANDARD) -> PatientResult:
    """Run one patient through the rule, in the order in which things happened."""
    run = RuleRun(patient, protocol)
    for _, _, _, event in sorted(_events(patient.history), key=itemgetter(0, 1, 2)):
        if isinstance(event, CheckIn):
            run.take_check_in(event)
        elif isinstance(event, Infusion):
            run.take_infusion(event)
        else:
            run.take_total(event)
    return run.result()


def run_of(history: History, *, protocol: Protocol = STANDARD, name: str = "") -> "RuleRun":
    """A run over a history that grows: by `take_check_in` and `take_infusion`, in the order of time."""
    return RuleRun(StudyPatient(name=name, history=history), protocol)


def is_quiet(state: PatientState, day: int) -> bool:
    """Whether check-ins answered on a day leave nothing to say but steady, without asking.

    It is what most days are like; so a study that only counts signals need not make the whole answer then.
    """
    loss, over = state.loss, state.treatment.induction_over
    if loss is None or loss.weighted is None or not isinstance(state.reference, Reference):
        return False
    if over is None or day < over or loss.weighted.day != day:
        return False
    return loss.weighted.watching_since is None and not any(
        one is not None and one.watching_since is not None for one in loss.domains
    )


def _events(
    history: History,
) -> Iterator[tuple[float, int, str, CheckIn | Infusion | datetime]]:
    """Everything that happened with its moment; at the same moment an infusion comes first."""
    for infusion in history.infusions:
        yield infusion.given_at.timestamp(), 0, infusion.id, infusion
    for entry in history.assessments:
        for total in entry.totals:
            yield total.taken_at.timestamp(), 1, entry.scale.key, total.taken_at
    for check_in in history.check_ins:
        yield check_in.recorded_at.timestamp(), 2, check_in.id, check_in


class RuleRun:
    """One patient on the way through the rule, between two events."""

    def __init__(self, patient: StudyPatient, protocol: Protocol) -> None:
        self._patient = patient
        self._protocol = protocol
        self._state: PatientState | None = None
        self._episode = NO_EPISODE
        self._level = Level.NO_REFERENCE
        self._signals: list[RaisedSignal] = []
        self._watches: list[date] = []
        self._reference: Reference | None = None
        self._day_zero: date | None = None
        self._on_days: tuple[date, date] | None = None
        self._last_on: date | None = None
        self._given: list[Infusion] = []

    @property
    def signals(self) -> tuple[RaisedSignal, ...]:
        """Those raised so far."""
        return tuple(self._signals)

    @property
    def is_waiting(self) -> bool:
        """Whether the latest signal waits for someone."""
        return self._episode.state is EpisodeState.OPEN

    @property
    def level(self) -> Level:
        """The level as of the latest event."""
        return self._level

    @property
    def state(self) -> PatientState | None:
        """What is remembered; None before the first event, and after one that must be remembered again."""
        return self._state

    @property
    def reference(self) -> Reference | None:
        """The latest reference there was."""
        return self._reference

    @property
    def rule_on(self) -> bool:
        """Whether the rule has been on."""
        return self._on_days is not None

    def close(self, *, disposition: Disposition, at: datetime) -> None:
        """Close the open signal as staff would."""
        self._episode = closed(self._episode, disposition=disposition, at=at)

    def take_check_in(self, check_in: CheckIn) -> None:
        """One check-in later."""
        state = self._state and advance(self._state, check_in, protocol=self._protocol)
        if state is None:
            state = self._state_of(check_in.recorded_at)
        if state.time_zone != check_in.time_zone:
            state = state._replace(time_zone=check_in.time_zone)
        self._evaluate(state, check_in.recorded_at)

    def take_infusion(self, infusion: Infusion) -> None:
        """One infusion later; an open signal is closed by it, unless boosters do not hold."""
        history = self._patient.history
        given_on = infusion.day(history.time_zone)
        self._given.append(infusion)
        if self.is_waiting:
            self._close_by(infusion, given_on)
        if self._state is None or history.assessments or history.chosen_reference:
            # What is remembered before it is settled by it: the next event remembers from scratch.
            self._state = None
            return
        self._state = after_infusion(
            self._state, history.course, self._given, history.time_zone, self._protocol
        )

    def _close_by(self, infusion: Infusion, given_on: date) -> None:
        state = self._state or self._state_of(infusion.given_at)
        findings = evaluate(state, as_of=infusion.given_at, protocol=self._protocol).findings
        self._episode = closed_by_infusion(
            self._episode, given_at=infusion.given_at, given_on=given_on, findings=findings
        )
        if self._episode.state is EpisodeState.CLOSED:
            self._end_signal(given_on, "infusion")

    def take_total(self, taken_at: datetime) -> None:
        """A new total changes nothing that check-ins left behind, so only the totals are remembered again."""
        if self._state is None:
            self._evaluate(self._state_of(taken_at), taken_at)
            return
        alone = replace(self._patient.history, check_ins=())
        totals = replay(alone, as_of=taken_at, protocol=self._protocol).totals
        self._evaluate(self._state._replace(totals=totals), taken_at)

    def result(self) -> PatientResult:
        """What was found, with the state of the reference as of the end."""
        missing = None if self._reference else self._reference_at_end()
        return PatientResult(
            name=self._patient.name,
            check_ins=len(self._patient.history.check_ins),
            signals=tuple(self._signals),
            watches=tuple(self._watches),
            reference=self._reference.kind if self._reference else ReferenceKind.NONE,
            no_reference_because=missing,
            rule_off_because=None if self._on_days else missing or GAIN_TOO_SMALL,
            day_zero=self._day_zero,
            watched_from=self._on_days[0] if self._on_days else None,
            watched_until=self._on_days[1] if self._on_days else None,
            last_on=self._last_on,
            outcome=self._patient.outcome,
        )

    def _state_of(self, as_of: datetime) -> PatientState:
        return replay(self._patient.history, as_of=as_of, protocol=self._protocol)

    def _evaluate(self, state: PatientState, as_of: datetime) -> None:
        self._state = state
        if self._is_quiet(state):
            return
        evaluation = evaluate(state, as_of=as_of, protocol=self._protocol)
        self._last_on = evaluation.day
        self._note_reference(state, evaluation)
        if evaluation.level >= Level.WATCH > self._level:
            self._watches.append(evaluation.day)
        self._level = evaluation.level
        move = next_move(self._episode, evaluation, as_of=as_of, protocol=self._protocol)
        if move.kind is not MoveKind.NONE:
            self._make(move, evaluation)
        if self.is_waiting and self._episode.steady_since is not None and not _not_holding(evaluation):
            self.close(disposition=Disposition.WATCHFUL_WAITING, at=as_of)
            self._end_signal(evaluation.day, "steady")

    def _is_quiet(self, state: PatientState) -> bool:
        """Take note of a check-in whose whole answer would change nothing here."""
        if state.totals or state.asked_on is not None or not self._changes_nothing(state):
            return False
        self._last_on = date.fromordinal(state.last_day)
        if self._on_days:
            self._on_days = (self._on_days[0], self._last_on)
        return True

    def _changes_nothing(self, state: PatientState) -> bool:
        if state.reference is None and self._reference is None:
            return True
        if self._reference is not state.reference or not self._on_days:
            return False
        if self.is_waiting:
            return self._level >= Level.WATCH and self._stays_low(state)
        if is_quiet(state, state.last_day):
            self._level = Level.STEADY
            return True
        return False

    def _stays_low(self, state: PatientState) -> bool:
        """An open signal that can neither grow nor become steady: still watching, and nothing new at consider."""
        loss, known = state.loss, self._episode.criteria
        if loss is None or loss.weighted is None or self._episode.steady_since is not None:
            return False
        mood = loss.domains[MOOD]
        mood_is_known = CriterionName.ONE_DOMAIN in known or (
            mood is not None and mood.smoothed < self._protocol.mood_consider_at - ROUNDING
        )
        return (
            loss.weighted.watching_since is not None
            and loss.weighted.day == state.last_day
            and CriterionName.GAIN_LOST in known
            and mood_is_known
        )

    def _note_reference(self, state: PatientState, evaluation: Evaluation) -> None:
        if isinstance(evaluation.reference, Reference):
            self._reference = evaluation.reference
        if _is_on(evaluation, self._protocol):
            first = self._on_days[0] if self._on_days else evaluation.day
            self._on_days = (first, evaluation.day)
        zero = state.treatment.day_zero
        self._day_zero = None if zero is None else date.fromordinal(zero)

    def _make(self, move: Move, evaluation: Evaluation) -> None:
        self._episode = moved(self._episode, move, on=evaluation.day)
        if move.kind is MoveKind.RAISE:
            self._signals.append(_raised(move, evaluation))
        elif move.kind is MoveKind.ADD_EVIDENCE:
            self._signals[-1] = replace(self._signals[-1], criteria=self._episode.criteria)

    def _end_signal(self, on: date, by: str) -> None:
        self._signals[-1] = replace(self._signals[-1], ended=SignalEnd(on, by))

    def _reference_at_end(self) -> str | None:
        """A window that was open at the last report has closed by the end; else why there is no reference."""
        history = self._patient.history
        moments = [self._patient.ends_at, *(one.given_at for one in history.infusions)]
        moments += [one.recorded_at for one in history.check_ins]
        moments += [total.taken_at for entry in history.assessments for total in entry.totals]
        as_of = max((at for at in moments if at), default=None)
        if as_of is None:
            return NoReferenceBecause.NOT_TREATED.value
        state = self._state_of(as_of)
        evaluation = evaluate(state, as_of=as_of, protocol=self._protocol)
        self._note_reference(state, evaluation)
        reference = evaluation.reference
        return reference.because.value if isinstance(reference, NoReference) else None


def _not_holding(evaluation: Evaluation) -> bool:
    """While boosters do not hold, the one signal that says so stands."""
    return any(one.code is FindingCode.BOOSTERS_NOT_HOLDING for one in evaluation.findings)


def _is_on(evaluation: Evaluation, protocol: Protocol) -> bool:
    """Check-ins have a reference and a gain worth losing, or a validated total has its reference."""
    reference = evaluation.reference
    if isinstance(reference, Reference) and not nothing_to_lose(reference, protocol):
        return may_consider(reference, protocol) or _by_totals(evaluation)
    return _by_totals(evaluation)


def _by_totals(evaluation: Evaluation) -> bool:
    """A validated total has its reference."""
    return any(
        criterion.name is CriterionName.SCALE_RELAPSE and criterion.level > Level.NO_REFERENCE
        for criterion in evaluation.criteria
    )


def _raised(move: Move, evaluation: Evaluation) -> RaisedSignal:
    return RaisedSignal(
        raised_at=evaluation.as_of,
        raised_on=evaluation.day,
        level=evaluation.level,
        criterion=move.criteria[0],
        criteria=move.criteria,
        share_lost=_share_lost(move.criteria[0], evaluation),
        reference_kind=evaluation.reference.kind,
        explanation=explain(evaluation),
    )


def _share_lost(criterion: CriterionName, evaluation: Evaluation) -> float | None:
    if criterion is CriterionName.GAIN_LOST:
        return evaluation.smoothed
    return evaluation.smoothed_share.mood if criterion is CriterionName.ONE_DOMAIN else None
