"""Metrics on a port of their own, on loopback: counts and times, never an id."""

from prometheus_client import start_http_server


def serve_metrics(port: int) -> None:
    """Serve ``/metrics`` in a thread of its own."""
    start_http_server(port, addr="127.0.0.1")
