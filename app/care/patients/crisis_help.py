"""Crisis help for a patient: by where the patient is, in the patient's language, with what the clinic says."""

from uuid import UUID

from app.access.clinics.crisis_lines import clinic_help
from app.care.patients.caller import PatientCaller
from app.context import Work
from app.foundation.errors import NotFoundError
from app.notifications.messages.crisis_help import CrisisHelp, crisis_help, help_country
from app.storage import patients


def help_for_caller(caller: PatientCaller, *, language: str | None = None) -> CrisisHelp:
    """Give the help to show to whoever calls, in another language than their own where they chose one."""
    return crisis_help(language or caller.locale, country=country_of_caller(caller), clinic=caller.clinic)


def country_of_caller(caller: PatientCaller) -> str | None:
    """Say where whoever calls is: as chosen, by the zone, where the clinic is; or None."""
    return help_country(chosen=caller.country, zone=caller.time_zone, clinic=caller.clinic.country)


async def help_for_patient(work: Work, patient_id: UUID) -> CrisisHelp:
    """Give the help to show to this patient, whatever has become of what was sent.

    Raises:
        NotFoundError: there is no such patient.
    """
    found = await patients.find(work, patient_id)
    if found is None:
        raise NotFoundError
    clinic = await clinic_help(work)
    country = help_country(chosen=found.country, zone=found.time_zone, clinic=clinic.country)
    return crisis_help(found.locale, country=country, clinic=clinic)
