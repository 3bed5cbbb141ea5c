"""Rules of services: they speak the domain, know no request and no HTTP."""

import ast
from typing import Final

import pytest

from tests.house.sources import Source, in_package, package_of, parsed, sources

# The numbers that mean something else where they stand, each with its reason.
NO_STATUS_HERE: Final = {
    "app/notifications/webhooks/delivering.py": "reads the receiver's answers: 2xx is received, 410 disables",
}
_STATUSES: Final = {
    200, 201, 202, 204, 301, 302, 303, 304, 307, 308,
    400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 428, 429, 500, 501, 502, 503, 504,
}  # fmt: skip
_NAMES: Final = {"HTTPStatus", "HTTPException"}


def statuses_in(source: Source) -> list[str]:
    """Find what looks like an HTTP status: by its name, or by its number where it is compared or given."""
    return [
        source.at(node)
        for node in source.nodes
        if (isinstance(node, ast.Attribute) and node.attr in _NAMES)
        or (isinstance(node, ast.Name) and node.id in _NAMES)
        or any(isinstance(one, ast.Constant) and one.value in _STATUSES for one in _numbers(node))
    ]


def _numbers(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.keyword) and node.arg in {"status", "status_code", "code"}:
        return [node.value]
    return [node.value] if isinstance(node, ast.Return) and node.value is not None else []


def schemas_in(source: Source) -> list[str]:
    """Find what a service takes from a module of request and reply schemas."""
    return [name for name in source.imports() if name.startswith("app.") and ".schemas" in name]


SERVICES = [source for source in sources() if source.is_service]


def test_services_take_and_give_domain_values_never_requests() -> None:
    assert SERVICES
    # `help_reply.py` is the one part of replies that two packages share.
    edge_of_check_ins = {
        "app.care.check_ins.safety_pathway",
        "app.care.check_ins.consequences",
        "app.notifications.messages.crisis_help",
    }
    found = {
        source.name: names
        for source in SERVICES
        if source.name not in edge_of_check_ins and (names := schemas_in(source))
    }
    assert found == {}


def test_services_know_no_web_framework() -> None:
    found = {
        source.name: names
        for source in SERVICES
        if source.name
        not in {"app.care.check_ins.safety_pathway", "app.care.assessments.safety_pathway"}  # route classes
        if (names := [name for name in source.imports() if name.split(".")[0] in {"fastapi", "starlette"}])
    }
    assert found == {}


def test_only_pages_and_commands_read_another_packages_schemas() -> None:
    found = [
        (source.name, name)
        for source in sources()
        # The evaluation is monitoring's, the planned date beside it treatment's.
        if source.name != "app.care.treatment.evaluation_routes"
        for name in schemas_in(source)
        if package_of(name) not in {source.package, "web"}
        # The stream gives the events that webhooks bring, one by one.
        and (source.package, package_of(name)) != ("notifications.stream", "notifications.webhooks")
        and not source.package.startswith(("pages.", "cli", "imports"))
    ]
    assert found == []


def test_services_and_storage_name_no_http_status() -> None:
    looked_at = [*SERVICES, *in_package("storage", "clinical", "foundation")]
    found = [
        place
        for source in looked_at
        for place in statuses_in(source)
        if place.split(":")[0] not in NO_STATUS_HERE
    ]
    assert found == []


def test_every_exception_is_still_needed() -> None:
    naming = {place.split(":")[0] for source in SERVICES for place in statuses_in(source)}
    assert set(NO_STATUS_HERE) - naming == set()


@pytest.mark.parametrize(
    "body",
    [
        "def f(reply): return reply.status == 404",
        "def f(): raise Refused(status=409)",
        "from http import HTTPStatus\ndef f(): return HTTPStatus.NOT_FOUND",
        "def f(): return 422",
    ],
)
def test_an_http_status_in_a_service_would_be_noticed(body: str) -> None:
    assert statuses_in(parsed(body))


def test_a_request_in_a_service_would_be_noticed() -> None:
    assert schemas_in(parsed("from app.care.patients.schemas import Enrolment"))


def test_nobody_asks_the_settings_or_the_environment_inside() -> None:
    allowed = {"settings", "cli", "worker", "asgi", "__main__"}
    found = [
        source.at(node)
        for source in sources()
        if source.package not in allowed
        and not source.name.startswith(("app.storage.engine.embedded", "app.storage.engine.archive"))
        for node in source.nodes
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
    ]
    assert found == []
