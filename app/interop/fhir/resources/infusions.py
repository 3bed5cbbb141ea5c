"""Procedure and MedicationAdministration: an infusion is one session, and what was given in it."""

from typing import Final

from app.access.clinics.permissions import Permission
from app.care.treatment.queries import voided_infusions
from app.clinical.check_ins import calendar_day
from app.clinical.course import Route
from app.context import Work
from app.foundation.ids import resource_id
from app.interop.fhir.codes import (
    OURS,
    Json,
    coding,
    compact,
    concept,
    external_identifier,
    identifier,
    moment,
    own_concept,
    quantity,
    to_resource,
)
from app.interop.fhir.resource_type import ResourceType, Subject
from app.storage import infusions
from app.storage.infusions import StoredInfusion

SESSION: Final = "ketamine-session"
"""The code of a Procedure."""
DOSE: Final = f"{OURS}dose"
ROUTE: Final = f"{OURS}route"
"""Extensions of a Procedure, which has no place for a dose and a route."""
_V3_ROUTES: Final = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"
# Only where the code says exactly this; the others have their words.
_ROUTE_CODES: Final = {
    Route.IM: ("IM", "Injection, intramuscular"),
    Route.SUBCUTANEOUS: ("SQ", "Injection, subcutaneous"),
    Route.SUBLINGUAL: ("SL", "Dissolve, sublingual"),
    Route.ORAL: ("PO", "Swallow, oral"),
}


async def _sessions(work: Work, subject: Subject) -> list[tuple[StoredInfusion, bool]]:
    believed = [(one, True) for one in await infusions.stored_infusions(work, subject.id)]
    voided = [(one, False) for one in await voided_infusions(work, subject.id)]
    return [*believed, *voided]


async def _procedures(work: Work, subject: Subject) -> list[Json]:
    return [_procedure(subject, *one) for one in await _sessions(work, subject)]


async def _administrations(work: Work, subject: Subject) -> list[Json]:
    return [_administration(subject, *one) for one in await _sessions(work, subject)]


def _procedure(subject: Subject, stored: StoredInfusion, counts: bool) -> Json:
    infusion = stored.infusion
    extension = [{"url": DOSE, "valueQuantity": one} for one in _doses(stored)]
    if infusion.route is not None:
        extension.append({"url": ROUTE, "valueCode": infusion.route.value})
    made = {
        "resourceType": "Procedure",
        "id": resource_id(subject.id, stored.id),
        "meta": _meta(subject, stored),
        "extension": extension,
        "identifier": _identifiers(stored),
        "status": "completed" if counts else "entered-in-error",
        "category": own_concept("infusion-phase", infusion.phase.value),
        "code": own_concept("treatment", SESSION),
        "subject": subject.reference,
        "performedDateTime": _given(subject, stored),
    }
    return compact(made)


def _administration(subject: Subject, stored: StoredInfusion, counts: bool) -> Json:
    doses = _doses(stored)
    dosage = {"dose": doses[0], "route": _route(stored.infusion.route)} if doses else {}
    made = {
        "resourceType": "MedicationAdministration",
        "id": resource_id(subject.id, stored.id),
        "meta": _meta(subject, stored),
        "identifier": _identifiers(stored),
        "partOf": [to_resource("Procedure", resource_id(subject.id, stored.id))],
        "status": "completed" if counts else "entered-in-error",
        # Which of the two it was is not recorded.
        "medicationCodeableConcept": own_concept("medication", "ketamine-or-esketamine"),
        "subject": subject.reference,
        "effectiveDateTime": _given(subject, stored),
        "dosage": compact(dosage),
    }
    return compact(made)


def _meta(subject: Subject, stored: StoredInfusion) -> Json:
    return subject.meta(stored.id, stored.created_at, stored.version)


def _identifiers(stored: StoredInfusion) -> list[Json]:
    return [identifier("infusion", stored.id), *external_identifier(stored.source, stored.external_id)]


def _given(subject: Subject, stored: StoredInfusion) -> str:
    zone = stored.infusion.time_zone or subject.patient.time_zone
    if stored.day_only:
        return calendar_day(stored.infusion.given_at, zone).isoformat()
    return moment(stored.infusion.given_at, zone)


def _doses(stored: StoredInfusion) -> list[Json]:
    milligrams, per_kilogram = stored.dose_mg, stored.infusion.dose_mg_per_kg
    doses = [] if milligrams is None else [quantity(milligrams, "mg", "mg")]
    return doses if per_kilogram is None else [*doses, quantity(per_kilogram, "mg/kg", "mg/kg")]


def _route(route: Route | None) -> Json | None:
    if route is None:
        return None
    ours = coding("route", route.value)
    exact = _ROUTE_CODES.get(route)
    return (
        concept(route.value, ours)
        if exact is None
        else concept(route.value, coding(_V3_ROUTES, *exact), ours)
    )


PROCEDURE: Final = ResourceType(
    name="Procedure",
    permission=Permission.TREATMENT_READ,
    noun="infusions",
    documentation="A treatment session; its category is the phase, induction or booster.",
    of_patient=_procedures,
    dates={"date": "performedDateTime"},
    tokens={"code": "code", "status": "status", "category": "category", "identifier": "identifier"},
    patient="subject",
    writable=True,
)
MEDICATION_ADMINISTRATION: Final = ResourceType(
    name="MedicationAdministration",
    permission=Permission.TREATMENT_READ,
    noun="infusions",
    documentation="What was given in a session; part of its Procedure.",
    of_patient=_administrations,
    dates={"effective-time": "effectiveDateTime"},
    tokens={"code": "medicationCodeableConcept", "status": "status", "identifier": "identifier"},
    patient="subject",
)
