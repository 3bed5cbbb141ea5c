"""How often findings are seen in patients who are well, and how soon in those who are not (section 6, findings).

*Worse than before* and *elevated mood* are counted from what the rule remembers day by day, on the people, noise,
dips and missing check-ins of the reference cohort.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from os import cpu_count
from random import Random
from typing import Final

from app.clinical.check_ins import CheckIn
from app.clinical.domains import DOMAINS, PerDomain
from app.clinical.protocol import STANDARD
from app.clinical.reference import Reference
from app.clinical.state.patient_state import PatientState, advance
from app.clinical.state.timeline import replay
from app.studies.cohort_plan import NEVER_LOST
from app.studies.measures import DAYS_A_YEAR
from app.studies.onset_figures import rate_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table
from app.studies.simulated_patient import INFUSION_HOUR, ReportedDays, Truth, at, drawn_truth, history_before

BEGINS: Final = (20, 140)
EPISODE_DAYS: Final = 14
ELEVATED_LEVEL: Final = 9.3
HOURS_LESS: Final = 3.0
USUAL_HOURS: Final = (6.0, 8.0)
HOURS_SD: Final = 0.8
HOURS_SD_RESTLESS: Final = 1.2
HALF_HOURS, QUARTER_HOURS = 2, 4
"""Asked how long they slept, people answer in half hours; the form takes quarters."""
POINTS_BELOW: Final = 3.0
SOON_DAYS: Final = 7
HOURS_OF_DAY: Final = 24


class Kind(StrEnum):
    """Who is looked at."""

    WELL = "stable"
    WELL_WITHOUT_HOURS = "stable, hours of sleep not reported"
    LOST_THE_GAIN = "only the gain is lost"
    FAR_BELOW = "3 points below the baseline"
    ELEVATED = "14 days at 9.3 and 3 h less sleep"
    ELEVATED_IN_QUARTERS = "the same, hours to the quarter"
    ELEVATED_RESTLESS = "the same, nights that vary by 1.2 h"


_ELEVATED: Final = frozenset((Kind.ELEVATED, Kind.ELEVATED_IN_QUARTERS, Kind.ELEVATED_RESTLESS))
_UNCHANGED: Final = frozenset((Kind.WELL, Kind.WELL_WITHOUT_HOURS))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Days on which each finding began; `change` is the day on which the patient changed."""

    change: int | None
    elevated: tuple[int, ...]
    worse_mood: tuple[int, ...]
    worse_other: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFigures:
    """One kind of patient on one seed: findings a patient-year, and found within 7 and 14 days of the change."""

    elevated_a_year: float
    worse_mood_a_year: float
    worse_other_a_year: float
    elevated_in_7: float
    elevated_in_14: float
    worse_in_14: float


