"""Every number that the rule decides with: value, unit, reason and source, in one frozen record.

Sources: `seed` the project's own source articles, `lit` published, `sim` measured on the simulated
cohort, `choice` ours, to be defended or changed with evidence. Where a reason quotes what a simulation
found, "specification" marks the figures of the clinical specification's own run, and "here" those of
docs/clinical/accuracy.md. A number that is not here does not decide anything. What must hold in every
clinic (the start of the day, the safety items) is a constant and no field, so that no override reaches
it; a definition of the field (response is half) is a field whose bounds leave it no room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final

from app.clinical.errors import (
    NotAmongChoicesError,
    NotANumberError,
    OutsideSafeBoundsError,
    ThresholdsOutOfOrderError,
    UnknownNumberError,
)

RULE: Final = "gain-lost"
DAY_STARTS_AT_HOUR: Final = 4
"""A check-in day runs from 04:00 to 04:00: an entry at 01:37 belongs to the day just lived [choice]."""

SAFETY_ITEMS: Final = {
    # scale: (number of its suicide item, lowest score that triggers, lowest score that is urgent)
    "phq-9": (9, 1, 3),
    "qids-sr16": (12, 1, 3),
    "madrs": (10, 2, 4),
}
"""Which answer to a scale's suicide item acts. No protocol may override this [choice]."""

TAPER_STEPS: Final = ((7, 2), (14, 2), (28, 2), (42, 2), (84, 2))
"""The taper plan that a clinic starts from and edits: an interval in days, and how often it is repeated.

Weekly, then every 2 weeks, then monthly or less [seed 000]; the sources' ranges are 2-6 weeks (001), 4-6
weeks (000) and 1-3 months (003). After the last step comes no fixed interval, as needed (001). Twice each
is the shortest that shows whether an interval holds more than once [choice].
"""

