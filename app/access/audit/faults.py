"""What can be wrong with an audit log, and where."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class FaultKind(StrEnum):
    """What can be wrong with an audit log."""

    # The event, its seal or their order: the link does not fit.
    CHANGED = "changed"
    EVENT_REMOVED = "event_removed"
    SEALS_REMOVED = "seals_removed"
    HEAD_CUT = "head_cut"
    HEAD_DIFFERS = "head_differs"
    # An archived month: its file is not there, or is another one; or what was kept of it, or its seals.
    ARCHIVE_MISSING = "archive_missing"
    ARCHIVE_DIFFERS = "archive_differs"
    ARCHIVE_RECORD_CHANGED = "archive_record_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault: of which kind, at which seals (from and to are the same for one), about which event or month."""

    kind: FaultKind
    sequence: int
    to_sequence: int
    event_id: UUID | None = None
    month: str | None = None
