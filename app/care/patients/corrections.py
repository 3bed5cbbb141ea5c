"""What staff correct about who a patient is: the chart number, archiving, and how to reach the person."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from app.care.patients.commands import PatientExistsError, compute_keys
from app.care.patients.crisis_help import help_for_patient
from app.care.patients.queries import Patient, existing, patient_of
from app.care.patients.sealed_fields import chart_number_index, open_chart_number, seal_chart_number, vault_of
from app.clinical.check_ins import calendar_day
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.notifications.messages.crisis_help import CrisisHelp, CrisisHelpReply
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import (
    outgoing_messages,
    patient_changes,
    patient_states,
    patients,
    reminder_plans,
    sign_in_links,
)
from app.storage.histories import first_day_on_record
from app.storage.patient_changes import PatientChange
from app.storage.patients import PatientRecord
from app.web.headers import ChangedMeanwhileError


class ArchiveReason(StrEnum):
    """Why a patient was archived."""

    CARE_ENDED = "care_ended"
    TRANSFERRED = "transferred"
    DECEASED = "deceased"
    REGISTERED_IN_ERROR = "registered_in_error"
    DUPLICATE = "duplicate"


# To such a person, or to nobody, nothing more is sent that is waiting already.
SENT_NOTHING: Final = frozenset({ArchiveReason.DECEASED, ArchiveReason.REGISTERED_IN_ERROR})


class NobodyReadsReportsError(RefusalError):
    """Nobody at this clinic reads your reports now. If you need help, please use the numbers given here."""

    kind = RefusalKind.CONFLICT
    code = "patient-archived"

    def with_help(self, help_now: CrisisHelp) -> Self:
        """Let crisis help travel with the answer."""
        self.extensions = {
            **self.extensions,
            "crisis_help": CrisisHelpReply.of(help_now).model_dump(mode="json"),
        }
        return self


class ArchivedError(RefusalError):
    """This patient is archived; unarchive the patient first."""

    kind = RefusalKind.CONFLICT
    code = "archived"


class NotArchivedError(RefusalError):
    """This patient is not archived."""

    kind = RefusalKind.CONFLICT
    code = "not-archived"


async def refuse_archived(work: Work, patient_id: UUID) -> None:
    """Refuse what a patient's device may no longer do.

    Raises:
        NobodyReadsReportsError: the patient is archived; help travels with it.
    """
    found = await patients.find(work, patient_id)
    if found is not None and found.archived_at is not None:
        raise NobodyReadsReportsError().with_help(await help_for_patient(work, patient_id))


class BirthYearAheadError(RefusalError):
    """This year of birth has not begun yet."""

    code = "birth-year-ahead"


class BirthYearAfterRecordError(RefusalError):
    """Something on the patient's record is dated before this year of birth; correct whichever is wrong."""

    kind = RefusalKind.CONFLICT
    code = "birth-year-after-record"


