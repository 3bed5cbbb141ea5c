"""FHIR's RESTful interface. Its description is the CapabilityStatement, so it is not in the OpenAPI document."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from app.access.clinics.access import work_for
from app.access.clinics.permissions import Permission
from app.context import Work
from app.foundation.errors import NotFoundError
from app.interop.fhir import queries
from app.interop.fhir.bundles import everything_set, searchset
from app.interop.fhir.capability import capability_statement
from app.interop.fhir.catalogue import RESOURCE_TYPES
from app.interop.fhir.codes import Json
from app.interop.fhir.outcome import FhirResponse, FhirRoute
from app.interop.fhir.refusals import (
    InteractionNotOfferedError,
    ParameterNotKnownError,
    ParameterNotReadableError,
)
from app.interop.fhir.resource_type import ResourceType
from app.interop.fhir.searching import read_search
from app.web.dependencies import ContextNeeded

router = APIRouter(prefix="/fhir", route_class=FhirRoute, include_in_schema=False)
# After all other routes of this interface: whatever is left over.
rest_router = APIRouter(prefix="/fhir", route_class=FhirRoute, include_in_schema=False)

_EVERY_METHOD: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
MayCopyPatient = Annotated[Work, work_for(Permission.RIGHTS)]


@router.get("/metadata")
async def read_metadata(context: ContextNeeded) -> Response:
    """Say what this server can do. Who may: everybody."""
    return FhirResponse(capability_statement(base_url=_base_url(context.public_url), now=context.clock.now()))


@router.get("/Patient/{patient_id}/$everything")
async def read_everything(patient_id: str, work: MayCopyPatient, request: Request) -> Response:
    """Give all resources about a patient."""
    kinds = _kinds_in(request)
    try:
        wanted = UUID(patient_id)
    except ValueError:
        raise NotFoundError from None
    found = await queries.everything(work, wanted, kinds)
    path = f"Patient/{patient_id}/$everything"
    return FhirResponse(everything_set(found, base_url=_base_url(work.public_url), path=path))


def _kinds_in(request: Request) -> set[str] | None:
    """Read which types are wanted; None: all."""
    kinds: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in {"_type", "_format"}:
            raise ParameterNotKnownError(f"http.{name[:64]}")
        if name == "_type":
            kinds |= set(value.split(","))
    if kinds - {one.name for one in RESOURCE_TYPES}:
        raise ParameterNotReadableError("http._type")
    return kinds or None


def _base_url(public_url: str) -> str:
    return f"{public_url}/fhir"


def _reading(kind: ResourceType) -> Callable[..., Awaitable[Response]]:
    async def read_resource(resource_id: str, work: Work = work_for(kind.permission)) -> Response:  # noqa: B008 - FastAPI's own way, for a permission that the loop gives
        found = await queries.read_resource(work, kind, resource_id)
        return FhirResponse(found, headers=_version_headers(found))

    return read_resource


def _searching(kind: ResourceType) -> Callable[..., Awaitable[Response]]:
    async def search(request: Request, work: Work = work_for(kind.permission)) -> Response:  # noqa: B008 - same
        parameters, base_url = request.query_params.multi_items(), _base_url(work.public_url)
        page = await queries.search(work, kind, read_search(kind, parameters, base_url=base_url))
        return FhirResponse(searchset(page, base_url=base_url, kind=kind.name, parameters=parameters))

    return search


def _version_headers(resource: Json) -> dict[str, str]:
    version = resource.get("meta", {}).get("versionId")
    return {} if version is None else {"etag": f'W/"{version}"'}


for _kind in RESOURCE_TYPES:
    router.add_api_route(f"/{_kind.name}", _searching(_kind), methods=["GET"])
    router.add_api_route(f"/{_kind.name}/{{resource_id}}", _reading(_kind), methods=["GET"])


@rest_router.api_route("/{path:path}", methods=_EVERY_METHOD)
async def no_such_interaction(path: str) -> None:  # noqa: ARG001 - whatever it is
    """Say that there is no such resource type or interaction."""
    raise InteractionNotOfferedError
