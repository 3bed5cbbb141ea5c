"""What follows a correction of the record: re-evaluated from the corrected point, as if the error had never been.

Events that were sent stay sent; one ``record.corrected`` says what is different now. Safety events are not touched.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, Protocol, Self, TypeVar
from uuid import UUID

from app.access.clinics.erased import PatientMergedError
from app.care.alerts.signal_commands import mark_if_not_supported, reopen_if_closed_in_error
from app.care.alerts.signal_episodes import close_by_infusion
from app.care.monitoring import effects
from app.care.monitoring.commands import evaluate_later, re_evaluate
from app.care.monitoring.history import latest_in, protocol_of, snapshot_of
from app.care.monitoring.queries import findings_before
from app.care.monitoring.timeline_replay import replayed, timeline_now
from app.care.patients.queries import existing
from app.care.patients.sealed_fields import vault_of
from app.clinical.answer import Evaluation
from app.clinical.evaluation import evaluate
from app.clinical.levels import Level
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import deliveries, infusions, patient_states, record_versions, signals
from app.storage.check_in_path import PatientSnapshot
from app.storage.patients import PatientRecord
from app.storage.record_versions import Correction, RecordKind, RecordVersion, ReplacedVersion
from app.web.headers import ChangedMeanwhileError

# Check-ins, kept and corrected: more than 13 years of daily ones, whose re-evaluations take more than a second.
_LONG: Final = 5000
_RECORDED: Final = {
    "infusion": EventType.INFUSION_RECORDED,
    "assessment": EventType.ASSESSMENT_RECORDED,
}
REASON_CELL: Final = {"table": "record_versions", "column": "reason_sealed"}


class EnteredInErrorError(RefusalError):
    """This counts as entered in error already; restore it first."""

    kind = RefusalKind.CONFLICT
    code = "entered-in-error"


class NotEnteredInErrorError(RefusalError):
    """This does not count as entered in error; there is nothing to restore."""

    kind = RefusalKind.CONFLICT
    code = "not-entered-in-error"


class ExternalIdTakenError(RefusalError):
    """Another content is kept under this external id; see kept_id and kept_version. A correction is a PATCH of it."""

    kind = RefusalKind.CONFLICT
    code = "external-id-taken"

    @classmethod
    def kept_as(cls, kept_id: object, version: int) -> Self:
        """Name what is kept under the id."""
        found = {"kept_id": str(kept_id), "kept_version": str(version), "sent_version": "new"}
        return cls("#/external_id").with_extensions(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """What was believed of a patient before a correction; no evaluation after consent was withdrawn.

    ``known``: our own evaluation did not fail.
    """

    patient_id: UUID
    evaluation: Evaluation | None
    signal_supported: bool = False
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionEffects:
    """What a correction changed.

    Attributes:
        level_changed: the level is another one now.
        reference_changed: there is another reference now, or none any more, or one at last.
        signal_ids: signals that were reopened, raised, closed, or are no longer supported by the facts.
        in_background: the evaluation is still to be made, by a worker.
    """

    level_changed: bool
    reference_changed: bool
    signal_ids: tuple[UUID, ...]
    in_background: bool

    @property
    def any(self) -> bool:
        """Whether anything that a receiver would know of is different."""
        return self.level_changed or self.reference_changed or bool(self.signal_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCorrection:
    """That a version of something was replaced, with the reason in words."""

    kind: str
    record_id: UUID
    version: int
    correction: str
    at: datetime
    by_kind: str
    by_id: UUID | None
    reason: str | None


async def corrections_of(work: Work, patient_id: UUID) -> list[KnownCorrection]:
    """List every correction of a patient's record, latest first.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    work.record_access("corrections", patient_id=patient_id)
    return await corrections_in(work, patient)


