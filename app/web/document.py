"""The OpenAPI document: what FastAPI reads off the routes, with what it cannot say put right."""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from fastapi import FastAPI

from app.web.field_descriptions import FIELDS
from app.web.field_examples import example_of
from app.web.problems import MEDIA_TYPE, Problem

_PROBLEM: Final = {"$ref": f"#/components/schemas/{Problem.__name__}"}
_PROBLEM_IN_JSON: Final = {"application/json": {"schema": _PROBLEM}}
# FastAPI's own form of validation errors, which never leaves this service.
_NEVER_SENT: Final = ("HTTPValidationError", "ValidationError")
_FASTAPIS_WORD: Final = "Successful Response"
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "A problem document (RFC 9457): what to fix, and where", "model": Problem},
    "5XX": {"description": "A problem document (RFC 9457): our fault; send it again later", "model": Problem},
}
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same body within 24 hours, the first reply of success comes back",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "4f5c1a52-8a0e-4d5e-9f7e-6f2f0f7c1a11",
}
_HEADERS: Final = {
    "Link": ('The next page of the list: `<…>; rel="next"`; not sent with the last page', "string",
             '</v1/patients?after=NDI>; rel="next"'),
    "ETag": ("The version of what was read; send it in If-Match with a change", "string", '"3"'),
    "Retry-After": ("Seconds to wait before the request is sent again", "integer", 30),
    "X-Request-Id": ("Names this request in our logs", "string", "019aca60-0000-7000-8000-000000000001"),
}  # fmt: skip
# Each refusal that follows from the form of an operation: its name, and what it means.
_REFUSALS: Final[Mapping[int, tuple[str, str]]] = {
    401: ("Unauthenticated", "No credential, or one that is not valid any more"),
    403: ("Forbidden", "The role or the key's scopes do not allow this"),
    404: ("NotFound", "There is nothing under this id, or it is not yours to see"),
    408: ("TooSlow", "The body did not arrive in time"),
    409: ("Conflict", "It does not go with what is kept: see the problem's type"),
    410: ("Gone", "The patient was erased or merged into another"),
    412: ("ChangedMeanwhile", "Someone else changed it since the ETag in If-Match was read"),
    413: ("TooLarge", "The body is too large"),
    415: ("MediaTypeNotSupported", "Send JSON, not packed"),
    422: ("Invalid", "Something that was sent is not as expected: `errors` says where"),
    428: ("IfMatchMissing", "Send the ETag that was read in If-Match"),
    429: ("TooManyRequests", "Too many requests; wait as `Retry-After` says"),
}
_TAGS: Final = {
    "assessments": "Validated scales that the clinic enters",
    "audit": "Who read or changed what",
    "check-ins": "What patients report, and the sync of phones",
    "clinic": "The clinic's settings, keys and numbers",
    "crisis help": "Lines for help at once",
    "events": "Every change in one order, for pulling and catching up",
    "findings": "What is for review by a clinician",
    "health": "Whether the service works",
    "insights": "The clinic's own numbers over a period",
    "monitoring": "Evaluations and trends",
    "patient's own": "What a patient's device reads and sets",
    "patients": "Patients, their devices and care teams",
    "patients' rights": "Copies, consent and erasure",
    "questionnaires": "Scales that patients answer themselves",
    "safety": "Answers that point to self-harm",
    "signals": 'Episodes of "consider booster"',
    "staff": "Members, their sessions and emergency access",
    "treatment": "Courses, infusions, sessions and appointments",
    "webhooks": "Where the clinic is notified, and every delivery",
    "worklist": "What waits for the care team",
}  # fmt: skip
# What parameters mean whose routes do not say it.
_PARAMETERS: Final = {
    "appointment_id": "The appointment",
    "assessment_id": "The completed form",
    "channel_id": "The notice channel",
    "check_in_id": "The check-in",
    "choice_id": "The reference window that a clinician chose",
    "circumstance_id": "What else changed",
    "clinic_id": "The clinic",
    "course_id": "The course of treatment",
    "delivery_id": "The delivery: one message to one endpoint",
    "device_id": "The patient's phone or browser",
    "endpoint_id": "The webhook endpoint",
    "hold_id": "The legal hold",
    "event_id": "The safety event",
    "finding_id": "The finding",
    "format": "JSON, or a table for a spreadsheet",
    "infusion_id": "The infusion",
    "item_id": "The worklist item",
    "key": "Which questionnaire",
    "key_id": "The API key",
    "locale": "A language tag (BCP 47)",
    "patient_id": "The patient",
    "request_id": "The erasure request",
    "signal_id": "The signal",
    "sleep_night_id": "The night",
    "staff_id": "The member of the clinic's staff",
    "state": "Only those in this state",
    "template_id": "The protocol template",
    "token": "The signed token of the link",
    "transfer_id": "The transfer",
}
_STAFF_SCHEMES: Final = frozenset({"ClinicKey", "StaffSession"})
_CHANGES: Final = ("post", "put", "patch", "delete")


