"""The day of the patient's next booster: it holds signals back until two days after it.

It is the next of the boosters that are planned with the patient, and follows every change of them. Whoever calls
holds the patient's turn.
"""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.clinical import episodes as rules
from app.clinical.check_ins import calendar_day
from app.context import Work
from app.foundation.audit import SYSTEM, Actor
from app.foundation.errors import RefusalError
from app.foundation.ids import new_id
from app.storage import appointments, patient_states, patients
from app.storage.appointments import Appointment, AppointmentKind, AppointmentState, boosters_in
from app.storage.patient_states import BookedBooster
from app.storage.patients import PatientRecord

# So long after its day a booking holds signals back; one that nobody kept does no more after it.
_HOLDS: Final = timedelta(days=2)


class BookingInPastError(RefusalError):
    """A booster is booked for today or later; one that was given is entered as an infusion."""

    code = "booking-in-past"


async def book(work: Work, patient: PatientRecord, *, on: date, pointer: str) -> None:
    """Note the day in place of an earlier one.

    Raises:
        BookingInPastError: the day has passed; ``pointer`` names the field that gave it.
    """
    if on < calendar_day(work.now, patient.time_zone):
        raise BookingInPastError(pointer)
    planned = await next_booster(work, patient.id)
    if planned is None:
        made = Appointment(
            id=new_id(), patient_id=patient.id, kind=AppointmentKind.BOOSTER, on=on, made_at=work.now
        )
        await appointments.add(work, made)
    else:
        await appointments.change(work, planned, on=on, made_at=work.now)
    await patient_states.book_booster(work, patient.id, on=on, now=work.now)
    work.audit("booster.booked", "patient", patient.id)


async def clear(work: Work, patient_id: UUID) -> None:
    """Cancel the booster that is booked; a later one that is planned is the next then."""
    planned = await next_booster(work, patient_id)
    if planned is not None:
        await appointments.change(work, planned, state=AppointmentState.CANCELED)
    await patient_states.book_booster(work, patient_id, on=None, now=work.now)
    work.audit("booster.booking_cleared", "patient", patient_id)
    await follow(work, patient_id)


async def follow(work: Work, patient_id: UUID, *, actor: Actor | None = None) -> None:
    """Let the booking be the next of the planned boosters, after one of them changed."""
    planned = await next_booster(work, patient_id)
    booking = await patient_states.booked_booster(work, patient_id)
    wanted = None if planned is None else BookedBooster(on=planned.on, made_at=planned.made_at)
    if wanted == booking:
        return
    if wanted is None:
        await patient_states.book_booster(work, patient_id, on=None, now=work.now)
        work.audit("booster.booking_cleared", "patient", patient_id, actor=actor)
    else:
        await patient_states.book_booster(work, patient_id, on=wanted.on, now=wanted.made_at)
        work.audit("booster.booked", "patient", patient_id, actor=actor)


async def keep_by_infusion(work: Work, patient_id: UUID, *, given_at: datetime) -> BookedBooster | None:
    """Let an infusion take the place of the booster that was booked.

    Gives the booking that it kept; None when it kept none.
    """
    booking = await patient_states.booked_booster(work, patient_id)
    if booking is None or not rules.keeps_booking(booked_at=booking.made_at, given_at=given_at):
        return None
    planned = await next_booster(work, patient_id)
    if planned is not None:
        await appointments.change(work, planned, state=AppointmentState.KEPT)
    await patient_states.book_booster(work, patient_id, on=None, now=work.now)
    work.audit("booster.booking_kept", "patient", patient_id, actor=SYSTEM)
    await follow(work, patient_id, actor=SYSTEM)
    return booking


async def give_back(work: Work, patient_id: UUID, booking: BookedBooster) -> None:
    """Put a booking back that an infusion had kept which was not given; not in place of a later one."""
    every = await appointments.of_patient(work, patient_id)
    kept = next((one for one in every if _is_kept(one, booking)), None)
    if await patient_states.booked_booster(work, patient_id) is None:
        if kept is not None:
            await appointments.change(work, kept, state=AppointmentState.PLANNED, infusion_id=None)
        await patient_states.book_booster(work, patient_id, on=booking.on, now=booking.made_at)
        work.audit("booster.booking_restored", "patient", patient_id, actor=SYSTEM)
    elif kept is not None:
        await appointments.change(work, kept, state=AppointmentState.CANCELED, infusion_id=None)
        work.audit("appointment.canceled", "appointment", kept.id, patient_id=patient_id)


async def plan_again(work: Work, patient_id: UUID, infusion_id: UUID) -> None:
    """Let what an infusion kept be planned again: it was not given. A booster is given back with its booking."""
    for one in await appointments.of_patient(work, patient_id):
        if one.infusion_id == infusion_id and one.kind is not AppointmentKind.BOOSTER:
            await appointments.change(work, one, state=AppointmentState.PLANNED, infusion_id=None)
            work.audit("appointment.planned_again", "appointment", one.id, patient_id=patient_id)


async def next_booster(work: Work, patient_id: UUID) -> Appointment | None:
    """Give the booking's appointment: the first booster that still holds signals back, else the last planned."""
    planned = boosters_in(await appointments.of_patient(work, patient_id))
    patient = await patients.find(work, patient_id) if planned else None
    if patient is None:
        return None
    today = calendar_day(work.now, patient.time_zone)
    holding = [one for one in planned if one.on >= today - _HOLDS]
    return holding[0] if holding else planned[-1] if planned else None


def _is_kept(one: Appointment, booking: BookedBooster) -> bool:
    return (one.kind, one.state, one.on, one.made_at) == (
        AppointmentKind.BOOSTER,
        AppointmentState.KEPT,
        booking.on,
        booking.made_at,
    )
