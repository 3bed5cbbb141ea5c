"""The record of an answer: what an evaluation found, with every number it used."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Final, NamedTuple

from app.clinical.answering import Share
from app.clinical.boosters import Stretch
from app.clinical.domains import NOTHING, PerDomain
from app.clinical.findings import Finding, WorseThanBefore
from app.clinical.known_now import median_gap
from app.clinical.levels import Level
from app.clinical.reasons import Criterion, Reason
from app.clinical.reference import Baseline, NoReference, Reference
from app.clinical.signs import RecentDay

RECENT_DAYS: Final = 10
"""The span of "9 check-ins in the last 10 days"; it describes and decides nothing."""


EXPOSURE_DAYS: Final = (30, 90, 365)
"""The spans over which infusions are counted; they are shown with every signal and decide nothing."""


class DataQuality(NamedTuple):
    """How much the answer rests on. `recent_days` are the latest check-in days with any domain.

    `gaps_counted` is over how many of the latest gaps the rule takes their median.
    """

    today: date
    recent_days: tuple[int, ...]
    last_report_at: datetime | None
    last_report_on: date | None
    gaps_counted: int

    @property
    def days_in_last_10(self) -> int:
        """Check-in days among the last ten, today included."""
        today = self.today.toordinal()
        return sum(today - day < RECENT_DAYS for day in self.recent_days)

    @property
    def median_gap_days(self) -> float | None:
        """The gap that the rule looks back by; None with fewer than two check-in days."""
        return median_gap(self.recent_days, self.gaps_counted) or None

    @property
    def longest_gap_days(self) -> int | None:
        """The longest distance between the latest check-in days, the time since the last one included."""
        if not self.recent_days:
            return None
        ends = (*self.recent_days, max(self.today.toordinal(), self.recent_days[-1]))
        return max(later - earlier for earlier, later in pairwise(ends))


class Exposure(NamedTuple):
    """The infusions so far, so that a rising frequency is visible and never encouraged.

    `total` counts all infusions ever; `response_durations` are the days from earlier infusions to the first day
    at consider, where there was one. `about` of the total are infusions before the patient was taken on, known
    only as "about so many"; they are in no span.
    """

    last_on: date | None
    days_since_last: int | None
    in_30_days: int
    in_90_days: int
    in_365_days: int
    total: int
    response_durations: tuple[int, ...]
    about: int = 0


def exposure_on(
    days: Sequence[int], today: int, *, total: int, response_durations: tuple[int, ...] = (), about: int = 0
) -> Exposure:
    """The infusions as of a day: how many in the last 30, 90 and 365 days, and how many ever.

    Args:
        days: the day numbers of the infusions in order, at least those of the year before the last one.
        today: the day number that the answer speaks about.
        total: all infusions ever.
        response_durations: how long earlier ones lasted, in days.
        about: how many of all are only known as "about so many".
    """
    if not days:
        return Exposure(None, None, 0, 0, 0, total, response_durations, about)
    n, (month, quarter, year) = len(days), EXPOSURE_DAYS
    return Exposure(
        date.fromordinal(days[-1]),
        today - days[-1],
        n - bisect_right(days, today - month),
        n - bisect_right(days, today - quarter),
        n - bisect_right(days, today - year),
        total,
        response_durations,
        about,
    )


class LastTotal(NamedTuple):
    """The last total of a validated scale and its day, in points of that scale."""

    scale: str
    on: date
    total: float


class LastKnown(NamedTuple):
    """What check-ins said when they last spoke, and on which day that was."""

    level: Level
    on: date


class Answered(NamedTuple):
    """Days answered of days asked: in the last 14 days, and in the 28 before."""

    recent: Share
    before: Share
    fell: bool


class Evaluation(NamedTuple):
    """What the reports say as of a moment. It speaks about now; nothing in it predicts or decides.

    Attributes:
        as_of: the moment. `day` is its check-in day in `time_zone`.
        level: the worst of the criteria; `unknown` when check-ins are too old to speak about now.
        criteria: criterion A always, others when they have something to say.
        notes: what is said with every level: assumed or falling reference, domains that are off, a
            booster that did not hold, what would have changed the answer.
        suppressed_by: why nothing may be raised now; empty when nothing holds it back.
        reports: mean of each domain's last answered day, in points.
        share_lost: each domain's share of the gain lost on that day, unsmoothed, -1 to 1.25.
        smoothed_share: the same, smoothed.
        smoothed_level: each domain's smoothed report in points.
        weighted: the weighted share of the last check-in day, unsmoothed; `smoothed` is S.
        threshold: the S from which criterion A says consider.
        reference: the reference, or why there is none.
        baseline: before treatment.
        data_quality, exposure, last_totals: what it rests on, the infusions, and each scale's last total.
        worse_than_before: domains below their baseline; never a booster question.
        unsteady_since: the earliest day on which a measured criterion left steady; None when all are steady.
        steady_on: the last check-in day on which check-ins were steady, since the last infusion.
        rule, version: what decided.
        findings: for review by a clinician, in the order in which they are said.
        last_known: what check-ins last said, when they do not speak about now.
        last_days: the latest three check-in days as answered.
        means_now: each domain's mean over those of them since the last infusion, in points.
        answered: how many of the asked days were answered; None before the first check-in.
        stretches: what each infusion's stretch showed, the running one last.
    """

    as_of: datetime
    day: date
    time_zone: str
    level: Level
    criteria: tuple[Criterion, ...]
    notes: tuple[Reason, ...]
    suppressed_by: tuple[Reason, ...]
    reports: PerDomain[float | None]
    share_lost: PerDomain[float | None]
    smoothed_share: PerDomain[float | None]
    smoothed_level: PerDomain[float | None]
    weighted: float | None
    smoothed: float | None
    threshold: float | None
    reference: Reference | NoReference
    baseline: Baseline | None
    data_quality: DataQuality
    exposure: Exposure
    last_totals: tuple[LastTotal, ...]
    worse_than_before: tuple[WorseThanBefore, ...]
    unsteady_since: date | None
    steady_on: date | None
    rule: str
    version: str
    findings: tuple[Finding, ...] = ()
    last_known: LastKnown | None = None
    last_days: tuple[RecentDay, ...] = ()
    means_now: PerDomain[float | None] = NOTHING
    answered: Answered | None = None
    stretches: tuple[Stretch, ...] = ()

    @property
    def is_steady(self) -> bool:
        """Whether there is a reference and every measured criterion is steady."""
        return self.unsteady_since is None and any(
            criterion.level == Level.STEADY for criterion in self.criteria
        )
