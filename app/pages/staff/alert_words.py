"""The words in which pages say what signals and safety events are, what was done and by whom, and what was sent."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from app.care.alerts.safety_event_commands import SafetyOutcome
from app.clinical.episodes import CHOSEN_BY_STAFF, Disposition
from app.clinical.levels import CriterionName
from app.clinical.profiles import Caution
from app.clinical.reason_codes import ReasonCode
from app.foundation.translations import joined, say
from app.pages.staff.audit_words import action_said
from app.pages.staff.wall_clock import WallClock, counted, day_written, how_long
from app.storage.alert_steps import AlertStep
from app.storage.notices import SentNotification

CRITERIA: Final[Mapping[str, str]] = {
    CriterionName.GAIN_LOST: say("Mood, energy and sleep together have lost most of what was gained"),
    CriterionName.SCALE_RELAPSE: say("A questionnaire's total is back at relapse level"),
    CriterionName.ONE_DOMAIN: say("Mood alone has lost what was gained"),
    CriterionName.PATIENT_ASKS: say("The patient asks about a booster"),
}
# The same in a table, where each domain or scale has its rows.
SHORT_CRITERIA: Final[Mapping[str, str]] = {
    CriterionName.GAIN_LOST: say("Together"),
    CriterionName.SCALE_RELAPSE: say("Questionnaire"),
    CriterionName.ONE_DOMAIN: say("Alone"),
    CriterionName.PATIENT_ASKS: say("The patient asks"),
}
DISPOSITIONS: Final[Mapping[str, str]] = {
    Disposition.BOOSTER_GIVEN: say("Booster given"),
    Disposition.BOOSTER_BOOKED: say("Booster booked"),
    Disposition.WATCHFUL_WAITING: say("Watchful waiting"),
    Disposition.OTHER_TREATMENT: say("Other treatment"),
    Disposition.NOT_A_RELAPSE: say("Not a relapse"),
    Disposition.DATA_PROBLEM: say("Data problem"),
    Disposition.CONSENT_WITHDRAWN: say("Consent withdrawn"),
}
CHOICES: Final = {one.value: DISPOSITIONS[one] for one in CHOSEN_BY_STAFF}
OUTCOMES: Final[Mapping[str, str]] = {
    SafetyOutcome.CONTACT_MADE: say("We spoke with the patient"),
    SafetyOutcome.EMERGENCY_SERVICES: say("Emergency services were called"),
    SafetyOutcome.NO_CONTACT: say("Nobody was reached"),
    SafetyOutcome.ENTERED_BY_MISTAKE: say("Entered by mistake"),
}
SOURCES: Final[Mapping[str, str]] = {
    "check_in": say("a check-in"),
    "refused_check_in": say("a check-in that could not be kept"),
    "assessment": say("a questionnaire"),
    "refused_assessment": say("a questionnaire that could not be kept"),
    "text_message": say("a text message"),
}
CAUTIONS: Final[Mapping[str, str]] = {
    Caution.UNCONTROLLED_HYPERTENSION: say("uncontrolled hypertension"),
    Caution.CARDIAC_DISEASE: say("cardiac disease"),
    Caution.UNCONTROLLED_THYROID_DISEASE: say("uncontrolled thyroid disease"),
    Caution.SUBSTANCE_USE_DISORDER: say("substance use disorder"),
    Caution.MANIA: say("mania"),
    Caution.PSYCHOSIS: say("psychosis"),
    Caution.PRIOR_ADVERSE_REACTION: say("prior adverse reaction"),
    Caution.URINARY_SYMPTOMS: say("urinary symptoms"),
    Caution.BLOOD_PRESSURE_ABOVE_140_90: say("blood pressure above 140/90"),
    Caution.PREGNANCY: say("pregnancy"),
}
STEPS: Final[Mapping[str, str]] = {
    "signal.raised": say("Raised"),
    "signal.add_evidence": say("New evidence was added"),
    "signal.became_steady": say("Became steady again"),
    "signal.acknowledged": say("Acknowledged"),
    "signal.snoozed": say("Snoozed"),
    "signal.acknowledgement_taken_back": say("Acknowledgement taken back"),
    "signal.assigned": say("Assigned"),
    "signal.reached_out": say("Reached out"),
    "signal.snooze_ended": say("Snooze ended"),
    "signal.returned_from_snooze": say("Came back from its snooze"),
    "signal.escalated": say("Escalated to the second contact"),
    "signal.closed": say("Closed"),
    "signal.closed_by_infusion": say("Closed by an infusion"),
    "signal.closed_by_withdrawal": say("Closed, consent was withdrawn"),
    "signal.reopened": say("Reopened"),
    "signal.not_supported_by_corrected_facts": say("Not supported by the corrected facts"),
}
DELIVERY_STATES: Final[Mapping[str | None, str]] = {
    "pending": say("on its way"),
    "delivered": say("delivered"),
    "held": say("held: the endpoint is disabled"),
    "exhausted": say("given up after the last attempt"),
    None: say("there was no endpoint to notify"),
}
EVENT_WORDS: Final[Mapping[str, str]] = {
    "signal.raised": say("Signal raised"),
    "signal.escalated": say("Signal escalated"),
    "signal.closed": say("Signal closed"),
    "signal.reopened": say("Signal reopened"),
    "safety.reported": say("Safety event reported"),
    "safety.unacknowledged": say("Safety event not acknowledged in time"),
}
SUPPRESSED_BY: Final[Mapping[str, str]] = {
    ReasonCode.INDUCTION_RUNNING: say("Induction is running"),
    ReasonCode.WITHIN_A_DAY_OF_INFUSION: say("It is within a day of an infusion"),
    ReasonCode.COURSE_CLOSED: say("The course is closed"),
    ReasonCode.LAST_KNOWN: say("Check-ins are too old to speak about now"),
    ReasonCode.NO_REPORT_SINCE_INFUSION: say("There is no report since the infusion"),
    ReasonCode.MOOD_ELEVATED: say("Mood was elevated in the last days"),
    ReasonCode.SCALE_DISAGREES: say("A questionnaire says otherwise: its repeat is awaited"),
}
# By which number of the rule a reason's fact is called in the page of numbers.
NUMBERS: Final[Mapping[tuple[str, str], str]] = {
    (ReasonCode.BELOW_WATCH, "threshold"): "watch_at",
    (ReasonCode.WATCH_REACHED, "threshold"): "watch_at",
    (ReasonCode.STILL_WATCHING, "threshold"): "steady_below",
    (ReasonCode.STILL_WATCHING, "days"): "steady_days",
    (ReasonCode.LOST_ENOUGH, "threshold"): "consider_at",
    (ReasonCode.GAIN_TOO_SMALL, "least"): "least_gain",
    (ReasonCode.TOO_FEW_RECENT_DAYS, "needed"): "consider_least_days",
    (ReasonCode.TOO_FEW_RECENT_DAYS, "within_days"): "consider_within_days",
    (ReasonCode.LAST_DAYS_BETTER, "each_day"): "consider_each_day",
    (ReasonCode.DOMAIN_LOST_ENOUGH, "threshold"): "mood_consider_at",
    (ReasonCode.DOMAIN_STILL_WATCHING, "threshold"): "steady_below",
    (ReasonCode.ASSUMED_BASELINE, "threshold"): "consider_at_assumed",
}


def done_by(step: AlertStep, names: dict[UUID, str]) -> str:
    """Say who took a step: a member by name, a key as a key, the rule and the clock as the service."""
    return by_whom(step.actor_kind, step.actor_id, names)


def by_whom(kind: str, actor_id: UUID | None, names: dict[UUID, str]) -> str:
    """The same, of any kind of actor."""
    if kind == "staff":
        return (
            say("by {value1}", value1=names[actor_id])
            if actor_id in names
            else say("by a member of the staff")
        )
    return {"api_key": say("by key"), "device": say("by the patient")}.get(kind, say("by Afterglow itself"))


def how_sure(reference: dict[str, Any], days_in_last_10: int, last_report_on: date | None) -> list[str]:
    """Say on how much a decision rests, as it was kept with it."""
    said: list[str] = [say("{count} in the last 10", count=counted(days_in_last_10, say("check-in day")))]
    if last_report_on:
        said.append(say("last report {day_written}", day_written=day_written(last_report_on)))
    if "because" in reference:
        return [*said, say("no reference from check-ins")]
    said.append(say("reference from {count}", count=counted(reference["n_days"], "day")))
    if reference["assumes_baseline"]:
        said.append(say("the baseline is assumed"))
    if reference["falling"]:
        said.append(say("the reference was falling already"))
    if reference.get("chosen"):
        said.append(say("the reference was set by a clinician"))
    return said


def notification_rows(sent: Sequence[SentNotification], clock: WallClock) -> list[dict[str, str]]:
    """Give each with where its delivery stands."""
    return [
        {
            "what": EVENT_WORDS.get(one.type) or action_said(one.type),
            "at": clock.plain(one.occurred_at),
            "state": _state(one, clock),
        }
        for one in sent
    ]


def _state(one: SentNotification, clock: WallClock) -> str:
    words = DELIVERY_STATES.get(one.state, "")
    if one.delivered_at is not None:
        return joined((words, clock.plain(one.delivered_at)), " ")
    if one.state == "pending" and one.attempts_made and one.next_attempt_at:
        return say(
            "{words}, {count} so far, next {how_long}",
            words=words,
            count=counted(one.attempts_made, "attempt"),
            how_long=how_long(one.next_attempt_at, clock.now),
        )
    return words
