"""A safety report that fails: it is logged here, and the person gets the help all the same."""

import structlog

from app.foundation.logs import where


def log_failed_report(error: BaseException) -> None:
    """Log that a report failed, by the error's name and place only."""
    structlog.get_logger().error(
        "safety.report_failed", error_type=type(error).__name__, error_at=where(error)
    )
