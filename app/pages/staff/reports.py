"""The clinic's reports over a period, and the same table that the API gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.access.clinics.queries import clinic_in
from app.care.insights.numbers import Insights
from app.care.insights.period import PeriodRefusedError
from app.care.insights.routes import table_answer
from app.care.insights.service import read_insights
from app.clinical.english_formats import counted
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.report_figures import care_figures, safety_figures, signal_figures
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.pages.staff.when import day_written
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayReadReports = Annotated[StaffVisitor, staff_may(Permission.INSIGHTS)]
REPORTS: Final = "/care/reports"
_PRESETS: Final = ((30, "Last 30 days"), (90, "Last 90 days"), (365, "Last year"))


@dataclass(frozen=True, slots=True)
class Count:
    """One line of a table, with its share of the longest for the bar."""

    name: str
    count: int
    percent: int


@router.get("/reports")
async def show_reports(
    context: ContextNeeded, visitor: MayReadReports, first: str = "", end: str = ""
) -> Response:
    """Show what alerts were worth and how patients fared; for a period that cannot be counted, the reason."""
    work = visitor.work
    tomorrow = (await clinic_in(work, work.vault)).today(work.now) + timedelta(days=1)
    typed = {"first": first, "end": end}
    try:
        found = await _read_period(visitor, first, end)
    except PeriodRefusedError as error:
        return render(
            context, visitor, "reports.html", here=REPORTS, status=422,
            presets=_presets(tomorrow, ""), typed=typed, mistake=str(error), found=None, shown=None,
        )  # fmt: skip
    period = found.period
    typed = {"first": period.first.isoformat(), "end": period.end.isoformat()}
    current = f"first={period.first}&end={period.end}"
    return render(
        context, visitor, "reports.html", here=REPORTS,
        presets=_presets(tomorrow, current), typed=typed, mistake="", found=found, shown=_shown(found),
    )  # fmt: skip


@router.get("/reports.csv")
async def reports_table(visitor: MayReadReports, first: str = "", end: str = "") -> Response:
    """Give the same as a table."""
    answer = table_answer(await _read_period(visitor, first, end))
    answer.headers["cache-control"] = "no-store"
    return answer


async def _read_period(visitor: StaffVisitor, first: str, end: str) -> Insights:
    """Read the figures of a period as it was typed; empty means the standard one.

    Raises:
        PeriodRefusedError: it is no period, or none that can be counted.
    """
    days = [_day(text) for text in (first, end)]
    return await read_insights(visitor.work, first=days[0], end=days[1])


def _presets(tomorrow: date, current: str) -> list[tuple[str, str, bool]]:
    """Give each preset's link, its words, and whether it is the one that is shown."""
    queries = [(f"first={tomorrow - timedelta(days=days)}&end={tomorrow}", words) for days, words in _PRESETS]
    return [(f"{REPORTS}?{query}", words, query == current) for query, words in queries]


def _shown(found: Insights) -> dict[str, object]:
    period = found.period
    last = period.end - timedelta(days=1)
    return {
        "from": day_written(period.first),
        "to": day_written(last),
        "days": counted((period.end - period.first).days, "day"),
        "csv": f"{REPORTS}.csv?first={period.first}&end={period.end}",
        "groups": (
            ("Signals", signal_figures(found)),
            ("Safety", safety_figures(found)),
            ("Patients", care_figures(found)),
        ),
        "dispositions": _counts(found.signals.dispositions),
        "criteria": _counts(found.signals.by_criterion),
        "weeks": [(one.week, one.lost, one.censored) for one in found.benefits.weeks],
    }


def _counts(counts: Mapping[str, int]) -> list[Count]:
    longest = max(counts.values(), default=0) or 1
    return [
        Count(name.replace("_", " ").capitalize(), count, round(100 * count / longest))
        for name, count in counts.items()
    ]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise PeriodRefusedError from None
