"""The copy of everything that is kept about a patient; docs/export.md says what each field means."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from app.care.patients.queries import existing
from app.care.patients.sealed_fields import vault_of
from app.clinical.check_ins import zone_of
from app.clinical.domains import REPORTED_NUMBERS
from app.context import Work
from app.foundation.csv_tables import table_of
from app.foundation.vault import PatientVault
from app.storage import exports
from app.storage.exports import SECTIONS

FORMAT: Final = "afterglow-export"
# A reader of version 1 can read every document of version 1: fields may be added, none changes its meaning.
FORMAT_VERSION: Final = 1
# Said in the document itself, so that nobody takes it for more than it is.
NOT_INCLUDED: Final = (
    "The explanations of signals and what staff wrote for each other: your care team goes through these with you.",
    "Who of the staff did something: that is about them.",
    "Secrets such as passwords and keys, of which only fingerprints are kept.",
)
CSV_COLUMNS: Final = (
    "patient", "id", "recorded_at", "time_zone", "check_in_day", *REPORTED_NUMBERS, "note", "asks_about_booster",
    "self_harm_thoughts", "input_mode", "received_at", "late", "supersedes", "superseded_by", "withdrawn_at",
)  # fmt: skip
_SEALED: Final = "_sealed"


async def copy_of(work: Work, patient_id: UUID) -> dict[str, Any]:
    """Give the whole copy in its plain form. That it was made goes on the audit log.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientErasedError: nothing is left.
    """
    patient = await existing(work, patient_id)
    found = await exports.everything_about(work, patient_id)
    work.audit("patient.exported", "patient", patient_id)
    own = vault_of(work, patient)
    sections = {
        name: [_plain(own, SECTIONS[name].table, row, patient_id) for row in rows]
        for name, rows in found.items()
    }
    (person,), (state,) = sections.pop("patient"), sections.pop("state")
    head = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "made_at": work.now,
        "not_included": list(NOT_INCLUDED),
    }
    return {**head, "patient": person | state, **sections}


async def check_ins_csv(work: Work, patient_id: UUID) -> str:
    """Give the check-ins as CSV with a header, for a spreadsheet: times with offset, nothing that runs.

    Raises:
        NotFoundError: the clinic has no such patient.
        PatientErasedError: nothing is left.
    """
    patient = await existing(work, patient_id)
    rows = await exports.check_ins_of(work, patient_id)
    work.audit("patient.exported", "patient", patient_id)
    own = vault_of(work, patient)
    plain = [_plain(own, "check_ins", row, patient_id) | {"patient": patient_id} for row in rows]
    return table_of([CSV_COLUMNS, *([one[name] for name in CSV_COLUMNS] for one in plain)])


def _plain(vault: PatientVault, table: str, row: Mapping[str, Any], patient_id: UUID) -> dict[str, Any]:
    """Open what is sealed; a report's own time is given in the zone in which it was made."""
    plain = {}
    # A table with one row a patient has no other id.
    row_id = row.get("id", patient_id)
    for name, value in row.items():
        if name.endswith(_SEALED) and value is not None:
            value = vault.open(value, table=table, column=name, row_id=row_id)  # noqa: PLW2901 - the same value, opened
        plain[name.removesuffix(_SEALED)] = value
    for name in ("recorded_at", "taken_at", "given_at"):
        if name in plain:
            plain[name] = plain[name].astimezone(zone_of(plain["time_zone"]))
    return plain
