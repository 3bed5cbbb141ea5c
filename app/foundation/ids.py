"""Identifiers: UUIDv7 everywhere, so that ids sort by their time of birth."""

import base64
from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    """Make a fresh UUIDv7 (RFC 9562): time-ordered, unguessable enough to name, never used as a secret."""
    return compat.uuid7()


def resource_id(patient_id: UUID, record_id: UUID, begins: str = "") -> str:
    """Make the id of a FHIR resource: the patient's and the record's, for a phone's ids are one patient's only."""
    return f"{begins}{_letters(patient_id)}-{_letters(record_id)}"


def _letters(one: UUID) -> str:
    return base64.b32encode(one.bytes).decode().rstrip("=").lower()
