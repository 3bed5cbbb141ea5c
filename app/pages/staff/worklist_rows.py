"""A row of the worklist as the page writes it: its words, its figure, its sparkline, its next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.access.clinics.permissions import Permission
from app.care.worklist import commands
from app.care.worklist.queries import RecentLoss, Today, WorklistItem
from app.care.worklist.schemas import path_of
from app.foundation.translations import say
from app.pages.staff.patient_words import LEVELS
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.worklist_words import age_of, why_of
from app.storage.worklist import KINDS, Lane

# A sparkline is 120 px wide, a day 4 px.
_SPARK_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """The last days in a line: the paths that draw it, and where it ends."""

    line: str
    area: str
    ticks: str
    x: int
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A row as the page writes it; a template reads attributes faster than a mapping's keys."""

    id: str
    path: str
    number: str
    status: str
    test: bool
    why: str
    detail: str
    lost: int | None
    spark: Sparkline | None
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


def _row_of(item: WorklistItem, found: Today, *, now: datetime, handles: bool, records: bool) -> ShownRow:
    row, glance = item.row, found.glances[item.row.id]
    loss = glance.loss
    why, detail = why_of(item, glance, found.status.time_zone, now)
    seen = row.acknowledged_at is not None
    changeable = handles and row.version is not None and not row.closed
    # Who may not enter a score is led to the patient.
    kind = row.kind if row.kind != "score_due" or records else ""
    return ShownRow(
        id=str(row.id),
        path=path_of(kind, row.id, row.patient_id),
        number=item.chart_number,
        status=LEVELS.get(row.level, row.level),
        test=row.mode == "test" and found.status.mode != "test",
        why=why,
        detail=detail,
        lost=None if loss.lost is None else round(loss.lost * 100),
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
        return say("Enter the score")
    if not changeable:
        return say("Open")
    if kind == "note":
        return "read"
    if kind in commands.DONE_ONCE_REACHED:
        return "contacted"
    if not seen and kind in {"safety", "signal", "worse_than_before"}:
        return "acknowledge"
    return say("Decide") if KINDS.get(kind, Lane.REACH_OUT) is not Lane.REACH_OUT else say("Reach out")


def spark_of(loss: RecentLoss) -> Sparkline | None:
    """Draw the last 30 days: the top line is the reference, the floor is how it was before treatment."""
    # Of a day with several answers, the last.
    days = {back: share for back, share in loss.shares if 0 <= back < _SPARK_DAYS}
    points = [(118 - 4 * back, 7 + 22 * share) for back, share in days.items()]
    if not points:
        return None
    line = "L".join(f"{x} {y:.1f}" for x, y in points)
    first, last = points[0], points[-1]
    return Sparkline(
        line=f"M{line}",
        area=f"M{first[0]} 7L{line}L{last[0]} 7Z",
        ticks="".join(f"M{118 - 4 * back} 0v5" for back in loss.infused),
        x=last[0],
        y=round(last[1], 1),
    )