def finding_figures(
    *, patients: int, seeds: Sequence[int], processes: int | None = None, watch: Watch = unwatched
) -> dict[Kind, tuple[FindingFigures, ...]]:
    """Every kind of patient, `patients` of each seed; the figures seed by seed."""
    at_once = processes or cpu_count() or 1
    return {
        kind: tuple(
            _figures(list(watch(in_processes(partial(_see, kind, seed), patients, processes=at_once))))
            for seed in seeds
        )
        for kind in Kind
    }


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patients a study of this size runs."""
    return patients * len(seeds) * len(Kind)


def _figures(every: Sequence[_Seen | None]) -> FindingFigures:
    seen = [one for one in every if one is not None]
    years = len(seen) * NEVER_LOST.followed_days / DAYS_A_YEAR

    def rate(of: Sequence[tuple[int, ...]]) -> float:
        return sum(map(len, of)) / years if years else 0.0

    def found(name: str, days: int) -> float:
        changed = [one for one in seen if one.change is not None]
        hits = sum(any(0 <= day - (one.change or 0) < days for day in getattr(one, name)) for one in changed)
        return hits / len(changed) if changed else 0.0

    return FindingFigures(
        elevated_a_year=rate([one.elevated for one in seen]),
        worse_mood_a_year=rate([one.worse_mood for one in seen]),
        worse_other_a_year=rate([one.worse_other for one in seen]),
        elevated_in_7=found("elevated", SOON_DAYS),
        elevated_in_14=found("elevated", EPISODE_DAYS),
        worse_in_14=found("worse_mood", EPISODE_DAYS),
    )


def _see(kind: Kind, seed: int, numbers: tuple[int, int]) -> list[_Seen | None]:
    return [
        _seen(kind, Random(f"afterglow findings {seed} {number}"))  # noqa: S311 - must repeat, guards nothing
        for number in range(*numbers)
    ]


def _seen(kind: Kind, random: Random) -> _Seen | None:
    """What is seen in one patient; None without a reference, and where mood has no room to fall so far."""
    person = drawn_truth(NEVER_LOST, random)
    change = random.randint(*BEGINS) if kind not in _UNCHANGED else None
    days = ReportedDays(NEVER_LOST, person, random)
    if kind is Kind.FAR_BELOW and person.before.mood < POINTS_BELOW:
        return None
    hours = _Hours(random, kind)
    before = replace(history_before(NEVER_LOST, "one"), check_ins=tuple(map(hours.slept, days.before())))
    state = replay(before, as_of=at(0, INFUSION_HOUR))
    elevated, worse = list[int](), PerDomain[list[int]]([], [], [])
    for day in range(1, NEVER_LOST.followed_days + 1):
        check_in = _check_in(kind, change, day, days, person, hours)
        if check_in is None:
            continue
        later = advance(state, check_in, protocol=STANDARD)
        if later is None:
            continue
        _note(state, later, day, elevated, worse)
        state = later
    if not isinstance(state.reference, Reference):
        return None
    return _Seen(change, tuple(elevated), tuple(worse.mood), (*worse.energy, *worse.sleep_quality))


def _note(
    before: PatientState, after: PatientState, day: int, elevated: list[int], worse: PerDomain[list[int]]
) -> None:
    """Note what began on a day."""
    if after.signs.elevated_since is not None and before.signs.elevated_since is None:
        elevated.append(day)
    for index in range(len(DOMAINS)):
        now, earlier = after.signs.levels[index], before.signs.levels[index]
        if now and now.worse_since is not None and not (earlier and earlier.worse_since is not None):
            worse[index].append(day)


def _check_in(
    kind: Kind, change: int | None, day: int, days: ReportedDays, person: Truth, hours: "_Hours"
) -> CheckIn | None:
    """The report of a day, after the change as the kind of patient says."""
    changed = change is not None and day >= change
    share = PerDomain(0.0, 0.0, 0.0)
    if changed and kind is Kind.LOST_THE_GAIN:
        share = PerDomain(1.0, 1.0, 1.0)
    if changed and kind is Kind.FAR_BELOW:
        share = share._replace(mood=1.0 + POINTS_BELOW / person.gain.mood if person.gain.mood else 1.0)
    in_episode = kind in _ELEVATED and change is not None and change <= day < change + EPISODE_DAYS
    if in_episode:
        levels = zip(person.before, person.gain, strict=True)
        mood, energy, _ = (1.0 - (ELEVATED_LEVEL - before) / gain if gain else 0.0 for before, gain in levels)
        share = PerDomain(mood, energy, 0.0)
    # At 9.3 for 14 days: no passing dip of the gain takes anything from that.
    check_in = days.on(day, share, dips=not in_episode)
    return check_in and hours.slept(check_in, less=HOURS_LESS if in_episode else 0.0)


class _Hours:
    """How long someone sleeps: an own usual length, and nights around it, as they are answered."""

    def __init__(self, random: Random, kind: Kind) -> None:
        self._random, self._reported = random, kind is not Kind.WELL_WITHOUT_HOURS
        self._sd = HOURS_SD_RESTLESS if kind is Kind.ELEVATED_RESTLESS else HOURS_SD
        self._parts = QUARTER_HOURS if kind is Kind.ELEVATED_IN_QUARTERS else HALF_HOURS
        self._usual = random.uniform(*USUAL_HOURS)

    def slept(self, check_in: CheckIn, less: float = 0.0) -> CheckIn:
        """The same report with hours of sleep, where they are reported."""
        drawn = self._random.gauss(self._usual - less, self._sd)
        if not self._reported:
            return check_in
        answered = round(drawn * self._parts) / self._parts
        return replace(check_in, sleep_hours=min(float(HOURS_OF_DAY), max(0.0, answered)))


HEADER: Final = (
    "patients",
    "elevated a year",
    "worse (mood) a year",
    "worse (energy, sleep) a year",
    "elevated in 7 days %",
    "elevated in 14 days %",
    "worse (mood) in 14 days %",
)


def findings_table(found: Mapping[Kind, Sequence[FindingFigures]]) -> Table:
    """A row for each kind of patient, each figure with its standard error over seeds."""
    return [HEADER, *_rows(found)]


def _rows(found: Mapping[Kind, Sequence[FindingFigures]]) -> Iterator[Sequence[str]]:
    for kind, every in found.items():
        rates = (
            [one.elevated_a_year for one in every],
            [one.worse_mood_a_year for one in every],
            [one.worse_other_a_year for one in every],
        )
        shares = (
            [one.elevated_in_7 for one in every],
            [one.elevated_in_14 for one in every],
            [one.worse_in_14 for one in every],
        )
        changed = kind not in _UNCHANGED
        yield (
            kind.value,
            *(rate_with_error(values) for values in rates),
            *(share_with_error(values) if changed else "" for values in shares),
        )
