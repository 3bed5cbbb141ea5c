"""What an EHR writes: a QuestionnaireResponse or a Procedure, read strictly, each mistake with its FHIRPath.

The models of fhir.resources say what is a resource; this module says what of it we keep. Both refuse without
repeating a value. The safety intake has heard the body before, whatever becomes of it here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from app.care.assessments.commands import Form
from app.care.treatment.commands import GivenInfusion
from app.clinical.course import InfusionPhase, Route
from app.clinical.scales import Scale
from app.foundation.errors import RefusalError
from app.interop.fhir.codes import LOINC, OURS, Json
from app.interop.fhir.refusals import ResourceNotReadableError
from app.interop.fhir.resources.forms import ORDINAL
from app.interop.fhir.resources.infusions import DOSE, ROUTE, SESSION

CONFIRM: Final = f"{OURS}confirm"
"""The extension that confirms what is unlikely and right all the same."""
_SOURCE: Final = f"{OURS}source:"
_LONGEST_ID: Final = 200
_LONGEST_SOURCE: Final = 64
_MOST_ERRORS: Final = 100
_PLACES: Final[Mapping[str, Mapping[str, str]]] = {
    "Procedure": {
        "given_at": "performed",
        "phase": "category",
        "dose_mg": "extension",
        "dose_mg_per_kg": "extension",
        "route": "extension",
        "external_id": "identifier",
    },
    "QuestionnaireResponse": {
        "taken_at": "authored",
        "scale": "questionnaire",
        "items": "item",
        "total": "item",
        "external_id": "identifier",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIdentifier:
    """The id that another system has for a record."""

    source: str
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenForm:
    """A form as written, and whose it is."""

    patient_id: UUID
    form: Form


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSession:
    """A session as written, and whose it is."""

    patient_id: UUID
    given: GivenInfusion


def read_resource(body: bytes, kind: str) -> Json:
    """Read a body as a resource of this type.

    Raises:
        ResourceNotReadableError: it is none, or another one, such as a Bundle.
    """
    try:
        resource = json.loads(body)
    except (ValueError, RecursionError):
        raise _refused(kind, "structure", "The body cannot be read as JSON in UTF-8.") from None
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        # A Bundle, too: each resource is sent by itself.
        raise _refused(f"{kind}.resourceType", "structure", f"A {kind} is expected here.")
    for element in ("modifierExtension", "implicitRules"):
        if element in resource:
            raise _refused(
                f"{kind}.{element}", "not-supported", "What changes the meaning is not understood here."
            )
    _validate(resource, kind)
    return resource


def _validate(resource: Json, kind: str) -> None:
    # Here and not above: the models take a third of a second to load, and most processes never need them.
    from fhir.resources.R4B import get_fhir_model_class  # noqa: PLC0415 - see above

    try:
        get_fhir_model_class(kind).model_validate(resource)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        refusal = ResourceNotReadableError()
        raise refusal.finding(
            {
                "pointer": _path(kind, one["loc"]),
                "issue": "required" if "missing" in one["type"] else "structure",
                "detail": "This is not as FHIR R4 has it.",
            }
            for one in found[:_MOST_ERRORS]
        ) from None


def _path(kind: str, place: Iterable[str | int]) -> str:
    path = kind
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{str(part)[:64]}"
    return path


def read_form(resource: Json, scales: Mapping[str, Scale], *, base_url: str) -> WrittenForm:
    """Take a QuestionnaireResponse as a form of one of the clinic's scales.

    Raises:
        ResourceNotReadableError: something of it is not as it can be kept.
    """
    kind = "QuestionnaireResponse"
    _require_status(resource, kind, {"completed", "amended"})
    scale = _scale_of(resource.get("questionnaire", ""), scales, base_url)
    items: dict[int, int | None] = {}
    total: float | None = None
    for path, item in _leaves(resource.get("item", []), f"{kind}.item"):
        if not scale.items and item.get("linkId") == "total":
            total = _total(item, path)
            continue
        number = _number_of(scale, item, path)
        if number in items:
            raise _refused(f"{path}.linkId", "invariant", "This item is answered twice.")
        items[number] = _answer_of(scale, item, path)
    external = _external(resource.get("identifier"), f"{kind}.identifier")
    form = Form(
        scale=scale.key,
        taken_at=_moment(resource.get("authored"), f"{kind}.authored"),
        items=items or None,
        total=total,
        external_id=external.external_id if external else None,
        source=external.source if external else "",
        confirm=_confirmed(resource),
    )
    return WrittenForm(patient_id=_subject(resource, kind, base_url), form=form)


def read_session(resource: Json, *, base_url: str) -> WrittenSession:
    """Take a Procedure as a treatment session.

    Raises:
        ResourceNotReadableError: something of it is not as it can be kept.
    """
    kind = "Procedure"
    _require_status(resource, kind, {"completed"})
    if _own_code(resource.get("code"), "treatment", f"{kind}.code") != SESSION:
        raise _refused(f"{kind}.code", "code-invalid", "Only treatment sessions are kept here.")
    phase = _own_code(resource.get("category"), "infusion-phase", f"{kind}.category")
    if phase not in set(InfusionPhase):
        raise _refused(f"{kind}.category", "code-invalid", "The phase is induction or booster.")
    performed = resource.get("performedDateTime") or resource.get("performedPeriod", {}).get("start")
    external = _external(resource.get("identifier"), f"{kind}.identifier")
    doses, route = _dose_and_route(resource)
    given = GivenInfusion(
        given_at=_moment(performed, f"{kind}.performed"),
        phase=InfusionPhase(phase),
        dose_mg=doses.get("mg"),
        dose_mg_per_kg=doses.get("mg/kg"),
        route=route,
        external_id=external.external_id if external else None,
        source=external.source if external else "",
        confirm=_confirmed(resource),
    )
    return WrittenSession(patient_id=_subject(resource, kind, base_url), given=given)


@contextmanager
def in_fhirs_places(kind: str) -> Iterator[None]:
    """Let what our own commands refuse name the element of the resource."""
    try:
        yield
    except RefusalError as error:
        places = _PLACES[kind]
        if error.pointer is not None:
            error.pointer = _element(kind, error.pointer, places)
        error.findings = tuple(
            {**one, "pointer": _element(kind, str(one["pointer"]), places)} for one in error.findings
        )
        raise


def _element(kind: str, pointer: str, places: Mapping[str, str]) -> str:
    first = pointer.removeprefix("#/").partition("/")[0]
    return f"{kind}.{places[first]}" if first in places else kind


def read_conditional(header: str | None) -> ExternalIdentifier | None:
    """Read If-None-Exist: an identifier, and nothing else.

    Raises:
        ResourceNotReadableError: it asks for something else.
    """
    if header is None:
        return None
    name, _, token = header.strip().removeprefix("?").partition("=")
    system, bar, value = token.rpartition("|")
    if name != "identifier" or not bar or not value or "&" in token:
        raise _refused("http.if-none-exist", "not-supported", "If-None-Exist is identifier=<system>|<value>.")
    return _external_of(system, value, "http.if-none-exist")


def _require_status(resource: Json, kind: str, allowed: set[str]) -> None:
    if resource.get("status") not in allowed:
        raise _refused(f"{kind}.status", "value", "Only what is completed is kept.")


def _subject(resource: Json, kind: str, base_url: str) -> UUID:
    reference = str((resource.get("subject") or {}).get("reference", ""))
    try:
        return UUID(reference.removeprefix(f"{base_url}/").removeprefix("Patient/"))
    except ValueError:
        raise _refused(
            f"{kind}.subject.reference", "value", "The patient is Patient/<id> of this server."
        ) from None


def _moment(written: object, path: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(written))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or "T" not in str(written):
        raise _refused(
            path, "required" if written is None else "value", "The time is needed, with its offset."
        )
    return at


def _own_code(concept: Json | None, system: str, path: str) -> str:
    for one in (concept or {}).get("coding", []):
        if one.get("system") == f"{OURS}{system}":
            return str(one.get("code", ""))
    raise _refused(
        path, "code-invalid" if concept else "required", f"A code of {OURS}{system} is needed here."
    )


def _scale_of(canonical: str, scales: Mapping[str, Scale], base_url: str) -> Scale:
    address = canonical.partition("|")[0]
    for scale in scales.values():
        known = {f"{base_url}/Questionnaire/{scale.key}", f"Questionnaire/{scale.key}"}
        if scale.loinc.panel:
            known.add(f"{LOINC}/q/{scale.loinc.panel}")
        if address in known:
            return scale
    path = "QuestionnaireResponse.questionnaire"
    raise _refused(path, "value" if canonical else "required", "The questionnaire is one of this server's.")


def _leaves(items: Sequence[Json], path: str) -> Iterator[tuple[str, Json]]:
    """Give the items that are answered, also those within groups."""
    for place, item in enumerate(items):
        here = f"{path}[{place}]"
        inner = item.get("item", [])
        if inner:
            yield from _leaves(inner, f"{here}.item")
        if item.get("answer") or not inner:
            yield here, item


def _number_of(scale: Scale, item: Json, path: str) -> int:
    link = str(item.get("linkId", "")).removeprefix("/")
    if link in scale.loinc.items:
        return scale.items[scale.loinc.items.index(link)]
    if link in {str(number) for number in scale.items}:
        return int(link)
    raise _refused(f"{path}.linkId", "value", "The questionnaire has no such item.")


def _answer_of(scale: Scale, item: Json, path: str) -> int | None:
    answers = item.get("answer", [])
    if not answers:
        return None
    if len(answers) > 1:
        raise _refused(f"{path}.answer", "invariant", "There is one answer to an item.")
    answer, here = answers[0], f"{path}.answer[0]"
    if "valueCoding" in answer:
        return _coded(scale, answer["valueCoding"], f"{here}.valueCoding")
    value = answer.get("valueInteger", answer.get("valueDecimal"))
    if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value):
        raise _refused(here, "value", "The answer is a coding or a whole number.")
    return int(value)


def _coded(scale: Scale, coding: Json, path: str) -> int:
    system, code = coding.get("system"), str(coding.get("code", ""))
    own = [str(value) for value in range(scale.highest_answer + 1)]
    codes = {LOINC: list(scale.loinc.answers), f"{OURS}answer": own}.get(str(system), [])
    if not codes:
        raise _refused(
            f"{path}.system", "code-invalid", "The answers of this item have no codes in this system."
        )
    if code not in codes:
        raise _refused(f"{path}.code", "code-invalid", "This is no answer to this item in this system.")
    value = codes.index(code)
    for one in coding.get("extension", []):
        if one.get("url") == ORDINAL and one.get("valueDecimal") != value:
            raise _refused(f"{path}.extension", "invariant", "The ordinal value contradicts the code.")
    return value


def _total(item: Json, path: str) -> float:
    answer: Json = next(iter(item.get("answer", [])), {})
    value = answer.get("valueDecimal", answer.get("valueInteger"))
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _refused(f"{path}.answer", "value", "The total is a number.")
    return float(value)


def _dose_and_route(resource: Json) -> tuple[dict[str, float], Route | None]:
    doses: dict[str, float] = {}
    route: Route | None = None
    for place, one in enumerate(resource.get("extension", [])):
        path = f"Procedure.extension[{place}]"
        if one.get("url") == DOSE:
            dose = one.get("valueQuantity", {})
            unit, value = dose.get("code") or dose.get("unit"), dose.get("value")
            if (
                unit not in {"mg", "mg/kg"}
                or not isinstance(value, int | float)
                or not 0 < value < _MOST_DOSE
            ):
                raise _refused(f"{path}.valueQuantity", "value", "A dose is given in mg or mg/kg.")
            doses[unit] = float(value)
        elif one.get("url") == ROUTE:
            if one.get("valueCode") not in set(Route):
                raise _refused(f"{path}.valueCode", "code-invalid", "There is no such route.")
            route = Route(one["valueCode"])
    return doses, route


_MOST_DOSE: Final = 10_000


def _external(identifiers: Any, path: str) -> ExternalIdentifier | None:  # noqa: ANN401 - one or a list
    """Give the first identifier that another system gave."""
    listed = identifiers if isinstance(identifiers, list) else [identifiers] if identifiers else []
    for place, one in enumerate(listed):
        system, value = str(one.get("system", "")), one.get("value")
        ours = system.startswith(OURS) and not system.startswith(_SOURCE)
        if value and not ours:
            here = f"{path}[{place}]" if isinstance(identifiers, list) else path
            return _external_of(system, str(value), here)
    return None


def _external_of(system: str, value: str, path: str) -> ExternalIdentifier:
    source = system.removeprefix(_SOURCE)
    if len(source) > _LONGEST_SOURCE or len(value) > _LONGEST_ID or not (source + value).isprintable():
        raise _refused(path, "value", "The system has at most 64 letters, the value 200.")
    return ExternalIdentifier(source=source, external_id=value)


def _confirmed(resource: Json) -> tuple[str, ...]:
    found = [one.get("valueCode") for one in resource.get("extension", []) if one.get("url") == CONFIRM]
    return tuple(str(one)[:64] for one in found)


def _refused(path: str, issue: str, words: str) -> ResourceNotReadableError:
    return ResourceNotReadableError().finding([{"pointer": path, "issue": issue, "detail": words}])
