"""The same form sent again with other answers: a correction, without the person having to say so.

A phone chooses a new id and says what it corrects. A page in a browser cannot know that its first sending
arrived, so it sends under the same id again, and what was meant is settled here.
"""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final
from uuid import UUID

from app.care.check_ins.commands import CouldNotTakeTurnError, record
from app.care.check_ins.queries import standing_check_in
from app.care.check_ins.sources import FromDevice
from app.care.check_ins.validation import (
    CheckInConflictError,
    CheckInDraft,
    ItemOutcome,
    Kept,
    SupersededNotFoundError,
)
from app.context import AppContext
from app.storage import check_ins
from app.storage.check_ins import StoredCheckIn

# So often another correction may come first.
_TRIES: Final = 3


class Sending(Enum):
    """What became of a form."""

    NEW = "new"
    KEPT_BEFORE = "kept before"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A form that is kept, and what became of it."""

    stored: StoredCheckIn
    sending: Sending


async def record_or_correct(context: AppContext, source: FromDevice, draft: CheckInDraft) -> Sent:
    """Record what a form says; under an id that is kept with another content, as its correction.

    Raises:
        RefusalError: it cannot be kept.
    """
    recorded = await record(context, source, [draft])
    (outcome,) = recorded.items
    if isinstance(outcome, Kept):
        sending = Sending.NEW if outcome.outcome is ItemOutcome.CREATED else Sending.KEPT_BEFORE
        return Sent(stored=outcome.stored, sending=sending)
    if not isinstance(outcome, CheckInConflictError):
        raise outcome
    return await _correct(context, source, draft, recorded.patient_id)


async def _correct(context: AppContext, source: FromDevice, draft: CheckInDraft, patient_id: UUID) -> Sent:
    corrected_id = _id_of_correction(context, patient_id, draft)
    for _ in range(_TRIES):
        async with context.work(source.clinic_id) as work:
            earlier = await check_ins.find(work, patient_id, corrected_id)
            standing = await standing_check_in(work, patient_id, draft.id)
        if earlier is not None:
            return Sent(stored=earlier, sending=Sending.KEPT_BEFORE)
        correction = replace(
            draft, check_in=replace(draft.check_in, id=str(corrected_id)), supersedes=_correctable(standing)
        )
        recorded = await record(context, source, [correction])
        (outcome,) = recorded.items
        if isinstance(outcome, Kept):
            return Sent(stored=outcome.stored, sending=Sending.CORRECTED)
        if not isinstance(outcome, SupersededNotFoundError):
            raise outcome
        # Another correction came first: now that one is to be corrected.
    raise CouldNotTakeTurnError


def _id_of_correction(context: AppContext, patient_id: UUID, draft: CheckInDraft) -> UUID:
    """Make the same id for the same answers: the correction, too, may be sent twice.

    A UUIDv7 with the time of the form's own id.
    """
    made = bytearray(
        context.vault.digest(b"correction", patient_id.bytes, draft.id.bytes, draft.canonical)[:16]
    )
    made[:6] = draft.id.bytes[:6]
    made[6] = made[6] & 0x0F | 0x70
    made[8] = made[8] & 0x3F | 0x80
    return UUID(bytes=bytes(made))


def _correctable(standing: StoredCheckIn | None) -> UUID | None:
    """What a correction takes the place of; of one that was withdrawn, nothing is left."""
    return None if standing is None or standing.withdrawn_at else UUID(standing.check_in.id)