_CELL: Final = {"table": "patient_changes", "column": "facts_sealed"}
_CONTACT_CELL: Final = {"table": "patients", "column": "contact_facts_sealed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChange:
    """A change as staff see it: who made it, when, why, and what was before."""

    id: UUID
    kind: str
    at: datetime
    by: UUID | None
    reason: str | None
    note: str | None
    before: str | None


async def change_chart_number(
    work: Work, patient_id: UUID, number: str, *, reason: str, version: int
) -> Patient:
    """Give a patient another chart number; the earlier one stays on the record, with the reason.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientExistsError: another patient has this number.
        ChangedMeanwhileError: the version is not the current one.
    """
    before = await existing(work, patient_id)
    own = vault_of(work, before)
    old = open_chart_number(own, patient_id, before.external_ref_sealed)
    index = chart_number_index(work, number)
    await compute_keys(work)
    holder = await patients.find_by_chart_number(work, index)
    if holder not in {None, patient_id}:
        raise PatientExistsError("#/external_ref")
    changed = await patients.amend(
        work,
        patient_id,
        version=version,
        external_ref_index=index.exactly,
        external_ref_key=index.key,
        external_ref_sealed=seal_chart_number(own, patient_id, number),
    )
    if not changed:
        raise ChangedMeanwhileError("header/if-match")
    await keep_change(work, before, "chart_number", facts={"before": old, "note": reason})
    work.audit("patient.chart_number_changed", "patient", patient_id)
    return patient_of(work, await existing(work, patient_id))


async def archive(work: Work, patient_id: UUID, reason: ArchiveReason, *, note: str | None) -> Patient:
    """Archive a patient: nobody here reads the reports from now on.

    Raises:
        NotFoundError: the clinic has no such patient.
        ArchivedError: the patient is archived already.
    """
    before = await existing(work, patient_id)
    if before.archived_at is not None:
        raise ArchivedError
    archived = {"archived_at": work.now, "archived_reason": reason.value}
    if not await patients.amend(work, patient_id, version=before.version, **archived):
        raise ChangedMeanwhileError
    await keep_change(work, before, "archived", reason=reason, facts={"note": note})
    if reason in SENT_NOTHING:
        await outgoing_messages.cancel_of_patient(work, patient_id, trouble="archived")
        await sign_in_links.end_all(work, patient_id, now=work.now)
    work.audit("patient.archived", "patient", patient_id)
    await _notify(work, before, EventType.PATIENT_ARCHIVED, reason=reason.value)
    return patient_of(work, await existing(work, patient_id))


async def unarchive(work: Work, patient_id: UUID, *, note: str | None) -> Patient:
    """Read a patient's reports again.

    Raises:
        NotFoundError: the clinic has no such patient.
        NotArchivedError: the patient is not archived.
    """
    before = await existing(work, patient_id)
    if before.archived_at is None:
        raise NotArchivedError
    read_again = {"archived_at": None, "archived_reason": None}
    if not await patients.amend(work, patient_id, version=before.version, **read_again):
        raise ChangedMeanwhileError
    await keep_change(work, before, "unarchived", facts={"note": note})
    work.audit("patient.unarchived", "patient", patient_id)
    await reminder_plans.look_at(work, patient_id, work.now)
    await _notify(work, before, EventType.PATIENT_UNARCHIVED)
    return patient_of(work, await existing(work, patient_id))


async def list_changes(work: Work, patient_id: UUID) -> list[ShownChange]:
    """List what staff changed about who a patient is, newest first.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    shown = await changes_of(work, await existing(work, patient_id))
    work.record_access("patient_changes", patient_id=patient_id)
    return shown


async def changes_of(work: Work, patient: PatientRecord) -> list[ShownChange]:
    """Open what staff changed about who a patient is, newest first."""
    own = vault_of(work, patient)
    shown = []
    for one in await patient_changes.of_patient(work, patient.id):
        facts = json.loads(own.open(one.facts_sealed, row_id=one.id, **_CELL)) if one.facts_sealed else {}
        shown.append(
            ShownChange(
                id=one.id,
                kind=one.kind,
                at=one.at,
                by=one.actor_id,
                reason=one.reason,
                note=facts.get("note"),
                before=facts.get("before"),
            )
        )
    return shown


async def read_contact_facts(work: Work, patient_id: UUID) -> dict[str, Any]:
    """Give how staff reach the person; each look is in the audit log.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await existing(work, patient_id)
    work.record_access("contact_facts", patient_id=patient_id)
    return open_contact_facts(work, patient)


def open_contact_facts(work: Work, patient: PatientRecord) -> dict[str, Any]:
    """Open how staff reach a person, without a note that someone looked: only to compare something with it."""
    if patient.contact_facts_sealed is None:
        return {}
    own = vault_of(work, patient)
    facts: dict[str, Any] = json.loads(
        own.open(patient.contact_facts_sealed, row_id=patient.id, **_CONTACT_CELL)
    )
    return facts


async def keep_contact_facts(work: Work, patient_id: UUID, facts: dict[str, Any]) -> None:
    """Keep how staff reach the person, in the place of what was there; nothing: none.

    Raises:
        NotFoundError: the clinic has no such patient.
        BirthYearAheadError, BirthYearAfterRecordError: nobody can be born then.
    """
    patient = await existing(work, patient_id)
    await _refuse_birth_year(work, patient, facts.get("birth_year"))
    own = vault_of(work, patient)
    sealed = own.seal(json.dumps(facts), row_id=patient_id, **_CONTACT_CELL) if facts else None
    if not await patients.amend(work, patient_id, version=patient.version, contact_facts_sealed=sealed):
        raise ChangedMeanwhileError
    work.audit("contact_facts.changed", "patient", patient_id)


async def _refuse_birth_year(work: Work, patient: PatientRecord, year: int | None) -> None:
    if year is None:
        return
    if year > calendar_day(work.now, patient.time_zone).year:
        raise BirthYearAheadError("#/birth_year")
    await patient_states.lock(work, patient.id)
    first = await first_day_on_record(work, patient.id, time_zone=patient.time_zone)
    if first is not None and first.year < year:
        raise BirthYearAfterRecordError("#/birth_year")


async def keep_change(
    work: Work,
    patient: PatientRecord,
    kind: str,
    *,
    facts: dict[str, str | None],
    reason: ArchiveReason | None = None,
) -> None:
    """Keep that something about who a patient is was changed; what is said of it is sealed."""
    change_id, own = new_id(), vault_of(work, patient)
    said = {name: value for name, value in facts.items() if value}
    await patient_changes.add(
        work,
        PatientChange(
            id=change_id,
            patient_id=patient.id,
            kind=kind,
            reason=reason.value if reason else None,
            at=work.now,
            actor_kind=work.actor.kind.value,
            actor_id=work.actor.id,
            facts_sealed=own.seal(json.dumps(said), row_id=change_id, **_CELL) if said else None,
        ),
    )


async def _notify(work: Work, patient: PatientRecord, event: EventType, **more: str) -> None:
    about = About.patient(patient.id, public_url=work.public_url, mode=patient.mode)
    await notify_of_patient(work, event, about, now=work.now, more=more)
