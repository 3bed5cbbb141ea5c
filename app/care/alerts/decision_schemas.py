"""An evaluation as it is stored with a signal and sent out unchanged: the form of `storage/clinical_json`.

These describe it in the OpenAPI document; nothing is read or written through them. Words such as levels and codes
are plain text, so that a word more does not break a client.
"""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from app.web.schemas import ReplyBody


class DomainNumbers(ReplyBody):
    """A number for each domain, null where the domain has none."""

    mood: float | None
    energy: float | None
    sleep_quality: float | None


class DomainDays(ReplyBody):
    """The days behind the number of each domain."""

    mood: int
    energy: int
    sleep_quality: int


class DomainFlags(ReplyBody):
    """Yes or no for each domain."""

    mood: bool
    energy: bool
    sleep_quality: bool


class DecisionReason(ReplyBody):
    """A coded reason with the numbers that it used, by name."""

    code: str
    facts: dict[str, float | str | None]


class DecisionCriterion(ReplyBody):
    """What one way of looking at the reports came to, and why."""

    criterion: str = Field(examples=["gain_lost"])
    level: str = Field(examples=["consider_booster"])
    since: date | None
    subject: str | None = Field(description="The domain or the scale that it speaks of, where it is one")
    reasons: list[DecisionReason]


class DecisionBaseline(ReplyBody):
    """How the patient was before treatment."""

    values: DomainNumbers
    days: DomainDays
    squares: DomainNumbers = Field(description="Sums of squared distances from the values")
    n_days: int
    from_day: date | None
    to_day: date | None
    sleep_hours: list[float] = Field(default_factory=list, description="The nights' hours")


class DecisionReference(ReplyBody):
    """How the patient was after induction, and what there is to lose."""

    kind: str = Field(examples=["measured"])
    values: DomainNumbers
    days: DomainDays
    gains: DomainNumbers = Field(description="Reference less baseline, in points")
    assumed: DomainFlags = Field(description="Whether the gain is assumed: too few days before treatment")
    spread: DomainNumbers = Field(description="Within-person standard deviation, in points")
    weights: DomainNumbers = Field(description="The share of each domain in the decision")
    rule_values: DomainNumbers | None = Field(default=None, description="What the rule compares with")
    rule_gains: DomainNumbers | None = None
    mean_gain: float
    mean_rule_gain: float | None = None
    n_days: int
    from_day: date
    to_day: date
    sleep_hours: list[float] = Field(default_factory=list, description="The nights' hours")
    falling: bool = Field(description="Loss began inside the window, so the reference is its first half")
    assumes_baseline: bool
    chosen: bool = Field(default=False, description="A clinician named its window")


class DecisionNoReference(ReplyBody):
    """Why there was no reference."""

    kind: str = Field(examples=["none"])
    because: str = Field(examples=["too_few_days"])
    n_days: int
    days_needed: int
    until: date | None = Field(description="The last day that could still make one")
    taken_on_at: date | None = Field(default=None, description="When the patient was taken on in maintenance")
    proposed_from: date | None = Field(
        default=None, description="The days that are proposed, for a clinician"
    )
    proposed_to: date | None = None


class DecisionQuality(ReplyBody):
    """How much the evaluation rests on."""

    recent_days: list[date] = Field(description="The latest check-in days")
    days_in_last_10: int
    gaps_counted: int
    median_gap_days: float | None
    longest_gap_days: int | None
    last_report_at: datetime | None
    last_report_on: date | None


class DecisionExposure(ReplyBody):
    """The infusions up to then."""

    last_on: date | None
    days_since_last: int | None
    in_30_days: int
    in_90_days: int
    in_365_days: int
    total: int
    response_durations: list[int] = Field(description="Days from earlier infusions to the loss after them")
    about: int = Field(default=0, description="Of the total: known only as about so many, from before")


class DecisionTotal(ReplyBody):
    """The latest total of one scale."""

    scale: str
    on: date
    total: float


class DecisionWorse(ReplyBody):
    """A domain that was below where it stood before treatment."""

    domain: str
    smoothed_level: float
    baseline: float
    spread: float
    reports: list[float] = Field(default_factory=list, description="The latest three answers")


class DecisionFinding(ReplyBody):
    """Something for review by a clinician, never a booster question."""

    code: str = Field(examples=["worse_than_before"])
    since: date
    last_on: date
    ended: date | None
    numbers: dict[str, Any] | list[dict[str, Any]] = Field(description="What it was seen from")


class DecisionLastKnown(ReplyBody):
    """What check-ins last said, when they did not speak about now."""

    level: str
    on: date


class DecisionDay(ReplyBody):
    """One of the latest check-in days, as answered."""

    day: date
    mood: float | None
    energy: float | None
    sleep_quality: float | None
    sleep_hours: float | None = Field(description="The night that ended on this day")
    share: float | None = Field(description="The weighted share of the gain lost on it")
    smoothed: float | None


class DecisionShare(ReplyBody):
    """Days answered of days asked."""

    answered: int
    asked: int


class DecisionAnswered(ReplyBody):
    """How many of the asked days were answered: in the last 14 days, and in the 28 before."""

    recent: DecisionShare
    before: DecisionShare
    fell: bool


class DecisionStretch(ReplyBody):
    """From one infusion to the next, as check-ins saw it."""

    from_day: date
    to_day: date
    by_booster: bool
    n_days: int
    crossed_on: date | None
    held_days: int
    held_to: int | None = Field(description="And not as long as this; null when it was not lost")
    smoothed: float
    observed: bool


class Decision(ReplyBody):
    """An evaluation with every number that it rests on, as it was stored."""

    format: int
    zone_rules: str | None = Field(
        default=None,
        description="The edition of the time zone rules that it was made with; decisions of format 3 name none",
        examples=["2026b"],
    )
    as_of: datetime
    day: date = Field(description="The patient's check-in day then")
    time_zone: str
    level: str = Field(examples=["consider_booster"])
    criteria: list[DecisionCriterion]
    notes: list[DecisionReason]
    suppressed_by: list[DecisionReason] = Field(description="Why a signal was not raised for it")
    reports: DomainNumbers
    share_lost: DomainNumbers = Field(description="Shares of the gain")
    smoothed_share: DomainNumbers
    smoothed_level: DomainNumbers
    weighted: float | None = Field(description="The share lost over all domains, on that day")
    smoothed: float | None = Field(description="The same, smoothed: what is compared with the threshold")
    threshold: float | None
    reference: DecisionReference | DecisionNoReference
    baseline: DecisionBaseline | None
    data_quality: DecisionQuality
    exposure: DecisionExposure
    last_totals: list[DecisionTotal]
    worse_than_before: list[DecisionWorse]
    unsteady_since: date | None
    steady_on: date | None
    rule: str
    version: str = Field(description="The numbers that decided", examples=["2.0"])
    # What rule 1.0 did not keep is missing from its decisions.
    findings: list[DecisionFinding] = Field(default_factory=list)
    last_known: DecisionLastKnown | None = None
    last_days: list[DecisionDay] = Field(default_factory=list)
    means_now: DomainNumbers | None = None
    answered: DecisionAnswered | None = None
    stretches: list[DecisionStretch] = Field(default_factory=list)
