"""How well the rule did: the measures of a good evaluation, each by its one definition.

Two groups of patients whose outcome is known: the *stable*, who never lost the benefit, and the *lost*.
What is counted is counted over those for whom the rule was on; how many had it off, and why, stands
beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log
from typing import Final

DAYS_A_YEAR: Final = 365.25
SOON_DAYS: Final = 14
LATE_DAYS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseSignals:
    """What the rule said about patients who never lost the benefit.

    Attributes:
        stable: how many there are. `rule_on` of them had the rule on, `with_any` of these any signal.
        years_watched: patient-years, over those with the rule on.
        first_a_year: first false signals a patient-year, -ln(1 - share with any) / years each was
            watched; infinite when everybody had one, None when nobody was watched.
        episodes_a_year, watches_a_year: all false signals, and all rises to watch or more, a patient-year.
    """

    stable: int
    rule_on: int
    with_any: int
    years_watched: float
    first_a_year: float | None
    episodes_a_year: float | None
    watches_a_year: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLosses:
    """What the rule said about patients who lost the benefit.

    Attributes:
        lost: how many there are. `rule_on` of them had the rule on.
        raised_before: those of them with a signal before the onset; `share_raised_before` is of these.
        to_find: those with the rule on and no earlier signal: what the next figures are of.
        share_within_14, share_within_40: found so many days from the onset on, of those found by then or
            followed that long; None when there is nobody.
        median_delay, ninetieth_delay: days from the onset by which half, and nine tenths, of those to
            find were found; None when they never were.
    """

    lost: int
    rule_on: int
    raised_before: int
    share_raised_before: float | None
    to_find: int
    share_within_14: float | None
    share_within_40: float | None
    median_delay: int | None
    ninetieth_delay: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Everything that is reported about one run of a rule over patients.

    Attributes:
        patients, check_ins: how many there were.
        references: patients by the kind of their reference; `no_reference` are the reasons of those
            without one, `rule_off` the reasons of those for whom the rule was off.
        signals, watches: how many; `by_criterion` are the signals by what raised them first.
        years_watched: patient-years with the rule on; `signals_a_year` are all signals per these.
        false_signals, found: None when no outcome is known.
        delays: patients found by the days from onset to signal.
    """

    patients: int
    check_ins: int
    references: Mapping[str, int]
    no_reference: Mapping[str, int]
    rule_off: Mapping[str, int]
    signals: int
    watches: int
    by_criterion: Mapping[str, int]
    years_watched: float
    signals_a_year: float | None
    false_signals: FalseSignals | None
    found: FoundLosses | None
    delays: Mapping[int, int]


def first_false_signals_a_year(with_any: int, watched: int, years_watched: float) -> float | None:
    """-ln(1 - share of stable patients with any) / years that each was watched, on average."""
    if not watched or not years_watched:
        return None
    if with_any == watched:
        return inf
    return -log(1.0 - with_any / watched) / (years_watched / watched)
