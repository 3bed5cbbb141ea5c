"""Keeping the nights that a patient's phone measured, and switching their import on and off. They decide nothing."""

from dataclasses import fields
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.care.patients.consent_status import ConsentStatus, ConsentWithdrawnError, consent_status_of
from app.care.patients.corrections import refuse_archived
from app.care.patients.plausibility import Unlikely, ask_about
from app.care.patients.queries import existing_for_update
from app.context import Work
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.storage import patient_states, sleep_nights
from app.storage.sleep_nights import SleepNight

# Further back the phone's memory is not to be trusted, as with check-ins.
MOST_DAYS_BACK: Final = timedelta(days=30)
_AHEAD: Final = timedelta(minutes=10)
_LONGEST: Final = timedelta(hours=24)
_ROUNDING: Final = timedelta(minutes=1)
# Asleep for less may be a nap, for more a sum of two sources.
_SHORT_NIGHT_MINUTES: Final = 2 * 60
_LONG_NIGHT_MINUTES: Final = 14 * 60


class SleepImportOffError(RefusalError):
    """The patient has not switched the import of nights on; ask, then `PUT /v1/me/sleep-import`."""

    kind = RefusalKind.CONFLICT
    code = "sleep-import-off"


class SleepNightConflictError(RefusalError):
    """A night with this id and another content is kept already; a correction needs a new id and `supersedes`."""

    kind = RefusalKind.CONFLICT
    code = "sleep-night-conflict"


class SupersededNightNotFoundError(RefusalError):
    """The night to be corrected is not there, or was corrected or withdrawn before."""

    code = "superseded-night-not-found"


class NightInFutureError(RefusalError):
    """This night ends more than 10 minutes in the future; please look at the phone's clock."""

    code = "night-in-future"


class NightTooOldError(RefusalError):
    """This night is more than 30 days old."""

    code = "night-too-old"


class NightSpanError(RefusalError):
    """A night ends after it starts, and lasts 24 hours at most."""

    code = "night-span"


class NightMinutesError(RefusalError):
    """One is not asleep for longer than in bed, nor in bed for longer than the night lasts."""

    code = "night-minutes"


async def switch_import(work: Work, patient_id: UUID, *, on: bool) -> None:
    """Switch the import of nights on or off; switched as it is, nothing changes.

    Nights that are kept stay until they are withdrawn one by one, or the patient is erased.

    Raises:
        NotFoundError: the clinic has no such patient.
        ConsentWithdrawnError: nothing is taken after the patient withdrew consent.
    """
    await existing_for_update(work, patient_id)
    if on == (await sleep_nights.import_since(work, patient_id) is not None):
        return
    if on and await consent_status_of(work, patient_id) is ConsentStatus.WITHDRAWN:
        raise ConsentWithdrawnError
    await sleep_nights.set_import(work, patient_id, work.now if on else None)
    work.audit(f"sleep_import.switched_{'on' if on else 'off'}", "patient", patient_id, patient_id=patient_id)


async def keep(work: Work, night: SleepNight, *, confirm: tuple[str, ...]) -> tuple[SleepNight, bool]:
    """Keep a night; sent again it changes nothing. Says whether it is new.

    Raises:
        SleepNightConflictError: another night is kept under this id.
        NobodyReadsReportsError: the patient is archived.
        ConsentWithdrawnError: the patient withdrew consent.
        SleepImportOffError: the patient has not switched the import on.
        NightInFutureError, NightTooOldError, NightSpanError, NightMinutesError: it cannot be.
        SupersededNightNotFoundError: what it corrects is not there to be corrected.
        NeedsConfirmationError: it is unlikely, and nobody has confirmed it.
    """
    patient_id = night.patient_id
    await existing_for_update(work, patient_id)
    kept = await sleep_nights.find(work, patient_id, night.id)
    if kept is not None:
        if _said(kept) != _said(night):
            raise SleepNightConflictError("#/id")
        return kept, False
    await refuse_archived(work, patient_id)
    if await consent_status_of(work, patient_id) is ConsentStatus.WITHDRAWN:
        raise ConsentWithdrawnError
    if await sleep_nights.import_since(work, patient_id) is None:
        raise SleepImportOffError
    _refuse_impossible(work, night)
    await _refuse_lost(work, night)
    ask_about(await _unlikely(work, night), confirm)
    await sleep_nights.add(work, night)
    work.audit("sleep_night.recorded", "sleep_night", night.id, patient_id=patient_id)
    return night, True


async def withdraw(work: Work, patient_id: UUID, night_id: UUID) -> None:
    """Take a night back: it stays on the record, marked, and is no longer shown.

    Raises:
        NotFoundError: there is none under this id, or it was corrected or withdrawn before.
    """
    await patient_states.lock(work, patient_id)
    if not await sleep_nights.withdraw(work, patient_id, night_id):
        raise NotFoundError
    work.audit("sleep_night.withdrawn", "sleep_night", night_id, patient_id=patient_id)


# What became of a night is not part of what was said of it.
_BECAME: Final = frozenset({"received_at", "superseded_by", "withdrawn_at"})


def _said(night: SleepNight) -> tuple[object, ...]:
    return tuple(getattr(night, one.name) for one in fields(night) if one.init and one.name not in _BECAME)


def _refuse_impossible(work: Work, night: SleepNight) -> None:
    server_time = work.now.isoformat()
    if night.ended_at > work.now + _AHEAD:
        raise NightInFutureError("#/ended_at").with_extensions(server_time=server_time)
    if night.ended_at < work.now - MOST_DAYS_BACK:
        raise NightTooOldError("#/ended_at").with_extensions(server_time=server_time)
    span = night.ended_at - night.started_at
    if not timedelta() < span <= _LONGEST:
        raise NightSpanError("#/ended_at")
    longest = (span + _ROUNDING) // timedelta(minutes=1)
    if night.in_bed_minutes is not None and not night.asleep_minutes <= night.in_bed_minutes <= longest:
        raise NightMinutesError("#/in_bed_minutes")
    if night.asleep_minutes > longest:
        raise NightMinutesError("#/asleep_minutes")


async def _refuse_lost(work: Work, night: SleepNight) -> None:
    """Refuse the correction of what is not there to be corrected."""
    if night.supersedes is None:
        return
    before = await sleep_nights.find(work, night.patient_id, night.supersedes)
    if before is None or before.superseded_by is not None or before.withdrawn_at is not None:
        raise SupersededNightNotFoundError("#/supersedes")


async def _unlikely(work: Work, night: SleepNight) -> list[Unlikely]:
    found = []
    if night.asleep_minutes < _SHORT_NIGHT_MINUTES:
        found.append(Unlikely.SHORT_NIGHT)
    if night.asleep_minutes > _LONG_NIGHT_MINUTES:
        found.append(Unlikely.LONG_NIGHT)
    if await sleep_nights.overlapping(work, night):
        found.append(Unlikely.OVERLAPPING_NIGHT)
    return found
