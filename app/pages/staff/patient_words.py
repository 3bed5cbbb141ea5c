"""The words that pages about a patient use for what is stored as a code."""

from collections.abc import Mapping
from typing import Final

from app.care.patients.consent_status import ConsentStatus
from app.clinical.check_ins import CheckIn
from app.clinical.course import InductionEndedBecause, InfusionPhase, Phase
from app.clinical.domains import DOMAINS, Domain
from app.clinical.interval import NotOffered
from app.clinical.profiles import Caution, Profile
from app.clinical.review import NotKnown, ResponseCategory, ReviewFinding, ReviewOption
from app.clinical.scales import Band
from app.foundation.audit import ActorKind
from app.foundation.translations import capitalized, joined, number_written, say
from app.pages.staff.alert_words import CAUTIONS as CAUTION_WORDS

LEVELS: Final[Mapping[str, str]] = {
    "consider_booster": say("Consider a booster"),
    "watch": say("Watch"),
    "steady": say("Stable"),
    "unknown": say("Unknown"),
    "no_reference": say("Not enough data yet"),
}
DOMAINS_SAID: Final[Mapping[Domain, str]] = {
    Domain.MOOD: say("mood"),
    Domain.ENERGY: say("energy"),
    Domain.SLEEP_QUALITY: say("sleep"),
}
BANDS: Final[Mapping[Band, str]] = {
    Band.NONE: say("none"),
    Band.MINIMAL: say("minimal"),
    Band.MILD: say("mild"),
    Band.MODERATE: say("moderate"),
    Band.MODERATELY_SEVERE: say("moderately severe"),
    Band.SEVERE: say("severe"),
    Band.VERY_SEVERE: say("very severe"),
}
PROTOCOLS: Final[Mapping[str, str]] = {
    "standard": say("Standard"),
    "mild_to_moderate": say("Mild to moderate"),
    "severe_or_chronic": say("Severe or chronic"),
    "twice_weekly": say("Twice weekly for 4 weeks"),
    "own": say("The clinic's own"),
}
"""The protocols of the field, by their codes in `clinical/course.py`."""
MODES: Final = {"test": say("Test"), "live": say("Live")}
ARCHIVED: Final[Mapping[str, str]] = {
    "care_ended": say("Care ended"),
    "transferred": say("Transferred"),
    "deceased": say("Deceased"),
    "registered_in_error": say("Registered in error"),
    "duplicate": say("Duplicate"),
}
"""Why a patient is not in care any more."""
PROFILES: Final[Mapping[str, str]] = {
    Profile.FIRST_TIME: say("First time"),
    Profile.SEVERE_OR_CHRONIC: say("Severe or chronic"),
    Profile.MILD_TO_MODERATE: say("Mild to moderate"),
    Profile.RECURRING_RELAPSE: say("Recurring relapse"),
}
CAUTIONS: Final = {one: capitalized(CAUTION_WORDS[one]) for one in Caution}
CONSENT: Final = {
    ConsentStatus.NOT_ASKED: say("Not asked yet; the patient's pages ask first"),
    ConsentStatus.GIVEN: say("Given"),
    ConsentStatus.OUTDATED: say("Given to an earlier text; it stands, and the patient is asked again"),
    ConsentStatus.WITHDRAWN: say("Withdrawn: nothing is taken or evaluated, except statements of self-harm"),
}
PHASES: Final = {
    Phase.PLANNED: say("Planned"),
    Phase.INDUCTION: say("Induction"),
    Phase.REVIEW: say("Induction is over, the review is open"),
    Phase.MAINTENANCE: say("Maintenance"),
    Phase.ENDED: say("Ended"),
    Phase.STOPPED: say("Stopped"),
}
INFUSIONS: Final = {InfusionPhase.INDUCTION: say("Induction"), InfusionPhase.BOOSTER: say("Booster")}
ENDED_BECAUSE: Final = {
    InductionEndedBecause.PLANNED_COUNT: say("the planned infusions were given"),
    InductionEndedBecause.CONFIRMED_BY_STAFF: say("staff confirmed it"),
    InductionEndedBecause.NO_FURTHER_INFUSION: say("no further infusion was given"),
    InductionEndedBecause.FIRST_BOOSTER: say("a booster was given"),
    InductionEndedBecause.TAKEN_ON: say("the patient was taken on in maintenance"),
}
RESPONSES: Final = {
    ResponseCategory.REMISSION: say("Remission"),
    ResponseCategory.RESPONSE: say("Response"),
    ResponseCategory.PARTIAL: say("Partial response"),
    ResponseCategory.NONE: say("No response"),
    ResponseCategory.WORSE: say("Worse than before treatment"),
}
RESPONSE_NOT_KNOWN: Final = {
    NotKnown.NO_BASELINE: say("Not known: no total before treatment"),
    NotKnown.NO_TOTAL_AFTER: say("Not known: no total after induction"),
    NotKnown.RECALL_TOO_LONG: say("Not known: the form asks about too many days"),
}
FINDINGS: Final = {
    ReviewFinding.ENOUGH_RESPONSE: say("The response is sufficient."),
    ReviewFinding.BENEFIT_RECORDED: say("A clinician recorded a benefit that the scales did not show."),
    ReviewFinding.NOT_ENOUGH_RESPONSE: say("The response is not sufficient."),
    ReviewFinding.NOT_MEASURED: say("No scale was completed before and after, so the response is not known."),
}
OPTIONS: Final = {
    ReviewOption.ONE_OR_TWO_MORE_INFUSIONS: say("one or two more infusions"),
    ReviewOption.ADJUST_DOSE: say("adjust the dose"),
    ReviewOption.CONCLUDE_NON_RESPONSE: say("conclude that there is no response"),
}
NOT_OFFERED: Final = {
    NotOffered.NO_STRETCH: say("no benefit has ended yet"),
    NotOffered.NOT_OBSERVED: say("too few of the asked days were answered"),
    NotOffered.FINDING_OPEN: say("a finding is open for review"),
    NotOffered.LONG_EXPOSURE_OPEN: say("an answer about long exposure is open for review"),
    NotOffered.PRECAUTION_ACTIVE: say("a precaution is active"),
}
ACTORS: Final = {
    ActorKind.DEVICE: say("The patient"),
    ActorKind.API_KEY: say("An API key"),
    ActorKind.STAFF: say("A member of the staff"),
    ActorKind.OPERATOR: say("The operator"),
    ActorKind.SYSTEM: "Afterglow",
}


