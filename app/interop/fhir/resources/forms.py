"""Questionnaire and QuestionnaireResponse: the scales, and completed forms with their answers."""

from collections.abc import Sequence
from typing import Any, Final

from app.access.clinics.permissions import Permission
from app.care.assessments.queries import list_scales
from app.care.assessments.questionnaires import WORDINGS
from app.clinical.long_exposure import LONG_EXPOSURE
from app.clinical.scales import Scale
from app.context import Work
from app.foundation.ids import resource_id
from app.interop.fhir.codes import (
    LOINC,
    Json,
    coding,
    compact,
    external_identifier,
    identifier,
    moment,
    to_actor,
)
from app.interop.fhir.resource_type import ResourceType, Subject
from app.storage import assessments
from app.storage.assessments import StoredAssessment
from app.storage.record_versions import RecordKind, voided_as

ORDINAL: Final = "http://hl7.org/fhir/StructureDefinition/ordinalValue"
_LANGUAGE: Final = "en"


async def _of_clinic(work: Work) -> list[Json]:
    return [_questionnaire(work, scale) for scale in (*await list_scales(work), LONG_EXPOSURE)]


def canonical(work: Work, scale: str) -> str:
    """Give a questionnaire's address."""
    return f"{work.public_url}/fhir/Questionnaire/{scale}"


def answer_codings(scale: Scale) -> list[Json]:
    """Give the codings of a scale's answers, from 0 up: LOINC's own where it has them."""
    wording = WORDINGS.get(scale.key, {}).get(_LANGUAGE)
    made = []
    for value in range(scale.highest_answer + 1):
        display = wording.answers[value] if wording else str(value)
        ours = coding("answer", str(value), display)
        one = coding(LOINC, scale.loinc.answers[value], display) if scale.loinc.answers else ours
        made.append({"extension": [{"url": ORDINAL, "valueDecimal": value}], **one})
    return made


def _questionnaire(work: Work, scale: Scale) -> Json:
    loinc = scale.loinc
    wording = WORDINGS.get(scale.key, {}).get(_LANGUAGE)
    items: list[Json] = []
    for place, number in enumerate(scale.items):
        code = [coding(LOINC, loinc.items[place])] if loinc.items else []
        # No wording but these may be given away: the others have their numbers.
        text = wording.items[place] if wording else f"Item {number}"
        options = [{"valueCoding": one} for one in answer_codings(scale)]
        item = {"linkId": str(number), "code": code, "text": text, "type": "choice", "answerOption": options}
        items.append(compact(item))
    if not items:
        items = [{"linkId": "total", "text": "Total", "type": "decimal"}]
    made = {
        "resourceType": "Questionnaire",
        "id": scale.key,
        "url": canonical(work, scale.key),
        "name": "".join(part.capitalize() for part in scale.key.replace("_", "-").split("-")),
        "title": scale.name,
        "status": "active",
        "subjectType": ["Patient"],
        "copyright": wording.copyright if wording else None,
        "code": [
            coding("scale", scale.key, scale.name),
            *([coding(LOINC, loinc.panel)] if loinc.panel else []),
        ],
        "item": items,
    }
    return compact(made)


async def forms_of(work: Work, subject: Subject) -> list[tuple[StoredAssessment, int, bool]]:
    """Give a patient's forms, each with its version and whether it counts."""
    believed = [(one, one.version, True) for one in await assessments.all_of_patient(work, subject.id)]
    voided = await voided_as(work, subject.id, RecordKind.ASSESSMENT, assessments.from_version)
    return [*believed, *((one, one.version, False) for one in voided)]


async def _of_patient(work: Work, subject: Subject) -> list[Json]:
    scales = {one.key: one for one in (*await list_scales(work), LONG_EXPOSURE)}
    return [
        _response(work, subject, scales[stored.scale], stored, version, counts)
        for stored, version, counts in await forms_of(work, subject)
        if stored.items and stored.scale in scales
    ]


def _response(
    work: Work, subject: Subject, scale: Scale, stored: StoredAssessment, version: int, counts: bool
) -> Json:
    answers = answer_codings(scale)
    made = {
        "resourceType": "QuestionnaireResponse",
        "id": resource_id(subject.id, stored.id),
        "meta": subject.meta(stored.id, stored.received_at, version),
        "identifier": form_identifiers(stored)[-1],
        "questionnaire": canonical(work, stored.scale),
        "status": "completed" if counts else "entered-in-error",
        "subject": subject.reference,
        "authored": moment(stored.taken_at, stored.time_zone),
        "author": None if stored.entered_by == "patient" else to_actor("clinic", work.clinic_id),
        "source": subject.reference,
        "item": _items(scale, stored.items or {}, answers),
    }
    return compact(made)


def form_identifiers(stored: StoredAssessment) -> list[Json]:
    """Give a form's identifiers, the other system's last."""
    return [identifier("assessment", stored.id), *external_identifier(stored.source, stored.external_id)]


def _items(scale: Scale, given: dict[str, Any], answers: Sequence[Json]) -> list[Json]:
    return [
        {"linkId": number, "answer": [{"valueCoding": answers[answer]}]}
        for number, answer in sorted(given.items(), key=lambda one: int(one[0]))
        if answer is not None and int(number) in scale.items
    ]


QUESTIONNAIRE: Final = ResourceType(
    name="Questionnaire",
    permission=Permission.TREATMENT_READ,
    noun="scales",
    documentation="The scales of this clinic; only PHQ-9 and GAD-7 carry their authors' wording.",
    of_clinic=_of_clinic,
    tokens={"code": "code", "status": "status"},
)
QUESTIONNAIRE_RESPONSE: Final = ResourceType(
    name="QuestionnaireResponse",
    permission=Permission.TREATMENT_READ,
    noun="assessments",
    documentation="A completed form with its answers. Its total is an Observation, also where only that is known.",
    of_patient=_of_patient,
    dates={"authored": "authored"},
    tokens={"status": "status", "identifier": "identifier"},
    patient="subject",
    writable=True,
)
