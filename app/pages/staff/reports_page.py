"""The clinic's reports over a period: figures as sentences, and the same table that the API gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.access.clinics.queries import clinic_in
from app.care.insights.figures import PeriodRefusedError, Share, Times
from app.care.insights.numbers import Insights, Watched
from app.care.insights.queries import read_insights
from app.care.insights.routes import table_answer
from app.foundation.translations import say
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.pages.staff.wall_clock import counted, day_written
from app.web.dependencies import ContextNeeded

# Below so many one more or less moves a share by five points or more: it is said beside the figure.
SMALL_BELOW: Final = 20
NOTHING: Final = say("none yet")
_HOURS_A_DAY: Final = 24
_MINUTES_AN_HOUR: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure as it is shown.

    Attributes:
        value: the figure itself, or that there is nothing to count yet.
        rests_on: on how many it rests.
        how: how it is counted, in a sentence.
        small: whether it rests on so few that chance alone moves it.
    """

    title: str
    value: str
    rests_on: str
    how: str
    small: bool


def signal_figures(found: Insights) -> list[Figure]:
    """What alerts cost, and whether someone was there."""
    signals, watched = found.signals, found.watched
    return [
        Figure(
            title=say("Signals per patient-year"),
            value=NOTHING if found.per_patient_year is None else f"{found.per_patient_year:.1f}",
            rests_on=say(
                "{count} over {lasting} of {value3}",
                count=counted(signals.raised, "signal"),
                lasting=_lasting(watched),
                value3=counted(watched.patients, "patient"),
            ),
            how=say(
                "Signals raised in the period, for each year that a patient was watched after induction."
            ),
            small=signals.raised < SMALL_BELOW or watched.years < 1,
        ),
        _share(
            say("Acknowledged in time"),
            signals.in_time,
            "signal",
            say(
                "Acknowledged within the clinic's present limit, of those acknowledged or waiting "
                "longer than it."
            ),
        ),
        _times(
            say("Time to acknowledge"),
            signals.hours,
            say("From raised to acknowledged: half took no longer than this."),
            hours=True,
        ),
        _share(
            say("Precision"),
            signals.precision,
            "signal",
            say(
                "Of closed signals that someone called right or wrong, those called right: a "
                "booster given or "
                "booked, or other treatment. Watchful waiting says neither. A booster that was "
                "planned anyway "
                "counts as right, so this leans upwards."
            ),
        ),
    ]


def safety_figures(found: Insights) -> list[Figure]:
    """How soon someone saw to safety events."""
    return [
        _share(
            say("Safety events seen in time"),
            found.safety.in_time,
            say("safety event"),
            say(
                "Acknowledged within the clinic's present limit for its urgency, of those acknowledged or "
                "waiting longer than it."
            ),
        ),
        _times(
            say("Time to acknowledge a safety event"),
            found.safety.minutes,
            say("From received to acknowledged: half took no longer than this."),
            hours=False,
        ),
    ]


def care_figures(found: Insights) -> list[Figure]:
    """Whether patients answer, and how they fare."""
    benefits, check_ins = found.benefits, found.check_ins
    figures = [
        _share(
            say("Check-ins answered"),
            check_ins.answered,
            "day",
            say(
                "Days with a check-in, of the days on which a steady patient's plan asks for one. "
                "{count} asked; {value2} with a check-in that was not asked for are not in it.",
                count=counted(check_ins.patients, "patient"),
                value2=counted(check_ins.beside, "day"),
            ),
        )
    ]
    for scale in found.inductions.scales:
        how = say("Of inductions that ended in the period with a total before and one after.")
        name = scale.scale.upper()
        figures.append(
            _share(
                say("Response on {name}", name=name),
                scale.responded,
                "induction",
                say("{how} With remission.", how=how),
            )
        )
        if scale.remitted is not None:
            figures.append(_share(say("Remission on {name}", name=name), scale.remitted, "induction", how))
    median = benefits.median_days
    figures.append(
        Figure(
            title=say("Duration of response"),
            value=NOTHING if median is None else counted(median, "day"),
            rests_on=say(
                "{count}: {lost} lost, {censored} still going on when last seen",
                count=counted(benefits.begun, "benefit"),
                lost=benefits.lost,
                censored=benefits.censored,
            ),
            how=say(
                "The time after which half are lost, from an induction's end or a booster, by "
                "Kaplan and Meier; "
                "none yet while more than half still go on."
            ),
            small=benefits.begun < SMALL_BELOW,
        )
    )
    return figures


def _lasting(watched: Watched) -> str:
    if watched.years < 1:
        return counted(watched.days, "patient-day")
    return counted(round(watched.years, 1), "patient-year")


def _share(title: str, share: Share, noun: str, how: str) -> Figure:
    return Figure(
        title=title,
        value=NOTHING if share.share is None else f"{share.share:.0%}",
        rests_on=say("{count} of {value2}", count=share.count, value2=counted(share.of, noun)),
        how=how,
        small=share.of < SMALL_BELOW,
    )


def _times(title: str, times: Times, how: str, *, hours: bool) -> Figure:
    lasting = _hours if hours else _minutes
    nine = (
        ""
        if times.ninetieth_percentile is None
        else say("; nine of ten within {lasting}", lasting=lasting(times.ninetieth_percentile))
    )
    return Figure(
        title=title,
        value=NOTHING if times.median is None else lasting(times.median),
        rests_on=say("{count} acknowledged{nine}", count=times.count, nine=nine),
        how=how,
        small=times.count < SMALL_BELOW,
    )


def _hours(hours: float) -> str:
    if hours < 1:
        return say("{value1:.0f} min", value1=hours * _MINUTES_AN_HOUR)
    return (
        f"{hours:.1f} h"
        if hours < 2 * _HOURS_A_DAY
        else say("{value1:.1f} days", value1=hours / _HOURS_A_DAY)
    )


def _minutes(minutes: float) -> str:
    return _hours(minutes / _MINUTES_AN_HOUR)


router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayReadReports = Annotated[StaffVisitor, staff_may(Permission.INSIGHTS)]
REPORTS: Final = "/care/reports"
_PRESETS: Final = ((30, say("Last 30 days")), (90, say("Last 90 days")), (365, say("Last year")))


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
            (say("Signals"), signal_figures(found)),
            (say("Safety"), safety_figures(found)),
            (say("Patients"), care_figures(found)),
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