async def corrections_in(work: Work, patient: PatientRecord) -> list[KnownCorrection]:
    """List them within a read that is on the audit log already."""
    own = vault_of(work, patient)
    return [
        KnownCorrection(
            kind=one.kind,
            record_id=one.record_id,
            version=one.version,
            correction=one.correction,
            at=one.replaced_at,
            by_kind=one.actor_kind,
            by_id=one.actor_id,
            reason=None
            if one.reason_sealed is None
            else own.open(one.reason_sealed, row_id=one.id, **REASON_CELL),
        )
        for one in await record_versions.all_of_patient(work, patient.id)
    ]


async def keep_version(
    work: Work,
    patient: PatientRecord,
    replaced: ReplacedVersion,
    correction: Correction,
    reason: str | None,
) -> None:
    """Keep a version that is being replaced; its reason is sealed with the patient's own key."""
    version_id, sealed = new_id(), None
    if reason:
        own = vault_of(work, patient)
        sealed = own.seal(reason, row_id=version_id, **REASON_CELL)
    await record_versions.keep(
        work, patient.id, replaced, correction, version_id=version_id, reason_sealed=sealed
    )


class Versioned(Protocol):
    """A record as it is believed now, in one of its versions."""

    @property
    def id(self) -> UUID:
        """Its id."""

    @property
    def version(self) -> int:
        """Its version."""


