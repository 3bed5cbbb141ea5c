"""Being erased: asked for by the patient, decided by the clinic, and then done for good in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from app.access.clinics.erased import no_such_patient
from app.care.alerts.finding_commands import FindingCode, end_findings, raise_finding
from app.care.alerts.queries import refuse_open_events
from app.care.patients.queries import existing, existing_even_merged
from app.clinical.check_ins import check_in_day
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.foundation.vault import PatientVault, Vault
from app.notifications.webhooks.notifying import notify_of_erased
from app.storage import erasures, patient_merges, patient_states, retention
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.erasures import Erasure, StoredRequest
from app.web.headers import ChangedMeanwhileError

_REASON_CELL: Final = {"table": "erasure_requests", "column": "reason_sealed"}
STATES: Final = ("open", "approved", "declined")


class ErasureAskedBeforeError(RefusalError):
    """You have asked for this before, and the clinic has not answered yet; one request is enough."""

    kind = RefusalKind.CONFLICT
    code = "erasure-asked-before"


class ErasureDecidedError(RefusalError):
    """This request was decided before; the patient can ask again."""

    kind = RefusalKind.CONFLICT
    code = "erasure-decided"


class PatientUnderHoldError(RefusalError):
    """A legal hold on this patient or on the clinic keeps everything; it must be lifted before anything is erased."""

    kind = RefusalKind.CONFLICT
    code = "legal-hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    """A request as it is shown; ``reason`` is why it was declined."""

    id: UUID
    patient_id: UUID
    state: str
    requested_at: datetime
    actor_kind: str
    decided_at: datetime | None
    reason: str | None
    version: int


async def ask(work: Work, patient_id: UUID) -> ErasureRequest:
    """Ask to be erased, and notify the clinic. Nothing is erased before someone there has approved.

    Raises:
        NotFoundError: the clinic has no such patient.
        ErasureAskedBeforeError: a request is open.
    """
    asked = _request(work, patient_id)
    patient = await existing(work, patient_id)
    if not await erasures.add(work, asked):
        raise ErasureAskedBeforeError
    _note(work, "erasure.asked", asked)
    await raise_finding(
        work,
        FindingCode.ERASURE_REQUEST,
        patient_id,
        mode=patient.mode,
        on=check_in_day(work.now, patient.time_zone),
        source_id=asked.id,
    )
    return _shown(work.vault, work.clinic_id, asked)


def _request(work: Work, patient_id: UUID) -> StoredRequest:
    return StoredRequest(
        id=new_id(),
        patient_id=patient_id,
        state="open",
        requested_at=work.now,
        actor_kind=work.actor.kind.value,
        actor_id=work.actor.id,
        decided_at=None,
        decided_by=None,
        reason_sealed=None,
        version=1,
    )


async def list_of_patient(work: Work, patient_id: UUID) -> list[ErasureRequest]:
    """List a patient's own requests and what became of them, oldest first."""
    found = await erasures.all_of_patient(work, patient_id)
    return [_shown(work.vault, work.clinic_id, one) for one in found]


async def list_requests(
    work: Work, *, states: list[str], after: UUID | None, limit: int
) -> list[ErasureRequest]:
    """List the clinic's requests in these states, oldest first."""
    found = await erasures.page(work, states=states, after=after, limit=limit)
    work.record_access("erasure_requests", patient_id=None)
    return [_shown(work.vault, work.clinic_id, one) for one in found]


async def decline(work: Work, request_id: UUID, *, reason: str, version: int) -> ErasureRequest:
    """Refuse a request, with a reason that the patient is shown.

    Raises:
        NotFoundError: the clinic has no such request.
        ChangedMeanwhileError, ErasureDecidedError: someone else changed it.
    """
    asked = await _open_one(work, request_id, version)
    sealed = _vault_of(work.vault, work.clinic_id, asked).seal(reason, row_id=asked.id, **_REASON_CELL)
    declined = await _decide(work, asked, "declined", sealed=sealed)
    await end_findings(work, asked.patient_id, [FindingCode.ERASURE_REQUEST], source_id=asked.id)
    return _shown(work.vault, work.clinic_id, declined)


async def approve(work: Work, request_id: UUID, *, version: int) -> ErasureRequest:
    """Erase the patient: every row about them, for good. Ids and times remain of the request and the audit log.

    Duplicates that are merged into the patient are the same person, and go with them.

    Raises:
        NotFoundError: the clinic has no such request.
        ChangedMeanwhileError, ErasureDecidedError: someone else changed it.
        SafetyEventOpenError: a safety event must be closed first.
        PatientUnderHoldError: a legal hold must be lifted first.
    """
    asked = await _open_one(work, request_id, version)
    duplicates = await _may_be_erased(work, asked.patient_id)
    return _shown(work.vault, work.clinic_id, await _erase_with(work, asked, duplicates))


