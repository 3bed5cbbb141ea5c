"""The clinic's reports over a period: figures as sentences, and the same table that the API gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.access.clinics.queries import clinic_in
from app.care.insights.figures import PeriodRefusedError, Share, Times
from app.care.insights.numbers import Insights, Step, Watched
from app.care.insights.outcomes import BenefitGroup, BenefitNumbers, ScaleNumbers
from app.care.insights.queries import read_insights
from app.care.insights.routes import table_answer
from app.clinical.long_exposure import scale_name
from app.foundation.translations import say
from app.pages.staff.alert_words import DISPOSITIONS
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.pages.staff.wall_clock import counted, day_written, moment_in, share_written, short_day

# Below so many one more or less moves a share by five points or more: it is said beside the figure.
SMALL_BELOW: Final = 20
NOTHING: Final = say("none yet")
NO_VALUE: Final = "\N{EN DASH}"
_CRITERIA: Final = {
    "gain_lost": say("Gain lost"),
    "scale_relapse": say("Scale relapse"),
    "one_domain": say("One domain"),
    "patient_asks": say("Patient asks"),
}
_GROUPS: Final = {
    "induction": say("After induction"),
    "booster": say("After a booster"),
    "iv": "IV",
    "im": "IM",
    "not_recorded": say("Route not recorded"),
}
# The boxes that lines and bars are drawn in.
_ACROSS: Final = 100
_TALL: Final = 24
_BARS_TALL: Final = 128
# Room above the highest bar for its number, and beside the bars for all of them.
_BARS_TOP: Final = 16
_AXIS_WIDE: Final = 6
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
        lines: what is drawn of it over the weeks: points of lines in a box of 100 by 24, a gap between two of them.
    """

    title: str
    value: str
    rests_on: str
    how: str
    small: bool
    lines: tuple[str, ...]


def figures_of(found: Insights) -> list[Figure]:
    """Give the few figures that say what alerts cost and were worth, and how patients fared."""
    signals, steps = found.signals, found.steps
    return [
        _burden(found),
        _share(
            say("Acknowledged in time"),
            signals.in_time,
            "signal",
            say(
                "Acknowledged within the clinic's present limit, of those acknowledged or waiting "
                "longer than it."
            ),
            [one.in_time for one in steps],
            also=_half_within(signals.hours, _hours),
        ),
        _share(
            say("Right, of those closed"),
            signals.precision,
            "signal",
            say(
                "Precision: of closed signals that someone called right or wrong, those called "
                "right: a booster given or booked, or other treatment. Watchful waiting says neither. A "
                "booster that was planned anyway counts as right, so this leans upwards."
            ),
            [one.precision for one in steps],
        ),
        _seen_in_time(found),
        _answered(found),
        _share(
            say("Days with half of the gain lost"),
            found.below_half,
            "day",
            say(
                "Of the days watched, those from a signal that nobody called wrong to the next "
                "infusion; one that was "
                "closed for neither a booster given nor one to come is over on that day."
            ),
            [one.below_half for one in steps],
        ),
    ]


def _seen_in_time(found: Insights) -> Figure:
    return _share(
        say("Safety events seen in time"),
        found.safety.in_time,
        say("safety event"),
        say(
            "Acknowledged within the clinic's present limit for its urgency, of those acknowledged or "
            "waiting longer than it."
        ),
        [one.safety_in_time for one in found.steps],
        also=_half_within(found.safety.minutes, _minutes),
    )


def _answered(found: Insights) -> Figure:
    return _share(
        say("Check-ins answered"),
        found.check_ins.answered,
        "day",
        say(
            "Days with a check-in, of the days on which a steady patient's plan asks for one. "
            "{count} asked; {value2} with a check-in that was not asked for are not in it.",
            count=counted(found.check_ins.patients, "patient"),
            value2=counted(found.check_ins.beside, "day"),
        ),
        [one.answered for one in found.steps],
    )


