"""What the clinic knows of a patient beside the numbers: profile, open cautions, a booked booster."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.care.alerts import bookings
from app.care.monitoring import effects
from app.care.patients.service import existing
from app.clinical.profiles import Caution, Profile
from app.context import AppContext
from app.foundation.audit import Actor, patient_event
from app.storage import care_plans, patient_states
from app.storage.access_records import record_access
from app.storage.care_plans import PlanKind
from app.storage.engine.unit_of_work import UnitOfWork
from app.web.etags import ChangedMeanwhileError


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The kind of patient, as far as somebody said, and the cautions that are open.

    ``version``: the one that was read; a change is based on it.
    """

    profile: Profile | None
    cautions: tuple[Caution, ...]
    version: int


async def read_factors(context: AppContext, clinic_id: UUID, patient_id: UUID, *, actor: Actor) -> Factors:
    """Give a patient's factors.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    async with context.database.work(clinic_id) as work:
        await existing(work, patient_id)
        found = await factors_in(work, patient_id)
        await record_access(work, "factors", now=context.clock.now(), actor=actor, patient_id=patient_id)
    return found


async def write_factors(
    context: AppContext,
    clinic_id: UUID,
    patient_id: UUID,
    factors: Factors,
    *,
    actor: Actor,
) -> Factors:
    """Replace a patient's factors. They are shown with every decision and decide nothing.

    Raises:
        NotFoundError: the clinic has no such patient.
        ChangedMeanwhileError: the version is not the current one.
    """
    now = context.clock.now()
    content = {"profile": factors.profile, "cautions": sorted(set(factors.cautions))}
    async with context.database.work(clinic_id) as work:
        await existing(work, patient_id)
        written = await care_plans.write(
            work,
            patient_id,
            PlanKind.FACTORS,
            content,
            version=factors.version,
            now=now,
            audit=patient_event(now, actor, "factors.changed", patient_id),
        )
        if not written:
            raise ChangedMeanwhileError("header/if-match")
        kept = await factors_in(work, patient_id)
        await work.commit()
    return kept


async def factors_in(work: UnitOfWork, patient_id: UUID) -> Factors:
    """Give a patient's factors, within a transaction."""
    stored = await care_plans.find(work, patient_id, PlanKind.FACTORS)
    content = stored.content or {"profile": None, "cautions": []}
    return Factors(
        profile=Profile(content["profile"]) if content["profile"] else None,
        cautions=tuple(Caution(name) for name in content["cautions"]),
        version=stored.version,
    )


async def read_booking(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, actor: Actor
) -> date | None:
    """Give the day of the next booster; None: none is booked.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    async with context.database.work(clinic_id) as work:
        await existing(work, patient_id)
        booking = await patient_states.booked_booster(work, patient_id)
        await record_access(
            work, "booked_booster", now=context.clock.now(), actor=actor, patient_id=patient_id
        )
    return booking.on if booking else None


async def book_booster(
    context: AppContext, clinic_id: UUID, patient_id: UUID, *, on: date | None, actor: Actor
) -> None:
    """Note the day of the next booster, which holds signals back until two days after it; None: there is none.

    Raises:
        NotFoundError: the clinic has no such patient.
        BookingInPastError: the day has passed.
    """
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        patient = await existing(work, patient_id)
        await patient_states.lock(work, patient_id)
        if on is None:
            await bookings.clear(work, patient_id, now=now, actor=actor)
        else:
            await bookings.book(work, patient, on=on, pointer="#/on", now=now, actor=actor)
        await effects.evaluate_or_later(work, context, patient_id, now=now)
        await work.commit()
