"""Requests and replies about what is planned with a patient."""

from datetime import date, time
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from app.care.treatment.appointments import PlannedAppointment
from app.care.treatment.infusion_schemas import DoseMg, DosePerKg
from app.clinical.course import Route
from app.storage.appointments import Appointment, AppointmentKind, AppointmentState
from app.web.correction_schemas import Confirm, NeverEmptyError
from app.web.headers import etag_of
from app.web.schemas import Day, Moment, ReplyBody, RequestBody, choice_of, example

Kind = Annotated[AppointmentKind, choice_of(AppointmentKind)]
TimeOfDay = Annotated[
    str,
    Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["09:30"], description="The patient's clock"),
]


class AppointmentEntry(RequestBody):
    """An appointment to plan: by the patient's clock, with the dose that is meant to be given."""

    model_config = example(kind="booster", on="2026-12-03", at="09:30", dose_mg_per_kg=0.5, route="iv")

    kind: Kind
    on: Day
    at: TimeOfDay | None = None
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None
    confirm: Confirm = ()

    def planned(self) -> PlannedAppointment:
        """Take it as planned."""
        return PlannedAppointment(**(dict(self) | {"at": _time(self.at)}))


class AppointmentChange(RequestBody):
    """What is different about an appointment; fields left out stay, null takes a value back."""

    model_config = example(on="2026-12-10")

    on: Day | None = None
    at: TimeOfDay | None = None
    dose_mg_per_kg: DosePerKg | None = None
    dose_mg: DoseMg | None = None
    route: Annotated[Route, choice_of(Route)] | None = None
    confirm: Confirm = ()

    @model_validator(mode="after")
    def _stays_on_a_day(self) -> "AppointmentChange":
        if "on" in self.model_fields_set and self.on is None:
            raise NeverEmptyError
        return self

    def changes(self) -> dict[str, Any]:
        """Take what was named as the change, and nothing else."""
        named = {name: getattr(self, name) for name in sorted(self.model_fields_set - {"confirm"})}
        if "at" in named:
            named["at"] = _time(self.at)
        if self.route is not None:
            named["route"] = self.route.value
        return named


class GivenAsPlanned(RequestBody):
    """When a planned infusion was given; its dose and route are those that were planned."""

    model_config = example(given_at="2026-12-03T09:40:00-05:00")

    given_at: Moment
    confirm: Confirm = ()


class AppointmentReply(ReplyBody):
    """An appointment, by the patient's clock; `infusion_id` is the infusion that it became."""

    id: UUID
    patient_id: UUID
    kind: AppointmentKind
    on: date
    at: str | None
    dose_mg_per_kg: float | None
    dose_mg: float | None
    route: str | None
    state: AppointmentState
    infusion_id: UUID | None
    version: int
    etag: str = Field(description="Send it as If-Match with a change")

    @classmethod
    def of(cls, one: Appointment) -> "AppointmentReply":
        """Make the reply."""
        own = ("id", "patient_id", "kind", "on", "dose_mg_per_kg", "dose_mg", "route", "state", "infusion_id")
        return cls(
            **{name: getattr(one, name) for name in own},
            at=f"{one.at:%H:%M}" if one.at else None,
            version=one.version,
            etag=etag_of(one.version),
        )


class AppointmentList(ReplyBody):
    """Appointments, in the order of their days."""

    items: list[AppointmentReply]


def _time(text: str | None) -> time | None:
    return time.fromisoformat(text) if text else None
