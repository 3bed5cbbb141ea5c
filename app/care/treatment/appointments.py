"""What is planned with a patient; a planned infusion becomes a given one with one confirmation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from app.access.clinics.queries import clinic_in
from app.care.alerts import bookings
from app.care.monitoring import effects
from app.care.patients.plausibility import Unlikely, ask_about
from app.care.patients.queries import existing, existing_for_update
from app.care.treatment.commands import EnteredInfusion, GivenInfusion, enter_infusion
from app.clinical.check_ins import calendar_day
from app.clinical.course import InfusionPhase, Route
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.storage import appointments
from app.storage.appointments import MOST_PLANNED, Appointment, AppointmentKind, AppointmentState
from app.storage.patients import PatientRecord
from app.web.headers import ChangedMeanwhileError

# Nobody plans further ahead: it is another year's, or a slip of the keyboard.
_AHEAD: Final = timedelta(days=731)


class AppointmentInPastError(RefusalError):
    """An appointment is planned for today or later."""

    code = "appointment-in-past"


class AppointmentTooFarError(RefusalError):
    """An appointment is planned at most two years ahead."""

    code = "appointment-too-far"


class AppointmentExistsError(RefusalError):
    """The same is planned for this day already."""

    kind = RefusalKind.CONFLICT
    code = "appointment-exists"


class TooManyAppointmentsError(RefusalError):
    """A patient has at most 60 planned appointments."""

    kind = RefusalKind.CONFLICT
    code = "too-many-appointments"


class AppointmentOverError(RefusalError):
    """This appointment was kept or canceled; nothing of it is changed any more."""

    kind = RefusalKind.CONFLICT
    code = "appointment-over"


class VisitIsNoInfusionError(RefusalError):
    """Nothing is given in a visit: it has no dose, and it becomes no infusion."""

    code = "visit-without-infusion"


class EarlierBoosterPlannedError(RefusalError):
    """An earlier booster is planned; move or cancel it first."""

    kind = RefusalKind.CONFLICT
    code = "earlier-booster-planned"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAppointment:
    """An appointment as it is planned: by the patient's clock, with the dose that is meant to be given."""

    kind: AppointmentKind
    on: date
    at: time | None = None
    dose_mg_per_kg: float | None = None
    dose_mg: float | None = None
    route: Route | None = None
    confirm: tuple[str, ...] = ()


