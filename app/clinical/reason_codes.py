"""The codes of reasons: what a rule can find, in the order in which a patient meets them."""

from enum import StrEnum

from app.clinical.fast_enums import quick


@quick
class ReasonCode(StrEnum):
    """What a rule found."""

    # Criterion A, and C in part
    REFERENCE_MISSING = "reference_missing"
    NO_GAIN = "no_gain"
    BELOW_WATCH = "below_watch"
    WATCH_REACHED = "watch_reached"
    STILL_WATCHING = "still_watching"
    LOST_ENOUGH = "lost_enough"
    GAIN_TOO_SMALL = "gain_too_small"
    TOO_FEW_RECENT_DAYS = "too_few_recent_days"
    LAST_DAYS_BETTER = "last_days_better"
    # Criterion C
    DOMAIN_LOST_ENOUGH = "domain_lost_enough"
    DOMAIN_WATCH_REACHED = "domain_watch_reached"
    DOMAIN_STILL_WATCHING = "domain_still_watching"
    ASK_SCALE = "ask_scale"
    # Criterion B
    TOTALS = "totals"
    # Criterion D
    ASKED = "asked"
    # What is known now
    LAST_KNOWN = "last_known"
    NO_REPORT_SINCE_INFUSION = "no_report_since_infusion"
    # What is said with every level
    ASSUMED_BASELINE = "assumed_baseline"
    SMALL_GAIN = "small_gain"
    FALLING_REFERENCE = "falling_reference"
    DOMAIN_OFF = "domain_off"
    BOOSTER_DID_NOT_HOLD = "booster_did_not_hold"
    RECURS = "recurs"
    ANSWERING_FELL = "answering_fell"
    COUNTERFACTUAL = "counterfactual"
    NO_COUNTERFACTUAL = "no_counterfactual"
    # Why no signal is raised
    INDUCTION_RUNNING = "induction_running"
    WITHIN_A_DAY_OF_INFUSION = "within_a_day_of_infusion"
    COURSE_CLOSED = "course_closed"
    SIGNAL_OPEN = "signal_open"
    SIGNAL_SNOOZED = "signal_snoozed"
    BOOSTER_BOOKED = "booster_booked"
    CLOSED_RECENTLY = "closed_recently"
    BELOW_CONSIDER = "below_consider"
    MOOD_ELEVATED = "mood_elevated"
    SCALE_DISAGREES = "scale_disagrees"
    # Why a move is made
    FIRST_AT_CONSIDER = "first_at_consider"
    CONSENT_GIVEN_AGAIN = "consent_given_again"
    STEADY_SINCE_CLOSING = "steady_since_closing"
    INFUSION_SINCE_CLOSING = "infusion_since_closing"
    STILL_AT_CONSIDER = "still_at_consider"
    NEW_CRITERION = "new_criterion"
    ROSE_AGAIN = "rose_again"
    STEADY_NOW = "steady_now"
