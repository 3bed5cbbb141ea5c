"""How the tests are collected: what each folder needs, in which order files go, what is tried with how much.

What all tests share (one real PostgreSQL server, one database and one service for each test process) is in
``tests/support/shared.py``.
"""

import gc
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from tests.support.databases import in_memory, shared_folder

# These go first: the longest must not come last.
_LONGEST: Final = (
    "test_a_year_of_reminders.py",
    "test_offline_phones.py",
    "test_killed_processes.py",
    "test_from_sign_in_to_closed.py",
    "test_spool.py",
    "test_any_request.py",
    "test_three_days_of_deliveries.py",
    "test_wheel.py",
    "test_sessions.py",
    "test_bad_bodies.py",
)
# The folders whose files wait for processes, browsers and clocks, the longest first. Between any two of their files
# some of the other folders go, which only compute: of the files that run at a time some wait while others compute.
_WAIT: Final = ("browser", "journeys", "docs", "cli", "clients", "storage", "studies", "pages")
_FOLDER_MARKS: Final = {"browser": "browser", "journeys": "journey"}
_HERE: Final = Path(__file__).parent
# What `make test-fast` leaves to `make test`, and how many tests it runs of each file that stands on the shared
# service or database, or simulates patients for seconds. A test that takes more than a second and a half of a
# processor by itself is `slow`: the next of its file takes its place.
_NOT_CORE: Final = frozenset({"browser", "journey", "processes", "measurement", "slow"})
_OF_EACH_FILE: Final = 2
_SIMULATES: Final = "studies"

# Whatever tests write is gone afterwards and need not survive a power cut: a database's first start takes two seconds
# in memory, and up to twelve on a busy disk. Processes that tests start get the same folder.
if (_memory := in_memory()) is not None:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_memory)
# Before the runners are started: they share it.
shared_folder()

# Collecting makes ten thousand tests that stay until the end: looking for garbage among them takes as long as making
# them, in every runner.
gc.disable()

_OWN: Final = frozenset({"own_database", "own_service"})


# What properties are tried with: a few examples, always the same, in `make test`; many others, at random, in
# `make test-long` (--hypothesis-profile=long). Building a history of years is slow, and meant.
_SLOW_AND_LARGE: Final = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile(
    "short",
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=_SLOW_AND_LARGE,
)
settings.register_profile(
    "long",
    max_examples=500,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=_SLOW_AND_LARGE,
)
# The edit loop: `make test-fast`.
settings.register_profile("fast", settings.get_profile("short"), max_examples=5)
settings.load_profile("short")


def pytest_configure(config: pytest.Config) -> None:
    """Take what all tests share where tests run: a process that only hands them out would read it for seconds."""
    if config.getoption("dist", "no") == "no" or config.option.collectonly:
        config.pluginmanager.import_plugin("tests.support.shared")


def pytest_collection(session: pytest.Session) -> None:
    """Begin at another file in each runner: what nobody has compiled yet, each then compiles a part of for all.

    It takes longer than all else that is done before the first test. Collecting finds what is imported here; what
    cannot be imported it says itself.
    """
    runner = getattr(session.config, "workerinput", None)
    if runner is None or session.config.args != session.config.getini("testpaths"):
        return
    if session.config.option.markexpr == "core":
        return
    files = sorted(_HERE.rglob("test_*.py"))
    first = len(files) * int(runner["workerid"].removeprefix("gw")) // runner["workercount"]
    for file in files[first:] + files[:first]:
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(file.relative_to(_HERE.parent).with_suffix("").parts))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave whole folders of which nothing is core unread where only that is asked for: a second for each runner."""
    asked = config.option.markexpr == "core" and collection_path.parent == _HERE
    return (asked and collection_path.name in _FOLDER_MARKS) or None


@pytest.hookimpl(tryfirst=True)  # before `-m` takes out what nobody asks for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a folder's tests need, and put the files in the order that keeps the machine busy."""
    for item in items:
        folder = _folder(item)
        if folder in _FOLDER_MARKS:
            item.add_marker(_FOLDER_MARKS[folder])
    _mark_core(items)
    places = _places({item.path: None for item in items})
    items.sort(key=lambda item: places[item.path])


def _places(files: Iterable[Path]) -> dict[Path, tuple[bool, float]]:
    """Where each file goes: the longest first, then those that wait spread evenly among those that compute."""
    waiting: list[Path] = []
    computing: list[Path] = []
    for file in files:
        (waiting if _folder_of(file) in _WAIT else computing).append(file)
    waiting.sort(key=lambda file: _WAIT.index(_folder_of(file)))
    return {
        file: (file.name not in _LONGEST, place / len(kind))
        for kind in (waiting, computing)
        for place, file in enumerate(kind)
    }


def _mark_core(items: list[pytest.Item]) -> None:
    """Mark the tests of the edit loop: all that need no database, and the first few of each file that shares it."""
    seen: defaultdict[Path, set[str]] = defaultdict(set)
    for item in items:
        if any(mark.name in _NOT_CORE for mark in item.iter_markers()):
            continue
        needs = getattr(item, "fixturenames", ())
        if "cluster" in needs or _folder(item) == _SIMULATES:
            # Each with the first of its examples.
            of_file, name = seen[item.path], item.nodeid.partition("[")[0]
            if not _OWN.isdisjoint(needs) or name in of_file or len(of_file) == _OF_EACH_FILE:
                continue
            of_file.add(name)
        item.add_marker("core")


def pytest_collection_finish() -> None:
    """Leave what collecting made out of every later look for garbage: it stays until the end."""
    gc.freeze()
    gc.enable()


def _folder(item: pytest.Item) -> str:
    return _folder_of(item.path)


@cache
def _folder_of(path: Path) -> str:
    return path.relative_to(_HERE).parts[0]