class Audience(StrEnum):
    """For whom a part of the document is."""

    PATIENT = "patient"
    CLINIC = "clinic"


class DescribedApi(FastAPI):
    """FastAPI with a document that says what is really sent."""

    def openapi(self) -> dict[str, Any]:
        """Give the document; it is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            _describe_api(document)
            for name in _NEVER_SENT:
                document["components"]["schemas"].pop(name, None)
            _describe_fields(document["components"]["schemas"])
            for path, method, operation in _operations(document):
                _describe_operation(document, path, method, operation)
            for methods in document["webhooks"].values():
                for operation in methods.values():
                    # Proved by the signature, which is no scheme of OpenAPI's.
                    operation["security"] = []
                    _describe_replies(operation["responses"])
                    _describe_parameters(operation)
        return super().openapi()

    def part(self, audience: Audience) -> dict[str, Any]:
        """Give one audience's part of the document; it is made once."""
        if audience not in self._parts:
            self._parts[audience] = part_for(self.openapi(), audience)
        return self._parts[audience]

    @cached_property
    def _parts(self) -> dict[Audience, dict[str, Any]]:
        return {}


def part_for(document: Mapping[str, Any], audience: Audience) -> dict[str, Any]:
    """Give the document of one audience: its operations, and what they are made of."""
    part = deepcopy(dict(document))
    for path, method, operation in list(_operations(part)):
        if not _is_for(operation, path, audience):
            del part["paths"][path][method]
    part["paths"] = {path: methods for path, methods in part["paths"].items() if methods}
    if audience is Audience.PATIENT:
        del part["webhooks"]
    part["info"]["title"] += f": the {audience} API"
    kept = {operation["tags"][0] for _, _, operation in _operations(part)}
    part["tags"] = [tag for tag in part["tags"] if tag["name"] in kept]
    _drop_unused(part)
    return part


