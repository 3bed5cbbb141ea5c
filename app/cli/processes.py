"""The long-running processes: the one that answers, the one that works in the background, both with a database."""

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from opentelemetry import trace

from app.cli.children import LISTENER, PARENT, Group, child_environment, metrics_ports, run_until_stopped
from app.cli.metrics import serve_metrics
from app.cli.runtime import Runtime, open_runtime, spool_dir_of
from app.foundation.errors import OperatorError
from app.foundation.logs import set_up_logs
from app.settings import Settings
from app.storage.engine.connecting import check_room
from app.storage.engine.database import most_connections
from app.storage.engine.jobs import JOB_CONNECTIONS
from app.storage.heartbeats import Duty


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
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - an extra
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - an extra
    except ImportError:
        raise TracingNotInstalledError(TracingNotInstalledError.__doc__) from None
    resource = Resource.create({"service.name": "afterglow", "afterglow.duty": duty})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces_url)))
    trace.set_tracer_provider(provider)


class AddressTakenError(OperatorError):
    """Nothing can listen at {host}:{port} ({reason}): name another address (AFTERGLOW_HOST, AFTERGLOW_PORT)."""

    def __init__(self, host: str, port: int, reason: str | None) -> None:
        doc = type(self).__doc__ or ""
        super().__init__(doc.format(host=host, port=port, reason=reason or "unknown"))


# Beside connections: the database's, the spool's, the log's.
_OTHER_FILES: Final = 200
# A process that sends holds one connection on which it is woken.
_LISTENING: Final = 1


def serve(settings: Settings, *, work_too: bool) -> None:
    """Answer HTTP requests until SIGTERM or SIGINT; ``work_too``: with a worker beside, in a separate process."""
    set_up_logs()
    _end_with_parent()
    with open_runtime(settings) as runtime:
        _check_room(settings, runtime, answering=settings.processes, workers=int(work_too))
        with _listening(settings) as listener:
            sys.stderr.write(f"Afterglow answers at {settings.links_start_with}\n")
            if settings.processes == 1:
                with _worker_beside(settings) if work_too else nullcontext():
                    _answer(settings, runtime, listener)
                return
            names = ("serve --no-worker",) * settings.processes + ("worker",) * work_too
            ports = metrics_ports(settings, first=0, count=len(names))
            group = Group(
                child_environment(settings), names, runtime=runtime, metrics_ports=ports, listener=listener
            )
            run_until_stopped(group)


def _answer(settings: Settings, runtime: Runtime, listener: socket.socket) -> None:
    _allow_open_files(settings.most_connections + _OTHER_FILES)
    # Only here: with all routes it takes longer to read than most commands to run, the worker's among them. What it
    # makes stays, so a look for garbage meanwhile finds nothing, and takes a twentieth of the time.
    gc.disable()
    import uvicorn  # noqa: PLC0415 - see above

    from app.asgi import build_app  # noqa: PLC0415 - see above
    from app.care.intake.spool import Spool  # noqa: PLC0415 - see above
    from app.web.connections import BoundedConnection  # noqa: PLC0415 - see above

    context = runtime.context(settings)
    config = uvicorn.Config(
        build_app(
            context,
            requests_per_minute=settings.requests_per_minute,
            spool=Spool(spool_dir_of(settings), context.vault),
        ),
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=20,
        limit_concurrency=settings.most_connections,
        http=BoundedConnection,
        ws="none",
    )
    serve_metrics(settings, runtime, context)
    set_up_tracing(settings, duty="answers")
    # What is there by now stays for good: no look for garbage need go through it again.
    gc.freeze()
    gc.enable()
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen at the address, or at the parent's socket: of several processes the next free one takes a connection.

    Raises:
        AddressTakenError: another program listens there, or it is no address of this machine.
    """
    shared = os.environ.get(LISTENER)
    if shared is not None:
        with socket.socket(fileno=int(shared)) as listener:
            yield listener
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # By its protocol asyncio knows that it is TCP, and sends small answers at once.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(2048)
        except OSError as error:
            raise AddressTakenError(settings.host, settings.port, error.strerror) from None
        listener.setblocking(False)
        yield listener


def _check_room(settings: Settings, runtime: Runtime, *, answering: int, workers: int) -> None:
    """Make sure that the server has room for all that these processes may open; behind a pooler, that is its part.

    Raises:
        DatabaseRefusesError: it has not.
    """
    pool = most_connections(settings.pool_size)
    needed = answering * (pool + _LISTENING) + workers * (pool + _LISTENING + JOB_CONNECTIONS)
    if runtime.direct_url is None:
        check_room(runtime.application_url, needed=needed)


def _allow_open_files(count: int) -> None:
    """Have the machine let this process open so many files, as far as it may: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _worker_beside(settings: Settings) -> AbstractContextManager[None]:
    """A worker as a child, started again when it falls, until the end of the block."""
    ports = metrics_ports(settings, first=1, count=1)
    return Group(child_environment(settings), ("worker",), metrics_ports=ports).in_background()


def develop(settings: Settings) -> None:
    """Run database, API and worker, each in a separate process, until SIGTERM or SIGINT."""
    with _listening(settings):
        pass  # said here, and not by a child that is started again and again
    with open_runtime(settings) as runtime:
        ports = metrics_ports(settings, first=0, count=2)
        group = Group(child_environment(settings), runtime=runtime, metrics_ports=ports)
        run_until_stopped(group)


def work(settings: Settings) -> None:
    """Do background work until SIGTERM or SIGINT."""
    gc.disable()  # as above, while this is read
    from app.care.intake.spool import Spool  # noqa: PLC0415 - as above
    from app.worker import Worker  # noqa: PLC0415 - as above

    gc.freeze()
    gc.enable()
    set_up_logs()
    _end_with_parent()
    with open_runtime(settings) as runtime:
        _check_room(settings, runtime, answering=0, workers=1)

        async def run() -> None:
            context = runtime.context(settings)
            serve_metrics(settings, runtime, context)
            set_up_tracing(settings, duty="works")
            spool = Spool(spool_dir_of(settings), context.vault)
            duties = [Duty(one) for one in settings.worker_queues.split(",")]
            worker = Worker(context, retry_speedup=settings.retry_speedup, spool=spool, duties=duties)
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, worker.stop)
            await worker.run()

        sys.stderr.write("Afterglow's worker is at work\n")
        asyncio.run(run())


def _end_with_parent() -> None:
    """End when `afterglow dev` is gone, even if it was killed and could not say so."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
