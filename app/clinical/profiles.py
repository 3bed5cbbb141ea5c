"""What to expect for whom: sessions by patient profile, and the cautions that stand beside every signal.

For the clinic to read. No rule decides by a profile, and a caution never changes what is recommended: it
is shown with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Profile(StrEnum):
    """The kinds of patients for whom the sources name a number of sessions [Serenity 2025]."""

    FIRST_TIME = "first_time"
    SEVERE_OR_CHRONIC = "severe_or_chronic"
    MILD_TO_MODERATE = "mild_to_moderate"
    RECURRING_RELAPSE = "recurring_relapse"


class Boosters(StrEnum):
    """What the source says about boosters after the series."""

    NOT_STATED = "not_stated"
    OPTIONAL = "optional"
    ONGOING = "ongoing"
    MONTHLY_OR_AS_NEEDED = "monthly_or_as_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedSessions:
    """Sessions of the first series, both ends included; None where the source names no series."""

    profile: Profile
    fewest: int | None
    most: int | None
    boosters: Boosters
    source: str = "Serenity 2025"


EXPECTED_SESSIONS: Mapping[Profile, ExpectedSessions] = {
    expected.profile: expected
    for expected in (
        ExpectedSessions(profile=Profile.FIRST_TIME, fewest=6, most=6, boosters=Boosters.NOT_STATED),
        ExpectedSessions(profile=Profile.SEVERE_OR_CHRONIC, fewest=6, most=8, boosters=Boosters.ONGOING),
        ExpectedSessions(profile=Profile.MILD_TO_MODERATE, fewest=4, most=6, boosters=Boosters.OPTIONAL),
        ExpectedSessions(
            profile=Profile.RECURRING_RELAPSE,
            fewest=None,
            most=None,
            boosters=Boosters.MONTHLY_OR_AS_NEEDED,
        ),
    )
}


class Caution(StrEnum):
    """A reason for care that staff have recorded; open until they close it."""

    UNCONTROLLED_HYPERTENSION = "uncontrolled_hypertension"
    CARDIAC_DISEASE = "cardiac_disease"
    UNCONTROLLED_THYROID_DISEASE = "uncontrolled_thyroid_disease"
    SUBSTANCE_USE_DISORDER = "substance_use_disorder"
    MANIA = "mania"
    PSYCHOSIS = "psychosis"
    PRIOR_ADVERSE_REACTION = "prior_adverse_reaction"
    URINARY_SYMPTOMS = "urinary_symptoms"
    BLOOD_PRESSURE_ABOVE_140_90 = "blood_pressure_above_140_90"
    PREGNANCY = "pregnancy"


_PUBLISHED_CAUTIONS = {
    Caution.URINARY_SYMPTOMS,
    Caution.BLOOD_PRESSURE_ABOVE_140_90,
    Caution.PREGNANCY,
}

CAUTION_NAMES: Mapping[Caution, str] = {
    caution: caution.value.replace("_", " ").replace("140 90", "140/90") for caution in Caution
}
"""How a caution is said in a sentence."""

CAUTION_SOURCES: Mapping[Caution, str] = {
    caution: "published" if caution in _PUBLISHED_CAUTIONS else "Reset Ketamine" for caution in Caution
}


def fits_profile(profile: Profile, planned_infusions: int) -> bool | None:
    """Whether a planned series has as many sessions as the source names; None where it names none."""
    expected = EXPECTED_SESSIONS[profile]
    if expected.fewest is None or expected.most is None:
        return None
    return expected.fewest <= planned_infusions <= expected.most
