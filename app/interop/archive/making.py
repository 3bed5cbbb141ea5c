"""Making an archive of a clinic or of one patient, all of it as it was at one moment."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final
from uuid import UUID

from app.care.patients.queries import existing
from app.care.patients.sealed_fields import vault_of
from app.context import Work
from app.interop.archive.archive_file import ArchiveHead, ArchiveWriter
from app.interop.archive.audit_log import lines_of_audit_log
from app.storage import archived_tables, audit_log, patients
from app.storage.archived_tables import AFTER_PATIENTS, OF_CLINIC, OF_PATIENT, SEALED, ArchivedTable, to_plain
from app.storage.patients import PatientRecord

_AT_ONCE: Final = 200
Opener = Callable[[bytes, ArchivedTable, str, UUID], str]


async def archive_of_clinic(work: Work, *, with_audit_log: bool = False) -> AsyncIterator[bytes]:
    """Give the lines of a whole clinic's archive; ``work`` is a snapshot."""
    if with_audit_log:
        await audit_log.keep_places(work)
    writer, key = ArchiveWriter(), work.vault.chain_key_id.hex() if with_audit_log else None
    yield writer.head(ArchiveHead(scope="clinic", clinic_id=work.clinic_id, made_at=work.now, audit_key=key))
    for table in OF_CLINIC:
        for row in await archived_tables.rows_of_clinic(work, table):
            yield writer.row(table.name, plain_row(table, row, work.clinic_id, _opens_of_clinic(work)))
    async for patient in patients_of(work):
        async for line in _lines_of(work, writer, patient):
            yield line
    for table in AFTER_PATIENTS:
        for row in await archived_tables.rows_of_clinic(work, table):
            yield writer.row(table.name, plain_row(table, row, work.clinic_id, _opens_of_clinic(work)))
    if with_audit_log:
        async for line in lines_of_audit_log(work, writer):
            yield line
    work.audit("archive.made", "clinic", work.clinic_id)
    yield writer.end()


async def archive_of_patient(work: Work, patient_id: UUID) -> AsyncIterator[bytes]:
    """Give the lines of one patient's archive; ``work`` is a snapshot.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient, writer = await existing(work, patient_id), ArchiveWriter()
    yield writer.head(ArchiveHead(scope="patient", clinic_id=work.clinic_id, made_at=work.now))
    async for line in _lines_of(work, writer, patient):
        yield line
    work.audit("archive.made", "patient", patient_id)
    yield writer.end()


async def _lines_of(work: Work, writer: ArchiveWriter, patient: PatientRecord) -> AsyncIterator[bytes]:
    opened = opens_of_patient(work, patient)
    for table in OF_PATIENT:
        for row in await archived_tables.rows_of_patient(work, table, patient.id):
            yield writer.row(table.name, plain_row(table, row, patient.id, opened))


async def patients_of(work: Work) -> AsyncIterator[PatientRecord]:
    """Give the clinic's patients in the order of their registration; ``work`` is a snapshot."""
    after: UUID | None = None
    while page := await patients.page(work, after=after, limit=_AT_ONCE):
        for patient in page:
            yield patient
        after = page[-1].id


def opens_of_patient(work: Work, patient: PatientRecord) -> Opener:
    """Open a patient's cells with the patient's own key."""
    own = vault_of(work, patient)

    def opened(sealed: bytes, table: ArchivedTable, column: str, row_id: UUID) -> str:
        return own.open(sealed, table=table.sealed_as, column=column, row_id=row_id)

    return opened


def _opens_of_clinic(work: Work) -> Opener:
    def opened(sealed: bytes, table: ArchivedTable, column: str, row_id: UUID) -> str:
        return work.vault.open(
            sealed, table=table.sealed_as, column=column, clinic_id=work.clinic_id, row_id=row_id
        )

    return opened


def plain_row(table: ArchivedTable, row: Mapping[str, Any], whose: UUID, opened: Opener) -> dict[str, Any]:
    """Give a row in plain form; a table with one row a patient, or a clinic, has no other id."""
    row_id, plain = row.get("id", whose), {}
    for name, value in row.items():
        if name.endswith(SEALED) and value is not None:
            plain[name.removesuffix(SEALED)] = opened(value, table, name, row_id)
        else:
            plain[name.removesuffix(SEALED)] = to_plain(value)
    return plain
