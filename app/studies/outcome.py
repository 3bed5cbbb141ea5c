"""Table 9.5: what each policy is worth over the same patients of a mixed clinic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import cpu_count
from typing import Final

from app.studies.closed_loop import FOLLOWED_DAYS, POLICIES, Policy, YearOfCare, years
from app.studies.measures import DAYS_A_YEAR
from app.studies.onset_figures import days_with_error, share_with_error
from app.studies.processes import Watch, in_processes, unwatched
from app.studies.reports import Table

WORST: Final = 0.9
MONTHS_OF_LOSS: Final = 120
SCALE: Final = DAYS_A_YEAR / FOLLOWED_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """One policy on one seed, a patient-year.

    Attributes:
        days_below_half: days below half the gain.
        boosters: how many; `while_well` of them while less than a quarter was lost.
        worst_tenth: days that nine patients in ten stay below; `over_120` is the share with more than 120.
        soon_false: signals within 14 days, per booster that had fully worked.
    """

    days_below_half: float
    boosters: float
    while_well: float
    worst_tenth: float
    over_120: float
    soon_false: float


def outcome(
    *,
    patients: int,
    seeds: Sequence[int],
    policies: Mapping[str, Policy] = POLICIES,
    processes: int | None = None,
    watch: Watch = unwatched,
) -> dict[str, tuple[Worth, ...]]:
    """Every policy over the same patients, `patients` of each seed; the figures seed by seed."""
    at_once = processes or cpu_count() or 1
    return {
        name: tuple(
            _worth(list(watch(in_processes(partial(_lived, name, seed), patients, processes=at_once))))
            for seed in seeds
        )
        for name in policies
    }


def patients_run(*, patients: int, seeds: Sequence[int]) -> int:
    """How many patient-years a study of this size lives."""
    return patients * len(seeds) * len(POLICIES)


def _lived(policy: str, seed: int, numbers: tuple[int, int]) -> list[YearOfCare]:
    return list(years(POLICIES[policy], seed, *numbers))


def _worth(lived: Sequence[YearOfCare]) -> Worth:
    n, below = len(lived), sorted(one.days_below_half for one in lived)
    worked = sum(one.boosters_that_worked for one in lived)
    return Worth(
        days_below_half=sum(below) / n * SCALE,
        boosters=sum(one.boosters for one in lived) / n * SCALE,
        while_well=sum(one.while_well for one in lived) / n * SCALE,
        worst_tenth=below[int(WORST * n)] * SCALE,
        over_120=sum(days > MONTHS_OF_LOSS for days in below) / n,
        soon_false=sum(one.booster_failures for one in lived) / worked if worked else 0.0,
    )


HEADER: Final = (
    "policy",
    "days a patient-year below half the gain",
    "fewer than (b)",
    "infusions a year",
    "given while well",
    "p90 of patients",
    "over 120 days %",
    "false soon after a booster %",
)


def outcome_table(found: Mapping[str, Sequence[Worth]]) -> Table:
    """A row for each policy, each figure with its standard error over seeds; the difference is paired by seed."""
    against = next(iter(found.values()))
    rows: list[Sequence[str]] = [HEADER]
    for name, worth in found.items():
        fewer = [b.days_below_half - one.days_below_half for one, b in zip(worth, against, strict=True)]
        rows.append(
            (
                name,
                days_with_error([one.days_below_half for one in worth]),
                "" if worth is against else days_with_error(fewer),
                days_with_error([one.boosters for one in worth]),
                days_with_error([one.while_well for one in worth]),
                days_with_error([one.worst_tenth for one in worth]),
                share_with_error([one.over_120 for one in worth]),
                share_with_error([one.soon_false for one in worth]) if POLICIES[name].rule else "",
            )
        )
    return rows
