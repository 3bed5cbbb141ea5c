"""Rules of time: it is read once, at the edge, from the clock; everything below gets it as a value."""

import ast
from typing import Final

import pytest

from tests.house.sources import Source, dotted, parsed, sources

# What asks the machine for the time, by the last two parts of the name.
_ASKS: Final = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns",
    "time.monotonic", "time.perf_counter", "time.monotonic_ns", "time.perf_counter_ns", "time.localtime",
    "time.gmtime",
}  # fmt: skip
# Where the machine's own time is what is meant, each with its reason. Never a patient's time.
ALLOWED: Final = {
    "app/foundation/clock.py": "the one source of now",
    "app/care/intake/spool.py": "for how long a file of this machine lies in its folder",
    "app/web/health.py": "when this process tried last whether the database takes what is written",
    "app/web/edge.py": "measures how long an answer took, and a minute of the caller's, in this process",
    "app/notifications/webhooks/delivering.py": "measures how long an attempt took",
    "app/notifications/dispatcher.py": "a worker's own turns and heartbeats, in this process",
    "app/storage/engine/embedded/supervisor.py": "waits for a process of this machine",
    "app/storage/engine/embedded/predecessor.py": "waits for a process of this machine",
}
# Packages that run on the machine's time by their nature: processes, and studies that time themselves.
PACKAGES: Final = {"cli", "worker"}


def asks_the_machine(source: Source) -> list[str]:
    """Find where the machine is asked for the time, also by names imported from ``time``."""
    from_time = {
        alias.asname or alias.name
        for node in source.nodes
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if f"time.{alias.name}" in _ASKS
    }
    return [
        source.at(node)
        for node in source.nodes
        if isinstance(node, ast.Attribute | ast.Name)
        and isinstance(node.ctx, ast.Load)
        and (
            ".".join(dotted(node).split(".")[-2:]) in _ASKS
            or (isinstance(node, ast.Name) and node.id in from_time)
        )
    ]


def test_nobody_asks_the_machine_for_the_time_but_the_clock() -> None:
    found = {
        place
        for source in sources()
        if source.package not in PACKAGES
        for place in asks_the_machine(source)
        if place.split(":")[0] not in ALLOWED
    }
    assert found == set()


# A script of one run, whose start is what is meant.
_SCRIPTS: Final = {"tests/bench/page_server.py"}


def asks_when_imported(source: Source) -> list[str]:
    """Find where a file asks for the time, or counts months by it, as it is imported: outside of all functions."""
    found: list[str] = []
    left: list[ast.AST] = [source.tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Call) and {dotted(node.func).rpartition(".")[2], _last_two(node.func)} & (
            _ASKS | {"months_on"}
        ):
            found.append(source.at(node))
        inner = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            # Defaults and decorators are made with the function, and its body whenever it is called.
            body = node.body if isinstance(node.body, list) else [node.body]
            inner = [one for one in inner if one not in body]
        left += inner
    return found


def _last_two(node: ast.expr) -> str:
    return ".".join(dotted(node).split(".")[-2:])


def test_no_test_asks_for_the_time_before_it_runs() -> None:
    """A run takes minutes: what was today, this month or next year as a file was imported may be over by then."""
    found = [place for source in sources("tests") for place in asks_when_imported(source)]
    assert {place.split(":")[0] for place in found} == _SCRIPTS


@pytest.mark.parametrize(
    "body",
    [
        "FIRST = datetime.now(UTC).replace(day=1)",
        "class Months:\n    this = date.today()",
        "def test(now=datetime.now(UTC)): pass",
        "@pytest.mark.parametrize('month', [months_on(1)])\ndef test(month): pass",
    ],
)
def test_asking_at_import_would_be_noticed(body: str) -> None:
    assert asks_when_imported(parsed(body))
    assert not asks_when_imported(parsed("def test():\n    first = datetime.now(UTC)"))


def test_every_exception_is_still_needed() -> None:
    asking = {place.split(":")[0] for source in sources() for place in asks_the_machine(source)}
    assert set(ALLOWED) - asking == set()


def test_core_and_storage_are_given_the_time_and_never_see_a_clock() -> None:
    found = [
        source.name
        for source in sources()
        if source.package in {"clinical", "storage"}
        if any(name.startswith("app.foundation.clock") for name in source.imports())
    ]
    assert found == []


@pytest.mark.parametrize(
    "body",
    [
        "from datetime import datetime\ndef f(): return datetime.now()",
        "import datetime\ndef f(): return datetime.datetime.now(datetime.UTC)",
        "from datetime import date\ndef f(): return date.today()",
        "import time\ndef f(): return time.time()",
        "from time import monotonic\ndef f(): return monotonic()",
        "from datetime import datetime\nnow = datetime.utcnow",
    ],
)
def test_asking_the_machine_would_be_noticed(body: str) -> None:
    assert asks_the_machine(parsed(body))


def test_no_statement_asks_the_database_for_the_time() -> None:
    found = [
        source.at(node)
        for source in sources()
        # The inspection compares the server's clock with ours: there the time is what is asked for.
        if source.package == "storage" and source.path.stem != "inspection"
        for node in source.nodes
        if (isinstance(node, ast.Attribute) and dotted(node) in {"func.now", "func.current_timestamp"})
        or (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and any(word in node.value.lower() for word in ("now()", "current_timestamp", "clock_timestamp"))
            # The queue itself goes by the database's clock.
            and "UPDATE jobs.procrastinate_" not in node.value
            # How far a replica is behind its primary is a span on their clocks, and no time of ours.
            and "pg_last_xact_replay_timestamp()" not in node.value
        )
    ]
    assert found == []
