"""The OpenAPI document: what FastAPI reads off the routes, with what it cannot say put right."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI

from app.web.problems import MEDIA_TYPE, Problem

_PROBLEM: Final = {"$ref": f"#/components/schemas/{Problem.__name__}"}
# FastAPI's own form of validation errors, which never leaves this service.
_NEVER_SENT: Final = ("HTTPValidationError", "ValidationError")
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
}


class DescribedApi(FastAPI):
    """FastAPI with a document that says what is really sent."""

    def openapi(self) -> dict[str, Any]:
        """Give the document; it is made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            for operation in _clinics_posts(document):
                operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
            for response in _responses(document):
                _say_problem(response)
            for name in _NEVER_SENT:
                document["components"]["schemas"].pop(name, None)
        return super().openapi()


def _clinics_posts(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        schemes = {name for one in operations.get("post", {}).get("security", ()) for name in one}
        if schemes & {"ClinicKey", "StaffSession"}:
            yield operations["post"]


def _responses(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            yield from operation["responses"].values()


def _say_problem(response: dict[str, Any]) -> None:
    """Problem documents have their own media type; FastAPI takes each for what success gives."""
    if any(content.get("schema") == _PROBLEM for content in response.get("content", {}).values()):
        response["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