async def erase_unasked(work: Work, patient_id: UUID) -> None:
    """Erase a patient for whom nobody asks: an import that registered them is undone, or the clinic's rule says so.

    Raises:
        NotFoundError: there is no such patient (any more).
        SafetyEventOpenError: a safety event must be closed first.
        PatientUnderHoldError: a legal hold must be lifted first.
        ErasureAskedBeforeError: the patient asks, and a person decides.
    """
    duplicates = await _may_be_erased(work, patient_id)
    asked = _request(work, patient_id)
    if not await erasures.add(work, asked):
        raise ErasureAskedBeforeError
    _note(work, "erasure.asked", asked)
    await _erase_with(work, asked, duplicates)


async def _may_be_erased(work: Work, patient_id: UUID) -> list[UUID]:
    """Take the patient's turn and those of the duplicates, which are given; refuse where something has to stay."""
    # As everybody takes it: a report on its way is finished, or finds nobody.
    if await patient_states.lock(work, patient_id) is None:
        raise await no_such_patient(work, patient_id)
    duplicates = await _duplicates_of(work, patient_id)
    for one in duplicates:
        await patient_states.lock(work, one)
    await refuse_open_events(work, patient_id, *duplicates)
    if await retention.is_held(work, [patient_id, *duplicates]):
        raise PatientUnderHoldError
    return duplicates


async def _erase_with(work: Work, asked: StoredRequest, duplicates: Sequence[UUID]) -> StoredRequest:
    for one in duplicates:
        await _erase(work, await _asked_for_duplicate(work, asked, one))
    return await _erase(work, asked)


async def _erase(work: Work, asked: StoredRequest) -> StoredRequest:
    approved = await _decide(work, asked, "approved", sealed=None)
    erasure = Erasure(
        patient_id=asked.patient_id, request_id=asked.id, erased_at=work.now, erased_by=work.actor.id
    )
    patient = await existing_even_merged(work, asked.patient_id)
    await notify_of_erased(work, asked.patient_id, mode=patient.mode, now=work.now)
    await erasures.erase(work, erasure)
    _note(work, "patient.erased", approved)
    return approved


async def _duplicates_of(work: Work, patient_id: UUID) -> list[UUID]:
    """List those who are this patient registered twice, and what is merged into them first."""
    found: list[UUID] = []
    for merge in await patient_merges.into(work, patient_id):
        found += [*await _duplicates_of(work, merge.patient_id), merge.patient_id]
    return found


async def _asked_for_duplicate(work: Work, asked: StoredRequest, duplicate_id: UUID) -> StoredRequest:
    """Find the duplicate's own open request, or ask with the patient's: they are one person."""
    for one in await erasures.all_of_patient(work, duplicate_id):
        if one.state == "open":
            return one
    also = replace(asked, id=new_id(), patient_id=duplicate_id, version=1)
    await erasures.add(work, also)
    _note(work, "erasure.asked", also)
    return also


async def _open_one(work: UnitOfWork, request_id: UUID, version: int) -> StoredRequest:
    asked = await erasures.lock(work, request_id)
    if asked is None:
        raise NotFoundError
    if asked.state != "open":
        raise ErasureDecidedError
    if asked.version != version:
        raise ChangedMeanwhileError("header/if-match")
    return asked


async def _decide(work: Work, asked: StoredRequest, state: str, *, sealed: bytes | None) -> StoredRequest:
    await erasures.decide(work, asked.id, state=state, now=work.now, by=work.actor.id, reason_sealed=sealed)
    _note(work, f"erasure.{state}", asked)
    return replace(
        asked,
        state=state,
        decided_at=work.now,
        decided_by=work.actor.id,
        reason_sealed=sealed,
        version=asked.version + 1,
    )


def _shown(vault: Vault, clinic_id: UUID, one: StoredRequest) -> ErasureRequest:
    sealed, reason = one.reason_sealed, None
    if sealed is not None:
        reason = _vault_of(vault, clinic_id, one).open(sealed, row_id=one.id, **_REASON_CELL)
    return ErasureRequest(
        id=one.id,
        patient_id=one.patient_id,
        state=one.state,
        requested_at=one.requested_at,
        actor_kind=one.actor_kind,
        decided_at=one.decided_at,
        reason=reason,
        version=one.version,
    )


def _vault_of(vault: Vault, clinic_id: UUID, one: StoredRequest) -> PatientVault:
    return vault.of_patient(one.wrapped_key, clinic_id=clinic_id, patient_id=one.patient_id)


def _note(work: Work, action: str, request: StoredRequest) -> None:
    work.audit(action, "erasure_request", request.id, patient_id=request.patient_id)
