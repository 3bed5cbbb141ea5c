"""Importing an archive: a clinic into an installation that has it not, or a patient into a clinic that is there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from uuid import UUID

from app.access.clinics.commands import OpenedClinic, open_clinic
from app.care.alerts.safety_event_commands import SAFETY_EVENT
from app.care.patients.commands import PatientExistsError
from app.care.patients.sealed_fields import chart_number_index
from app.clinical.profiles import Caution
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.interop.archive.archive_file import (
    ArchiveDamagedError,
    ArchivedRow,
    ArchiveHead,
    Scope,
    read_archive,
)
from app.interop.archive.audit_log import add_audit_log, refuse_other_key
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from app.storage import archived_tables, clinics, patient_keys, patients, safety_events
from app.storage.alerts import OPEN_STATES
from app.storage.archived_tables import (
    AFTER_PATIENTS,
    AUDIT_LOG,
    OF_CLINIC,
    OF_PATIENT,
    SEALED,
    ArchivedTable,
    from_plain,
)

# Who of another clinic's staff takes care of something is nobody's name here.
_NOBODY_HERE: Final = frozenset({"assignee_id"})
# What archives of earlier versions call these cautions.
_FORMER_CAUTIONS: Final = {
    "substance_misuse": Caution.SUBSTANCE_USE_DISORDER.value,
    "bad_experience_with_ketamine": Caution.PRIOR_ADVERSE_REACTION.value,
}
Sealer = Callable[[str, ArchivedTable, str, UUID], bytes]


class ArchiveScopeError(RefusalError):
    """This archive holds something else: a clinic is imported as a clinic, a patient into a clinic."""

    code = "archive-scope"


class AlreadyImportedError(RefusalError):
    """This was imported before; nothing is changed."""

    kind = RefusalKind.CONFLICT
    code = "already-imported"


class ModesDifferError(RefusalError):
    """Patients of a test stay in a clinic in test mode, and live patients in a live one."""

    kind = RefusalKind.CONFLICT
    code = "modes-differ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was imported; ``opened`` where a clinic was opened for it."""

    patients: tuple[UUID, ...]
    rows: int
    opened: OpenedClinic | None = None


@dataclass(slots=True)
class _OnePatient:
    """A patient's rows as they are read, from one patient to the next."""

    patient_id: UUID
    rows: list[ArchivedRow] = field(default_factory=list)


async def import_clinic(work: Work, lines: Iterable[bytes], *, with_audit_log: bool = True) -> Imported:
    """Open the archive's clinic here with everything in it; ``work`` is of the archive's own clinic id.

    Without the audit log, where the archive has it, this installation begins a new one.

    Raises:
        NotAnArchiveError, ArchiveNewerError, ArchiveDamagedError: nothing is imported; see `read_archive`.
        AuditKeyMissingError, AuditLogDiffersError: the same; see `refuse_other_key` and `checked`.
        ArchiveScopeError: it is one patient's.
        AlreadyImportedError: this installation has the clinic.
    """
    head, rows = _read(lines, "clinic")
    if with_audit_log:
        refuse_other_key(work.vault, head)
    if await clinics.profile(work) is not None:
        raise AlreadyImportedError
    opened = await open_clinic(work, name="")
    count, found, current = 0, list[UUID](), None
    ties: list[dict[str, Any]] = []
    for one in rows:
        if one.table in AUDIT_LOG:
            rest = chain([one], rows)
            # Also what is left out is read to its end, where the checksum is.
            count += await add_audit_log(work, head, rest) if with_audit_log else sum(0 for _ in rest)
            break
        count += 1
        if one.table in OF_CLINIC:
            await _add_to_clinic(work, one)
            continue
        if one.table in AFTER_PATIENTS:
            ties.append(_values(one, None, _seals_of_clinic(work)))
            continue
        if one.table is OF_PATIENT[0]:
            await _add_read(work, current)
            current = _OnePatient(_id_in(one))
            found.append(current.patient_id)
        if current is None:
            raise ArchiveDamagedError
        current.rows.append(one)
    await _add_read(work, current)
    await _add(work, AFTER_PATIENTS[0], ties)
    work.audit("archive.imported", "clinic", work.clinic_id)
    return Imported(patients=tuple(found), rows=count, opened=opened)


async def import_patient(work: Work, lines: Iterable[bytes], *, external_ref: str | None) -> Imported:
    """Take one patient into this clinic, with everything that is known; open safety events wait for someone here.

    Args:
        work: the transaction.
        lines: the archive.
        external_ref: the chart number here; None: as it was.

    Raises:
        NotAnArchiveError, ArchiveNewerError, ArchiveDamagedError: nothing is imported; see `read_archive`.
        ArchiveScopeError: it is a whole clinic's.
        AlreadyImportedError: this clinic has the patient.
        PatientExistsError: another patient here has the chart number.
        ModesDifferError: a patient of a test would become live, or the other way round.
    """
    rows = list(_read(lines, "patient")[1])
    if not rows or rows[0].table is not OF_PATIENT[0]:
        raise ArchiveDamagedError
    one = _OnePatient(_id_in(rows[0]), rows)
    profile = await clinics.profile(work)
    if await patients.find(work, one.patient_id) is not None:
        raise AlreadyImportedError
    if profile is None or rows[0].values.get("mode") != profile.mode:
        raise ModesDifferError
    await _add_patient(work, one, external_ref=external_ref)
    work.audit("archive.imported", "patient", one.patient_id)
    about = About.patient(one.patient_id, public_url=work.public_url, mode=profile.mode)
    await notify_of_patient(work, EventType.PATIENT_REGISTERED, about, now=work.now)
    await _let_safety_events_wait(work, one.patient_id)
    return Imported(patients=(one.patient_id,), rows=len(rows))


