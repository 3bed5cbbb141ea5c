"""What every page route does with a failure: which status it has, and what is logged of it."""

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.foundation.errors import RefusalError
from app.foundation.logs import where
from app.web.problems import STATUS


def status_of(error: Exception) -> int:
    """Give the status to answer with."""
    if isinstance(error, RefusalError):
        return STATUS[error.kind]
    return 404 if isinstance(error, HTTPException | RequestValidationError) else 503


def log_unforeseen(request: Request, error: Exception) -> None:
    """Log what is our own fault, by its name and place only."""
    if isinstance(error, RefusalError | HTTPException | RequestValidationError):
        return
    structlog.get_logger().error(
        "page.failed",
        request_id=request.scope.get("request_id"),
        error_type=type(error).__name__,
        error_at=where(error),
    )
