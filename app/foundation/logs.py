"""Logs: one JSON line an event, and only keys on the allow-list, so that health data cannot slip in."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO

import structlog

# A key is added here only if its values can never be a score, a name, a free text or contact data.
ALLOWED_KEYS: Final = frozenset(
    {
        "event", "level", "timestamp", "logger", "request_id", "method", "route", "status", "milliseconds",
        "clinic_id", "patient_id", "check_in_id", "signal_id", "safety_event_id", "endpoint_id",
        "delivery_id", "message_id",
        "notification_id", "attempt", "outcome", "job", "job_id", "error_type", "error_at", "count", "port",
        "data_dir", "version",
    }
)  # fmt: skip


def _drop_other_keys(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    kept = {key: value for key, value in event.items() if key in ALLOWED_KEYS}
    dropped = len(event) - len(kept)
    return kept | {"count_of_dropped_keys": dropped} if dropped else kept


def set_up_logs(*, level: int = logging.INFO) -> None:
    """Send our events to standard error as JSON lines; other libraries' warnings arrive by name only."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _drop_other_keys,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # A line and its end in one call of the system, which a printing logger makes two of.
        logger_factory=structlog.WriteLoggerFactory(_Unfailing(sys.stderr)),  # type: ignore[arg-type] # all that is used of a file
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_NamesOnly()]
    root.setLevel(logging.WARNING)


class _Unfailing:
    """A stream that may be a file on a full disk: a line is lost then, and not what the line is about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _NamesOnly(logging.Handler):
    """Reports that a library logged something, by logger and place: its text may quote a value."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        structlog.get_logger().log(
            record.levelno,
            "library.logged",
            logger=record.name,
            error_type=error,
            error_at=f"{record.module}:{record.lineno}",
        )


def where(error: BaseException) -> str:
    """Give the place an error was raised at as ``file.py:line``, the only thing of it that may be logged."""
    last = None
    trace = error.__traceback__
    while trace is not None:
        last, trace = trace, trace.tb_next
    if last is None:
        return "unknown"
    return f"{last.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{last.tb_lineno}"
