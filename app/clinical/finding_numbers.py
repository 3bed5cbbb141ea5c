"""The numbers that findings decide with; part of the protocol, and on its page."""

from dataclasses import dataclass

from app.clinical.number_notes import count, number


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingNumbers:
    """When something is for review by a clinician and no booster question."""

    # Findings
    worse_sds_mood: float = number(
        1.5, "standard deviations", 1, 4, "mood is the core symptom: closer to its own spread", "sim"
    )
    worse_least_days: int = count(3, "check-in days", 2, 7, "in `worse_within_days`", "choice")
    worse_within_days: int = count(10, "days", 5, 28, "older reports do not speak about now", "choice")
    worse_ends_days: int = count(
        5, "check-in days", 2, 14, "so many back above end it; one good day does not", "choice"
    )
    elevated_report: float = number(
        8, "points", 7, 10, "mood and energy as high as this, and as after induction", "choice, lit"
    )
    elevated_high: float = number(
        9, "points", 8, 10, "where hours of sleep are not reported, higher still", "choice"
    )
    elevated_above_reference: float = number(
        2, "points", 1, 4, "and so far above the level after induction", "choice"
    )
    elevated_sleep_hours: float = number(5.5, "hours", 3, 7, "less need for sleep", "lit, choice")
    elevated_sleep_less: float = number(
        2, "hours", 1, 4, "less than usual; a change of 3 may announce an episode (Bauer 2009)", "lit, choice"
    )
    usual_sleep_hours: float = number(7, "hours", 6, 9, "where the patient's own are not known", "choice")
    elevated_days: int = count(3, "check-in days in a row", 2, 7, "DSM-5 asks for four days", "lit, choice")
    elevated_within_days: int = count(7, "days", 3, 14, "the span of these", "choice")
    elevated_holds_days: int = count(3, "days", 1, 14, "no signal so long after the last such day", "choice")
    elevated_said_days: int = count(60, "days", 14, 180, "so long every signal says it first", "choice")
    elevated_ends_days: int = count(7, "days", 3, 28, "without such a day", "choice")
    silent_asked_days: int = count(
        4, "asked days", 2, 14, "unanswered after two low days: call", "choice, sim"
    )
    answering_recent_days: int = count(14, "days", 7, 14, "asked and answered days now", "choice")
    answering_before_days: int = count(28, "days", 14, 28, "and in the span before", "choice")
    answering_fell_by: float = number(0.30, "share of asked days", 0.1, 0.8, "worth saying", "choice")
    disagree_days: int = count(14, "days", 7, 28, "a total so old still speaks beside check-ins", "choice")
    disagree_least_share: float = number(
        0.25, "share of the scale's own gain", 0.1, 0.5, "less lost: the scale says well", "choice"
    )
    disagree_waits_days: int = count(
        7, "days", 3, 21, "a signal waits so long for a repeat, or until the scale is next due", "choice"
    )
    disagree_quiet_days: int = count(28, "days", 7, 60, "no signal after a repeat in remission", "choice")
    disagree_rise: float = number(
        0.15, "smoothed share", 0.05, 0.5, "above its value at the repeat: the signal is raised", "choice"
    )
    disagree_steady_days: int = count(
        5, "check-in days in 14", 3, 14, "below steady while a total is confirmed", "choice"
    )
    best_days: int = count(14, "days", 7, 14, "the span of a mean that is compared with the best", "choice")
    best_least_days: int = count(7, "check-in days", 4, 14, "answered in that span", "choice")
    below_best_points: float = number(2, "points", 1, 5, "below the best mean of mood", "choice")
    below_best_share: float = number(
        0.5, "share of best less baseline", 0.25, 1, "and so much of what was reached", "choice"
    )
    recurs_within_days: int = count(
        10, "days", 3, 28, "a loss that became steady so soon without an infusion", "choice"
    )
    recurs_times: int = count(2, "earlier losses", 2, 5, "then a signal says so against itself", "choice")
