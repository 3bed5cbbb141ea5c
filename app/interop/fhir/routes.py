"""FHIR's RESTful interface. Its description is the CapabilityStatement, so it is not in the OpenAPI document."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from email.utils import format_datetime
from functools import cache
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response, Security
from fastapi.responses import JSONResponse, StreamingResponse

from app.access.clinics.access import CLINIC_KEY, STAFF_SESSION, work_of
from app.access.clinics.caller import ClinicCaller, ScopeMissingError, allowed, find_caller
from app.access.clinics.permissions import Permission, Scope, scopes_allow
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError
from app.foundation.tokens import TokenKind
from app.interop.fhir import commands, queries
from app.interop.fhir.capability import capability_statement
from app.interop.fhir.catalogue import RESOURCE_TYPES
from app.interop.fhir.codes import Json
from app.interop.fhir.commands import Created
from app.interop.fhir.exporting import (
    LASTS,
    NDJSON,
    lines_of,
    manifest,
    read_export,
    read_ticket,
    write_ticket,
)
from app.interop.fhir.outcome import FhirResponse, FhirRoute
from app.interop.fhir.queries import Page
from app.interop.fhir.refusals import (
    InteractionNotOfferedError,
    ParameterMissingError,
    ParameterNotKnownError,
    ParameterNotReadableError,
)
from app.interop.fhir.resource_type import ResourceType
from app.interop.fhir.resources.subscription import status_bundle
from app.interop.fhir.searching import read_search
from app.interop.fhir.written import read_conditional
from app.interop.smart import backend_services
from app.interop.smart.backend_services import ALGORITHMS, TokenRequestRefusedError
from app.interop.smart.systems import public_keys
from app.web.dependencies import ContextNeeded, bearer_token


@cache
def fhir_may(permission: Permission, kind: str, letters: str) -> Callable[..., Awaitable[ClinicCaller]]:
    """Make the dependency that lets through who has this permission, or a program whose scopes allow it.

    Args:
        permission: what a key or a member needs.
        kind: the resource type; ``*`` for all of them.
        letters: what is done, in SMART's letters of cruds; of the export, its own scope is asked for.
    """

    async def signed_in(
        request: Request,
        context: ContextNeeded,
        _key: Annotated[object, Security(CLINIC_KEY)],
        _session: Annotated[object, Security(STAFF_SESSION)],
    ) -> ClinicCaller:
        kinds = (TokenKind.API_KEY, TokenKind.STAFF_SESSION, TokenKind.BACKEND_ACCESS)
        caller = await find_caller(context, bearer_token(request), *kinds)
        if not caller.is_program:
            return await allowed(context, caller, permission, request.path_params)
        exports = permission is Permission.FHIR_EXPORT
        if exports and Scope.FHIR_EXPORT in caller.scopes:
            return caller
        if exports or not scopes_allow(caller.scopes, kind, letters):
            raise ScopeMissingError
        return caller

    # A test walks every route and reads here who may.
    signed_in.afterglow_access = permission  # type: ignore[attr-defined] # functions take attributes
    return signed_in


def fhir_work_for(permission: Permission, kind: str, letters: str, *, may_be_old: bool = False) -> Any:  # noqa: ANN401 - as FastAPI's own Depends
    """Give a route its transaction, once the caller may do this; ``may_be_old`` as in `work_for`."""
    return work_of(fhir_may(permission, kind, letters), may_be_old=may_be_old)


def searchset(page: Page, *, base_url: str, kind: str, parameters: Sequence[tuple[str, str]]) -> Json:
    """Make the Bundle of a page; there are no totals, for counting would mean reading all of it."""
    asked = [one for one in parameters if one[0] != "_page"]
    links = [{"relation": "self", "url": _url(base_url, kind, parameters)}]
    if page.following is not None:
        links.append({"relation": "next", "url": _url(base_url, kind, [*asked, ("_page", page.following)])})
    entries = [_entry(base_url, one, "match") for one in page.matches]
    entries += [_entry(base_url, one, "include") for one in page.included]
    return _bundle(links, entries)


def everything_set(resources: Iterable[Json], *, base_url: str, path: str) -> Json:
    """Make the Bundle of all that is known of a patient."""
    links = [{"relation": "self", "url": f"{base_url}/{path}"}]
    return _bundle(links, [_entry(base_url, one, "match") for one in resources])


def _bundle(links: list[Json], entries: list[Json]) -> Json:
    made: Json = {"resourceType": "Bundle", "type": "searchset", "link": links}
    return {**made, "entry": entries} if entries else made


def _entry(base_url: str, resource: Json, mode: str) -> Json:
    url = f"{base_url}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _url(base_url: str, kind: str, parameters: Sequence[tuple[str, str]]) -> str:
    query = urlencode(parameters)
    return f"{base_url}/{kind}?{query}" if query else f"{base_url}/{kind}"


router = APIRouter(prefix="/fhir", route_class=FhirRoute, include_in_schema=False)
# After all other routes of this interface: whatever is left over.
rest_router = APIRouter(prefix="/fhir", route_class=FhirRoute, include_in_schema=False)

_LONGEST_FORM: Final = 50_000
_EVERY_METHOD: Final = ["GET", "POST", "PUT", "PATCH", "DELETE"]
MayCopyPatient = Annotated[Work, fhir_work_for(Permission.RIGHTS, "*", "rs", may_be_old=True)]
MayWriteForms = Annotated[Work, fhir_work_for(Permission.TREATMENT_RECORD, "QuestionnaireResponse", "c")]
MayWriteSessions = Annotated[Work, fhir_work_for(Permission.TREATMENT_RECORD, "Procedure", "c")]
MayReadSubscriptions = Annotated[Work, fhir_work_for(Permission.WEBHOOKS, "Subscription", "r")]
MayExport = Annotated[ClinicCaller, Depends(fhir_may(Permission.FHIR_EXPORT, "*", "rs"))]
IfNoneExist = Annotated[str | None, Header()]


@router.get("/metadata")
async def read_metadata(context: ContextNeeded) -> Response:
    """Say what this server can do. Who may: everybody."""
    return FhirResponse(capability_statement(base_url=_base_url(context.public_url), now=context.clock.now()))


@router.get("/.well-known/smart-configuration")
async def read_smart_configuration(context: ContextNeeded) -> Response:
    """Say how programs get a token. Who may: everybody."""
    configuration = {
        "token_endpoint": token_url(context),
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": [*(f"system/{one.name}.rs" for one in RESOURCE_TYPES), Scope.FHIR_EXPORT.value],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    }
    return JSONResponse(configuration)


@router.get("/.well-known/jwks/{clinic_id}/{system_id}")
async def read_public_keys(clinic_id: UUID, system_id: UUID, context: ContextNeeded) -> Response:
    """Give the public key by which an EHR knows us. Who may: everybody."""
    async with context.work(clinic_id) as work:
        return JSONResponse(await public_keys(work, system_id))


@router.post("/token")
async def give_token(request: Request, context: ContextNeeded) -> Response:
    """Give a program a token for its assertion. Who may: whoever signs with a registered key."""
    form = dict(parse_qsl((await request.body())[:_LONGEST_FORM].decode("utf-8", "replace")))
    try:
        given = await backend_services.give_token(context, form, token_url=token_url(context))
    except TokenRequestRefusedError as refusal:
        status = 401 if refusal.error == "invalid_client" else 400
        return JSONResponse({"error": refusal.error, "error_description": refusal.message()}, status)
    answer = {
        "access_token": given.token,
        "token_type": "bearer",
        "expires_in": int(backend_services.LASTS.total_seconds()),
        "scope": " ".join(given.scopes),
    }
    return JSONResponse(answer)


def token_url(context: AppContext) -> str:
    """Give the address of the tokens, which is what an assertion is for."""
    return f"{_base_url(context.public_url)}/token"


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


@router.get("/Subscription/{resource_id}/$status")
async def read_subscription_status(resource_id: str, work: MayReadSubscriptions) -> Response:
    """Say how a Subscription is, and how many events it has had."""
    return FhirResponse(await status_bundle(work, resource_id, base_url=_base_url(work.public_url)))


@router.post("/QuestionnaireResponse")
async def create_form(work: MayWriteForms, request: Request, if_none_exist: IfNoneExist = None) -> Response:
    """Keep a completed form."""
    base_url = _base_url(work.public_url)
    unless = read_conditional(if_none_exist)
    return _created(
        await commands.create_form(work, await request.body(), unless=unless, base_url=base_url), base_url
    )


@router.post("/Procedure")
async def create_session(
    work: MayWriteSessions, request: Request, if_none_exist: IfNoneExist = None
) -> Response:
    """Keep a treatment session."""
    base_url = _base_url(work.public_url)
    unless = read_conditional(if_none_exist)
    return _created(
        await commands.create_session(work, await request.body(), unless=unless, base_url=base_url), base_url
    )


def _created(created: Created, base_url: str) -> Response:
    made = created.resource
    location = f"{base_url}/{made['resourceType']}/{made['id']}"
    headers = {"location": location, **_version_headers(made)}
    return FhirResponse(made, 201 if created.is_new else 200, headers)


@router.get("/$export")
async def start_export(
    request: Request, caller: MayExport, context: ContextNeeded, prefer: str = Header(default="")
) -> Response:
    """Ask for a copy of the clinic's resources; poll the address in Content-Location."""
    if "respond-async" not in prefer:
        raise ParameterMissingError("http.prefer")
    export = read_export(request.query_params.multi_items(), by=caller.id, now=context.clock.now())
    ticket = write_ticket(context.vault, caller.clinic_id, export)
    return Response(
        status_code=202,
        headers={"content-location": f"{_base_url(context.public_url)}/$export-status/{ticket}"},
    )


