"""Code systems, ids and the small parts that every resource is made of.

A code of a public system stands only where it says exactly what is meant; else the code is ours, with its words.
"""

import base64
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from app.foundation.errors import NotFoundError

Json = dict[str, Any]

OURS: Final = "urn:afterglow:"
"""What our own code systems and identifiers begin with."""
LOINC: Final = "http://loinc.org"
UCUM: Final = "http://unitsofmeasure.org"
_UUID_LETTERS: Final = 26


def coding(system: str, code: str, display: str | None = None) -> Json:
    """Make a Coding; ``system`` without a colon is one of ours."""
    made = {"system": system if ":" in system else f"{OURS}{system}", "code": code}
    return made if display is None else {**made, "display": display}


def concept(text: str, *codings: Json) -> Json:
    """Make a CodeableConcept."""
    return {"coding": list(codings), "text": text} if codings else {"text": text}


def own_concept(system: str, code: str, text: str | None = None) -> Json:
    """Make a CodeableConcept of one of our own codes, by its words."""
    words = text or code.replace("_", " ").replace("-", " ").capitalize()
    return concept(words, coding(system, code, words))


def identifier(kind: str, value: object) -> Json:
    """Make an Identifier of ours."""
    return {"system": f"{OURS}{kind}", "value": str(value)}


def external_identifier(source: str, external_id: str | None) -> list[Json]:
    """Give the id that another system of the clinic's has for a record, as it was sent."""
    if external_id is None:
        return []
    system = source if ":" in source else f"{OURS}source:{source}"
    return [{"system": system, "value": external_id} if source else {"value": external_id}]


def quantity(value: float, unit: str, code: str) -> Json:
    """Make a Quantity in UCUM."""
    whole = int(value) if value == int(value) else value
    return {"value": whole, "unit": unit, "system": UCUM, "code": code}


def score(value: float) -> Json:
    """Make the Quantity of a score."""
    return quantity(value, "score", "{score}")


def instant(at: datetime) -> str:
    """Write a moment with its offset."""
    return at.isoformat(timespec="milliseconds")


def moment(at: datetime, time_zone: str) -> str:
    """Write when something happened by the patient's own clock."""
    return at.astimezone(ZoneInfo(time_zone)).isoformat(timespec="seconds")


def day(on: date | None) -> str | None:
    """Write a day."""
    return None if on is None else on.isoformat()


def patient_in(resource_id: str) -> UUID:
    """Read whose a resource is off its id.

    Raises:
        NotFoundError: it is no id that we gave.
    """
    letters = resource_id.rpartition("-")[0][-_UUID_LETTERS:]
    try:
        return UUID(bytes=base64.b32decode(f"{letters.upper()}======"))
    except ValueError:
        raise NotFoundError from None


def to_patient(patient_id: UUID) -> Json:
    """Make the Reference to a patient."""
    return {"reference": f"Patient/{patient_id}", "type": "Patient"}


def to_resource(kind: str, resource_id: str) -> Json:
    """Make the Reference to another resource."""
    return {"reference": f"{kind}/{resource_id}", "type": kind}


def to_actor(kind: str, actor_id: UUID | None) -> Json:
    """Say who did something: members, keys and devices are no resources here, so they are named by identifier."""
    if actor_id is None:
        return {"display": kind.replace("_", " ").capitalize()}
    return {"identifier": identifier(kind, actor_id), "display": kind.replace("_", " ").capitalize()}


def compact(resource: Json) -> Json:
    """Leave out what is empty: FHIR knows no null and no empty list."""
    return {
        name: value for name, value in resource.items() if value is not None and value not in ([], {}, "")
    }
