"""What a clinic brings along is dated by people: impossible times are refused, likely doubles asked about."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.care.check_ins.validation import CheckInDraft, ItemOutcome, Kept
from app.care.patients.plausibility import Unlikely, ask_about, refuse_before_birth, refuse_skipped
from app.care.patients.queries import existing
from app.clinical.check_ins import CheckIn
from app.context import Work
from app.foundation.errors import RefusalError
from app.storage import check_ins
from app.storage.patients import PatientRecord

# The same answers so close to each other are likely the same report, copied from two places.
CLOSE: Final = timedelta(hours=1)


async def refuse_imports(
    work: Work, patient_id: UUID, drafts: Sequence[CheckInDraft], items: list[Kept | RefusalError]
) -> list[Kept | RefusalError]:
    """Put a refusal in the place of each new item that cannot be, or that nobody has confirmed."""
    new = [place for place, item in enumerate(items) if _is_new(item)]
    if not new:
        return items
    patient, times = await existing(work, patient_id), [drafts[place].check_in.recorded_at for place in new]
    known = list(
        await check_ins.current_between(work, patient_id, first=min(times) - CLOSE, last=max(times) + CLOSE)
    )
    checked = list(items)
    for place in new:
        try:
            refuse_import(work, patient, drafts[place], () if drafts[place].supersedes else known)
        except RefusalError as refusal:
            checked[place] = refusal
        else:
            known.append(drafts[place].check_in)
    return checked


def refuse_import(work: Work, patient: PatientRecord, draft: CheckInDraft, known: Sequence[CheckIn]) -> None:
    """Refuse what cannot be, and ask about what is likely one of the ``known`` reports.

    Raises:
        TimeSkippedError, BeforeBirthError: the time cannot be.
        NeedsConfirmationError: it is likely another report that is on record; nobody has confirmed it.
    """
    sent = draft.check_in
    refuse_skipped(sent.recorded_at, sent.time_zone, pointer="#/recorded_at")
    refuse_before_birth(work, patient, sent.recorded_at.year, pointer="#/recorded_at")
    if any(_is_same(sent, one) for one in known):
        ask_about([Unlikely.SAME_CHECK_IN], draft.confirm)
        work.audit("check_in.confirmed_same_check_in", "check_in", draft.id, patient_id=patient.id)


def _is_new(item: Kept | RefusalError) -> bool:
    return isinstance(item, Kept) and item.outcome is ItemOutcome.CREATED


def _is_same(sent: CheckIn, other: CheckIn) -> bool:
    return abs(sent.recorded_at - other.recorded_at) < CLOSE and sent.reported == other.reported
