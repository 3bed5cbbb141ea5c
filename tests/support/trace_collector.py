"""A collector of traces: real OTLP over HTTP, kept for the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, kw_only=True)
class KeptSpan:
    """A span as it arrived."""

    trace: bytes
    id: bytes
    parent: bytes
    name: str
    duty: str
    keys: dict[str, object]


@dataclass
class Collector:
    """What arrived so far, as spans and as it was sent."""

    port: int
    spans: list[KeptSpan] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where spans go."""
        return f"http://127.0.0.1:{self.port}/v1/traces"

    def take(self, body: bytes) -> None:
        """Keep what one request brought."""
        self.sent.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            process = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.spans += [
                KeptSpan(
                    trace=one.trace_id,
                    id=one.span_id,
                    parent=one.parent_span_id,
                    name=one.name,
                    duty=process["afterglow.duty"],
                    keys={key.key: key.value.string_value or key.value.int_value for key in one.attributes},
                )
                for scope in resource.scope_spans
                for one in scope.spans
            ]


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Collect until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