def _read(lines: Iterable[bytes], scope: Scope) -> tuple[ArchiveHead, Iterator[ArchivedRow]]:
    head, rows = read_archive(lines)
    if head.scope != scope:
        raise ArchiveScopeError
    return head, rows


async def _add_to_clinic(work: Work, one: ArchivedRow) -> None:
    values = _values(one, work.clinic_id, _seals_of_clinic(work))
    if one.table is not OF_CLINIC[0]:
        await _add(work, one.table, [values])
        return
    del values["version"]
    await clinics.change_profile(work, version=1, **values)


async def _add(work: Work, table: ArchivedTable, rows: Sequence[Mapping[str, Any]]) -> None:
    try:
        await archived_tables.add_rows(work, table, rows)
    except ValueError:
        raise ArchiveDamagedError from None


async def _add_read(work: Work, one: _OnePatient | None) -> None:
    if one is not None:
        await _add_patient(work, one, external_ref=None)


async def _add_patient(work: Work, one: _OnePatient, *, external_ref: str | None) -> None:
    """Write a patient's rows, sealed with a new key of the patient's own."""
    first, wrapped_key = (
        one.rows[0],
        work.vault.new_patient_key(clinic_id=work.clinic_id, patient_id=one.patient_id),
    )
    own = work.vault.of_patient(wrapped_key, clinic_id=work.clinic_id, patient_id=one.patient_id)

    def sealed(text: str, table: ArchivedTable, column: str, row_id: UUID) -> bytes:
        return own.seal(text, table=table.sealed_as, column=column, row_id=row_id)

    number = external_ref or str(first.values.get("external_ref"))
    index = chart_number_index(work, number)
    if await patients.find_by_chart_number(work, index) is not None:
        raise PatientExistsError("#/external_ref")
    first.values["external_ref"] = number
    row = _values(first, one.patient_id, sealed)
    found_by = {"external_ref_index": index.exactly, "external_ref_key": index.key}
    await _add(work, first.table, [row | found_by])
    await patient_keys.add(work, one.patient_id, wrapped_key, made_at=work.now)
    for table in OF_PATIENT[1:]:
        rows = [_values(row, one.patient_id, sealed) for row in one.rows if row.table is table]
        await _add(work, table, rows)


async def _let_safety_events_wait(work: Work, patient_id: UUID) -> None:
    """Have someone of this clinic notified of each that is open, within this clinic's own limits."""
    waiting: Sequence[Any] = await safety_events.TABLE.page(
        work, states=OPEN_STATES, patient_id=patient_id, limit=1000
    )
    for event in waiting:
        opened = await SAFETY_EVENT.step(
            work,
            event,
            "imported",
            state="open",
            acknowledged_at=None,
            acknowledged_by=None,
            **await SAFETY_EVENT.waits_again(work, event),
        )
        await SAFETY_EVENT.announce(work, EventType.SAFETY_REPORTED, opened)


def _seals_of_clinic(work: Work) -> Sealer:
    def sealed(text: str, table: ArchivedTable, column: str, row_id: UUID) -> bytes:
        return work.vault.seal(
            text, table=table.sealed_as, column=column, clinic_id=work.clinic_id, row_id=row_id
        )

    return sealed


def _id_in(row: ArchivedRow) -> UUID:
    try:
        return UUID(row.values["id"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise ArchiveDamagedError from None


def _values(row: ArchivedRow, whose: UUID | None, sealed: Sealer) -> dict[str, Any]:
    """Read a row's cells; those of columns that are newer than the archive are left to be null.

    Raises:
        ArchiveDamagedError: a cell is not of its column's type, or the row is another patient's.
    """
    values: dict[str, Any] = {}
    try:
        row_id = UUID(row.values["id"]) if "id" in row.values else whose
        for column in row.table.columns:
            value = row.values.get(column.name.removesuffix(SEALED))
            if column.name in _NOBODY_HERE:
                value = None
            if isinstance(value, dict) and "cautions" in value:
                cautions = [_FORMER_CAUTIONS.get(one, one) for one in value["cautions"]]
                value = {**value, "cautions": cautions}
            if column.name.endswith(SEALED):
                kept = None if value is None or row_id is None else (str(value), row_id)
                values[column.name] = kept and sealed(kept[0], row.table, column.name, kept[1])
            else:
                values[column.name] = from_plain(column, value)
    except (ValueError, TypeError, AttributeError):
        raise ArchiveDamagedError from None
    if whose is not None and values.get("patient_id", whose) != whose:
        raise ArchiveDamagedError
    return values
