"""The day of the patient's next booster: it holds signals back until two days after it."""

from datetime import date, datetime
from uuid import UUID

from app.clinical import episodes as rules
from app.clinical.check_ins import check_in_day
from app.foundation.audit import SYSTEM, Actor, patient_event
from app.foundation.errors import RefusalError
from app.storage import patient_states
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.patient_states import BookedBooster
from app.storage.patients import PatientRecord


class BookingInPastError(RefusalError):
    """A booster is booked for today or later; one that was given is entered as an infusion."""

    code = "booking-in-past"


async def book(
    work: UnitOfWork, patient: PatientRecord, *, on: date, pointer: str, now: datetime, actor: Actor
) -> None:
    """Note the day in place of an earlier one; the caller holds the patient's turn.

    Raises:
        BookingInPastError: the day has passed; ``pointer`` names the field that gave it.
    """
    if on < check_in_day(now, patient.time_zone):
        raise BookingInPastError(pointer)
    told = patient_event(now, actor, "booster.booked", patient.id)
    await patient_states.book_booster(work, patient.id, on=on, now=now, audit=told)


async def clear(work: UnitOfWork, patient_id: UUID, *, now: datetime, actor: Actor) -> None:
    """Note that no booster is booked; the caller holds the patient's turn."""
    told = patient_event(now, actor, "booster.booking_cleared", patient_id)
    await patient_states.book_booster(work, patient_id, on=None, now=now, audit=told)


async def keep_by_infusion(
    work: UnitOfWork, patient_id: UUID, *, given_at: datetime, now: datetime
) -> BookedBooster | None:
    """Let an infusion take the place of the booster that was booked; the caller holds the patient's turn.

    Gives the booking that it kept; None when it kept none.
    """
    booking = await patient_states.booked_booster(work, patient_id)
    if booking is None or not rules.keeps_booking(booked_at=booking.made_at, given_at=given_at):
        return None
    told = patient_event(now, SYSTEM, "booster.booking_kept", patient_id)
    await patient_states.book_booster(work, patient_id, on=None, now=now, audit=told)
    return booking


async def give_back(work: UnitOfWork, patient_id: UUID, booking: BookedBooster, *, now: datetime) -> None:
    """Put a booking back that an infusion had kept which was not given; not in place of a later one."""
    if await patient_states.booked_booster(work, patient_id) is None:
        told = patient_event(now, SYSTEM, "booster.booking_restored", patient_id)
        await patient_states.book_booster(work, patient_id, on=booking.on, now=booking.made_at, audit=told)
