"""The start page, the OpenAPI document as pages, and a page for each problem: for anybody, without a script."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape

from app.foundation.errors import NotFoundError
from app.web.document import Audience, DescribedApi
from app.web.field_examples import example_of
from app.web.pages.answers import PageAnswer
from app.web.pages.page_route import PageRoute, failure_of
from app.web.pages.templates import SHARED_FILES, StaticFiles, template_environment
from app.web.problems import field_codes, known_problems

_MADE_OF: Final = re.compile(r"#/components/schemas/(\w+)")
_CHOICES: Final = ("anyOf", "oneOf", "allOf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field or parameter."""

    name: str
    place: str
    types: tuple[str, ...]
    required: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One way in which an operation answers."""

    status: str
    said: str
    schema: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation."""

    name: str
    method: str
    path: str
    summary: str
    paragraphs: tuple[str, ...]
    credentials: tuple[str, ...]
    parameters: tuple[Field, ...]
    body: str
    sent: str
    answers: tuple[Answer, ...]
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """One named object or list of values."""

    name: str
    said: str
    fields: tuple[Field, ...]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """The operations of one tag, and what they are made of."""

    name: str
    operations: tuple[Operation, ...]
    schemas: tuple[Schema, ...]


def slug(tag: str) -> str:
    """Write a tag as a part of a path."""
    return re.sub(r"[^a-z]+", "-", tag.lower()).strip("-")