@router.get("/$export-status/{ticket}")
async def read_export_status(ticket: str, caller: MayExport, context: ContextNeeded) -> Response:
    """Say where the files of an export are."""
    now = context.clock.now()
    export = read_ticket(context.vault, caller.clinic_id, ticket, by=caller.id, now=now)
    base_url = _base_url(context.public_url)
    made = manifest(export, request_url=f"{base_url}/$export", file_url=f"{base_url}/$export-file/{ticket}")
    return JSONResponse(made, headers={"expires": format_datetime(export.asked_at + LASTS, usegmt=True)})


@router.get("/$export-file/{ticket}/{name}")
async def read_export_file(ticket: str, name: str, caller: MayExport, context: ContextNeeded) -> Response:
    """Give one type's resources as lines of JSON."""
    now = context.clock.now()
    export = read_ticket(context.vault, caller.clinic_id, ticket, by=caller.id, now=now)
    if name not in export.types:
        raise NotFoundError
    async with context.work(caller.clinic_id, actor=caller.actor) as work:
        work.audit("clinic.exported", "clinic", caller.clinic_id)
    lines = lines_of(context, caller.clinic_id, caller.actor, export, name)
    return StreamingResponse(lines, media_type=NDJSON)


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
    needed = fhir_work_for(kind.permission, kind.name, "r")

    async def read_resource(resource_id: str, work: Work = needed) -> Response:
        found = await queries.read_resource(work, kind, resource_id)
        return FhirResponse(found, headers=_version_headers(found))

    return read_resource


def _searching(kind: ResourceType) -> Callable[..., Awaitable[Response]]:
    needed = fhir_work_for(kind.permission, kind.name, "s", may_be_old=True)

    async def search(request: Request, work: Work = needed) -> Response:
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


@rest_router.api_route("", methods=_EVERY_METHOD)
@rest_router.api_route("/{path:path}", methods=_EVERY_METHOD)
async def no_such_interaction() -> None:
    """Say that there is no such resource type or interaction."""
    raise InteractionNotOfferedError
