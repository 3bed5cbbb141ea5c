"""What every form about a patient starts from: whose it is, who may, by which clock, and where to go back to."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Final
from uuid import UUID

from app.access.clinics.permissions import Permission
from app.care.patients.plausibility import TimeSkippedError
from app.care.patients.queries import Patient, read_patient
from app.clinical.check_ins import zone_of
from app.foundation.errors import RefusalError
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.pages.staff.wall_clock import UTC_ZONE, WallClock, zone_of_clinic
from app.storage import clinics
from app.web.pages.forms import Form

_MOST_DIGITS: Final = 12
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")


class DateAndTimeError(RefusalError):
    """Please give a date and a time, such as 2026-11-03 and 14:30."""

    code = "date-and-time"


@dataclass(frozen=True, slots=True, kw_only=True)
class AboutPatient:
    """A patient whom a form is about."""

    patient: Patient
    clock: WallClock
    path: str

    @property
    def reference(self) -> str:
        """The clinic's own name for the patient."""
        return self.patient.external_ref


def path_of(patient_id: UUID) -> str:
    """Say where a patient's page is."""
    return f"/care/patients/{patient_id}"


async def about(visitor: StaffVisitor, patient_id: UUID) -> AboutPatient:
    """Find whom a form is about.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    patient = await read_patient(visitor.work, patient_id)
    profile = await clinics.profile(visitor.work)
    zone = zone_of_clinic(profile.time_zone if profile else UTC_ZONE, patient.time_zone)
    clock = WallClock(
        time_zone=patient.time_zone, clinic_zone=zone, now=visitor.context.now(visitor.work.clinic_id)
    )
    return AboutPatient(patient=patient, clock=clock, path=path_of(patient_id))


def moment_in(form: Form, time_zone: str, *, pointer: str) -> datetime:
    """Read the fields ``on`` and ``at`` by the clock on the patient's wall; of an hour that comes twice, the first.

    Raises:
        DateAndTimeError: they are no date and time.
        TimeSkippedError: that day had no such time.
    """
    try:
        local = datetime.combine(
            date.fromisoformat(form["on"].strip()), time.fromisoformat(form["at"].strip())
        )
        moment = local.replace(tzinfo=zone_of(time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DateAndTimeError(pointer) from None
    there = moment.astimezone(zone_of(time_zone))
    if there.replace(tzinfo=None) != local:
        raise TimeSkippedError(pointer)
    return there


def number_in(text: str) -> float | str | None:
    """Read a number as people write it, with a point or a comma; an empty text is none, and no number stays text."""
    plain = text.strip().replace(",", ".")
    return float(plain) if _NUMBER.fullmatch(plain) else plain or None


def whole_in(text: str) -> int | str | None:
    """Read a whole number; an empty text is none, and no number stays text, for the rules to refuse."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= _MOST_DIGITS else plain or None


MayRead = Annotated[StaffVisitor, staff_may(Permission.PATIENTS_READ)]
MayEdit = Annotated[StaffVisitor, staff_may(Permission.PATIENTS_EDIT)]
MayRecord = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_RECORD)]
MayDecide = Annotated[StaffVisitor, staff_may(Permission.TREATMENT_DECIDE)]