def chapter_of(document: Mapping[str, Any], tag: str) -> Chapter:
    """Give one tag's operations."""
    found = [
        _operation(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation["tags"][0] == tag
    ]
    named = {one.body for one in found} | {answer.schema for one in found for answer in one.answers}
    named |= {word for one in found for parameter in one.parameters for word in parameter.types}
    named &= set(document["components"]["schemas"])
    return Chapter(name=tag, operations=tuple(found), schemas=tuple(_schemas(document, named)))


def _operation(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> Operation:
    schemas = document["components"]["schemas"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = tuple(_answers(document, operation))
    success = next((one for one in answers if one.status.startswith("2") and one.schema), None)
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        paragraphs=tuple(operation["description"].split("\n\n")),
        credentials=tuple(name for one in operation["security"] for name in one),
        parameters=tuple(
            Field(
                name=one["name"],
                place=one["in"],
                types=tuple(_types(one["schema"])),
                required=one.get("required", False),
                said=one.get("description", ""),
            )
            for one in operation.get("parameters", ())
        ),
        body=_name_of(body),
        sent=_written(example_of(body, schemas)) if body else "",
        answers=answers,
        answer=_written(example_of(schemas[success.schema], schemas)) if success else "",
    )


def _answers(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[Answer]:
    for status, response in operation["responses"].items():
        shared = response.get("$ref", "").rpartition("/")[2]
        whole = document["components"]["responses"][shared] if shared else response
        schema = next(
            (_name_of(content.get("schema", {})) for content in whole.get("content", {}).values()), ""
        )
        yield Answer(status=status, said=whole["description"], schema=schema)


def _schemas(document: Mapping[str, Any], named: set[str]) -> Iterator[Schema]:
    """Describe these schemas, and all that they are made of, by name."""
    schemas, found, waiting = document["components"]["schemas"], set[str](), sorted(named)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _MADE_OF.findall(str(schemas[name]))
    for name in sorted(found):
        schema = schemas[name]
        required = set(schema.get("required", ()))
        fields = tuple(
            Field(
                name=field,
                place="",
                types=tuple(_types(one)),
                required=field in required,
                said=one.get("description", ""),
            )
            for field, one in schema.get("properties", {}).items()
        )
        said = schema.get("description", "").split("\n\n")[0]
        yield Schema(name=name, said=said, fields=fields, values=tuple(map(str, schema.get("enum", ()))))


def _types(schema: Mapping[str, Any]) -> Iterator[str]:
    """Say what a schema allows, a word each; the name of another schema is one of the words."""
    for choice in _CHOICES:
        for one in schema.get(choice, ()):
            yield from _types(one)
    if "$ref" in schema:
        yield _name_of(schema)
    elif "enum" in schema:
        yield from (json.dumps(one) for one in schema["enum"])
    elif "const" in schema:
        yield json.dumps(schema["const"])
    elif schema.get("type") == "array":
        yield "list of"
        yield from _types(schema["items"])
    elif "type" in schema:
        yield schema.get("format", schema["type"])


def _name_of(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _written(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


_HERE: Final = Path(__file__).parent
_TEMPLATES: Final = template_environment(_HERE / "templates")
_FILES: Final = StaticFiles("/docs/static/", [SHARED_FILES, _HERE / "static"])
_CODE: Final = re.compile(r"`([^`]+)`")
_AUDIENCES: Final = {
    Audience.PATIENT: "Patient API: for phones and web apps of patients",
    Audience.CLINIC: "Clinic API: for EHRs and systems of the care team",
}


class FrontPageRoute(PageRoute):
    """A route of these pages: whatever fails is a page too."""

    def failure_page(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - these pages are the same for everybody
        """Say that there is no such page, or that it cannot be shown now."""
        failure = failure_of(error)
        answer = _render("no_page.html", status=failure.status)
        answer.headers.update(failure.headers)
        return answer


router = APIRouter(route_class=FrontPageRoute, include_in_schema=False)
# The documents by audience, for programs.
documents_router = APIRouter(prefix="/v1/openapi", include_in_schema=False)


def marked(text: str) -> Markup:
    """Write what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped one step before


_TEMPLATES.filters["marked"] = marked
_TEMPLATES.filters["slug"] = slug


@router.get("/")
async def show_start() -> Response:
    """Say what runs here, and lead on."""
    return _render("start.html")


@router.get("/docs")
async def show_reference(request: Request) -> Response:
    """List the chapters of both APIs."""
    parts = {audience: _part(request, audience) for audience in Audience}
    return _render("reference.html", parts=parts, titles=_AUDIENCES)


@router.get("/docs/static/{name}")
async def static_file(name: str) -> Response:
    """Give a file; its name says its content."""
    return _FILES.answer(name)


@router.get("/docs/{audience}/{chapter}")
async def show_chapter(request: Request, audience: Audience, chapter: str) -> Response:
    """Show the operations of one chapter."""
    part = _part(request, audience)
    tag = next((tag for tag in part["tags"] if slug(tag["name"]) == chapter), None)
    if tag is None:
        raise NotFoundError
    return _render(
        "chapter.html",
        title=_AUDIENCES[audience],
        said=tag["description"],
        chapter=chapter_of(part, tag["name"]),
        schemes=part["components"]["securitySchemes"],
        named=part["components"]["schemas"],
    )


@router.get("/problems")
async def list_problems() -> Response:
    """List every problem that an answer can name."""
    return _render("problems.html", problems=known_problems(), codes=field_codes())


@router.get("/problems/{code}")
async def show_problem(code: str) -> Response:
    """Explain one problem: what its ``type`` leads to."""
    found = next((one for one in known_problems() if one.code == code), None)
    if found is None:
        raise NotFoundError
    return _render("problem.html", problem=found)


@documents_router.get("/{audience}.json")
async def document_for(request: Request, audience: Audience) -> dict[str, Any]:
    """Give the OpenAPI document of one audience."""
    return _part(request, audience)


def _part(request: Request, audience: Audience) -> dict[str, Any]:
    return cast("DescribedApi", request.app).part(audience)


def _render(template: str, *, status: int = 200, **values: object) -> PageAnswer:
    files: Mapping[str, str] = _FILES.paths
    return PageAnswer(
        _TEMPLATES.get_template(template).render(language="en", direction="ltr", files=files, **values),
        status,
    )
