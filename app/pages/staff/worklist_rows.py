"""A row of the worklist as the page writes it: its words, its figure, its sparkline, its next step."""

from dataclasses import dataclass
from typing import Any, Final

from app.access.clinics.permissions import Permission
from app.care.worklist import commands
from app.care.worklist.queries import RecentLoss, Today, WorklistItem
from app.care.worklist.schemas import path_of
from app.foundation.translations import joined, say
from app.pages.staff.patient_words import LEVELS
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.worklist_words import age_of, why_of
from app.storage.worklist import KINDS, Lane

# A sparkline is 120 px wide, a day 4 px.
_SPARK_DAYS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRow:
    """A row as the page writes it; a template reads attributes faster than a mapping's keys."""

    id: str
    path: str
    number: str
    status: str
    why: str
    detail: str
    meta: tuple[str, ...]
    lost: int | None
    spark: dict[str, Any] | None
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


def row_of(item: WorklistItem, found: Today, visitor: StaffVisitor) -> ShownRow:
    """Say what a row shows, and which step comes next for this member."""
    row, glance, now = item.row, found.glances[item.row.id], visitor.work.now
    loss = glance.loss
    why, detail = why_of(item, glance, found.status.time_zone, now)
    seen, handles = row.acknowledged_at is not None, visitor.may(Permission.SIGNALS_HANDLE)
    changeable = handles and row.version is not None and not row.closed
    age = age_of(row.since, now)
    days = (
        say("infusion {days_since} d ago", days_since=loss.days_since) if loss.days_since is not None else ""
    )
    # Who may not enter a score is led to the patient.
    kind = row.kind if row.kind != "score_due" or visitor.may(Permission.TREATMENT_RECORD) else ""
    is_test = row.mode == "test" and found.status.mode != "test"
    return ShownRow(
        id=str(row.id),
        path=path_of(kind, row.id, row.patient_id),
        number=item.chart_number,
        status=joined(
            filter(None, (LEVELS.get(row.level, row.level), say("test") if is_test else "")), " · "
        ),
        why=why,
        detail=detail,
        meta=tuple(filter(None, (days, age, item.assignee or say("unassigned")))),
        lost=None if loss.lost is None else round(loss.lost * 100),
        spark=spark_of(loss),
        days_since=loss.days_since,
        infusions=loss.infusions,
        age=age,
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


def spark_of(loss: RecentLoss) -> dict[str, Any] | None:
    """Draw the last 30 days: the top line is the reference, the floor is how it was before treatment."""
    # Of a day with several answers, the last.
    days = {back: share for back, share in loss.shares if 0 <= back < _SPARK_DAYS}
    points = [(118 - 4 * back, 7 + 22 * share) for back, share in days.items()]
    if not points:
        return None
    line = "L".join(f"{x} {y:.1f}" for x, y in points)
    first, last = points[0], points[-1]
    return {
        "line": f"M{line}",
        "area": f"M{first[0]} 7L{line}L{last[0]} 7Z",
        "ticks": [118 - 4 * back for back in loss.infused],
        "end": (last[0], round(last[1], 1)),
    }
