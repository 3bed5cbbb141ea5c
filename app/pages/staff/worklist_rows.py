"""A row of the worklist as the page writes it: its words, its figure, its sparkline, its next step."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from markupsafe import Markup

from app.access.clinics.permissions import Permission
from app.care.worklist import commands
from app.care.worklist.queries import RecentLoss, Today, WorklistItem
from app.care.worklist.schemas import path_of
from app.foundation.translations import say
from app.pages.staff.patient_words import LEVELS
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.worklist_words import age_of, why_of
from app.storage.worklist import KINDS, Lane, ListedItem

# A sparkline is 120 px wide, a day 4 px.
_SPARK_DAYS: Final = 30
_NO_SPARK: Final = Markup('<span class="spark"></span>')
_ENTER, _OPEN, _DECIDE, _REACH_OUT = say("Enter the score"), say("Open"), say("Decide"), say("Reach out")


class ShownRow(NamedTuple):
    """A row as the page writes it: its template takes it apart at once, by these places."""

    id: str
    path: str
    number: str
    status: str
    test: bool
    why: str
    detail: str
    lost: int | None
    spark: Markup
    days_since: int | None
    infusions: int
    age: str
    seen: bool
    assignee: str | None
    version: int | None
    urgent: bool
    takes: bool
    snoozes: bool
    act: str


def rows_of(items: Sequence[WorklistItem], found: Today, visitor: StaffVisitor) -> list[ShownRow]:
    """Say what rows show, and which step comes next in each for this member."""
    handles, records = visitor.may(Permission.SIGNALS_HANDLE), visitor.may(Permission.TREATMENT_RECORD)
    now = visitor.work.now
    return [_row_of(one, found, now=now, handles=handles, records=records) for one in items]


def page_of(row: ListedItem, visitor: StaffVisitor) -> str:
    """Say where a row leads this member: who may not enter a score is led to the patient."""
    return path_of(_kind_for(row, records=visitor.may(Permission.TREATMENT_RECORD)), row.id, row.patient_id)


def _kind_for(row: ListedItem, *, records: bool) -> str:
    return row.kind if row.kind != "score_due" or records else ""


def _row_of(item: WorklistItem, found: Today, *, now: datetime, handles: bool, records: bool) -> ShownRow:
    row, glance = item.row, found.glances[item.row.id]
    item_id, loss = str(row.id), glance.loss
    why, detail = why_of(item, glance, found.status.time_zone, now)
    seen = row.acknowledged_at is not None
    changeable = handles and row.version is not None and not row.closed
    kind = _kind_for(row, records=records)
    lost = loss.lost
    return ShownRow(
        id=item_id,
        path=path_of(kind, item_id, row.patient_id),
        number=item.chart_number,
        status=LEVELS.get(row.level, row.level),
        test=row.mode == "test" and found.status.mode != "test",
        why=why,
        detail=detail,
        lost=None if lost is None else round(lost * 100),
        spark=spark_of(loss),
        days_since=loss.days_since,
        infusions=loss.infusions,
        age=age_of(row.since, now),
        seen=seen,
        assignee=item.assignee,
        version=row.version,
        urgent=row.kind == "safety",
        takes=changeable and item.assignee is None,
        snoozes=changeable and kind == "signal",
        act=_act(kind, seen=seen, changeable=changeable),
    )


def _act(kind: str, *, seen: bool, changeable: bool) -> str:
    """Say which step comes next: one button a row."""
    if kind == "score_due":
        return _ENTER
    if not changeable:
        return _OPEN
    if kind == "note":
        return "read"
    if kind in commands.DONE_ONCE_REACHED:
        return "contacted"
    if not seen and kind in {"safety", "signal", "worse_than_before"}:
        return "acknowledge"
    return _DECIDE if KINDS.get(kind, Lane.REACH_OUT) is not Lane.REACH_OUT else _REACH_OUT


def spark_of(loss: RecentLoss) -> Markup:
    """Draw the last 30 days in a line of a list: what it says stands in words beside it.

    The top line is the reference, the floor is how it was before treatment.
    """
    # Of a day with several answers, the last.
    days = {back: share for back, share in loss.shares if 0 <= back < _SPARK_DAYS}
    points = [(118 - 4 * back, 7 + 22 * share) for back, share in days.items()]
    if not points:
        return _NO_SPARK
    line = "L".join([f"{x} {y:.1f}" for x, y in points])
    (first, _), (last, low) = points[0], points[-1]
    given = "".join([f"M{118 - 4 * back} 0v5" for back in loss.infused])
    ticks = f'<path class="tick" d="{given}"/>' if given else ""
    # Numbers only: nothing in it could be markup of another's.
    return Markup(  # noqa: S704 - see above
        '<svg class="spark" viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="loss" d="M{first} 7L{line}L{last} 7Z"/><path class="ref" d="M0 7H120"/>'
        f'<path class="smooth" d="M{line}"/>{ticks}'
        f'<circle class="end" cx="{last}" cy="{round(low, 1)}" r="2.2"/></svg>'
    )
