"""From what was sent to a draft, and from what is kept to what is given back."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from app.care.check_ins.queries import SyncPlace, open_note
from app.care.check_ins.schemas import (
    BatchReply,
    BatchResult,
    CheckInAmendment,
    CheckInEntry,
    CheckInItem,
    CheckInRecordReply,
    CheckInReply,
    CorrectedCheckInReply,
    ImportedCheckInItem,
    rounded_in,
)
from app.care.check_ins.validation import CheckInDraft, ItemOutcome, Kept
from app.clinical.check_ins import CheckIn
from app.clinical.domains import REPORTED_NUMBERS
from app.foundation.errors import RefusalError
from app.foundation.vault import Vault
from app.notifications.messages.crisis_help import CrisisHelpReply
from app.storage.check_ins import StoredCheckIn
from app.web.correction_schemas import ChangedReply
from app.web.headers import etag_of
from app.web.problems import Problem, problem_document, refusal_document, validation_errors
from app.web.reading import read_as
from app.web.schemas import CursorNotValidError, read_counter, read_cursor, write_cursor

_CURSOR: Final = re.compile(r"([0-9a-f]{8})\.([0-9]{1,19})", re.ASCII)
STATUS_OF = {ItemOutcome.CREATED: 201, ItemOutcome.UNCHANGED: 200}


def draft_of(check_in_id: UUID, entry: CheckInEntry | ImportedCheckInItem) -> CheckInDraft:
    """Make a draft of a valid entry."""
    return CheckInDraft(
        check_in=CheckIn(
            id=str(check_in_id),
            recorded_at=entry.recorded_at,
            time_zone=entry.time_zone,
            asks_about_booster=entry.asks_about_booster,
            self_harm_thoughts=entry.self_harm_thoughts,
            **{name: getattr(entry, name) for name in REPORTED_NUMBERS},
        ),
        input_mode=entry.input_mode,
        note=entry.note,
        supersedes=entry.supersedes,
        canonical=entry.canonical(),
        confirm=entry.confirm if isinstance(entry, ImportedCheckInItem) else (),
    )


def amended_draft(
    new_id: UUID,
    stored: StoredCheckIn,
    note: str | None,
    changes: Mapping[str, Any],
    confirm: Sequence[str],
) -> CheckInDraft:
    """Make a draft of an imported check-in as it should have been sent, to take its place.

    Raises:
        InvalidRequestError: with the changes it would be no check-in.
    """
    kept = stored.check_in
    said = {
        **{name: getattr(kept, name) for name in CheckInAmendment.ANSWERS if name != "note"},
        "note": note,
        **changes,
        "id": new_id,
        "supersedes": UUID(kept.id),
        "confirm": tuple(confirm),
    }
    said["recorded_at"] = said["recorded_at"].isoformat()
    return draft_of(new_id, read_as(ImportedCheckInItem, said))


def read_items(
    items: Sequence[Any], form: type[CheckInItem] | type[ImportedCheckInItem]
) -> list[CheckInDraft | dict[str, Any]]:
    """Read a batch item by item: a draft, or the problem document that says why it cannot be read."""
    return [_read_item(item, form) for item in items]


def read_item(item: Any) -> CheckInDraft | dict[str, Any]:  # noqa: ANN401 - anything may be sent
    """Read one check-in as a device sends it in a batch: a draft, or why it cannot be read."""
    return _read_item(item, CheckInItem)


def check_in_reply(
    vault: Vault, clinic_id: UUID, stored: StoredCheckIn, help_now: CrisisHelpReply | None = None
) -> CheckInReply:
    """Give a check-in back as it is kept."""
    kept = stored.check_in
    return CheckInReply(
        id=UUID(kept.id),
        recorded_at=kept.recorded_at,
        time_zone=kept.time_zone,
        check_in_day=stored.check_in_day,
        received_at=stored.received_at,
        late=stored.late,
        **kept.reported,
        note=open_note(vault, clinic_id, stored),
        asks_about_booster=kept.asks_about_booster,
        self_harm_thoughts=kept.self_harm_thoughts,
        input_mode=stored.input_mode,  # type: ignore[arg-type] # the table's own check allows these three only
        clock_skew_seconds=stored.clock_skew_seconds,
        supersedes=stored.supersedes,
        superseded_by=stored.superseded_by,
        withdrawn_at=stored.withdrawn_at,
        crisis_help=help_now,
    )


def record_reply(
    vault: Vault, clinic_id: UUID, stored: StoredCheckIn, version: int, changed: ChangedReply | None = None
) -> CheckInRecordReply:
    """Give a check-in to the clinic as it is on record; ``changed``: after a correction."""
    plain = check_in_reply(vault, clinic_id, stored).model_dump()
    withdrawn = "withdrawn" if stored.withdrawn_at else "active"
    fields: dict[str, Any] = {
        **{name: plain[name] for name in CheckInRecordReply.model_fields if name in plain},
        "status": "entered_in_error" if stored.entered_in_error else withdrawn,
        "version": version,
        "etag": etag_of(version),
    }
    if changed is None:
        return CheckInRecordReply.model_validate(fields)
    return CorrectedCheckInReply.model_validate({**fields, "changed": changed})


def read_place(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Read a place in a list that is ordered by when a check-in was recorded.

    Raises:
        CursorNotValidError: the list did not give it out.
    """
    position = read_cursor(cursor)
    if position is None:
        return None
    moment, _, check_in_id = position.partition(" ")
    try:
        recorded_at = datetime.fromisoformat(moment)
        place = UUID(check_in_id)
    except ValueError:
        raise CursorNotValidError("query/after") from None
    if recorded_at.tzinfo is None:
        raise CursorNotValidError("query/after")
    return recorded_at, place


