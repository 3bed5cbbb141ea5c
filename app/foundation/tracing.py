"""Traces: spans with the keys that logs may have and no others; without a collector they cost next to nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.foundation.logs import ALLOWED_KEYS

_TRACER: Final = trace.get_tracer("afterglow")
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_HEADER: Final = "traceparent"


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    follows: str | None = None,
    **keys: UUID | str | int | None,
) -> Iterator[Span]:
    """Time what happens in this block, as a part of whatever is being timed around it.

    Args:
        name: a verb in the past, such as ``delivery.attempted``; never with an id in it.
        kind: whether it answers someone, calls someone, or neither.
        follows: what `traceparent` gave where this began, perhaps in another process.
        keys: as in logs; others are dropped.
    """
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        # Nobody collects: to make the current span nobody's costs more than all else in it.
        yield trace.INVALID_SPAN
        return
    context = None if follows is None else _PROPAGATOR.extract({_HEADER: follows})
    # An exception's own text may quote what was sent: of a failure only its kind is kept.
    with _TRACER.start_as_current_span(
        name, context=context, kind=kind, record_exception=False, set_status_on_exception=False
    ) as opened:
        note(opened, **keys)
        try:
            yield opened
        except Exception as error:
            opened.set_status(StatusCode.ERROR)
            note(opened, error_type=type(error).__name__)
            raise


def note(opened: Span, **keys: UUID | str | int | None) -> None:
    """Add to a span what is known only now."""
    if opened.is_recording():
        for key, value in keys.items():
            if key in ALLOWED_KEYS and value is not None:
                opened.set_attribute(f"afterglow.{key}", str(value) if isinstance(value, UUID) else value)


def traceparent() -> str | None:
    """Give what a later part of this trace follows (W3C Trace Context); None: nothing is being traced."""
    context = trace.get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier[_HEADER]
