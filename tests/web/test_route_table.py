"""The table of routes finds what trying all routes in turn finds, by looking at few."""

import re
from functools import cache

import pytest
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Match

from app.asgi import served_routes
from app.web.route_table import RouteTable
from tests.support.people import ClinicClient
from tests.support.the_api import the_api

SEGMENTS = ("019aca60-0000-7000-8000-000000000001", "worklist", "a:path/further", "")


def _paths(pattern: str) -> list[str]:
    return [re.sub(r"\{[^}]+\}", segment, pattern) for segment in SEGMENTS] + [f"{pattern}/x", f"/{pattern}"]


@cache
def _routes() -> tuple[RouteContext, ...]:
    return tuple(iter_route_contexts(the_api().routes))


@cache
def _of_this_path(path: str) -> list[RouteContext]:
    return [route for route in _routes() if route.path_regex.match(path)]


def _first_in_turn(method: str, path: str) -> object:
    return next((one.endpoint for one in _of_this_path(path) if method in (one.methods or ())), None)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_each_path_finds_the_route_that_trying_all_in_turn_finds(method: str) -> None:
    table = RouteTable(served_routes(the_api()))
    found = 0
    for path in {path for route in _routes() for path in _paths(route.path or "")}:
        match, scope = table.matches({"type": "http", "method": method, "path": path})
        assert match is Match.FULL
        expected = _first_in_turn(method, path)
        assert scope.get("endpoint") is expected, (method, path)
        found += expected is not None
    assert found > 10


def test_a_request_looks_at_few_routes_however_many_there_are() -> None:
    table = RouteTable(served_routes(the_api()))

    assert len(_routes()) > 400
    assert max(len(table.candidates(path)) for route in _routes() for path in _paths(route.path or "")) < 60
    assert len(table.candidates("/v1/nothing")) < 10


def test_a_method_that_a_path_does_not_have_is_answered_with_all_that_it_has(
    one_clinic: ClinicClient,
) -> None:
    reply = one_clinic.http.request("DELETE", "/v1/patients/019aca60-0000-7000-8000-000000000001")

    assert reply.status_code == 405
    assert reply.headers["allow"] == "GET, PATCH"
