"""Requests and replies about courses and infusions."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.clinical.course import TEMPLATES, Infusion, InfusionPhase, Phase, Route
from app.treatment.service import EnteredCourse
from app.web.schemas import Day, Moment, ReplyBody, RequestBody, choice_of, example

ProtocolCode = Annotated[str, choice_of(TEMPLATES), Field(examples=["standard"])]


class CourseEntry(RequestBody):
    """A course of treatment as planned."""

    model_config = example(protocol="standard", planned_infusions=6, started_on="2026-09-28")

    protocol: ProtocolCode = Field(description="The template that the series follows")
    planned_infusions: Annotated[int, Field(strict=True, ge=1, le=20)] | None = Field(
        default=None,
        description="How many induction infusions are planned; null when nobody said",
        examples=[6],
    )
    started_on: Day = Field(examples=["2026-09-28"])


class CourseReply(ReplyBody):
    """A course and where it stands."""

    id: UUID
    protocol: str
    planned_infusions: int | None
    started_on: date
    phase: Phase

    @classmethod
    def of(cls, entered: EnteredCourse) -> "CourseReply":
        """Make the reply."""
        course = entered.course
        return cls(
            id=UUID(course.id),
            protocol=course.protocol,
            planned_infusions=course.planned_infusions,
            started_on=course.started_on,
            phase=entered.phase,
        )


class InfusionEntry(RequestBody):
    """An infusion that was given."""

    model_config = example(
        given_at="2026-09-28T10:00:00+02:00", phase="induction", dose_mg_per_kg=0.5, route="iv"
    )

    given_at: Moment
    phase: Annotated[InfusionPhase, choice_of(InfusionPhase)]
    dose_mg_per_kg: Annotated[float, Field(strict=True, gt=0, le=10, allow_inf_nan=False)] | None = None
    route: Annotated[Route, choice_of(Route)] | None = None


class InfusionReply(ReplyBody):
    """An infusion as entered."""

    id: UUID
    given_at: datetime
    phase: Literal["induction", "booster"]
    dose_mg_per_kg: float | None
    route: str | None

    @classmethod
    def of(cls, infusion: Infusion) -> "InfusionReply":
        """Make the reply."""
        return cls(
            id=UUID(infusion.id),
            given_at=infusion.given_at,
            phase=infusion.phase.value,
            dose_mg_per_kg=infusion.dose_mg_per_kg,
            route=infusion.route.value if infusion.route else None,
        )
