"""What follows when something was entered: the patient is re-evaluated, now or, should that fail, later."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from app.care.alerts.bookings import keep_by_infusion
from app.care.alerts.signal_episodes import close_by_infusion
from app.care.monitoring.commands import evaluate_later, re_evaluate
from app.care.monitoring.history import snapshot_of
from app.care.monitoring.queries import findings_before
from app.clinical.check_ins import check_in_day
from app.clinical.findings import Finding
from app.context import Work
from app.foundation.errors import RefusalError
from app.foundation.logs import where
from app.storage import patient_states
from app.storage.patient_states import BookedBooster

EVALUATION_FAILURES: Final = Counter(
    "afterglow_evaluation_failures", "Evaluations that failed by our own fault, and are tried again"
)


async def evaluate_or_later(work: Work, patient_id: UUID) -> bool:
    """Evaluate from the whole history; if that fails, keep what was written and have a worker try again.

    Says whether it was done now. That it was not would be our fault and not that of whoever entered something. The
    caller holds the patient's turn.
    """
    done = False
    async with rule_may_fail(work):
        await re_evaluate(work, patient_id)
        done = True
    if not done:
        await patient_states.forget_state(work, patient_id)
        evaluate_later(work, patient_id)
    return done


@asynccontextmanager
async def rule_may_fail(work: Work) -> AsyncIterator[None]:
    """Do all of the block, or nothing of it if our own evaluation fails there: what was entered is kept."""
    try:
        async with work.attempt():
            yield
    except (RefusalError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, what was entered must not be lost for it
        log_failed_evaluation(error)


def log_failed_evaluation(error: Exception) -> None:
    """Say what failed and where, without a word of whom it was about."""
    EVALUATION_FAILURES.inc()
    structlog.get_logger().error("evaluation.failed", error_type=type(error).__name__, error_at=where(error))


async def infusion_given(work: Work, patient_id: UUID, *, given_at: datetime) -> BookedBooster | None:
    """Let an infusion take effect: it closes an open signal and keeps a booking; then evaluate again.

    Gives the booking that it took the place of.
    """
    snapshot = await snapshot_of(work, patient_id, now=work.now)
    given_on = check_in_day(given_at, snapshot.time_zone)
    findings: tuple[Finding, ...] = ()
    async with rule_may_fail(work):
        findings = findings_before(work.context, snapshot, now=work.now)
    await close_by_infusion(
        work,
        patient_id,
        given_at=given_at,
        given_on=given_on,
        findings=findings,
    )
    kept = await keep_by_infusion(work, patient_id, given_at=given_at)
    await evaluate_or_later(work, patient_id)
    return kept
