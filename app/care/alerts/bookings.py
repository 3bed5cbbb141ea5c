"""The day of the patient's next booster: it holds signals back until two days after it."""

from datetime import date, datetime
from uuid import UUID

from app.clinical import episodes as rules
from app.clinical.check_ins import check_in_day
from app.context import Work
from app.foundation.audit import SYSTEM
from app.foundation.errors import RefusalError
from app.storage import patient_states
from app.storage.patient_states import BookedBooster
from app.storage.patients import PatientRecord


class BookingInPastError(RefusalError):
    """A booster is booked for today or later; one that was given is entered as an infusion."""

    code = "booking-in-past"


async def book(work: Work, patient: PatientRecord, *, on: date, pointer: str) -> None:
    """Note the day in place of an earlier one; the caller holds the patient's turn.

    Raises:
        BookingInPastError: the day has passed; ``pointer`` names the field that gave it.
    """
    if on < check_in_day(work.now, patient.time_zone):
        raise BookingInPastError(pointer)
    await patient_states.book_booster(work, patient.id, on=on, now=work.now)
    work.audit("booster.booked", "patient", patient.id)


async def clear(work: Work, patient_id: UUID) -> None:
    """Note that no booster is booked; the caller holds the patient's turn."""
    await patient_states.book_booster(work, patient_id, on=None, now=work.now)
    work.audit("booster.booking_cleared", "patient", patient_id)


async def keep_by_infusion(work: Work, patient_id: UUID, *, given_at: datetime) -> BookedBooster | None:
    """Let an infusion take the place of the booster that was booked; the caller holds the patient's turn.

    Gives the booking that it kept; None when it kept none.
    """
    booking = await patient_states.booked_booster(work, patient_id)
    if booking is None or not rules.keeps_booking(booked_at=booking.made_at, given_at=given_at):
        return None
    await patient_states.book_booster(work, patient_id, on=None, now=work.now)
    work.audit("booster.booking_kept", "patient", patient_id, actor=SYSTEM)
    return booking


async def give_back(work: Work, patient_id: UUID, booking: BookedBooster) -> None:
    """Put a booking back that an infusion had kept which was not given; not in place of a later one."""
    if await patient_states.booked_booster(work, patient_id) is None:
        await patient_states.book_booster(work, patient_id, on=booking.on, now=booking.made_at)
        work.audit("booster.booking_restored", "patient", patient_id, actor=SYSTEM)