def _burden(found: Insights) -> Figure:
    raised, rate, steps = found.signals.raised, found.per_patient_year, found.steps
    a_year = "" if rate is None else say("{rate:.1f} per patient-year, over ", rate=rate)
    return Figure(
        title=say("Signals"),
        value=str(raised),
        rests_on=say(
            "{a_year}{lasting} of {count}",
            a_year=a_year,
            lasting=_lasting(found.watched),
            count=counted(found.watched.patients, "patient"),
        ),
        how=say(
            "Signals raised in the period, and for each year that a patient was watched after induction: the "
            "alert burden."
        ),
        small=raised < SMALL_BELOW or found.watched.years < 1,
        lines=_lines([one.raised for one in steps], most=max((one.raised for one in steps), default=0)),
    )


def _lasting(watched: Watched) -> str:
    if watched.years < 1:
        return counted(watched.days, "patient-day")
    return counted(round(watched.years, 1), "patient-year")


def _share(
    title: str, share: Share, noun: str, how: str, over_time: Sequence[Share], *, also: str = ""
) -> Figure:
    return Figure(
        title=title,
        value=NOTHING if share.share is None else share_written(share.share),
        rests_on=say(
            "{count} of {value2}{also}", count=share.count, value2=counted(share.of, noun), also=also
        ),
        how=how,
        small=share.of < SMALL_BELOW,
        lines=_lines([one.share for one in over_time], most=1),
    )


def _half_within(times: Times, lasting: Callable[[float], str]) -> str:
    if times.median is None or times.ninetieth_percentile is None:
        return ""
    return say(
        "; half within {lasting}, nine of ten within {value2}",
        lasting=lasting(times.median),
        value2=lasting(times.ninetieth_percentile),
    )


def _lines(values: Sequence[float | None], *, most: float) -> tuple[str, ...]:
    """Draw values from 0 to the most; where there is none, the line has a gap, and one alone is a short line."""
    across = _ACROSS / max(1, len(values) - 1)
    drawn, points = list[str](), list[str]()
    for number, value in enumerate([*values, None]):
        if value is not None:
            points.append(f"{number * across:.1f},{_TALL - value / (most or 1) * (_TALL - 2) - 1:.1f}")
        elif points:
            ends = points if len(points) > 1 else [*points, points[0].replace(",", ".1,", 1)]
            drawn.append(" ".join(ends))
            points = []
    return tuple(drawn)


def _hours(hours: float) -> str:
    if hours < 1:
        return say("{value1:.0f} min", value1=hours * _MINUTES_AN_HOUR)
    return (
        say("{hours:.1f} h", hours=hours)
        if hours < 2 * _HOURS_A_DAY
        else say("{value1:.1f} days", value1=hours / _HOURS_A_DAY)
    )


def _minutes(minutes: float) -> str:
    return _hours(minutes / _MINUTES_AN_HOUR)


router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayReadReports = Annotated[StaffVisitor, staff_may(Permission.INSIGHTS, may_be_old=True)]
REPORTS: Final = "/care/reports"
_PRESETS: Final = ((30, say("Last 30 days")), (90, say("Last 90 days")), (365, say("Last year")))


@dataclass(frozen=True, slots=True)
class Count:
    """One line of a table, with its share of the longest for the bar."""

    name: str
    count: int
    percent: int


