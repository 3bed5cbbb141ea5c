"""Every number that the rule decides with: value, unit, reason and source, in one frozen record.

Sources: an article by its short name (docs/clinical/sources.md), `lit` published, `sim` measured on the simulated
cohort, `choice` ours, to be defended or changed with evidence. Where a reason quotes what a simulation
found, "specification" marks the figures of the clinical specification's own run, and "here" those of
docs/clinical/accuracy.md. A number that is not here does not decide anything. What must hold in every
clinic (the start of the day, the safety items) is a constant and no field, so that no override reaches
it; a definition of the field (response is half) is a field whose bounds leave it no room.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from app.clinical.finding_numbers import FindingNumbers
from app.clinical.number_notes import choice, count, number

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

Weekly, then every 2 weeks, then monthly or less [How Many Infusions]; the sources' ranges are 2-6 weeks
[Serenity 2025], 4-6 weeks [How Many Infusions] and 1-3 months [How Many I Need]. After the last step comes
no fixed interval, as needed [Serenity 2025]. Twice each is the shortest that shows whether an interval
holds more than once [choice].
"""

EARLY_RESPONSE_SOURCE: Final = "Murrough 2013 (MADRS, 24 patients)"
"""Where the sensitivity and specificity of an early response come from [Reset Ketamine]; shown with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol(FindingNumbers):
    """The numbers of the rule "gain-lost". `version` names exactly these values.

    `generation` is 1 for rule 1.0, which is kept to replay what it decided and to compare with, else 2.
    """

    version: str = "2.0"
    generation: int = field(default=2)

    # The course
    induction_ends_after_days: int = count(
        14, "days", 7, 28, "so long without an infusion means that the series is over", "choice"
    )
    acute_hours: int = count(
        24, "hours", 12, 72, "acute effects of an infusion enter no reference and no decision", "choice"
    )

    # Baseline and reference
    baseline_days_before: int = count(
        28, "days", 7, 90, "how far before the first infusion a check-in still describes the start", "choice"
    )
    baseline_least_days: int = count(
        3, "check-in days", 2, 28, "fewer say too little about the start: its gain is assumed", "choice"
    )
    window_first_day: int = count(
        1, "day after the last induction infusion", 1, 3, "day 0 is the infusion itself", "choice"
    )
    window_last_day: int = count(
        8, "day after the last induction infusion", 4, 14, "long enough to average, before most loss", "sim"
    )
    window_least_days: int = count(
        4, "check-in days", 2, 14, "fewer make a reference that noise decides", "choice"
    )
    window_latest_day: int = count(
        15, "day after the last induction infusion", 8, 28, "later days may already have lost some", "choice"
    )
    taken_on_least_days: int = count(
        7, "check-in days", 4, 14, "of a stable period that stands for the window after induction", "choice"
    )
    taken_on_span_days: int = count(
        10, "days", 7, 28, "so long such a period is at least, infusion days left out", "choice"
    )
    taken_on_proposed_days: int = count(
        14,
        "days",
        10,
        28,
        "so long reports come before a period is proposed; that long it is at most",
        "choice",
    )
    falling_share: float = number(
        0.5, "share of the gain", 0.3, 0.8, "between the window's halves: loss began inside it", "choice"
    )
    assumed_gain_mood: float = number(
        3.0, "points", 1.5, 6, "gain taken when there is no baseline", "choice, sim"
    )
    assumed_gain_energy: float = number(
        2.6, "points", 1.5, 6, "gain taken when there is no baseline", "choice, sim"
    )
    assumed_gain_sleep_quality: float = number(
        2.1, "points", 1.5, 6, "gain taken when there is no baseline", "choice, sim"
    )
    least_gain: float = number(
        1.5,
        "points, weighted mean",
        1,
        4,
        "below it a gain is small: it needs more lost (1.0: gains of 1 to 1.5 gave 2.8 false signals a year)",
        "sim",
    )
    no_gain_below: float = number(
        1.0,
        "points, weighted mean of what was measured",
        0.5,
        1.5,
        "no improvement, nothing to lose: with the rule on for everyone 5.5 false signals a year, with this 1.3",
        "sim",
    )
    usual_gain: float = number(
        2.5,
        "points",
        1,
        5,
        "what patients usually gain, one number for all domains; 30 % less or more changes little",
        "choice, sim",
    )
    usual_gain_sd: float = number(
        1.5, "points", 0.75, 4, "how different patients' gains are; 1 or 2.5 changes little", "choice, sim"
    )
    usual_before: float = number(
        3.0, "points", 1, 6, "the level before treatment where none was reported", "choice, sim"
    )
    usual_before_sd: float = number(
        1.5, "points", 0.5, 3, "how sure that is: an assumed level weighs as little as that", "choice, sim"
    )
    neighbors_alike: float = number(
        1.6,
        "times the variance of a mean",
        1,
        3,
        "neighboring days are alike: eight say less than eight",
        "sim",
    )

    # Spread of a patient's own reports
    prior_degrees: float = number(
        8, "degrees of freedom", 2, 30, "some people always answer the same", "lit, choice"
    )
    prior_sd_mood: float = number(1.2, "points", 0.5, 3, "within-person standard deviation", "lit, choice")
    prior_sd_energy: float = number(1.25, "points", 0.5, 3, "within-person standard deviation", "lit, choice")
    prior_sd_sleep_quality: float = number(
        1.45, "points", 0.5, 3, "within-person standard deviation", "lit, choice"
    )
    sd_floor: float = number(0.5, "points", 0.3, 1, "nobody is that constant", "choice")

    # Criterion A: the gain is being lost
    correlation_mood_energy: float = number(
        0.5, "correlation", 0, 0.8, "moods and energies of one day share their noise", "sim"
    )
    correlation_mood_sleep: float = number(
        0.3, "correlation", 0, 0.8, "moods and nights of one day share their noise", "sim"
    )
    correlation_energy_sleep: float = number(
        0.3, "correlation", 0, 0.8, "energies and nights of one day share their noise", "sim"
    )
    share_lowest: float = number(
        -1, "share of the gain", -2, 0, "a tighter clip biased stable patients to 10 % lost", "sim"
    )
    share_highest: float = number(
        1.25, "share of the gain", 1, 2, "one terrible day must not decide alone", "choice"
    )
    day_highest: float = number(0.85, "weighted share", 0.6, 2, "no single day counts for more", "sim")
    smoothing_days: float = number(
        4.5, "days", 2, 14, "time constant of the smoothing over check-in days", "sim"
    )
    smoothing_most: float = number(
        0.5, "weight of one day", 0.3, 0.8, "one report after a gap is not more than half the truth", "choice"
    )
    watch_at: float = number(0.35, "smoothed share", 0.2, 0.6, "look more closely", "sim")
    consider_at: float = number(
        0.50,
        "smoothed share",
        0.4,
        0.9,
        "half; 0.48 gives .99 false signals a year and finds 86.4 % in 14 days, 0.53 .70 and 81.1 %",
        "sim",
    )
    consider_at_assumed: float = number(
        0.53, "smoothed share", 0.4, 0.95, "an assumed gain is less sure", "sim"
    )
    consider_at_small: float = number(
        0.60, "smoothed share", 0.4, 0.95, "of a small gain more must be lost to stand out", "sim"
    )
    consider_at_small_assumed: float = number(
        0.63, "smoothed share", 0.4, 0.95, "small, and assumed as well", "sim"
    )
    consider_each_day: float = number(
        0.35, "share", 0, 0.9, "each of the last two check-in days must show it unsmoothed", "sim"
    )
    consider_least_days: int = count(
        3, "check-in days", 2, 10, "two reports are an impression, three a course", "choice"
    )
    consider_within_days: int = count(10, "days", 5, 28, "older reports do not speak about now", "choice")
    median_gaps: float = number(
        3.5, "median gaps", 2, 6, "a patient asked weekly needs a longer look back", "choice"
    )
    gaps_counted: int = count(
        3,
        "gaps",
        2,
        14,
        "latest gaps only: five found 76 % of losses in 40 days asked weekly, three 83 %",
        "sim",
    )
    recent_days_kept: int = count(15, "check-in days", 15, 30, "shown with every answer", "choice")
    steady_below: float = number(0.25, "smoothed share", 0.05, 0.35, "falls go only to steady", "choice")
    steady_days: int = count(2, "check-in days", 1, 5, "one good day ends nothing", "choice")

    # Criterion C: one domain alone
    mood_consider_at: float = number(
        0.75,
        "smoothed share of mood",
        0.5,
        1,
        "mood is the core symptom; specification: costs 0.1 false signals a year",
        "sim",
    )
    mood_highest: float = number(
        1,
        "share of mood's gain",
        0.75,
        2,
        "no single day of mood counts for more than all of its gain",
        "sim",
    )
    mood_watch_at: float = number(0.5, "smoothed share of mood", 0.3, 0.9, "ask for a PHQ-9", "choice")
    other_watch_at: float = number(
        0.8, "smoothed share of energy or sleep", 0.5, 1.2, "an average hides one domain", "lit, choice"
    )
    domain_least_gain: float = number(
        1.5, "points", 1, 4, "a domain that hardly improved has little to lose", "choice"
    )
    domain_least_days: int = count(5, "check-in days", 2, 14, "one domain is noisier than three", "choice")
    domain_within_days: int = count(14, "days", 5, 28, "older reports do not speak about now", "choice")
    domain_least_days_sparse: int = count(
        3, "check-in days", 2, 10, "asked so seldom that 3.5 median gaps are longer", "choice"
    )

    # Criterion D, and what is no booster question
    asked_lasts_days: int = count(14, "days", 1, 60, "how long a wish to talk stays on the list", "choice")
    worse_points: float = number(
        1.5, "points", 0.5, 5, "below the baseline: worse than before treatment", "choice"
    )
    worse_sds: float = number(2, "standard deviations", 1, 4, "and beyond the own spread", "choice")
    not_held_days: int = count(14, "days", 7, 28, "consider again so soon: it did not hold", "choice")

    # Across boosters
    carried_most: float = number(
        0.60,
        "smoothed share",
        0,
        1,
        "what a planned booster leaves of the loss: carried over every booster it doubled false signals",
        "sim",
    )
    held_least_days: int = count(
        2,
        "check-in days",
        1,
        5,
        "a stretch with fewer shows neither that it held nor that it did not",
        "choice",
    )
    held_in_a_row: int = count(2, "stretches", 1, 4, "so many that held end the finding", "choice")
    not_holding_ends_days: int = count(
        28, "days", 14, 90, "steady for so long without a booster ends the finding", "choice"
    )

    # What is known now
    fresh_days_daily: int = count(
        7, "days", 3, 14, "asked daily, an older report does not say how the patient is now", "choice"
    )
    fresh_days_sparse: int = count(9, "days", 5, 21, "asked two or three times a week, likewise", "choice")
    fresh_days_after_infusion: int = count(
        4, "days", 2, 14, "so long after an infusion the level before it is still shown, marked", "choice"
    )

    # Signals
    booked_grace_days: int = count(2, "days", 0, 7, "a booked booster may be given a little late", "choice")
    rearm_after_days: int = count(14, "days", 7, 60, "after closing, if the level still holds", "choice")
    snooze_longest_days: int = count(14, "days", 1, 30, "a snooze returns", "choice")

    # Criterion B: a validated total
    totals_share_lost: float = number(
        0.5, "share of the improvement", 0.3, 0.9, "the same 50 % as response", "lit"
    )
    totals_least_crossings: int = count(
        2, "totals", 2, 4, "44 % of single crossings were confirmed by the next", "lit"
    )
    totals_speak_for_days: int = count(28, "days", 14, 60, "an older total does not speak of now", "choice")
    totals_kept: int = count(20, "totals", 5, 60, "the latest ones; a run needs no more", "choice")

    # What induction achieved
    response_share: float = number(
        0.5,
        "share of the severity before treatment",
        0.5,
        0.5,
        "what the field calls response",
        "Reset Ketamine, lit",
    )
    partial_share: float = number(
        0.25,
        "share of the severity before treatment",
        0.25,
        0.25,
        "what the field calls partial",
        "Reset Ketamine, lit",
    )
    madrs_remission: int = choice(
        10, "MADRS total, at most", (9, 10, 12), "all three are in published use; a clinic chooses one", "lit"
    )
    early_from_hours: float = number(
        2,
        "hours after the first infusion",
        1,
        4,
        "around the 4 hours of Murrough 2013",
        "Reset Ketamine, choice",
    )
    early_until_hours: float = number(
        8,
        "hours after the first infusion",
        4,
        12,
        "around the 4 hours of Murrough 2013",
        "Reset Ketamine, choice",
    )
    early_longest_recall_days: int = count(
        7, "days that a scale asks about", 1, 7, "questions about two weeks cannot speak of hours", "choice"
    )
    early_sensitivity: float = number(
        0.94,
        "share of later responders",
        0.94,
        0.94,
        "shown with an early response, decides nothing",
        "Reset Ketamine",
    )
    early_specificity: float = number(
        0.71,
        "share of later non-responders",
        0.71,
        0.71,
        "shown with it too; never a reason to stop",
        "Reset Ketamine",
    )
    review_announced_days: int = count(
        14, "days after the series", 7, 60, "an older series that nobody reviewed is history", "choice"
    )

    # How long a benefit lasts
    response_duration_median_days: float = number(
        18,
        "days",
        7,
        98,
        "median without maintenance, range 4 to > 83; mean 19, range 6 to 45",
        "Reset Ketamine",
    )
    response_duration_weight: float = number(
        1,
        "observed benefits",
        0.5,
        5,
        "slower populations exist: the patient's own soon outweigh it",
        "choice",
    )
    response_duration_spread: float = number(
        0.5,
        "standard deviation of log days",
        0.3,
        1,
        "with the weight 0.71, near quartiles 11 and 27",
        "choice",
    )
    response_duration_spread_certainty: float = number(
        8, "degrees of freedom", 2, 30, "as sure of the spread as of a patient's own reports", "choice"
    )
    response_duration_covered: float = number(
        0.8, "share of benefits", 0.5, 0.95, "what the stated range is meant to cover", "choice"
    )
    response_duration_shortest_days: int = count(1, "days", 1, 1, "whole days are counted", "choice")

    # Maintenance
    taper_shortest_days: int = count(
        7,
        "days",
        7,
        28,
        "the shortest interval in any source: none below it is suggested",
        "How Many Infusions",
    )
    taper_longest_days: int = count(365, "days", 90, 365, "a longer one is no interval of a plan", "choice")
    taper_lost_in_a_row: int = count(
        2, "intervals", 2, 4, "one interval too long may be chance: so many shorten it", "choice"
    )
    taper_frequency_days: int = count(
        90, "days", 30, 180, "boosters of this span are compared with those of the span before", "choice"
    )
    taper_open_step_count: int = count(
        2, "intervals", 1, 6, "how often an open step has to end well before a longer one", "choice"
    )

    # What a stretch showed, and the learned interval
    observed_share: float = number(
        0.5, "share of asked days answered", 0.25, 0.9, "less shows neither held nor lost", "choice"
    )
    observed_gap_days: int = count(10, "days", 5, 28, "silent so long at its end: not observed", "choice")
    learned_factor: float = number(
        1.3, "times the interval that held", 1, 2, "60 bad days a year where 28 fixed days gave 74", "sim"
    )
    learned_factor_monthly: float = number(
        1.6,
        "times the interval that held, once monthly",
        1,
        2.5,
        "70 bad days a year, an infusion fewer",
        "sim",
    )
    learned_monthly_days: int = count(28, "days", 21, 42, "from here on an interval is monthly", "choice")
    learned_shortest_days: int = count(14, "days", 7, 28, "none below it is offered", "choice")
    learned_longest_days: int = count(120, "days", 60, 365, "none above it is offered", "choice")

    # When a check-in is due
    daily_after_induction_days: int = count(
        15, "days", 7, 120, "the reference window; what is lost early is found early", "sim"
    )
    daily_after_booster_days: int = count(
        7, "days", 3, 120, "whether it holds; 14 gave the same outcome", "sim"
    )
    three_a_week_until_days: int = count(
        182, "days after the last infusion", 42, 400, "then less, while steady", "choice"
    )
    burst_from: float = number(
        0.35, "weighted share of one day", 0.2, 0.9, "one such report makes it daily", "sim"
    )
    burst_below: float = number(0.2, "weighted share", 0.05, 0.35, "and two below it end that", "sim")
    burst_days: int = count(21, "days", 7, 60, "without an answer; then the plan of the phase", "choice")
    overdue_daily_days: int = count(3, "days", 2, 14, "silence that is announced, asked daily", "choice")
    overdue_three_a_week_days: int = count(5, "days", 3, 21, "silence, asked three times a week", "choice")
    overdue_weekly_days: int = count(
        10, "days", 7, 28, "silence, asked twice a week; in rule 1.0 weekly", "choice"
    )
    questionnaire_every_days: int = count(
        14,
        "days",
        7,
        56,
        "its questions ask about the last two weeks, so each form says something new",
        "choice",
    )
    questionnaire_every_days_in_induction: int = count(
        7, "days", 4, 28, "response is evaluated when the series ends, after two to three weeks", "choice"
    )
    questionnaire_every_days_on_watch: int = count(
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

RULE_1: Final = replace(
    STANDARD,
    version="1.0",
    generation=1,
    day_highest=2.0,
    mood_highest=1.25,
    consider_at=0.55,
    consider_at_assumed=0.65,
    carried_most=0.0,
    daily_after_induction_days=42,
    daily_after_booster_days=42,
)
"""Rule 1.0, which decided before: kept to replay what it decided, and beside 2.0 in every study."""

PUBLISHED: Final = (STANDARD, RULE_1)
"""The published rules, the present one first."""
