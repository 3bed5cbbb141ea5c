"""What becomes of each check-in that was sent: new, kept before, or refused, with its place in the sync."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import count
from typing import Final, TypeGuard
from uuid import UUID

from app.care.check_ins.sources import Source
from app.care.patients.consent_status import ConsentWithdrawnError
from app.care.patients.corrections import NobodyReadsReportsError
from app.clinical.check_ins import CheckIn, check_in_day
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.storage import check_ins
from app.storage.check_in_path import PatientSnapshot
from app.storage.check_ins import StoredCheckIn

NOTE_CELL: Final = {"table": "check_ins", "column": "note_sealed"}


class CheckInConflictError(RefusalError):
    """A check-in with this id and another content is kept already; a correction needs a new id and `supersedes`."""

    kind = RefusalKind.CONFLICT
    code = "check-in-conflict"


class SupersededNotFoundError(RefusalError):
    """The check-in to be corrected is not there, or was corrected or withdrawn before."""

    code = "superseded-not-found"


class ItemOutcome(Enum):
    """What became of one check-in."""

    CREATED = "created"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInDraft:
    """A check-in as it was sent, valid in itself; ``canonical`` is its one way of being written down."""

    check_in: CheckIn
    input_mode: str
    note: str | None
    supersedes: UUID | None
    canonical: bytes
    confirm: tuple[str, ...] = ()

    @property
    def id(self) -> UUID:
        """The id that the phone chose."""
        return UUID(self.check_in.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A check-in that is kept, by this request or an earlier one."""

    stored: StoredCheckIn
    outcome: ItemOutcome


def validate_items(
    work: Work, source: Source, snapshot: PatientSnapshot, drafts: Sequence[CheckInDraft]
) -> list[Kept | RefusalError]:
    """Separate new items from those kept before and those that cannot be kept."""
    seen = dict(snapshot.seen)
    checked: list[Kept | RefusalError] = []
    for one in drafts:
        digest = work.vault.digest(b"check-in", snapshot.patient_id.bytes, one.canonical)
        key = one.check_in.id
        try:
            if key in seen:
                if seen[key] != digest.hex():
                    raise CheckInConflictError("#/id")
                outcome = ItemOutcome.UNCHANGED
            else:
                if snapshot.archived_at is not None and snapshot.device_id is not None:
                    raise NobodyReadsReportsError
                if snapshot.consent_withdrawn_at is not None:
                    raise ConsentWithdrawnError
                source.refuse_time(one.check_in.recorded_at, work.now)
                outcome = ItemOutcome.CREATED
        except RefusalError as refusal:
            checked.append(refusal)
            continue
        seen[key] = digest.hex()
        skew = source.clock_skew_seconds(work.now)
        stored = _stored(work, snapshot, one, digest=digest, skew=skew)
        checked.append(Kept(stored=stored, outcome=outcome))
    return checked


def numbered(items: list[Kept | RefusalError], *, after: int) -> list[Kept | RefusalError]:
    """Give the new items their places in the sync, without a gap: the counter moves by their number."""
    places = count(after + 1)
    return [
        replace(item, stored=replace(item.stored, sync_sequence=next(places)))
        if isinstance(item, Kept) and item.outcome is ItemOutcome.CREATED
        else item
        for item in items
    ]


def _stored(
    work: Work, snapshot: PatientSnapshot, one: CheckInDraft, *, digest: bytes, skew: int | None
) -> StoredCheckIn:
    sent = one.check_in
    day = check_in_day(sent.recorded_at, sent.time_zone)
    own = work.vault.of_patient(
        snapshot.wrapped_key, clinic_id=work.clinic_id, patient_id=snapshot.patient_id
    )
    sealed = own.seal(one.note, row_id=one.id, **NOTE_CELL) if one.note else None
    return StoredCheckIn(
        check_in=sent,
        check_in_day=day,
        received_at=work.now,
        late=day < check_in_day(work.now, sent.time_zone),
        input_mode=one.input_mode,
        note_sealed=sealed,
        sync_sequence=0,
        digest=digest,
        patient_id=snapshot.patient_id,
        wrapped_key=snapshot.wrapped_key,
        clock_skew_seconds=skew,
        supersedes=one.supersedes,
    )


async def find_superseded(
    work: Work, snapshot: PatientSnapshot, items: list[Kept | RefusalError]
) -> list[Kept | RefusalError]:
    """Refuse corrections of what is not there to be corrected."""
    wanted = [item.stored.supersedes for item in items if isinstance(item, Kept) and _is_correction(item)]
    if not wanted:
        return items
    found = await check_ins.find_all(work, snapshot.patient_id, [one for one in wanted if one])
    current_ids = {key for key, one in found.items() if not one.superseded_by and not one.withdrawn_at}
    refused = _without_basis([item for item in items if _is_new(item)], current_ids)
    # What is refused was not kept for its copy in the same batch either.
    return [
        SupersededNotFoundError("#/supersedes")
        if isinstance(item, Kept) and item.stored.check_in.id in refused
        else item
        for item in items
    ]


def _without_basis(new: list[Kept], correctable: set[UUID]) -> set[str]:
    """Find the corrections that lead to nothing that is kept, in whatever order a batch holds them.

    A chain stands on what was kept before, or on a new check-in that corrects nothing; a circle on neither.
    """
    open_corrections = [item for item in new if _is_correction(item)]
    correctable = correctable | {UUID(item.stored.check_in.id) for item in new if not _is_correction(item)}
    grounded = True
    while grounded:
        grounded = False
        for item in list(open_corrections):
            if item.stored.supersedes in correctable:
                # The first takes its place; nobody else can correct it.
                correctable = correctable - {item.stored.supersedes} | {UUID(item.stored.check_in.id)}
                open_corrections.remove(item)
                grounded = True
    return {item.stored.check_in.id for item in open_corrections}


def _is_new(item: Kept | RefusalError) -> TypeGuard[Kept]:
    return isinstance(item, Kept) and item.outcome is ItemOutcome.CREATED


def _is_correction(item: Kept) -> bool:
    return item.outcome is ItemOutcome.CREATED and item.stored.supersedes is not None
