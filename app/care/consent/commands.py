"""Giving, refusing and taking back consent, and what follows from it at once.

The safety pathway does not ask here: a statement of self-harm is acted upon whatever the patient agreed to.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from app.care.alerts.signal_episodes import close_by_withdrawal
from app.care.monitoring import commands as monitoring
from app.care.patients.consent_status import ConsentStatus, consent_status_of
from app.care.patients.queries import existing, existing_for_update
from app.care.patients.sealed_fields import vault_of
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.vault import PatientVault
from app.notifications.messages.consent_text import CURRENT_VERSION, ConsentText, consent_text
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import consents, patient_states
from app.storage.consents import Consent
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patients import PatientRecord

_REASON_CELL: Final = {"table": "consents", "column": "reason_sealed"}


class ConsentTextChangedError(RefusalError):
    """This is not the current text; please read the present one, then answer again."""

    kind = RefusalKind.CONFLICT
    code = "consent-text-changed"


class AlreadyWithdrawnError(RefusalError):
    """Consent was withdrawn before, and it stays so; nothing more needs to be done."""

    kind = RefusalKind.CONFLICT
    code = "consent-already-withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentAnswer:
    """One answer of the patient's: ``kind`` is given or withdrawn; ``reason`` only where one was given."""

    kind: str
    version: str | None
    locale: str
    at: datetime
    actor_kind: str
    actor_id: UUID | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """Where a patient stands, the current text in the patient's language, and every answer, oldest first."""

    status: ConsentStatus
    text: ConsentText
    history: tuple[ConsentAnswer, ...]


async def read(work: Work, patient_id: UUID) -> ConsentView:
    """Give the current text and what the patient has answered so far.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    view = await _view(work, await existing(work, patient_id))
    work.record_access("consent", patient_id=patient_id)
    return view


async def give(work: Work, patient_id: UUID, *, version: str) -> ConsentView:
    """Agree to the current text. Given again it changes nothing; after a withdrawal everything resumes.

    Raises:
        NotFoundError: the clinic has no such patient.
        ConsentTextChangedError: the version is not the current one.
    """
    if version != CURRENT_VERSION:
        raise ConsentTextChangedError("#/version")
    patient, before = await _lock_for_update(work, patient_id)
    if before is not ConsentStatus.GIVEN:
        await _add(work, _answer(work, patient, "given", version=version))
        await _announce(work, EventType.CONSENT_GIVEN, patient)
        if before is ConsentStatus.WITHDRAWN:
            await monitoring.re_evaluate(work, patient_id)
    return await _view(work, patient)


async def withdraw(work: Work, patient_id: UUID, *, reason: str | None) -> ConsentView:
    """Take consent back, or refuse it from the start: no more reports, reminders or evaluations.

    An open signal is closed and says why; the clinic is notified, because silence now means something else.

    Raises:
        NotFoundError: the clinic has no such patient.
        AlreadyWithdrawnError: it was withdrawn before.
    """
    patient, before = await _lock_for_update(work, patient_id)
    if before is ConsentStatus.WITHDRAWN:
        raise AlreadyWithdrawnError
    kept = await patient_states.consent_of(work, patient_id)
    withdrawn = _answer(work, patient, "withdrawn", version=kept.version if kept else None)
    if reason:
        sealed = vault_of(work, patient).seal(reason, row_id=withdrawn.id, **_REASON_CELL)
        withdrawn = replace(withdrawn, reason_sealed=sealed)
    await _add(work, withdrawn)
    await _notify_of_withdrawal(work, patient)
    return await _view(work, patient)


async def _lock_for_update(work: UnitOfWork, patient_id: UUID) -> tuple[PatientRecord, ConsentStatus]:
    """Lock the patient, then look where they stand: answers and reports on their way take turns."""
    patient = await existing_for_update(work, patient_id)
    status = await consent_status_of(work, patient_id)
    if status is None:
        raise NotFoundError
    return patient, status


async def _notify_of_withdrawal(work: Work, patient: PatientRecord) -> None:
    await close_by_withdrawal(work, patient.id)
    await _announce(work, EventType.CONSENT_WITHDRAWN, patient)


async def _announce(work: Work, event: EventType, patient: PatientRecord) -> None:
    about = About.patient(patient.id, public_url=work.public_url, mode=patient.mode, page="/consent")
    await notify_of_patient(work, event, about, now=work.now)


async def _view(work: Work, patient: PatientRecord) -> ConsentView:
    status = await consent_status_of(work, patient.id)
    if status is None:
        raise NotFoundError
    own = vault_of(work, patient)
    return ConsentView(
        status=status,
        text=consent_text(patient.locale),
        history=tuple(_answer_of(own, one) for one in await consents.all_of_patient(work, patient.id)),
    )


def _answer_of(vault: PatientVault, one: Consent) -> ConsentAnswer:
    sealed, reason = one.reason_sealed, None
    if sealed is not None:
        reason = vault.open(sealed, row_id=one.id, **_REASON_CELL)
    return ConsentAnswer(
        kind=one.kind,
        version=one.version,
        locale=one.locale,
        at=one.at,
        actor_kind=one.actor_kind,
        actor_id=one.actor_id,
        reason=reason,
    )


def _answer(work: Work, patient: PatientRecord, kind: str, *, version: str | None) -> Consent:
    return Consent(
        id=new_id(),
        patient_id=patient.id,
        kind=kind,
        version=version,
        locale=consent_text(patient.locale).locale,
        at=work.now,
        actor_kind=work.actor.kind.value,
        actor_id=work.actor.id,
        reason_sealed=None,
    )


async def _add(work: Work, answer: Consent) -> None:
    await consents.add(work, answer)
    work.audit(f"consent.{answer.kind}", "consent", answer.id, patient_id=answer.patient_id)
