"""What of an entry about a patient cannot be, and what is unlikely: asked about once, kept when it is confirmed.

Every time that staff give goes through here. What a patient's own phone sends does not: its clock has shown it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from app.care.patients.corrections import open_contact_facts
from app.clinical.check_ins import zone_of
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.translations import say
from app.storage.patients import PatientRecord


class Unlikely(StrEnum):
    """What someone has to confirm."""

    BOOSTER_LONG_AGO = "booster_long_ago"
    INDUCTION_LONG_AGO = "induction_long_ago"
    OUTSIDE_COURSE = "outside_course"
    POSSIBLE_DUPLICATE = "possible_duplicate"
    SAME_FORM = "same_form"
    SAME_CHECK_IN = "same_check_in"
    SAME_COURSE = "same_course"
    SAME_APPOINTMENT = "same_appointment"
    HIGH_DOSE = "high_dose"
    ESKETAMINE_DOSE = "esketamine_dose"
    DOSE_UNIT = "dose_unit"
    LONG_SESSION = "long_session"
    UNUSUAL_VITALS = "unusual_vitals"
    SAME_CIRCUMSTANCE = "same_circumstance"
    UNUSUAL_WEIGHT = "unusual_weight"
    WEIGHT_CHANGE = "weight_change"
    SHORT_NIGHT = "short_night"
    LONG_NIGHT = "long_night"
    OVERLAPPING_NIGHT = "overlapping_night"


QUESTIONS: Final[Mapping[Unlikely, tuple[str, str]]] = {
    Unlikely.BOOSTER_LONG_AGO: ("#/given_at", say("This booster was given more than 14 days ago.")),
    Unlikely.INDUCTION_LONG_AGO: (
        "#/given_at",
        say("This induction infusion was given more than a year ago."),
    ),
    Unlikely.OUTSIDE_COURSE: ("#/given_at", say("This induction infusion lies outside its course's dates.")),
    Unlikely.POSSIBLE_DUPLICATE: (
        "#/given_at",
        say("The patient has another infusion within 12 hours: is it the same one?"),
    ),
    Unlikely.SAME_FORM: (
        "#/taken_at",
        say("The same total of this scale is on record within a day: is it the same form?"),
    ),
    Unlikely.SAME_CHECK_IN: (
        "#/recorded_at",
        say("A check-in with the same answers is on record within an hour: is it the same one?"),
    ),
    Unlikely.SAME_COURSE: (
        "#/started_on",
        say("Another course of the patient begins within two weeks: is it the same one?"),
    ),
    Unlikely.SAME_APPOINTMENT: (
        "#/on",
        say("Another infusion is planned for this day or the one beside it: is it the same one?"),
    ),
    Unlikely.HIGH_DOSE: (
        "#/dose_mg_per_kg",
        say("This dose is above 1.5 mg/kg, or 2 mg/kg into a muscle or under the skin."),
    ),
    Unlikely.ESKETAMINE_DOSE: ("#/dose_mg", say("Esketamine is given as 56 or 84 mg.")),
    Unlikely.DOSE_UNIT: (
        "#/dose_mg_per_kg",
        say("This dose may be in the wrong unit: milligrams, or milligrams per kilogram."),
    ),
    Unlikely.LONG_SESSION: ("#/session/ended_at", say("This session lasted more than six hours.")),
    Unlikely.UNUSUAL_VITALS: (
        "#/session",
        say(
            "A blood pressure or pulse is far from what is usual: 80 to 200 over 40 to 120 mmHg, 40 to 150 a minute."
        ),
    ),
    Unlikely.SAME_CIRCUMSTANCE: (
        "#/since",
        say("The same kind is on record from about this day on: is it the same one?"),
    ),
    Unlikely.UNUSUAL_WEIGHT: ("#/weight_kg", say("This weight is below 35 or above 200 kg.")),
    Unlikely.WEIGHT_CHANGE: (
        "#/weight_kg",
        say("This weight differs from the one before by more than 30%: is it in kilograms?"),
    ),
    Unlikely.SHORT_NIGHT: ("#/asleep_minutes", say("This is less than 2 hours of sleep: is it a nap?")),
    Unlikely.LONG_NIGHT: (
        "#/asleep_minutes",
        say("This is more than 14 hours of sleep: are two sources added up?"),
    ),
    Unlikely.OVERLAPPING_NIGHT: (
        "#/started_at",
        say("The same app has another night at this time: is it the same one?"),
    ),
}


class NeedsConfirmationError(RefusalError):
    """This is possible but unlikely; see errors. Send it again with these codes in `confirm` if it is right."""

    kind = RefusalKind.CONFLICT
    code = "needs-confirmation"


def ask_about(found: Sequence[Unlikely], confirmed: Sequence[str]) -> None:
    """Ask about everything unlikely that was not confirmed.

    Raises:
        NeedsConfirmationError: something was not; it names all codes to confirm.
    """
    if set(found) <= set(confirmed):
        return
    refusal = NeedsConfirmationError().with_extensions(confirm=[one.value for one in found])
    raise refusal.finding(
        {"pointer": QUESTIONS[one][0], "code": one.value, "detail": QUESTIONS[one][1]} for one in found
    )


class TimeSkippedError(RefusalError):
    """On that day the clocks skipped this time; please give the time that they showed."""

    code = "time-skipped"


class BeforeBirthError(RefusalError):
    """This lies before the year in which the patient was born, as it is on record."""

    code = "before-birth"


def refuse_impossible_time(work: Work, patient: PatientRecord, at: datetime, *, pointer: str) -> None:
    """Refuse a time that the patient's clocks never showed, or from before the patient was born.

    Raises:
        TimeSkippedError, BeforeBirthError: ``pointer`` names the field.
    """
    refuse_skipped(at, patient.time_zone, pointer=pointer)
    refuse_before_birth(work, patient, at.year, pointer=pointer)


def refuse_skipped(at: datetime, time_zone: str, *, pointer: str) -> None:
    """Refuse an hour that was skipped when the clocks went forward.

    A time written by the offset of another place names a moment all the same, and is not refused.

    Raises:
        TimeSkippedError: it is one; ``pointer`` names the field.
    """
    wall, zone = at.replace(tzinfo=None), zone_of(time_zone)
    before, after = wall.replace(tzinfo=zone), wall.replace(tzinfo=zone, fold=1)
    shown = before.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    if shown != wall and at.utcoffset() in {before.utcoffset(), after.utcoffset()}:
        raise TimeSkippedError(pointer)


def refuse_before_birth(work: Work, patient: PatientRecord, year: int, *, pointer: str | None = None) -> None:
    """Refuse what cannot have happened to a patient whose year of birth is known.

    Raises:
        BeforeBirthError: the year lies before it; ``pointer`` names the field, if there is one.
    """
    born = open_contact_facts(work, patient).get("birth_year")
    if born is not None and year < born:
        raise BeforeBirthError(pointer)
