"""The OpenAPI document: committed, served, valid, and complete enough to write a client from."""

import json
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from typer.testing import CliRunner

from app.cli.commands import app as command_line
from app.notifications.webhooks.events import EventType
from app.web.document import Audience, part_for
from app.web.problems import known_problems
from tests.house.open_operations import OPEN
from tests.support.people import NO_TLS
from tests.support.service import Service
from tests.support.the_api import the_api

COMMITTED = Path(__file__).parents[2] / "openapi" / "openapi.json"
PARTS = {audience: COMMITTED.with_name(f"{audience}.json") for audience in Audience}
Operation = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return the_api().openapi()


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> dict[str, Operation]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


@pytest.fixture(scope="module")
def bodies(document: dict[str, Any]) -> dict[str, Any]:
    """The schemas of what is sent to us, and of what we send to others, by their names."""
    asked = [
        operation["requestBody"]["content"]["application/json"]["schema"]
        for methods in (*document["paths"].values(), *document["webhooks"].values())
        for operation in methods.values()
        if "requestBody" in operation
    ]
    return {name: document["components"]["schemas"][name] for name in _named_in(asked)}


@pytest.fixture(scope="module")
def parts_of_bodies(document: dict[str, Any], bodies: dict[str, Any]) -> set[str]:
    """The names of all schemas of which bodies are made, at any depth."""
    schemas, found = document["components"]["schemas"], set(bodies)
    while more := _named_in([schemas[name] for name in found]) - found:
        found |= more
    return found


def _named_in(schemas: Any) -> set[str]:  # noqa: ANN401 - a JSON document
    """The names that these schemas refer to."""
    if isinstance(schemas, list):
        return {name for one in schemas for name in _named_in(one)}
    if not isinstance(schemas, dict):
        return set()
    own = {schemas["$ref"].rsplit("/", 1)[1]} if isinstance(schemas.get("$ref"), str) else set()
    return own.union(*(_named_in(one) for one in schemas.values()))


def validator_of_all(
    document: dict[str, Any], schemas: dict[str, Any], *, validate_formats: bool = False
) -> jsonschema_rs.Draft202012Validator:
    """One schema that has each under its name: reading the components takes longer than all examples."""
    whole = {"components": document["components"], "properties": schemas}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=validate_formats)


def test_the_committed_document_is_the_one_of_the_code(document: dict[str, Any]) -> None:
    assert json.loads(COMMITTED.read_text()) == document, "run `make openapi` and read the difference"


def test_the_service_serves_the_committed_document(service: Service) -> None:
    reply = httpx2.get(f"{service.url}/v1/openapi.json", timeout=30, verify=NO_TLS)
    assert reply.status_code == 200
    assert reply.json() == json.loads(COMMITTED.read_text())


@pytest.mark.slow
def test_the_command_prints_the_committed_document_to_the_letter(tmp_path: Path) -> None:
    printed = CliRunner().invoke(command_line, ["openapi"])
    assert printed.stdout == COMMITTED.read_text()
    CliRunner().invoke(command_line, ["openapi", "--output", str(tmp_path / "written.json")])
    assert (tmp_path / "written.json").read_text() == COMMITTED.read_text()


@pytest.mark.parametrize("audience", list(Audience))
@pytest.mark.slow
def test_each_audience_has_its_committed_part(document: dict[str, Any], audience: Audience) -> None:
    part = part_for(document, audience)
    assert json.loads(PARTS[audience].read_text()) == part, "run `make openapi` and read the difference"
    validate(part, cls=OpenAPIV31SpecValidator)


def test_the_service_serves_each_audience_its_part(service: Service) -> None:
    for audience, committed in PARTS.items():
        reply = httpx2.get(f"{service.url}/v1/openapi/{audience}.json", timeout=30, verify=NO_TLS)
        assert reply.json() == json.loads(committed.read_text())


def test_the_parts_together_are_the_whole(operations: dict[str, Operation]) -> None:
    parts = [json.loads(committed.read_text()) for committed in PARTS.values()]
    found = [
        {f"{method.upper()} {path}" for path, methods in part["paths"].items() for method in methods}
        for part in parts
    ]
    assert set.union(*found) == set(operations)
    # What asks for no credential because it says how the service is, is for both.
    assert all(name.startswith("GET /health/") for name in set.intersection(*found))


def test_a_patients_app_is_shown_nothing_of_the_clinics_calls() -> None:
    part = json.loads(PARTS[Audience.PATIENT].read_text())
    assert set(part["components"]["securitySchemes"]) == {"DeviceToken"}
    assert "webhooks" not in part


@pytest.mark.slow
def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document, cls=OpenAPIV31SpecValidator)


def test_every_operation_has_a_name_that_a_client_can_call_it_by(operations: dict[str, Operation]) -> None:
    names = [operation["operationId"] for operation in operations.values()]
    assert all(name.isidentifier() and name.islower() for name in names), names
    assert len(set(names)) == len(names)


def test_every_operation_says_in_short_and_in_full_what_it_does(operations: dict[str, Operation]) -> None:
    silent = [
        name
        for name, operation in operations.items()
        if not (operation.get("summary") and operation.get("description") and operation.get("tags"))
    ]
    assert silent == []