NOTICES: Final[Mapping[str, str]] = {
    "infusion": say("The infusion is entered, and the patient was re-evaluated."),
    "infusion-reordered": say(
        "The infusion is entered. A later one was there; it was put in its place by its time."
    ),
    "infusion-after-booster": say(
        "The induction infusion is entered after a booster: the reference is taken again."
    ),
    "infusion-undone": say("The infusion counts as entered in error, and what it had closed is open again."),
    "session": say("The session is documented."),
    "assessment": say("Saved."),
    "assessment-before": say("Already saved; nothing was changed."),
    "assessment-safety": say(
        "Saved. Its answer about self-harm opened a safety event: please look at it now."
    ),
    "course": say("The course is entered."),
    "taken-on": say("The patient is taken on. Infusions from now on count as boosters."),
    "merged": say("The duplicate is merged. Everything known of it counts here now."),
    "unmerged": say("The merge is taken back. Both patients are as they were."),
    "course-changed": say("The course is changed."),
    "circumstance": say("Saved. It stands on the chart from its day on."),
    "booster": say("The booster is booked. No signal is raised until two days after that day."),
    "booster-cleared": say("The booking is taken back."),
    "factors": say("Profile and cautions are kept."),
    "taper": say("The taper plan is kept."),
    "reference": say("The new reference is taken. From its last day on, nothing counts as lost yet."),
    "details": say("The patient's details are changed."),
    "care-team": say("The care team is saved."),
    "contact": say("It is noted how to reach the patient."),
    "device": say("Device access revoked."),
    "consent": say(
        "The withdrawal is noted. Nothing is taken or evaluated any more; statements of self-harm are."
    ),
    "archived": say("The patient is archived. Nobody reads their reports here any more."),
    "unarchived": say("The patient is in care again. Their reports are read from now on."),
    "link-sent": say("A sign-in link is on its way to the patient's e-mail. It works once, within a day."),
    "link-not-sent": say(
        "No mail could be sent: there is no address, or no mail server is set up. Please use a code."
    ),
}


def scores_said(report: CheckIn) -> list[str]:
    """Say what a check-in's scales were answered with, one after the other."""
    values = (report.mood, report.energy, report.sleep_quality)
    return [
        joined((DOMAINS_SAID[domain], number_written(value)), " ")
        for domain, value in zip(DOMAINS, values, strict=True)
        if value is not None
    ]