async def list_appointments(work: Work, patient_id: UUID, *, with_past: bool) -> list[Appointment]:
    """List what is planned with a patient, in the order of the days; with those that were kept or canceled.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    await existing(work, patient_id)
    work.record_access("appointments", patient_id=patient_id)
    every = await appointments.of_patient(work, patient_id)
    return every if with_past else [one for one in every if one.state is AppointmentState.PLANNED]


async def list_planned(work: Work, *, days: int) -> list[Appointment]:
    """List what the clinic has planned for so many days, from its own today on."""
    work.record_access("appointments", patient_id=None)
    first = (await clinic_in(work)).today(work.now)
    return await appointments.planned_between(work, first=first, last=first + timedelta(days=days - 1))


async def plan(work: Work, patient_id: UUID, planned: PlannedAppointment) -> Appointment:
    """Plan an appointment.

    Raises:
        NotFoundError: the clinic has no such patient.
        AppointmentInPastError, AppointmentTooFarError, AppointmentExistsError, TooManyAppointmentsError,
        VisitIsNoInfusionError: it cannot be planned.
        NeedsConfirmationError: it is likely planned already, and nobody has confirmed it.
    """
    patient = await existing_for_update(work, patient_id)
    others = await appointments.planned_of_patient(work, patient_id)
    if len(others) >= MOST_PLANNED:
        raise TooManyAppointmentsError
    made = Appointment(
        id=new_id(),
        patient_id=patient_id,
        kind=planned.kind,
        on=planned.on,
        at=planned.at,
        dose_mg_per_kg=planned.dose_mg_per_kg,
        dose_mg=planned.dose_mg,
        route=planned.route.value if planned.route else None,
        made_at=work.now,
    )
    confirmed = _possible(work, patient, made, others, planned.confirm)
    await appointments.add(work, made)
    await _follow(work, made, "planned", confirmed)
    return made


async def change(
    work: Work,
    patient_id: UUID,
    appointment_id: UUID,
    changes: Mapping[str, Any],
    *,
    version: int,
    confirm: tuple[str, ...] = (),
) -> Appointment:
    """Change what is planned; None takes a value back.

    Raises:
        NotFoundError: the patient has no such appointment.
        AppointmentOverError: it was kept or canceled.
        ChangedMeanwhileError: the version is not the current one; and all that planning raises.
    """
    patient, one = await _open(work, patient_id, appointment_id, version=version)
    values = dict(changes)
    if "on" in values and values["on"] != one.on:
        values["made_at"] = work.now
    new = replace(one, **values)
    others = [
        other for other in await appointments.planned_of_patient(work, patient_id) if other.id != one.id
    ]
    confirmed: list[Unlikely] = []
    if new.on != one.on:
        confirmed = _possible(work, patient, new, others, confirm)
    _refuse_dose_of_visit(new)
    if not await appointments.change(work, one, **values):
        raise ChangedMeanwhileError("header/if-match")
    await _follow(work, one, "changed", confirmed)
    return replace(new, version=one.version + 1)


async def cancel(
    work: Work, patient_id: UUID, appointment_id: UUID, *, version: int | None = None
) -> Appointment:
    """Cancel an appointment.

    Raises:
        NotFoundError: the patient has no such appointment.
        AppointmentOverError: it was kept or canceled.
        ChangedMeanwhileError: the version is not the current one.
    """
    _, one = await _open(work, patient_id, appointment_id, version=version)
    if not await appointments.change(work, one, state=AppointmentState.CANCELED):
        raise ChangedMeanwhileError("header/if-match")
    await _follow(work, one, "canceled")
    return replace(one, state=AppointmentState.CANCELED, version=one.version + 1)


async def confirm_given(
    work: Work,
    patient_id: UUID,
    appointment_id: UUID,
    *,
    given_at: datetime,
    confirm: tuple[str, ...] = (),
    version: int | None = None,
) -> EnteredInfusion:
    """Enter a planned infusion as given, with the dose and route that were planned.

    Raises:
        NotFoundError: the patient has no such appointment.
        AppointmentOverError: it was kept or canceled.
        VisitIsNoInfusionError: it is no infusion.
        EarlierBoosterPlannedError: another booster comes first.
        ChangedMeanwhileError: the version is not the current one; and all that entering an infusion raises.
    """
    _, one = await _open(work, patient_id, appointment_id, version=version)
    if one.kind is AppointmentKind.VISIT:
        raise VisitIsNoInfusionError
    is_booster = one.kind is AppointmentKind.BOOSTER
    if is_booster:
        first = await bookings.next_booster(work, patient_id)
        if first is not None and first.id != one.id:
            raise EarlierBoosterPlannedError
    given = GivenInfusion(
        given_at=given_at,
        phase=InfusionPhase(one.kind.value),
        dose_mg_per_kg=one.dose_mg_per_kg,
        dose_mg=one.dose_mg,
        route=Route(one.route) if one.route else None,
        confirm=confirm,
    )
    entered = await enter_infusion(work, patient_id, given)
    # A booster that was booked has been kept by the infusion itself.
    every = await appointments.of_patient(work, patient_id)
    now = next(other for other in every if other.id == one.id)
    await appointments.change(work, now, state=AppointmentState.KEPT, infusion_id=entered.stored.id)
    await _follow(work, one, "kept")
    return entered


async def _open(
    work: Work, patient_id: UUID, appointment_id: UUID, *, version: int | None
) -> tuple[PatientRecord, Appointment]:
    patient = await existing_for_update(work, patient_id)
    every = await appointments.of_patient(work, patient_id)
    one = next((other for other in every if other.id == appointment_id), None)
    if one is None:
        raise NotFoundError
    if version is not None and one.version != version:
        raise ChangedMeanwhileError("header/if-match")
    if one.state is not AppointmentState.PLANNED:
        raise AppointmentOverError
    return patient, one


def _possible(
    work: Work,
    patient: PatientRecord,
    new: Appointment,
    others: Sequence[Appointment],
    confirm: Sequence[str],
) -> list[Unlikely]:
    """Refuse what cannot be planned, ask about what is likely planned already; gives what was confirmed."""
    today = calendar_day(work.now, patient.time_zone)
    if new.on < today:
        raise AppointmentInPastError("#/on")
    if new.on - today > _AHEAD:
        raise AppointmentTooFarError("#/on")
    if any((one.kind, one.on) == (new.kind, new.on) for one in others):
        raise AppointmentExistsError("#/on")
    _refuse_dose_of_visit(new)
    found = [Unlikely.SAME_APPOINTMENT] if any(_is_close(new, one) for one in others) else []
    ask_about(found, confirm)
    return found


def _is_close(new: Appointment, other: Appointment) -> bool:
    """Whether both may be the same infusion: on one day, or a booster beside another infusion."""
    kinds = {new.kind, other.kind}
    if AppointmentKind.VISIT in kinds:
        return False
    return abs((new.on - other.on).days) <= (1 if AppointmentKind.BOOSTER in kinds else 0)


def _refuse_dose_of_visit(new: Appointment) -> None:
    for name in ("dose_mg_per_kg", "dose_mg", "route"):
        if new.kind is AppointmentKind.VISIT and getattr(new, name) is not None:
            raise VisitIsNoInfusionError(f"#/{name}")


async def _follow(work: Work, one: Appointment, verb: str, confirmed: Sequence[Unlikely] = ()) -> None:
    """Let the booking follow, which may hold signals back or no more."""
    for action in (verb, *(f"confirmed_{each.value}" for each in confirmed)):
        work.audit(f"appointment.{action}", "appointment", one.id, patient_id=one.patient_id)
    await bookings.follow(work, one.patient_id)
    await effects.evaluate_or_later(work, one.patient_id)
