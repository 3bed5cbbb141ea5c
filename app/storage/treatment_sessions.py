"""What is kept of a treatment session beside the dose: its end, site, vital signs, and how the patient bore it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter


class Site(StrEnum):
    """Where an injection or infusion went in."""

    LEFT_ARM = "left_arm"
    RIGHT_ARM = "right_arm"
    LEFT_THIGH = "left_thigh"
    RIGHT_THIGH = "right_thigh"
    ABDOMEN = "abdomen"
    OTHER = "other"


class Dissociation(StrEnum):
    """How strong dissociation was at its peak."""

    NONE = "none"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class SideEffect(StrEnum):
    """What the patient felt during or soon after the session."""

    NAUSEA = "nausea"
    VOMITING = "vomiting"
    HEADACHE = "headache"
    DIZZINESS = "dizziness"
    SEDATION = "sedation"
    ANXIETY = "anxiety"
    BLURRED_VISION = "blurred_vision"
    RAISED_BLOOD_PRESSURE = "raised_blood_pressure"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """Blood pressure in mmHg, pulse in beats a minute; None: not measured."""

    systolic: int | None = None
    diastolic: int | None = None
    pulse: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleTotal:
    """A validated scale's total, by the scale's key."""

    scale: str
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session as it was documented; it began when the infusion was given.

    Attributes:
        four_hour_score: a total about four hours after the start.
    """

    ended_at: datetime | None = None
    site: Site | None = None
    before: Vitals | None = None
    peak: Vitals | None = None
    after: Vitals | None = None
    dissociation: Dissociation | None = None
    side_effects: tuple[SideEffect, ...] = ()
    four_hour_score: ScaleTotal | None = None


_CONTENT: Final = TypeAdapter(Session)


def session_in(kept: dict[str, Any] | None) -> Session | None:
    """Read what is kept of a session."""
    return None if kept is None else _CONTENT.validate_python(kept)


def plain_session(session: Session | None) -> dict[str, Any] | None:
    """Give a session as it is kept."""
    return None if session is None else _CONTENT.dump_python(session, mode="json")
