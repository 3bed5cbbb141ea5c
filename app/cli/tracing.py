"""Where a process's traces go: a collector that speaks OTLP over HTTP, if the operator names one."""

from opentelemetry import trace

from app.foundation.errors import OperatorError
from app.settings import Settings


class TracingNotInstalledError(OperatorError):
    """AFTERGLOW_TRACES_URL is set, but what sends traces is not installed: pip install 'afterglow[tracing]'."""


def set_up_tracing(settings: Settings, *, duty: str) -> None:
    """Send spans to the collector from now on; OpenTelemetry's own variables choose the share that is kept.

    Args:
        settings: they say where.
        duty: what this process does, as the spans say it.

    Raises:
        TracingNotInstalledError: the extra is missing.
    """
    if settings.traces_url is None:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra
    except ImportError:
        raise TracingNotInstalledError(TracingNotInstalledError.__doc__) from None
    resource = Resource.create({"service.name": "afterglow", "afterglow.duty": duty})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces_url)))
    trace.set_tracer_provider(provider)
