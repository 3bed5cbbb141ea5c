"""The words that pages about a patient use for what is stored as a code."""

from collections.abc import Mapping
from typing import Final

from app.care.patients.consent_standing import ConsentStanding
from app.clinical.course import InductionEndedBecause, InfusionPhase, Phase
from app.clinical.english_formats import capitalised
from app.clinical.explanation import HEADLINES
from app.clinical.interval import NotOffered
from app.clinical.profiles import CAUTION_NAMES, Caution, Profile
from app.clinical.review import NotKnown, ResponseCategory, ReviewFinding, ReviewOption
from app.clinical.taper import TaperMove
from app.foundation.audit import ActorKind

LEVELS: Final[Mapping[str, str]] = {level.value: said.rstrip(".") for level, said in HEADLINES.items()}
MODES: Final = {"test": "Test", "live": "Live"}
PROFILES: Final = {one: capitalised(one.value.replace("_", " ")) for one in Profile}
CAUTIONS: Final = {one: capitalised(CAUTION_NAMES[one]) for one in Caution}
CONSENT: Final = {
    ConsentStanding.NOT_ASKED: "Not asked yet; the patient's pages ask first",
    ConsentStanding.GIVEN: "Given",
    ConsentStanding.OUTDATED: "Given to an earlier text; it stands, and the patient is asked again",
    ConsentStanding.WITHDRAWN: "Withdrawn: nothing is taken or evaluated, except statements of self-harm",
}
PHASES: Final = {
    Phase.PLANNED: "Planned",
    Phase.INDUCTION: "Induction",
    Phase.REVIEW: "Induction is over, the review is open",
    Phase.MAINTENANCE: "Maintenance",
    Phase.ENDED: "Ended",
    Phase.STOPPED: "Stopped",
}
INFUSIONS: Final = {InfusionPhase.INDUCTION: "Induction", InfusionPhase.BOOSTER: "Booster"}
ENDED_BECAUSE: Final = {
    InductionEndedBecause.PLANNED_COUNT: "the planned infusions were given",
    InductionEndedBecause.CONFIRMED_BY_STAFF: "staff said so",
    InductionEndedBecause.NO_FURTHER_INFUSION: "no further infusion was given",
    InductionEndedBecause.FIRST_BOOSTER: "a booster was given",
    InductionEndedBecause.TAKEN_ON: "the patient was taken on in maintenance",
}
RESPONSES: Final = {
    ResponseCategory.REMISSION: "Remission",
    ResponseCategory.RESPONSE: "Response",
    ResponseCategory.PARTIAL: "Partial response",
    ResponseCategory.NONE: "No response",
    ResponseCategory.WORSE: "Worse than before treatment",
}
RESPONSE_NOT_KNOWN: Final = {
    NotKnown.NO_BASELINE: "Not known: no total before treatment",
    NotKnown.NO_TOTAL_AFTER: "Not known: no total after induction",
    NotKnown.RECALL_TOO_LONG: "Not known: the form asks about too many days",
}
FINDINGS: Final = {
    ReviewFinding.ENOUGH_RESPONSE: "The response is enough.",
    ReviewFinding.BENEFIT_RECORDED: "A clinician recorded a benefit that the scales did not show.",
    ReviewFinding.NOT_ENOUGH_RESPONSE: "The response is not enough.",
    ReviewFinding.NOT_MEASURED: "No scale was completed before and after, so the response is not known.",
}
OPTIONS: Final = {
    ReviewOption.ONE_OR_TWO_MORE_INFUSIONS: "one or two more infusions",
    ReviewOption.ADJUST_DOSE: "adjust the dose",
    ReviewOption.CONCLUDE_NON_RESPONSE: "conclude that there is no response",
}
NOT_OFFERED: Final = {
    NotOffered.NO_STRETCH: "no benefit has ended yet",
    NotOffered.NOT_OBSERVED: "too few of the asked days were answered",
    NotOffered.FINDING_OPEN: "a finding is open for review",
    NotOffered.LONG_EXPOSURE_OPEN: "an answer about long exposure is open for review",
    NotOffered.PRECAUTION_ACTIVE: "a precaution is active",
}
MOVES: Final = {TaperMove.LENGTHEN: "Lengthen", TaperMove.HOLD: "Hold", TaperMove.SHORTEN: "Shorten"}
SIGNAL_STATES: Final = {"open": "Open", "acknowledged": "Acknowledged", "snoozed": "Snoozed"}
EVENT_STATES: Final = {"open": "Nobody has taken it up yet", "acknowledged": "Someone has taken it up"}
CRITERIA: Final = {
    "gain_lost": "gain lost",
    "scale_relapse": "validated totals",
    "one_domain": "one domain alone",
    "patient_asks": "the patient asked",
}
ACTORS: Final = {
    ActorKind.DEVICE: "The patient",
    ActorKind.API_KEY: "An API key",
    ActorKind.STAFF: "A member of the staff",
    ActorKind.OPERATOR: "The operator",
    ActorKind.SYSTEM: "Afterglow",
}


NOTICES: Final[Mapping[str, str]] = {
    "infusion": "The infusion is entered, and the patient was re-evaluated.",
    "infusion-reordered": "The infusion is entered. A later one was there; it was put in its place by its time.",
    "infusion-after-booster": "The induction infusion is entered after a booster: the reference is taken again.",
    "session": "The session is documented.",
    "assessment": "Saved.",
    "assessment-before": "Already saved; nothing was changed.",
    "assessment-safety": "Saved. Its answer about self-harm opened a safety event: please look at it now.",
    "course": "The course is entered.",
    "taken-on": "The patient is taken on. Infusions from now on count as boosters.",
    "merged": "The duplicate is merged. Everything known of it counts here now.",
    "unmerged": "The merge is taken back. Both patients are as they were.",
    "course-changed": "The course is changed.",
    "circumstance": "Saved. It stands on the chart from its day on.",
    "booster": "The booster is booked. No signal is raised until two days after that day.",
    "booster-cleared": "The booking is taken back.",
    "factors": "Profile and cautions are kept.",
    "taper": "The taper plan is kept.",
    "reference": "The new reference is taken. From its last day on, nothing counts as lost yet.",
    "details": "The patient's details are changed.",
    "care-team": "The care team is saved.",
    "contact": "It is noted how to reach the patient.",
    "device": "Device access revoked.",
    "consent": "The withdrawal is noted. Nothing is taken or evaluated any more; statements of self-harm are.",
    "link-sent": "A sign-in link is on its way to the patient's e-mail. It works once, within a day.",
    "link-not-sent": "No mail could be sent: there is no address, or no mail server is set up. Please use a code.",
}
