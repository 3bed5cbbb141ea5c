"""Metrics on a separate port, on loopback: counts and times, never an id."""

from prometheus_client import start_http_server


def serve_metrics(port: int) -> None:
    """Serve ``/metrics`` in a separate thread."""
    start_http_server(port, addr="127.0.0.1")
