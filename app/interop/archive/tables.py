"""A clinic's records as tables for a spreadsheet, one for each kind, all of it as it is at one moment."""

from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

from app.care.patients.sealed_fields import open_chart_number, vault_of
from app.context import Work
from app.foundation.csv_tables import table_of
from app.foundation.errors import NotFoundError
from app.interop.archive.making import opens_of_patient, patients_of, plain_row
from app.storage import archived_tables
from app.storage.archived_tables import OF_PATIENT, SEALED, ArchivedTable
from app.storage.outgoing_messages import OutgoingMessage

# What a person would not put into a spreadsheet: the rule's state, earlier versions, what ties steps to alerts.
_NOT_FOR_PEOPLE: Final = frozenset({"patient_states", "record_versions", "alert_steps", "patient_changes"})
# Of what was sent: what it was and how it went, never to which address.
_MESSAGES: Final = ArchivedTable(
    row=OutgoingMessage,
    without=frozenset(one.name for one in OutgoingMessage.__table__.columns if one.name.endswith(SEALED)),
)
TABLES: Final = {one.name: one for one in (*OF_PATIENT, _MESSAGES) if one.name not in _NOT_FOR_PEOPLE}
"""By their names."""
# Fingerprints say nothing to anybody.
_NO_COLUMNS: Final = frozenset({"digest", "patient_id"})
_CHART_NUMBER: Final = "patient"


def table_named(name: str) -> ArchivedTable:
    """Find a table.

    Raises:
        NotFoundError: there is none of this name.
    """
    try:
        return TABLES[name]
    except KeyError:
        raise NotFoundError from None


def columns_of(table: ArchivedTable) -> tuple[str, ...]:
    """Name a table's columns: the chart number, then what is kept of each."""
    return (_CHART_NUMBER, *(name for name in table.fields if name not in _NO_COLUMNS))


async def lines_of_table(work: Work, table: ArchivedTable) -> AsyncIterator[bytes]:
    """Give a table as CSV, patient by patient in the order of their registration; ``work`` is a snapshot."""
    columns = columns_of(table)
    yield _written([columns])
    async for patient in patients_of(work):
        own = vault_of(work, patient)
        number = open_chart_number(own, patient.id, patient.external_ref_sealed)
        opened = opens_of_patient(work, patient)
        found = await archived_tables.rows_of_patient(work, table, patient.id)
        rows = [plain_row(table, row, patient.id, opened) | {_CHART_NUMBER: number} for row in found]
        if rows:
            yield _written([row.get(name) for name in columns] for row in rows)


def _written(rows: Iterable[Iterable[Any]]) -> bytes:
    return table_of(rows).encode()
