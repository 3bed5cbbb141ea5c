"""Steps that are tests already, with a larger budget: canaries, permissions matrix, Schemathesis with credentials."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial

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
    return {name: partial(_run, arguments) for name, arguments in _TESTS.items()}


def _run(arguments: tuple[str, ...], options: Options) -> Figures:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *arguments],
        env=os.environ | {"AFTERGLOW_TEST_REQUESTS": str(options.requests)},
        capture_output=True,
        text=True,
        check=False,
    )
    last = (done.stdout.strip().splitlines() or [done.stderr[-200:]])[-1]
    return Figures(lost=int(done.returncode != 0), said=last)
