"""A clinic's figures as sentences: each with how it is counted, and on how many it rests."""

from dataclasses import dataclass
from typing import Final

from app.care.insights.figures import Share, Times
from app.care.insights.numbers import Insights, Watched
from app.clinical.english_formats import counted

# Below so many one more or less moves a share by five points or more: it is said beside the figure.
SMALL_BELOW: Final = 20
NOTHING: Final = "none yet"
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
            title="Signals per patient-year",
            value=NOTHING if found.per_patient_year is None else f"{found.per_patient_year:.1f}",
            rests_on=f"{counted(signals.raised, 'signal')} over {_lasting(watched)} "
            f"of {counted(watched.patients, 'patient')}",
            how="Signals raised in the period, for each year that a patient was watched after induction.",
            small=signals.raised < SMALL_BELOW or watched.years < 1,
        ),
        _share(
            "Acknowledged in time",
            signals.in_time,
            "signal",
            "Acknowledged within the clinic's present limit, of those acknowledged or waiting longer than it.",
        ),
        _times(
            "Time to acknowledge",
            signals.hours,
            "From raised to acknowledged: half took no longer than this.",
            hours=True,
        ),
        _share(
            "Precision",
            signals.precision,
            "signal",
            "Of closed signals that someone called right or wrong, those called right: a booster given or "
            "booked, or other treatment. Watchful waiting says neither. A booster that was planned anyway "
            "counts as right, so this leans upwards.",
        ),
    ]


def safety_figures(found: Insights) -> list[Figure]:
    """How soon someone saw to safety events."""
    return [
        _share(
            "Safety events seen in time",
            found.safety.in_time,
            "safety event",
            "Acknowledged within the clinic's present limit for its urgency, of those acknowledged or "
            "waiting longer than it.",
        ),
        _times(
            "Time to acknowledge a safety event",
            found.safety.minutes,
            "From received to acknowledged: half took no longer than this.",
            hours=False,
        ),
    ]


def care_figures(found: Insights) -> list[Figure]:
    """Whether patients answer, and how they fare."""
    benefits, check_ins = found.benefits, found.check_ins
    figures = [
        _share(
            "Check-ins answered",
            check_ins.answered,
            "day",
            f"Days with a check-in, of the days on which a steady patient's plan asks for one. "
            f"{counted(check_ins.patients, 'patient')} asked; {counted(check_ins.beside, 'day')} with a "
            "check-in that was not asked for are not in it.",
        )
    ]
    for scale in found.inductions.scales:
        how = "Of inductions that ended in the period with a total before and one after."
        name = scale.scale.upper()
        figures.append(_share(f"Response on {name}", scale.responded, "induction", f"{how} With remission."))
        if scale.remitted is not None:
            figures.append(_share(f"Remission on {name}", scale.remitted, "induction", how))
    median = benefits.median_days
    figures.append(
        Figure(
            title="Duration of response",
            value=NOTHING if median is None else counted(median, "day"),
            rests_on=f"{counted(benefits.begun, 'benefit')}: {benefits.lost} lost, "
            f"{benefits.censored} still going on when last seen",
            how="The time after which half are lost, from an induction's end or a booster, by Kaplan and Meier; "
            "none yet while more than half still go on.",
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
        rests_on=f"{share.count} of {counted(share.of, noun)}",
        how=how,
        small=share.of < SMALL_BELOW,
    )


def _times(title: str, times: Times, how: str, *, hours: bool) -> Figure:
    lasting = _hours if hours else _minutes
    nine = (
        ""
        if times.ninetieth_percentile is None
        else f"; nine of ten within {lasting(times.ninetieth_percentile)}"
    )
    return Figure(
        title=title,
        value=NOTHING if times.median is None else lasting(times.median),
        rests_on=f"{times.count} acknowledged{nine}",
        how=how,
        small=times.count < SMALL_BELOW,
    )


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * _MINUTES_AN_HOUR:.0f} min"
    return f"{hours:.1f} h" if hours < 2 * _HOURS_A_DAY else f"{hours / _HOURS_A_DAY:.1f} days"


def _minutes(minutes: float) -> str:
    return _hours(minutes / _MINUTES_AN_HOUR)
