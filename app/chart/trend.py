"""What a trend is made of. Everything here was decided or averaged by the core; nothing is computed again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from app.clinical.check_ins import CheckInDay
from app.clinical.course import InfusionPhase
from app.clinical.domains import PerDomain
from app.clinical.levels import Level


class Reader(StrEnum):
    """Who looks. A patient sees the own data, never a level."""

    PATIENT = "patient"
    CLINICIAN = "clinician"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendDay:
    """One check-in day.

    Attributes:
        means: the day's means, 0 (worst) to 10 (best); None where nothing was answered.
        acute: reported less than 24 hours after an infusion; shown, but not compared with anything.
        late: reported after the day was over.
    """

    means: CheckInDay
    acute: bool = False
    late: bool = False

    @property
    def day(self) -> date:
        """Which day."""
        return self.means.day

    @property
    def values(self) -> PerDomain[float | None]:
        """The means of the domains."""
        return self.means.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A level that reports are measured against: mean ± standard deviation per domain, of so many days."""

    values: PerDomain[float | None]
    spread: PerDomain[float]
    days: PerDomain[int]
    from_day: date | None
    to_day: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InfusionMark:
    """An infusion on its day."""

    day: date
    phase: InfusionPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSpan:
    """Days through which one level stood, as it was answered at the time; both days included."""

    first_day: date
    last_day: date
    level: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalMark:
    """A validated total on its day. The name of a clinic's own scale is the clinic's text."""

    day: date
    scale: str
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMark:
    """Something else that changed, on its day: the code of what, such as ``tms``. It decides nothing."""

    day: date
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A patient's reports from one day to another, in order of days, with what they are measured against."""

    first_day: date
    last_day: date
    days: Sequence[TrendDay] = ()
    baseline: Band | None = None
    reference: Band | None = None
    infusions: Sequence[InfusionMark] = ()
    levels: Sequence[LevelSpan] = ()
    totals: Sequence[TotalMark] = ()
    changes: Sequence[ChangeMark] = ()
    notes: Sequence[date] = ()

    @property
    def length(self) -> int:
        """The days from the first to the last, both included."""
        return (self.last_day - self.first_day).days + 1

    def seen_by(self, reader: Reader) -> "Trend":
        """The part of it that is for this reader: levels, totals and what staff keep are for clinicians only."""
        if reader is Reader.CLINICIAN:
            return self
        return replace(self, levels=(), totals=(), changes=(), notes=())
