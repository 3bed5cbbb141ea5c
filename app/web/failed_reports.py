"""A safety report that fails: it is logged here, and the person gets the help all the same."""

from collections.abc import Awaitable

import structlog

from app.foundation.logs import where


async def heard(reporting: Awaitable[bool]) -> bool:
    """Carry out a report; says whether the clinic is told, which it is not when the report fails."""
    try:
        return await reporting
    except Exception as error:  # noqa: BLE001 - the help must reach the person whatever fails here
        log_failed_report(error)
        return False


def log_failed_report(error: Exception) -> None:
    """Log that a report failed, by the error's name and place only."""
    structlog.get_logger().error(
        "safety.report_failed", error_type=type(error).__name__, error_at=where(error)
    )