@router.get("/reports")
async def show_reports(visitor: MayReadReports, first: str = "", end: str = "") -> Response:
    """Show what alerts were worth and how patients fared; for a period that cannot be counted, the reason."""
    work = visitor.work
    clinic = await clinic_in(work)
    tomorrow = clinic.today(work.now) + timedelta(days=1)
    typed, found, mistake = {"first": first, "end": end}, None, ""
    try:
        found = await _read_period(visitor, first, end)
        typed = {"first": found.period.first.isoformat(), "end": found.period.end.isoformat()}
    except PeriodRefusedError as error:
        mistake = error.message()
    return render(
        visitor,
        "reports.html",
        here=REPORTS,
        status=422 if mistake else 200,
        presets=_presets(tomorrow, "" if mistake else f"first={typed['first']}&end={typed['end']}"),
        typed=typed,
        mistake=mistake,
        found=found,
        shown=found and _shown(found),
        as_of=work.read_as_of and moment_in(work.read_as_of, clinic.time_zone),
    )


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
        "figures": figures_of(found),
        "steps": [_row(one) for one in found.steps],
        "bars": _bars(found.steps),
        "dispositions": _counts(found.signals.dispositions),
        "criteria": _counts(found.signals.by_criterion),
        "scales": [_scale(one) for one in found.inductions.scales],
        "inductions": counted(found.inductions.ended, "induction"),
        "durations": [
            (say("All"), _duration(found.benefits)),
            *((_GROUPS.get(one.group, _plain(one.group)), _duration(one)) for one in found.benefits.groups),
        ],
        "weeks": [(one.week, one.lost, one.censored) for one in found.benefits.weeks],
    }


def _row(step: Step) -> list[str]:
    """Give a step's line of the table, in the order of the figures."""
    shares = (step.in_time, step.precision, step.safety_in_time, step.answered, step.below_half)
    return [day_written(step.begins), str(step.raised), *(_of(one) for one in shares)]


def _of(share: Share) -> str:
    return say("{count} of {of}", count=share.count, of=share.of) if share.of else NO_VALUE


def _bars(steps: Sequence[Step]) -> dict[str, object]:
    """Give signals by week as bars on an axis: across in percent, down in pixels, so that letters keep their size.

    The dates under it are those of the first, the middle and the last week.
    """
    most, wide = (
        max((one.raised for one in steps), default=0) or 1,
        (_ACROSS - _AXIS_WIDE) / max(1, len(steps)),
    )
    ticks = (0, most) if most % 2 else (0, most // 2, most)
    # A later name takes an earlier one's place: a single week is named at its start.
    named = {len(steps) // 2: "middle", len(steps) - 1: "end", 0: "start"}
    drawn = []
    for number, one in enumerate(steps):
        left, in_time = _AXIS_WIDE + number * wide, min(one.in_time.count, one.raised)
        drawn.append(
            {
                "x": round(left + wide * 0.15, 2),
                "wide": round(wide * 0.7, 2),
                "raised": round(_BARS_TALL * one.raised / most, 2),
                "in_time": round(_BARS_TALL * in_time / most, 2),
                "day": short_day(one.begins) if number in named else "",
                "anchor": named.get(number),
                "at": round(left + wide * {"middle": 0.5, "end": 0.85}.get(named.get(number, ""), 0.15), 2),
            }
        )
    return {
        "all": drawn,
        "ticks": [(one, round(_BARS_TOP + _BARS_TALL * (1 - one / most), 2)) for one in ticks],
        "bottom": _BARS_TOP + _BARS_TALL,
    }


def _scale(one: ScaleNumbers) -> tuple[str, int, str, str]:
    remitted = NO_VALUE if one.remitted is None else _with_percent(one.remitted)
    return scale_name(one.scale), one.responded.of, _with_percent(one.responded), remitted


def _with_percent(share: Share) -> str:
    return (
        NO_VALUE
        if share.share is None
        else say("{count} ({share})", count=share.count, share=share_written(share.share))
    )


def _duration(one: BenefitNumbers | BenefitGroup) -> dict[str, str]:
    return {
        "begun": counted(one.begun, "benefit"),
        "lost": say(
            "{lost} lost, {censored} still going on when last seen", lost=one.lost, censored=one.censored
        ),
        "median": say("not reached") if one.median_days is None else counted(one.median_days, "day"),
    }


def _plain(name: str) -> str:
    return DISPOSITIONS.get(name) or _CRITERIA.get(name) or name.replace("_", " ").capitalize()


def _counts(counts: Mapping[str, int]) -> list[Count]:
    longest = max(counts.values(), default=0) or 1
    return [Count(_plain(name), count, round(100 * count / longest)) for name, count in counts.items()]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise PeriodRefusedError from None