def operations_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the operations of a document, each as method and path."""
    for path, method, _ in _operations(document):
        yield method, path


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _is_for(operation: Mapping[str, Any], path: str, audience: Audience) -> bool:
    schemes = {name for one in operation["security"] for name in one}
    if schemes:
        return bool(schemes & _STAFF_SCHEMES) == (audience is Audience.CLINIC)
    if path.startswith("/v1/staff"):
        return audience is Audience.CLINIC
    return audience is Audience.PATIENT or path.startswith("/health")


def _drop_unused(part: dict[str, Any]) -> None:
    """Keep the named parts that something refers to, at any depth."""
    components, found = part["components"], set[str]()
    waiting = [part["paths"], part.get("webhooks", {})]
    while waiting:
        for reference in re.findall(r"'#/components/(\w+/[\w.-]+)'", str(waiting.pop())):
            if reference not in found:
                found.add(reference)
                kind, _, name = reference.partition("/")
                waiting.append(components[kind][name])
    for kind in ("schemas", "responses", "headers"):
        components[kind] = {n: one for n, one in components[kind].items() if f"{kind}/{n}" in found}
    schemes = {name for _, _, operation in _operations(part) for one in operation["security"] for name in one}
    components["securitySchemes"] = {
        name: one for name, one in components["securitySchemes"].items() if name in schemes
    }


def _describe_api(document: dict[str, Any]) -> None:
    document["servers"] = [
        {"url": "https://afterglow.example", "description": "Where your clinic's service runs"}
    ]
    document["info"]["contact"] = {"name": "Your clinic's operator", "url": "https://afterglow.example"}
    document["info"]["license"] = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
    document["tags"] = [{"name": name, "description": said} for name, said in _TAGS.items()]
    components = document["components"]
    components["headers"] = {
        name: {"description": said, "schema": {"type": kind}, "example": example}
        for name, (said, kind, example) in _HEADERS.items()
    }
    components["responses"] = {
        name: {
            "description": said,
            "headers": _headers("X-Request-Id", *(("Retry-After",) if status == 429 else ())),  # noqa: PLR2004 - Too Many Requests
            "content": {MEDIA_TYPE: {"schema": _PROBLEM}},
        }
        for status, (name, said) in _REFUSALS.items()
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _describe_fields(schemas: dict[str, Any]) -> None:
    for schema_name, schema in schemas.items():
        # A class that adds fields to another inherits an example that lacks them.
        if any(set(schema.get("required", ())) - set(one) for one in schema.get("examples", ())):
            del schema["examples"]
        for name, field in schema.get("properties", {}).items():
            said = FIELDS.get(f"{schema_name}.{name}") or FIELDS.get(name)
            if "description" not in field and said:
                field["description"] = said
            if _is_plain(field) and "examples" not in field:
                field["examples"] = [example_of(field, schemas, name=name)]


def _is_plain(field: Mapping[str, Any]) -> bool:
    """Say whether it is a value by itself; what is made of named parts has the examples of these."""
    return "$ref" not in str(field) and not field.get("minProperties")


def _describe_operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> None:
    operation.setdefault("security", [])
    schemes = {name for one in operation["security"] for name in one}
    if method == "post" and schemes & _STAFF_SCHEMES:
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
    _describe_parameters(operation)
    responses, schemas = operation["responses"], document["components"]["schemas"]
    headers = {parameter["name"].lower(): parameter for parameter in operation.get("parameters", ())}
    for status in _refusals_of(path, method, operation, schemes, headers):
        # What a route describes by itself, with more than the problem document, says more.
        if responses.get(str(status), {}).get("content", _PROBLEM_IN_JSON) == _PROBLEM_IN_JSON:
            responses[str(status)] = {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}
    for status, response in responses.items():
        _describe_success(response, status, schemas, method=method, paged="after" in headers)
    operation["responses"] = dict(sorted(responses.items()))
    _describe_replies(operation["responses"])


def _refusals_of(
    path: str, method: str, operation: Mapping[str, Any], schemes: set[str], parameters: Mapping[str, Any]
) -> Iterator[int]:
    """Give the refusals that follow from how an operation is called."""
    yield 429
    if schemes:
        yield 401
    if schemes & _STAFF_SCHEMES:
        yield 403
    if "{" in path:
        yield 404
    if "{patient_id}" in path:
        yield 410
    if "requestBody" in operation:
        yield from (408, 413, 415)
    if "requestBody" in operation or parameters:
        yield 422
    if method in _CHANGES:
        yield 409
    if "if-match" in parameters:
        yield from (412, 428)


def _describe_parameters(operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        parameter.setdefault("description", _PARAMETERS.get(parameter["name"]))
        if not {"example", "examples"} & set(parameter) and "$ref" not in str(parameter["schema"]):
            parameter["example"] = example_of(parameter["schema"], {}, name=parameter["name"])


def _describe_success(
    response: dict[str, Any], status: str, schemas: dict[str, Any], *, method: str, paged: bool
) -> None:
    content = response.get("content", {}).get("application/json", {}).get("schema", {})
    if not status.startswith("2"):
        return
    names = ["X-Request-Id"]
    if content.get("$ref"):
        schema = schemas[content["$ref"].rpartition("/")[2]]
        schema.setdefault("examples", [example_of(schema, schemas)])
        if response["description"] == _FASTAPIS_WORD and schema.get("description"):
            response["description"] = schema["description"].split("\n\n")[0].replace("\n", " ")
        names += ["ETag"] if method != "delete" and {"etag", "version"} & set(schema["properties"]) else []
        names += ["Link"] if paged and "items" in schema["properties"] else []
    if response["description"] == _FASTAPIS_WORD:
        response["description"] = "Done" if status == "204" else "As asked for"
    response["headers"] = _headers(*names)


def _describe_replies(responses: dict[str, Any]) -> None:
    """Problem documents have their own media type; FastAPI takes each for what success gives."""
    for response in responses.values():
        if response.get("description") == _FASTAPIS_WORD:
            response["description"] = "Done"
        if any(content.get("schema") == _PROBLEM for content in response.get("content", {}).values()):
            response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
