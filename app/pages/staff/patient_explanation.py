"""What a patient's page says after something was done; the address carries only the short name."""

from collections.abc import Mapping
from typing import Final

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
