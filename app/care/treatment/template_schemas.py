"""Requests and replies about a clinic's own protocol templates."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from app.care.treatment.infusion_schemas import DoseMg, DosePerKg
from app.clinical.course import Route
from app.storage.protocol_templates import OwnTemplate
from app.web.correction_schemas import NeverEmptyError
from app.web.headers import etag_of
from app.web.schemas import Name, ReplyBody, RequestBody, choice_of, example

_OPTIONAL = ("dose_mg_per_kg", "dose_mg", "route")
Infusions = Annotated[int, Field(strict=True, ge=1, le=20, description="How many infusions its series has")]
IntervalDays = Annotated[
    int, Field(strict=True, ge=1, le=90, description="Days from one infusion to the next")
]


class TemplateEntry(RequestBody):
    """A way in which the clinic gives an induction series."""

    model_config = example(
        name="Twice weekly, 0.5 mg/kg", infusions=8, interval_days=3, dose_mg_per_kg=0.5, route="iv"
    )

    name: Name
    infusions: Infusions
    interval_days: IntervalDays
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None


class TemplateChange(RequestBody):
    """What is different from now on; fields left out stay, null takes a dose or the route back."""

    model_config = example(interval_days=2)

    name: Name | None = None
    infusions: Infusions | None = None
    interval_days: IntervalDays | None = None
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None
    retired: bool | None = Field(default=None, description="No course is started with it any more")

    @model_validator(mode="after")
    def _stays_a_template(self) -> "TemplateChange":
        if any(getattr(self, name) is None for name in self.model_fields_set - set(_OPTIONAL)):
            raise NeverEmptyError
        return self

    def changes(self) -> dict[str, Any]:
        """Take what was named as the change, and nothing else."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


class TemplateReply(ReplyBody):
    """A protocol template at one of its versions."""

    id: UUID
    version: int
    name: str
    infusions: int
    interval_days: int
    dose_mg_per_kg: float | None
    dose_mg: float | None
    route: str | None
    retired: bool
    etag: str = Field(description="Send it as If-Match with a change")

    @classmethod
    def of(cls, one: OwnTemplate) -> "TemplateReply":
        """Make the reply."""
        own = set(cls.model_fields) - {"etag"}
        return cls.model_validate({name: getattr(one, name) for name in own} | {"etag": etag_of(one.version)})


class TemplateList(ReplyBody):
    """The clinic's own protocol templates, by name."""

    items: list[TemplateReply]
