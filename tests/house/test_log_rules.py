"""Rules of logs: events are named in the code, keys are on the allow-list, only edges and services log."""

import ast
from typing import Final

import pytest

from app.foundation.logs import ALLOWED_KEYS
from tests.house.sources import Source, dotted, parsed, sources

_LEVELS: Final = {"debug", "info", "warning", "error", "critical", "exception", "log", "bind", "new"}


def wrong_logging(source: Source) -> list[str]:
    """Find log calls whose event is not written out in the code, or whose keys are not on the allow-list."""
    found = []
    for node in source.nodes:
        if not isinstance(node, ast.Call) or not _is_log_call(node):
            continue
        function = node.func
        method = function.attr if isinstance(function, ast.Attribute) else ""
        events = node.args[1:] if method == "log" else node.args
        named = all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in events)
        known = all(keyword.arg in ALLOWED_KEYS for keyword in node.keywords)
        if not named or not known or method == "exception":
            found.append(source.at(node))
    return found


def _is_log_call(node: ast.Call) -> bool:
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr not in _LEVELS:
        return False
    if isinstance(function.value, ast.Call):
        return dotted(function.value.func) in {"structlog.get_logger", "get_logger"} or _is_log_call(
            function.value
        )
    return dotted(function.value).split(".")[-1] in {"log", "_log", "logger", "_logger"}


def test_every_log_line_names_its_event_and_uses_only_allowed_keys() -> None:
    assert [place for source in sources() for place in wrong_logging(source)] == []


def test_there_are_log_lines_to_look_at() -> None:
    calls = [
        node
        for source in sources()
        for node in source.nodes
        if isinstance(node, ast.Call) and _is_log_call(node)
    ]
    assert len(calls) > 5


@pytest.mark.parametrize(
    "line",
    [
        "structlog.get_logger().info('check_in.kept', mood=3)",
        "structlog.get_logger().info(f'check_in of {name}')",
        "self._log.warning('it said', error=str(error))",
        "log.error('x', **values)",
        "structlog.get_logger().bind(name=name).info('x')",
        "self._log.exception('request.failed')",
        "logger.info('mood is %s', mood)",
    ],
)
def test_a_leaking_log_line_would_be_noticed(line: str) -> None:
    assert wrong_logging(parsed(line))


def test_the_core_and_storage_log_nothing() -> None:
    found = [
        source.name
        for source in sources()
        if source.package in {"clinical", "storage", "studies", "notifications.messages"}
        if any(name.split(".")[0] in {"structlog", "logging"} for name in source.imports())
    ]
    assert found == []


def test_nobody_uses_a_logger_that_has_no_allow_list() -> None:
    found = [
        source.name
        for source in sources()
        if source.name != "app.foundation.logs"
        and any(name.split(".")[0] == "logging" for name in source.imports())
    ]
    assert found == []


def test_only_the_command_line_speaks_to_a_terminal() -> None:
    found = [
        source.at(node)
        for source in sources()
        if source.package != "cli"
        for node in source.nodes
        if (isinstance(node, ast.Name) and node.id == "print")
        or (isinstance(node, ast.Attribute) and dotted(node) in {"sys.stdout.write", "sys.stderr.write"})
    ]
    assert found == []
