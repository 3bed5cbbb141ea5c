"""What a finding can be, where it stands on the worklist, and how long it may wait."""

from enum import StrEnum
from typing import Final


class FindingCode(StrEnum):
    """What there is to see to about a patient, beside safety events and signals."""

    WORSE_THAN_BEFORE = "worse_than_before"
    ELEVATED_MOOD = "elevated_mood"
    CHECK_INS_AND_SCALE_DISAGREE = "check_ins_and_scale_disagree"
    BOOSTERS_NOT_HOLDING = "boosters_not_holding"
    LONG_EXPOSURE = "long_exposure"
    SILENT_AFTER_LOW = "silent_after_low"
    UNKNOWN = "unknown"
    OVERDUE = "overdue"
    REVIEW_DUE = "review_due"
    NO_REFERENCE = "no_reference"
    # What came from the patient: each is one of its own, and stays until someone has answered.
    ASKED = "asked"
    NOTE = "note"
    ERASURE_REQUEST = "erasure_request"


FROM_PATIENT: Final = frozenset({FindingCode.ASKED, FindingCode.NOTE, FindingCode.ERASURE_REQUEST})
"""What a patient wrote or asked for: someone is notified of it, and unread it is escalated as a signal is."""

WITH_OWN_EVENT: Final = frozenset(
    {FindingCode.OVERDUE, FindingCode.REVIEW_DUE, FindingCode.NO_REFERENCE, FindingCode.ASKED}
)
"""What another event says as well, by its own name."""

BY_CHECK_IN: Final = frozenset({FindingCode.OVERDUE, FindingCode.SILENT_AFTER_LOW, FindingCode.UNKNOWN})
"""What the next check-in ends."""
