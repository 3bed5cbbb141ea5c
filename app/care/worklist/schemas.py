"""Requests and replies about the worklist."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.care.alerts.life_cycle import OutreachChannel, OutreachOutcome
from app.care.worklist.commands import AnswerText
from app.care.worklist.queries import WorklistItem
from app.storage.worklist import KINDS, Lane, Place
from app.web.headers import etag_of
from app.web.schemas import (
    CursorNotValidError,
    RecordReply,
    ReplyBody,
    RequestBody,
    choice_of,
    example,
    read_cursor,
)

WorklistKind = StrEnum("WorklistKind", {kind.upper(): kind for kind in KINDS})  # type: ignore[misc] # made from the one list


class WorklistPatient(ReplyBody):
    """Whose row it is."""

    id: UUID
    external_ref: str = Field(description="The chart number")
    mode: str


class WorklistMember(ReplyBody):
    """Who takes care of it."""

    id: UUID
    name: str | None


class WorklistItemReply(ReplyBody):
    """One row of the worklist."""

    id: UUID
    kind: str = Field(examples=["signal"])
    lane: str = Field(description="`now`, `decide` or `reach_out`")
    patient: WorklistPatient
    state: str = Field(description="`open`, `acknowledged` or `snoozed`")
    since: datetime
    due: datetime | None = Field(description="When it is escalated, or should be done")
    acknowledged_at: datetime | None
    assignee: WorklistMember | None
    snoozed_until: datetime | None
    link: str = Field(description="The care team's page about it")
    etag: str | None = Field(description="For If-Match; null: what is undelivered is not changed here")
    facts: dict[str, Any] = Field(description="What the kind has besides, such as a signal's criteria")

    @classmethod
    def of(cls, item: WorklistItem, public_url: str) -> "WorklistItemReply":
        """Make the reply."""
        row = item.row
        return cls(
            id=row.id,
            kind=row.kind,
            lane=Lane(row.lane).name.lower(),
            patient=WorklistPatient(id=row.patient_id, external_ref=item.chart_number, mode=row.mode),
            state=row.state,
            since=row.since,
            due=row.due,
            acknowledged_at=row.acknowledged_at,
            assignee=WorklistMember(id=row.assignee_id, name=item.assignee) if row.assignee_id else None,
            snoozed_until=row.snoozed_until,
            link=f"{public_url}{path_of(row.kind, row.id, row.patient_id)}",
            etag=None if row.version is None else etag_of(row.version),
            facts=row.more,
        )


class WorklistReply(ReplyBody):
    """A page of the worklist: by lane, what nobody has acknowledged first; the Link header points to the next."""

    items: list[WorklistItemReply]


class Assignment(RequestBody):
    """Who takes care of it from now on."""

    model_config = example(member="01920000-0000-7000-8000-000000000001")

    member: UUID | None = Field(description="A member of the staff; null: nobody in particular")


class Outreach(RequestBody):
    """That someone tried to reach the patient, and the outcome."""

    model_config = example(channel="phone", outcome="left_message", note="Will call back on Monday")

    channel: Annotated[OutreachChannel, choice_of(OutreachChannel)]
    outcome: Annotated[OutreachOutcome, choice_of(OutreachOutcome)]
    note: Annotated[str, Field(max_length=4000)] | None = Field(
        default=None, description="For the care team only"
    )


class Answer(RequestBody):
    """Which of the fixed texts the patient is answered with."""

    model_config = example(text="will_call")

    text: Annotated[AnswerText, choice_of(AnswerText)] = Field(
        description="`has_read`, `please_call` or `will_call`; none says anything clinical"
    )


class WorklistChange(RecordReply):
    """A row after a change."""

    id: UUID
    state: str
    assignee_id: UUID | None
    acknowledged_at: datetime | None


def position_of(place: Place) -> str:
    """Write a place as what a cursor holds."""
    lane, seen, rank, since, row_id = place
    return f"{lane}|{seen}|{rank}|{since.isoformat()}|{row_id}"


def place_in(cursor: str | None) -> Place | None:
    """Read a cursor back; None for none.

    Raises:
        CursorNotValidError: it is no cursor of ours.
    """
    if not cursor:
        return None
    try:
        lane, seen, rank, since, row_id = (read_cursor(cursor) or "").split("|")
        place = (int(lane), int(seen), int(rank), datetime.fromisoformat(since), UUID(row_id))
    except ValueError:
        raise CursorNotValidError("query/after") from None
    is_one = place[0] in set(Lane) and place[1] in {0, 1} and 0 <= place[2] <= len(KINDS)
    if not is_one or place[3].tzinfo is None:
        raise CursorNotValidError("query/after")
    return place


def path_of(kind: str, item_id: UUID | str, patient_id: UUID) -> str:
    """Say where the care team's page about a row is."""
    if kind == "safety":
        return f"/care/safety-events/{item_id}"
    if kind == "score_due":
        return f"/care/patients/{patient_id}/infusions/{item_id}/session#score_scale"
    return f"/care/signals/{item_id}" if kind == "signal" else f"/care/patients/{patient_id}"
