"""Requests and replies about a treatment session."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.storage.treatment_sessions import Dissociation, ScaleTotal, Session, SideEffect, Site, Vitals
from app.web.schemas import Moment, ReplyBody, RequestBody, choice_of, example

# Beyond these nobody lives, or the number is another one's.
Systolic = Annotated[int, Field(strict=True, ge=40, le=300, description="mmHg")]
Diastolic = Annotated[int, Field(strict=True, ge=20, le=200, description="mmHg")]
Pulse = Annotated[int, Field(strict=True, ge=20, le=300, description="Beats a minute")]
SessionNote = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4000,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$",
        description="Notes of the session, for the care team; kept sealed",
    ),
]


class VitalsEntry(RequestBody):
    """What was measured at one moment of the session."""

    systolic: Systolic | None = None
    diastolic: Diastolic | None = None
    pulse: Pulse | None = None


class ScoreEntry(RequestBody):
    """A validated scale's total about four hours after the start."""

    scale: Annotated[str, Field(max_length=64, examples=["madrs"])]
    total: Annotated[float, Field(strict=True, ge=0, le=1000, allow_inf_nan=False)]


class SessionEntry(RequestBody):
    """How a session went, as it was documented; what is left out was not documented."""

    model_config = example(
        ended_at="2026-09-28T11:30:00+02:00",
        site="left_arm",
        before={"systolic": 122, "diastolic": 78, "pulse": 70},
        peak={"systolic": 141, "diastolic": 88, "pulse": 84},
        dissociation="mild",
        side_effects=["nausea"],
    )

    ended_at: Moment | None = None
    site: Annotated[Site, choice_of(Site)] | None = None
    before: VitalsEntry | None = None
    peak: VitalsEntry | None = None
    after: VitalsEntry | None = None
    dissociation: Annotated[Dissociation, choice_of(Dissociation)] | None = None
    side_effects: Annotated[
        tuple[Annotated[SideEffect, choice_of(SideEffect)], ...], Field(max_length=len(SideEffect))
    ] = ()
    four_hour_score: ScoreEntry | None = None

    def documented(self) -> Session:
        """Take it as documented; each side effect once."""
        fields: dict[str, Any] = dict(self)
        for name in ("before", "peak", "after"):
            fields[name] = fields[name] and Vitals(**dict(fields[name]))
        fields["side_effects"] = tuple(dict.fromkeys(self.side_effects))
        fields["four_hour_score"] = self.four_hour_score and ScaleTotal(**dict(self.four_hour_score))
        return Session(**fields)


class VitalsReply(ReplyBody):
    """What was measured at one moment of the session: mmHg, and beats a minute."""

    systolic: int | None
    diastolic: int | None
    pulse: int | None


class ScoreReply(ReplyBody):
    """A validated scale's total about four hours after the start."""

    scale: str
    total: float


class TreatmentSessionReply(ReplyBody):
    """How a session went. It decides nothing."""

    ended_at: datetime | None
    site: Site | None
    before: VitalsReply | None
    peak: VitalsReply | None
    after: VitalsReply | None
    dissociation: Dissociation | None
    side_effects: list[SideEffect]
    four_hour_score: ScoreReply | None

    @classmethod
    def of(cls, session: Session) -> "TreatmentSessionReply":
        """Make the reply."""
        return cls.model_validate(session, from_attributes=True)


class SessionNotesReply(ReplyBody):
    """A session with its notes, opened."""

    infusion_id: UUID
    session: TreatmentSessionReply | None
    note: str | None