EARLY_RESPONSE_SOURCE: Final = "Murrough 2013 (MADRS, 24 patients)"
"""Where the sensitivity and specificity of an early response come from [seed 004]; told with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberNotes:
    """What the page of numbers says about one of them.

    `lowest` and `highest` are the safe bounds, both included; where they meet, no clinic can change the
    number. `choices` are the only values in published use, where these are few.
    """

    name: str
    value: float
    unit: str
    lowest: float
    highest: float
    reason: str
    source: str
    choices: tuple[int, ...] = ()


def _number(value: float, unit: str, lowest: float, highest: float, reason: str, source: str) -> float:
    notes = {"unit": unit, "lowest": lowest, "highest": highest, "reason": reason, "source": source}
    stated: float = field(default=float(value), metadata=notes)
    return stated


def _count(value: int, unit: str, lowest: int, highest: int, reason: str, source: str) -> int:
    notes = {"unit": unit, "lowest": lowest, "highest": highest, "reason": reason, "source": source}
    stated: int = field(default=value, metadata=notes)
    return stated


def _choice(value: int, unit: str, choices: tuple[int, ...], reason: str, source: str) -> int:
    bounds = {"lowest": min(choices), "highest": max(choices), "choices": choices}
    stated: int = field(default=value, metadata={"unit": unit, "reason": reason, "source": source, **bounds})
    return stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The numbers of the rule "gain-lost". `version` names exactly these values."""

    version: str = "1.0"

    # The course
    induction_ends_after_days: int = _count(
        14, "days", 7, 28, "so long without an infusion means that the series is over", "choice"
    )
    acute_hours: int = _count(
        24, "hours", 12, 72, "acute effects of an infusion enter no reference and no decision", "choice"
    )

    # Baseline and reference
    baseline_days_before: int = _count(
        28, "days", 7, 90, "how far before the first infusion a check-in still describes the start", "choice"
    )
    baseline_least_days: int = _count(
        3, "check-in days", 2, 28, "fewer say too little about the start: its gain is assumed", "choice"
    )
    window_first_day: int = _count(
        1, "day after the last induction infusion", 1, 3, "day 0 is the infusion itself", "choice"
    )
    window_last_day: int = _count(
        8, "day after the last induction infusion", 4, 14, "long enough to average, before most loss", "sim"
    )
    window_least_days: int = _count(
        4, "check-in days", 2, 14, "fewer make a reference that noise decides", "choice"
    )
    window_latest_day: int = _count(
        15, "day after the last induction infusion", 8, 28, "later days may already have lost some", "choice"
    )
    falling_share: float = _number(
        0.5, "share of the gain", 0.3, 0.8, "between the window's halves: loss began inside it", "choice"
    )
    assumed_gain_mood: float = _number(
        3.0, "points", 1.5, 6, "gain taken when there is no baseline", "choice, sim"
    )
    assumed_gain_energy: float = _number(
        2.6, "points", 1.5, 6, "gain taken when there is no baseline", "choice, sim"
    )
    assumed_gain_sleep_quality: float = _number(
        2.1, "points", 1.5, 6, "gain taken when there is no baseline", "choice, sim"
    )
    least_gain: float = _number(
        1.5,
        "points, weighted mean",
        1,
        4,
        "specification: gains of 1 to 1.5 gave 2.8 false signals a year",
        "sim",
    )

    # Spread of a patient's own reports
    prior_degrees: float = _number(
        8, "degrees of freedom", 2, 30, "some people always answer the same", "lit, choice"
    )
    prior_sd_mood: float = _number(1.2, "points", 0.5, 3, "within-person standard deviation", "lit, choice")
    prior_sd_energy: float = _number(
        1.25, "points", 0.5, 3, "within-person standard deviation", "lit, choice"
    )
    prior_sd_sleep_quality: float = _number(
        1.45, "points", 0.5, 3, "within-person standard deviation", "lit, choice"
    )
    sd_floor: float = _number(0.5, "points", 0.3, 1, "nobody is that constant", "choice")

    # Criterion A: the gain is being lost
    correlation_mood_energy: float = _number(
        0.5, "correlation", 0, 0.8, "moods and energies of one day share their noise", "sim"
    )
    correlation_mood_sleep: float = _number(
        0.3, "correlation", 0, 0.8, "moods and nights of one day share their noise", "sim"
    )
    correlation_energy_sleep: float = _number(
        0.3, "correlation", 0, 0.8, "energies and nights of one day share their noise", "sim"
    )
    share_lowest: float = _number(
        -1, "share of the gain", -2, 0, "a tighter clip biased stable patients to 10 % lost", "sim"
    )
    share_highest: float = _number(
        1.25, "share of the gain", 1, 2, "one terrible day must not decide alone", "choice"
    )
    smoothing_days: float = _number(
        4.5, "days", 2, 14, "time constant of the smoothing over check-in days", "sim"
    )
    smoothing_most: float = _number(
        0.5, "weight of one day", 0.3, 0.8, "one report after a gap is not more than half the truth", "choice"
    )
    watch_at: float = _number(0.35, "smoothed share", 0.2, 0.6, "look more closely", "sim")
    consider_at: float = _number(
        0.55,
        "smoothed share",
        0.4,
        0.9,
        "specification: 0.60 found 79 % in 14 days, 0.50 gave 1.1 false a year; here: 0.55 finds 88.6 %",
        "sim",
    )
    consider_at_assumed: float = _number(
        0.65, "smoothed share", 0.4, 0.95, "an assumed gain is less sure", "sim"
    )
    consider_each_day: float = _number(
        0.35, "share", 0, 0.9, "each of the last two check-in days must show it unsmoothed", "sim"
    )
    consider_least_days: int = _count(
        3, "check-in days", 2, 10, "two reports are an impression, three a course", "choice"
    )
    consider_within_days: int = _count(10, "days", 5, 28, "older reports do not speak about now", "choice")
    median_gaps: float = _number(
        3.5, "median gaps", 2, 6, "a patient asked weekly needs a longer look back", "choice"
    )
    gaps_counted: int = _count(
        3,
        "gaps",
        2,
        14,
        "latest gaps only: five found 76 % of losses in 40 days asked weekly, three 83 %",
        "sim",
    )
    recent_days_kept: int = _count(15, "check-in days", 15, 30, "shown with every answer", "choice")
    steady_below: float = _number(0.25, "smoothed share", 0.05, 0.35, "falls go only to steady", "choice")
    steady_days: int = _count(2, "check-in days", 1, 5, "one good day ends nothing", "choice")

    # Criterion C: one domain alone
    mood_consider_at: float = _number(
        0.75,
        "smoothed share of mood",
        0.5,
        1,
        "mood is the core symptom; specification: costs 0.1 false signals a year",
        "sim",
    )
    mood_watch_at: float = _number(0.5, "smoothed share of mood", 0.3, 0.9, "ask for a PHQ-9", "choice")
    other_watch_at: float = _number(
        0.8, "smoothed share of energy or sleep", 0.5, 1.2, "an average hides one domain", "lit, choice"
    )
    domain_least_gain: float = _number(
        1.5, "points", 1, 4, "a domain that hardly improved has little to lose", "choice"
    )
    domain_least_days: int = _count(5, "check-in days", 2, 14, "one domain is noisier than three", "choice")
    domain_within_days: int = _count(14, "days", 5, 28, "older reports do not speak about now", "choice")
    domain_least_days_sparse: int = _count(
        3, "check-in days", 2, 10, "asked so seldom that 3.5 median gaps are longer", "choice"
    )

    # Criterion D, and what is no booster question
    asked_lasts_days: int = _count(14, "days", 1, 60, "how long a wish to talk stays on the list", "choice")
    worse_points: float = _number(
        1.5, "points", 0.5, 5, "below the baseline: worse than before treatment", "choice"
    )
    worse_sds: float = _number(2, "standard deviations", 1, 4, "and beyond the own spread", "choice")
    not_held_days: int = _count(14, "days", 7, 28, "consider again so soon: it did not hold", "choice")

    # Signals
    booked_grace_days: int = _count(2, "days", 0, 7, "a booked booster may be given a little late", "choice")
    rearm_after_days: int = _count(14, "days", 7, 60, "after closing, if the level still holds", "choice")
    snooze_longest_days: int = _count(14, "days", 1, 30, "a snooze returns", "choice")

    # Criterion B: a validated total
    totals_share_lost: float = _number(
        0.5, "share of the improvement", 0.3, 0.9, "the same 50 % as response", "lit"
    )
    totals_least_crossings: int = _count(
        2, "totals", 2, 4, "44 % of single crossings were confirmed by the next", "lit"
    )
    totals_speak_for_days: int = _count(28, "days", 14, 60, "an older total does not speak of now", "choice")
    totals_kept: int = _count(20, "totals", 5, 60, "the latest ones; a run needs no more", "choice")

    # What induction achieved
    response_share: float = _number(
        0.5, "share of the severity before treatment", 0.5, 0.5, "what the field calls response", "seed, lit"
    )
    partial_share: float = _number(
        0.25,
        "share of the severity before treatment",
        0.25,
        0.25,
        "what the field calls partial",
        "seed, lit",
    )
    madrs_remission: int = _choice(
        10, "MADRS total, at most", (9, 10, 12), "all three are in published use; a clinic chooses one", "lit"
    )
    early_from_hours: float = _number(
        2, "hours after the first infusion", 1, 4, "around the 4 hours of Murrough 2013", "seed, choice"
    )
    early_until_hours: float = _number(
        8, "hours after the first infusion", 4, 12, "around the 4 hours of Murrough 2013", "seed, choice"
    )
    early_longest_recall_days: int = _count(
        7, "days that a scale asks about", 1, 7, "questions about two weeks cannot speak of hours", "choice"
    )
    early_sensitivity: float = _number(
        0.94, "share of later responders", 0.94, 0.94, "told with an early response, decides nothing", "seed"
    )
    early_specificity: float = _number(
        0.71, "share of later non-responders", 0.71, 0.71, "told with it too; never a reason to stop", "seed"
    )
    review_told_days: int = _count(
        14, "days after the series", 7, 60, "an older series that nobody reviewed is history", "choice"
    )

    # How long a benefit lasts
    response_duration_median_days: float = _number(
        18, "days", 7, 98, "median without maintenance, range 4 to > 83; mean 19, range 6 to 45", "seed"
    )
    response_duration_weight: float = _number(
        1,
        "observed benefits",
        0.5,
        5,
        "slower populations exist: the patient's own soon outweigh it",
        "choice",
    )
    response_duration_spread: float = _number(
        0.5,
        "standard deviation of log days",
        0.3,
        1,
        "with the weight 0.71, near quartiles 11 and 27",
        "choice",
    )
    response_duration_spread_certainty: float = _number(
        8, "degrees of freedom", 2, 30, "as sure of the spread as of a patient's own reports", "choice"
    )
    response_duration_covered: float = _number(
        0.8, "share of benefits", 0.5, 0.95, "what the stated range is meant to cover", "choice"
    )
    response_duration_shortest_days: int = _count(1, "days", 1, 1, "whole days are counted", "choice")

    # Maintenance
    taper_shortest_days: int = _count(
        7, "days", 7, 28, "the shortest interval in any source: none below it is suggested", "seed"
    )
    taper_longest_days: int = _count(365, "days", 90, 365, "a longer one is no interval of a plan", "choice")
    taper_lost_in_a_row: int = _count(
        2, "intervals", 2, 4, "one interval too long may be chance: so many shorten it", "choice"
    )
    taper_frequency_days: int = _count(
        90, "days", 30, 180, "boosters of this span are compared with those of the span before", "choice"
    )
    taper_open_step_count: int = _count(
        2, "intervals", 1, 6, "how often an open step has to end well before a longer one", "choice"
    )

    # When a check-in is due
    daily_after_infusion_days: int = _count(
        42,
        "days",
        14,
        120,
        (
            "asked daily more is found in 14 days; specification: 84 %, every third day 65 %; "
            "here: 88.6 %, three times a week 75.9 %"
        ),
        "sim",
    )
    three_a_week_until_days: int = _count(
        182, "days after the last infusion", 42, 400, "then weekly, while steady", "choice"
    )
    overdue_daily_days: int = _count(3, "days", 2, 14, "silence that is told, asked daily", "choice")
    overdue_three_a_week_days: int = _count(5, "days", 3, 21, "silence, asked three times a week", "choice")
    overdue_weekly_days: int = _count(10, "days", 8, 28, "silence, asked weekly", "choice")
    questionnaire_every_days: int = _count(
        14,
        "days",
        7,
        56,
        "its questions ask about the last two weeks, so each form tells something new",
        "choice",
    )
    questionnaire_every_days_in_induction: int = _count(
        7, "days", 4, 28, "response is judged when the series ends, after two to three weeks", "choice"
    )
    questionnaire_every_days_on_watch: int = _count(
        10,
        "days",
        5,
        28,
        "so far apart two totals confirm each other; one crossing asks for a repeat",
        "choice",
    )

    @property
    def name(self) -> str:
        """The rule and its version, as every decision states them: "gain-lost 1.0"."""
        return f"{RULE} {self.version}"


