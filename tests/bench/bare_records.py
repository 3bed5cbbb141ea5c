"""What the bare step remembers and says: frozen dataclasses and tuples, nothing named for a reader."""

from dataclasses import dataclass

ROUNDING = 1e-9
NO_REFERENCE, UNKNOWN, STEADY, WATCH, CONSIDER = range(5)
WORSE, ELEVATED, SILENT, DISAGREE, _, BELOW_BEST = range(6)
LEVELS = ("no_reference", "unknown", "steady", "watch", "consider_booster")
WEIGHTED = 3
ASKED_BITS = 42
MASK = (1 << ASKED_BITS) - 1
RECOVERIES_KEPT = 3

Numbers = tuple[float, ...]
Maybe = tuple[float | None, ...]
Days = tuple[int, ...]
MaybeDays = tuple[int | None, ...]
Reason = tuple[object, ...]
Asked = tuple[int, int, int, int, int]
"""The day, asked and answered days as bits, and both counts since the infusion."""
Recent = tuple[int, Maybe, float | None, float | None]
"""A check-in day: its means, its weighted share's S, and the hours of sleep."""
Level = tuple[float, Days, int | None, int]
"""A smoothed report: points, its latest days, since when it is worse, and on how many days it has been back."""


@dataclass(frozen=True, slots=True)
class BareTotals:
    """One scale's totals: the latest, the line, and the run at or beyond it; what the last of all says."""

    scale: str
    missing: str | None
    awaited_until: int | None
    line: float | None
    latest: float | None
    on: int | None
    count: int
    first_on: int | None
    days_apart: int
    has_baseline: bool
    last_on: int | None
    last_total: float | None
    says_well: bool
    remitted: bool
    recall: int


@dataclass(frozen=True, slots=True)
class BarePatient:
    """What does not change from one check-in to the next. A domain that is off has no value and no gain.

    `values` and `gains` are those that the rule uses, `means` the measured ones; `notes` are said with every answer.
    """

    values: Maybe
    gains: Maybe
    means: Maybe
    weights: Numbers
    spread: Numbers
    before: Maybe
    measured_gain: float
    mean_gain: float
    usual_hours: float
    threshold: float
    infused_at: float
    infused_on: int
    induction_over: int
    course_closed: int | None
    totals: tuple[BareTotals, ...]
    notes: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class BareLoss:
    """The four smoothed shares through one day."""

    last: Days
    days: tuple[Days, ...]
    shares: Maybe
    shares_before: Maybe
    smoothed: Maybe
    smoothed_before: Maybe
    rates: Numbers
    low_days: Days
    since: MaybeDays
    n_days: Days
    run_from: MaybeDays
    run_after: MaybeDays
    reports: Maybe
    considered_on: int | None
    steady_on: int | None
    crossed_on: int | None
    crossed_run: tuple[int | None, int] | None
    burst: bool


@dataclass(frozen=True, slots=True)
class BareSigns:
    """What findings rest on through one day."""

    level_days: Days
    levels: tuple[Level | None, ...]
    run: Days
    elevated_since: int | None
    elevated_on: int | None
    recent: tuple[Recent, ...]
    best: tuple[float, int] | None
    recoveries: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class BareState:
    """What changes."""

    before: BareLoss
    now: BareLoss
    signs_before: BareSigns
    signs: BareSigns
    today: int | None
    sums: Numbers
    counts: Days
    hours: tuple[float, int]
    recent: Days
    last: tuple[int, float, str]
    asked_on: int | None
    asked: Asked


@dataclass(frozen=True, slots=True)
class BareAnswer:
    """The answer in plain values; days are day numbers, shares are those of the state."""

    day: int
    level: int
    reasons: tuple[Reason, ...]
    suppressed_by: tuple[Reason, ...]
    findings: tuple[tuple[int, int, int], ...]
    worse: Days
    unsteady_since: int | None
    notes: tuple[Reason, ...]
    answered: tuple[tuple[int, int], tuple[int, int], bool]
    stretch: tuple[int, int, int | None, bool]
    means: Maybe
