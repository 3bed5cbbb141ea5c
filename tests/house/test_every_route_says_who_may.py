"""Every route says who may, in a dependency; the few that are open to everybody are named with their reasons."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute, Route

from app.access.clinics.access import clinic_may
from app.access.clinics.permissions import PERMISSIONS_MATRIX, Permission, Scope
from app.care.patients.access import signed_in_patient
from tests.house.open_operations import OPEN
from tests.support.the_api import the_api

PATIENT = "the patient's own device"
# Pages are for people, not for clients: they stand in no document.
BROWSER = "the patient's own browser"
MEMBER = "the member's own session"


def who_may(routes: Sequence[BaseRoute]) -> dict[str, list[str]]:
    """Give for every operation what its dependencies say of who may; nothing when none says it."""
    found: dict[str, list[str]] = {}
    for context in iter_route_contexts(routes):
        route = context.original_route
        said = sorted(set(_accesses(route.dependant))) if isinstance(route, APIRoute) else []
        assert isinstance(route, Route | APIRoute), f"what is {route}?"
        for method in (route.methods or set()) - {"HEAD"}:
            found[f"{method} {context.path}"] = said
    return found


def _accesses(dependant: Dependant) -> Iterator[str]:
    said = getattr(dependant.call, "afterglow_access", None)
    if said is not None:
        yield said
    for inner in dependant.dependencies:
        yield from _accesses(inner)


def test_every_route_says_who_may_or_is_open_on_purpose() -> None:
    silent = {name for name, said in who_may(the_api().routes).items() if not said}
    assert silent == set(OPEN)


def test_no_route_says_two_things() -> None:
    assert {name: said for name, said in who_may(the_api().routes).items() if len(said) > 1} == {}


def test_what_is_said_is_what_the_document_says_to_clients() -> None:
    api = the_api()
    document = api.openapi()["paths"]
    for name, said in who_may(api.routes).items():
        method, path = name.split(" ")
        # Pages are in no document, and FHIR has one of its kind, the CapabilityStatement.
        if name in OPEN or said == [BROWSER] or path.startswith(("/care/", "/fhir/")):
            continue
        schemes = [list(requirement) for requirement in document[path][method.lower()]["security"]]
        assert schemes == schemes_for(said[0]), name


def schemes_for(said: str) -> list[list[str]]:
    """Give what the document must offer: no key for what only a person may, who has signed in."""
    if said == PATIENT:
        return [["DeviceToken"]]
    if said == MEMBER or PERMISSIONS_MATRIX[Permission(said)].scope is None:
        return [["StaffSession"]]
    return [["ClinicKey"], ["StaffSession"]]


def test_every_permission_is_asked_for_somewhere_and_every_scope_gives_one() -> None:
    said = {one for every in who_may(the_api().routes).values() for one in every}
    assert said - {PATIENT, BROWSER, MEMBER} == set(Permission) == set(PERMISSIONS_MATRIX)
    assert {who.scope for who in PERMISSIONS_MATRIX.values()} - {None} == set(Scope)


def test_the_patients_own_routes_and_the_clinics_never_share_a_path() -> None:
    kinds: dict[str, set[str]] = {}
    for name, said in who_may(the_api().routes).items():
        for one in said:
            kinds.setdefault(name.split(" ")[1], set()).add("patient" if one == PATIENT else "clinic")
    assert {path: found for path, found in kinds.items() if len(found) > 1} == {}


def test_a_route_that_forgets_to_say_it_would_be_noticed() -> None:
    inner = APIRouter(prefix="/inner")

    @inner.get("/silent")
    async def silent() -> None: ...

    @inner.get("/deep")
    async def deep(_caller: Annotated[object, Depends(signed_in_patient)]) -> None: ...

    outer = APIRouter(dependencies=[Depends(clinic_may(Permission.SAFETY_READ))])

    @outer.get("/guarded")
    async def guarded() -> None: ...

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(inner)
    app.include_router(outer)

    assert who_may(app.routes) == {
        "GET /inner/silent": [],
        "GET /inner/deep": [PATIENT],
        "GET /guarded": [Permission.SAFETY_READ],
    }