STANDARD: Final = Protocol()


def numbers_of(protocol: Protocol = STANDARD) -> tuple[NumberNotes, ...]:
    """Every number with its notes, in the order of this page; the docs page is made from it."""
    return tuple(
        NumberNotes(name=one.name, value=getattr(protocol, one.name), **one.metadata)
        for one in fields(protocol)
        if one.metadata
    )


def with_numbers(numbers: Mapping[str, object], *, protocol: Protocol = STANDARD) -> Protocol:
    """A protocol in which the given numbers differ; its version then names each difference.

    Args:
        numbers: by field name, as read from JSON.
        protocol: where the others come from.

    Raises:
        UnknownNumberError: a name that is not a number of the protocol.
        NotANumberError: not a number, or not whole where it counts.
        NotAmongChoicesError: not one of the few values in published use.
        OutsideSafeBoundsError: outside the bounds in which the rule was examined.
        ThresholdsOutOfOrderError: each number is safe but together they contradict each other.
    """
    known = {one.name: one for one in numbers_of(protocol)}
    changed: dict[str, float] = {}
    for name, value in sorted(numbers.items()):
        if name not in known:
            raise UnknownNumberError(field=name)
        changed[name] = _checked(known[name], value)
    return _in_order(_differing(protocol, changed))


def stored_numbers(numbers: Mapping[str, float], *, protocol: Protocol = STANDARD) -> Protocol:
    """The protocol in which numbers differ that were put in force before, by this release or an earlier one.

    They were safe by the bounds of their time, and a release that narrows bounds must not change what a
    clinic decides with, nor stop it: they hold as they are until the clinic sets others. A number that the
    rule no longer has decides nothing.
    """
    kinds = {one.name: type(one.value) for one in numbers_of(protocol)}
    return _differing(
        protocol, {name: kinds[name](value) for name, value in numbers.items() if name in kinds}
    )