StoredT = TypeVar("StoredT", bound=Versioned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correctable(Generic[StoredT]):
    """A kind of record that is amended, voided and restored; how its noun keeps it.

    Attributes:
        find: gives a patient's record, if it counts.
        plain: what a replaced version keeps of it; ``read``: a record from such a version.
        take_away: lets it count no more, where nothing but its versions is kept.
        noun: what the audit log calls it, where that is not its kind.
        known_from: gives the patient's turn from which a record is known; None where no decision asks for it.
    """

    kind: RecordKind
    find: Callable[[Work, UUID, UUID], Awaitable[StoredT | None]]
    plain: Callable[[StoredT], dict[str, Any]]
    read: Callable[[RecordVersion], StoredT]
    take_away: Callable[[Work, StoredT], Awaitable[None]]
    noun: str = ""
    known_from: Callable[[Work, UUID, StoredT], Awaitable[int]] | None = None

    async def existing(
        self, work: Work, patient_id: UUID, record_id: UUID, *, version: int | None
    ) -> StoredT:
        """Find a record that is to be corrected.

        Raises:
            NotFoundError: the patient has none.
            EnteredInErrorError: it counts as entered in error.
            ChangedMeanwhileError: the version is not the current one.
        """
        stored = await self.find(work, patient_id, record_id)
        if stored is None:
            last = await record_versions.latest(work, patient_id, self.kind, record_id)
            raise NotFoundError if last is None else EnteredInErrorError
        if version is not None and stored.version != version:
            raise ChangedMeanwhileError("header/if-match")
        return stored

    async def voided(self, work: Work, patient_id: UUID, record_id: UUID) -> tuple[StoredT, int]:
        """Find a record that is to be restored, as it was last believed, and the turn in which it was voided.

        Raises:
            NotFoundError: the patient has none.
            NotEnteredInErrorError: it does not count as entered in error.
        """
        last = await record_versions.latest(work, patient_id, self.kind, record_id)
        if last is None or last.correction != Correction.VOIDED:
            await self.existing(work, patient_id, record_id, version=None)
            raise NotEnteredInErrorError
        return self.read(last), last.replaced_in_turn

    async def keep(
        self,
        work: Work,
        patient: PatientRecord,
        stored: StoredT,
        correction: Correction,
        reason: str | None,
        *,
        void_since: int | None = None,
    ) -> None:
        """Keep the version that is being replaced; ``void_since``: the turn since which it did not count."""
        known_from = None
        if self.known_from is not None:
            known_from = void_since
            if known_from is None:
                known_from = await self.known_from(work, patient.id, stored)
        replaced = ReplacedVersion(
            kind=self.kind,
            record_id=stored.id,
            version=stored.version,
            content=self.plain(stored),
            known_from_turn=known_from,
            active=void_since is None,
        )
        await keep_version(work, patient, replaced, correction, reason)

    async def void(self, work: Work, patient: PatientRecord, stored: StoredT, reason: str) -> None:
        """Take a record as entered in error; what follows from that is the caller's."""
        await self.keep(work, patient, stored, Correction.VOIDED, reason)
        await self.take_away(work, stored)
        noun = self.noun or self.kind.value
        work.audit(f"{noun}.voided", self.kind.value, stored.id, patient_id=patient.id)


class OfTurn(Protocol):
    """A record that keeps the patient's turn from which it is known."""

    @property
    def turn(self) -> int:
        """The turn."""


async def own_turn(_work: Work, _patient_id: UUID, stored: OfTurn) -> int:
    """Give the turn that a record keeps itself."""
    return stored.turn


async def believed_now(work: Work, patient_id: UUID) -> Believed:
    """Take down what is believed before something is corrected; the caller holds the patient's turn."""
    snapshot = await snapshot_of(work, patient_id, now=work.now)
    if _is_long(snapshot):
        return Believed(patient_id=patient_id, evaluation=None, known=False)
    supported, signal = False, await signals.latest_of_patient(work, patient_id)
    evaluation, known = None, False
    async with effects.rule_may_fail(work):
        if signal is not None and signal.state != "closed":
            supported = await _support(work, snapshot)(signal.raised_at)
        evaluation = await _evaluation(work, snapshot)
        known = True
    return Believed(
        patient_id=patient_id,
        evaluation=evaluation,
        signal_supported=supported,
        known=known,
    )


async def follow_correction(work: Work, before: Believed, *, kind: str, record_id: UUID) -> CorrectionEffects:
    """Re-evaluate after a correction, and let the patient's signal and the clinic's systems follow.

    If our own evaluation fails, or the history is so long that people would wait for it, the correction is kept and a
    worker does the rest.

    Args:
        work: the transaction, in which the record was corrected.
        before: what was believed before.
        kind: the noun of what was corrected.
        record_id: its id; an infusion that stands may close an open signal.
    """
    patient_id = before.patient_id
    snapshot = await snapshot_of(work, patient_id, now=work.now)
    signal_ids: list[UUID] = []
    followed, is_long = snapshot.consent_withdrawn_at is not None, _is_long(snapshot)
    if not followed and not is_long:
        async with effects.rule_may_fail(work):
            signal_ids = await _signal_follows(work, snapshot, record_id, supported=before.signal_supported)
            followed = True
    if is_long or not followed:
        await patient_states.forget_state(work, patient_id)
        evaluate_later(work, patient_id, corrected=record_id)
        done = False
    else:
        done = await effects.evaluate_or_later(work, patient_id)
    after = await snapshot_of(work, patient_id, now=work.now)
    if after.signal != snapshot.signal and after.signal is not None:
        signal_ids.append(UUID(after.signal["id"]))
    now_believed = await _evaluation(work, after) if done and before.known else before.evaluation
    found = CorrectionEffects(
        level_changed=_level(before.evaluation) != _level(now_believed),
        reference_changed=_reference(before.evaluation) != _reference(now_believed),
        signal_ids=tuple(dict.fromkeys(signal_ids)),
        in_background=not done,
    )
    if found.any or found.in_background:
        superseded = await _superseded(work, snapshot, after, found, kind=kind, record_id=record_id)
        await _notify(work, after, found, kind=kind, record_id=record_id, superseded=superseded)
    return found


async def _superseded(
    work: Work,
    before: PatientSnapshot,
    after: PatientSnapshot,
    found: CorrectionEffects,
    *,
    kind: str,
    record_id: UUID,
) -> list[UUID]:
    """Find the events whose news no longer holds: of the fact, and of the signal that follows it."""
    said = [(_RECORDED[kind], record_id)] if kind in _RECORDED else []
    was, now = before.signal, after.signal
    if was and now and was["id"] == now["id"] and UUID(now["id"]) in found.signal_ids:
        if was["state"] == "closed":
            said.append((EventType.SIGNAL_CLOSED, UUID(now["id"])))
        elif now["state"] != "closed":
            said.append((EventType.SIGNAL_RAISED, UUID(now["id"])))
    sent = [await deliveries.latest_about(work, after.patient_id, type_=one, names=id_) for one, id_ in said]
    return [one for one in sent if one is not None]


async def evaluate_again(
    context: AppContext,
    clinic_id: UUID,
    patient_id: UUID,
    *,
    corrected: UUID | None = None,
) -> None:
    """Make up for an evaluation that failed, or was too long to wait for; see `evaluate_later`."""
    async with context.work(clinic_id) as work:
        if await patient_states.lock(work, patient_id) is None:
            return
        # Who was merged meanwhile is evaluated as the patient who stays.
        with suppress(PatientMergedError):
            snapshot = await snapshot_of(work, patient_id, now=work.now)
            if corrected is not None and snapshot.consent_withdrawn_at is None:
                await _signal_follows(work, snapshot, corrected, supported=True)
            await re_evaluate(work, patient_id)


def _is_long(snapshot: PatientSnapshot) -> bool:
    """Whether working out a correction takes so long that it is not done while someone waits for the reply."""
    return snapshot.sync_sequence > _LONG


def _support(work: Work, snapshot: PatientSnapshot) -> Callable[[datetime], Awaitable[bool]]:
    """Give the question whether the history as it stands says "consider" as of a moment."""
    protocol = protocol_of(snapshot, work.context)

    async def supported_at(moment: datetime) -> bool:
        then = await replayed(work, snapshot, protocol=protocol, now=work.now, as_of=moment)
        return evaluate(then.timeline.state, as_of=moment, protocol=protocol).level is Level.CONSIDER_BOOSTER

    return supported_at


async def _signal_follows(
    work: Work, snapshot: PatientSnapshot, corrected: UUID, *, supported: bool
) -> list[UUID]:
    """``corrected``: an infusion that stands may close an open signal. ``supported``: whether that one was before."""
    patient_id = snapshot.patient_id
    if snapshot.signal is None:
        return []
    supported_at, changed = _support(work, snapshot), []
    zone, infusions_now = snapshot.time_zone, await infusions.infusions(work, patient_id)
    reopened = await reopen_if_closed_in_error(
        work, patient_id, given=infusions_now, zone=zone, supported_at=supported_at
    )
    if reopened is None and supported:
        changed += [await mark_if_not_supported(work, patient_id, supported_at=supported_at)]
    given = next((one for one in infusions_now if one.id == str(corrected)), None)
    if given is not None:
        await close_by_infusion(
            work,
            patient_id,
            given_at=given.given_at,
            given_on=given.day(zone),
            findings=findings_before(work.context, snapshot, now=work.now),
        )
    return [one for one in (reopened, *changed) if one is not None]


async def _evaluation(work: Work, snapshot: PatientSnapshot) -> Evaluation | None:
    if snapshot.consent_withdrawn_at is not None:
        return None
    protocol = protocol_of(snapshot, work.context)
    past = await timeline_now(work, snapshot, protocol=protocol, now=work.now)
    return evaluate(past.state, as_of=latest_in(past.state, snapshot, now=work.now), protocol=protocol)


def _level(evaluation: Evaluation | None) -> object:
    return evaluation and evaluation.level


def _reference(evaluation: Evaluation | None) -> object:
    return evaluation and evaluation.reference


async def _notify(
    work: Work,
    snapshot: PatientSnapshot,
    found: CorrectionEffects,
    *,
    kind: str,
    record_id: UUID,
    superseded: Sequence[UUID],
) -> None:
    about = About(
        patient_id=snapshot.patient_id,
        mode=snapshot.mode,
        subject=kind,
        subject_id=record_id,
        url=f"{work.public_url}/v1/patients/{snapshot.patient_id}/evaluation",
    )
    more: dict[str, str | int | bool | None] = {
        "kind": kind,
        "level_changed": found.level_changed,
        "reference_changed": found.reference_changed,
        "signal_ids": " ".join(str(one) for one in found.signal_ids),
        "superseded_event_ids": " ".join(str(one) for one in superseded),
    }
    await notify_of_patient(work, EventType.RECORD_CORRECTED, about, now=work.now, more=more)
