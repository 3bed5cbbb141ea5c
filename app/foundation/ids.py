"""Identifiers: UUIDv7 everywhere, so that ids sort by their time of birth."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from uuid_utils import compat

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Where a UUIDv7 keeps its milliseconds since then (RFC 9562).
_TIME_SHIFT: Final = 80


def new_id() -> UUID:
    """Make a fresh UUIDv7 (RFC 9562): time-ordered, unguessable enough to name, never used as a secret."""
    return compat.uuid7()


def first_id(moment: datetime, plus: timedelta = timedelta()) -> UUID:
    """Give the smallest id of a moment's millisecond, or of one so much later; before 1970 the smallest of all."""
    milliseconds = (moment - _EPOCH + plus) // timedelta(milliseconds=1)
    return UUID(int=max(milliseconds, 0) << _TIME_SHIFT)


def resource_id(patient_id: UUID, record_id: UUID, begins: str = "") -> str:
    """Make the id of a FHIR resource: the patient's and the record's, for a phone's ids are one patient's only."""
    return f"{begins}{_letters(patient_id)}-{_letters(record_id)}"


def _letters(one: UUID) -> str:
    return base64.b32encode(one.bytes).decode().rstrip("=").lower()