def test_every_operation_names_its_security_or_is_open_on_purpose(
    document: dict[str, Any], operations: dict[str, Operation]
) -> None:
    schemes = set(document["components"]["securitySchemes"])
    unsecured = {name for name, operation in operations.items() if not operation.get("security")}
    assert unsecured == {name for name in OPEN if name in operations}
    for operation in operations.values():
        for requirement in operation.get("security", []):
            assert set(requirement) <= schemes


def test_every_field_says_what_it_means_with_an_example(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            assert described.get("description"), (
                f"{name}.{field}: describe it, or its name in field_descriptions.py"
            )
            # What is made of named parts has the examples of these.
            assert "examples" in described or "$ref" in json.dumps(described) or schema.get("examples"), (
                name,
                field,
            )


def test_every_parameter_and_header_says_what_it_means_with_an_example(
    document: dict[str, Any], operations: dict[str, Operation]
) -> None:
    for name, operation in operations.items():
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])
            assert {"example", "examples"} & set(parameter) or "$ref" in json.dumps(parameter["schema"]), (
                name,
                parameter["name"],
            )
    for header in document["components"]["headers"].values():
        assert header["description"]
        assert header["example"]


def test_every_reply_of_success_has_an_example_and_every_example_is_one(
    document: dict[str, Any], operations: dict[str, Operation]
) -> None:
    replies = {
        content["schema"]["$ref"].rpartition("/")[2]
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for content in response.get("content", {}).values()
        if "$ref" in content["schema"]
    }
    schemas = {name: document["components"]["schemas"][name] for name in sorted(replies)}
    validator = validator_of_all(document, schemas)
    for name, schema in schemas.items():
        assert schema["examples"], name
        for example in schema["examples"]:
            validator.validate({name: example})


def test_every_operation_names_the_refusals_that_follow_from_its_form(
    operations: dict[str, Operation],
) -> None:
    for name, operation in operations.items():
        given = set(operation["responses"])
        parameters = {one["name"].lower() for one in operation.get("parameters", [])}
        assert "429" in given, name
        assert ("401" in given) == bool(operation["security"]), name
        assert "{" not in name or "404" in given, name
        assert "requestBody" not in operation or {"413", "415", "422"} <= given, name
        assert ("428" in given) == ("if-match" in parameters), name


def test_every_problem_type_is_a_path_of_its_own(document: dict[str, Any]) -> None:
    problems = known_problems()
    assert len({one.path for one in problems}) == len(problems) > 200
    for one in problems:
        assert one.path == f"/problems/{one.code}"
        assert 400 <= one.status < 600
        assert one.detail.endswith("."), one
    assert document["components"]["schemas"]["Problem"]["properties"]["type"]["examples"] == [
        "/problems/invalid-request"
    ]


def test_every_operation_describes_the_problems_it_may_answer_with(
    document: dict[str, Any], operations: dict[str, Operation]
) -> None:
    for response in document["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]
    for name, operation in operations.items():
        for status in ("4XX", "5XX"):
            content = operation["responses"][status]["content"]
            assert list(content) == ["application/problem+json"], name
            assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem"), name


def test_every_reply_but_an_empty_one_has_a_schema(operations: dict[str, Operation]) -> None:
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            if status != "204" and "$ref" not in response:
                assert all(media.get("schema") for media in response["content"].values()), (name, status)


def test_no_two_schemas_share_a_name(
    document: dict[str, Any],
) -> None:
    assert [name for name in document["components"]["schemas"] if "__" in name] == []


def test_nothing_is_described_that_is_never_sent(document: dict[str, Any]) -> None:
    written = json.dumps(document)
    unused = [
        name for name in document["components"]["schemas"] if f'"#/components/schemas/{name}"' not in written
    ]
    assert unused == []
    assert "HTTPValidationError" not in written


def test_every_body_has_an_example_and_every_example_is_one(
    document: dict[str, Any], bodies: dict[str, Any]
) -> None:
    validator = validator_of_all(document, bodies, validate_formats=True)
    for name, schema in bodies.items():
        assert schema.get("examples"), f"{name} has no example"
        for example in schema["examples"]:
            validator.validate({name: example})


def test_examples_of_single_fields_fit_them_too(document: dict[str, Any]) -> None:
    fields = {
        f"{name}.{field}": described
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
    }
    validator = validator_of_all(document, fields)
    for name, described in fields.items():
        for example in described.get("examples", []):
            assert validator.is_valid({name: example}), name


def test_requests_forbid_unknown_fields_and_replies_allow_new_ones(
    document: dict[str, Any], parts_of_bodies: set[str]
) -> None:
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") != "object":
            continue
        closed = schema.get("additionalProperties") is False
        # What we send ourselves is read by others, who ignore what they do not know.
        assert closed == (name in parts_of_bodies and name not in {"OutgoingEvent", "EventData"}), name


def test_every_outgoing_event_is_described_with_its_signature(document: dict[str, Any]) -> None:
    assert set(document["webhooks"]) == {event.value for event in EventType}
    for event, methods in document["webhooks"].items():
        operation = methods["post"]
        assert operation["operationId"] == event.replace(".", "_")
        assert operation["summary"] == event
        headers = {
            one["name"] for one in operation["parameters"] if one["in"] == "header" and one["required"]
        }
        assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/OutgoingEvent"}
        assert {"2XX", "410", "default"} <= set(operation["responses"])


def test_nothing_in_it_is_deprecated_without_a_plan(operations: dict[str, Operation]) -> None:
    assert [name for name, operation in operations.items() if operation.get("deprecated")] == []