def batch_reply(
    vault: Vault,
    clinic_id: UUID,
    sent: Sequence[Any],
    read: Sequence[CheckInDraft | dict[str, Any]],
    kept: Sequence[Kept | RefusalError],
    *,
    statements: Sequence[bool],
    help_now: CrisisHelpReply | None,
) -> BatchReply:
    """Put the results of a batch in the order of its items."""
    outcomes = iter(kept)
    results = [
        _result(
            vault,
            clinic_id,
            item,
            next(outcomes) if isinstance(draft_or_problem, CheckInDraft) else draft_or_problem,
            help_now if said else None,
        )
        for item, draft_or_problem, said in zip(sent, read, statements, strict=True)
    ]
    return BatchReply(results=results, crisis_help=help_now)


def read_sync_cursor(cursor: str | None) -> SyncPlace | None:
    """Read a sync's cursor back; None: from the beginning.

    Raises:
        CursorNotValidError: the sync did not give it out.
    """
    position = read_cursor(cursor)
    if position is None:
        return None
    parts = _CURSOR.fullmatch(position)
    sequence = None if parts is None else read_counter(parts.group(2))
    if parts is None or sequence is None:
        raise CursorNotValidError("query/after")
    return SyncPlace(parts.group(1), sequence)


def write_sync_cursor(place: SyncPlace) -> str:
    """Write how far a sync has come as its cursor."""
    return write_cursor(f"{place.epoch}.{place.sequence}")


def _read_item(item: Any, form: type[BaseModel]) -> CheckInDraft | dict[str, Any]:  # noqa: ANN401 - anything may be sent
    try:
        entry = form.model_validate(item)
    except ValidationError as error:
        return problem_document(
            "invalid-item",
            422,
            "This item is not as expected; see errors. The others were not affected.",
            errors=validation_errors(error.errors(include_input=False, include_url=False), skip=0),
        )
    if not isinstance(entry, CheckInItem | ImportedCheckInItem):
        raise TypeError(form)
    return draft_of(entry.id, entry)


def _result(
    vault: Vault,
    clinic_id: UUID,
    item: Any,  # noqa: ANN401 - anything may be sent
    outcome: Kept | RefusalError | dict[str, Any],
    help_now: CrisisHelpReply | None,
) -> BatchResult:
    if isinstance(outcome, Kept):
        reply = check_in_reply(vault, clinic_id, outcome.stored, help_now)
        return BatchResult(
            id=_id_of(item),
            status=STATUS_OF[outcome.outcome],
            check_in=reply,
            rounded=rounded_in(item, reply),
            crisis_help=help_now,
        )
    problem = refusal_document(outcome) if isinstance(outcome, RefusalError) else outcome
    said = Problem.model_validate(problem)
    return BatchResult(id=_id_of(item), status=said.status, problem=said, crisis_help=help_now)


def _id_of(item: Any) -> UUID | None:  # noqa: ANN401 - same
    try:
        return UUID(item["id"])
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