def _differing(protocol: Protocol, changed: Mapping[str, float]) -> Protocol:
    """The protocol with these values; its version names each number that differs from the published one."""
    if all(getattr(protocol, name) == value for name, value in changed.items()):
        return protocol
    other = replace(protocol, **changed)  # type: ignore[arg-type]  # of their kinds, as asked before
    differ = (one for one in numbers_of(other) if one.value != getattr(STANDARD, one.name))
    named = sorted(f"{one.name}={_exactly(one.value)}" for one in differ)
    return replace(other, version=", ".join([STANDARD.version, *named]))


def _exactly(value: float) -> str:
    """As short as can be read back: a decision is made again from its version alone."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _checked(notes: NumberNotes, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotANumberError(field=notes.name)
    if not notes.lowest <= value <= notes.highest:
        raise OutsideSafeBoundsError(field=notes.name, lowest=notes.lowest, highest=notes.highest)
    if notes.choices and value not in notes.choices:
        raise NotAmongChoicesError(field=notes.name, choices=notes.choices)
    if not isinstance(notes.value, int):
        return float(value)
    if value != int(value):
        raise NotANumberError(field=notes.name)
    return int(value)


def _in_order(protocol: Protocol) -> Protocol:
    ordered = (
        protocol.steady_below < protocol.watch_at < protocol.consider_at <= protocol.consider_at_assumed
        and protocol.steady_below < protocol.mood_watch_at < protocol.mood_consider_at
        and protocol.window_first_day <= protocol.window_last_day <= protocol.window_latest_day
        and protocol.domain_least_days_sparse <= protocol.domain_least_days
    )
    energy, sleep, both = (
        protocol.correlation_mood_energy,
        protocol.correlation_mood_sleep,
        protocol.correlation_energy_sleep,
    )
    possible = 1 + 2 * energy * sleep * both - energy**2 - sleep**2 - both**2 > 0
    if not (ordered and possible):
        raise ThresholdsOutOfOrderError
    return protocol
