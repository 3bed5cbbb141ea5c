"""The two long-running processes: the one that answers, and the one that works in the background."""

import asyncio
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import uvicorn

from app.cli.children import PARENT, Group, child_environment
from app.cli.metrics import serve_metrics
from app.cli.runtime import open_runtime, spool_dir_of
from app.foundation.logs import set_up_logs
from app.settings import Settings
from app.web.connections import BoundedConnection

# Beside connections: the database's, the spool's, the log's.
_OTHER_FILES: Final = 200


def serve(settings: Settings, *, work_too: bool) -> None:
    """Answer HTTP requests until SIGTERM or SIGINT; ``work_too``: with a worker beside, in a separate process."""
    _allow_open_files(settings.most_connections + _OTHER_FILES)
    # Only here: with all routes it takes longer to read than most commands to run, the worker's among them.
    from app.asgi import build_app  # noqa: PLC0415 - see above
    from app.care.intake.spool import Spool  # noqa: PLC0415 - see above

    set_up_logs()
    _end_with_parent()
    with open_runtime(settings) as runtime:
        context = runtime.context(settings)
        config = uvicorn.Config(
            build_app(
                context,
                requests_per_minute=settings.requests_per_minute,
                spool=Spool(spool_dir_of(settings), context.vault),
            ),
            host=settings.host,
            port=settings.port,
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
        sys.stderr.write(f"Afterglow answers at {settings.links_start_with}\n")
        with _worker_beside(settings) if work_too else nullcontext():
            uvicorn.Server(config).run()


def _allow_open_files(count: int) -> None:
    """Have the machine let this process open so many files, as far as it may: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextmanager
def _worker_beside(settings: Settings) -> Iterator[None]:
    """Run a worker as a child, started again when it falls, until the end of the block."""
    group = Group(child_environment(settings), ("worker",))
    keeping = threading.Thread(target=group.run, name="worker-keeper")
    keeping.start()
    try:
        yield
    finally:
        group.stop()
        keeping.join()


def work(settings: Settings) -> None:
    """Do background work until SIGTERM or SIGINT."""
    from app.care.intake.spool import Spool  # noqa: PLC0415 - as above
    from app.worker import Worker  # noqa: PLC0415 - as above

    set_up_logs()
    _end_with_parent()
    with open_runtime(settings) as runtime:

        async def run() -> None:
            context = runtime.context(settings)
            serve_metrics(settings, runtime, context)
            spool = Spool(spool_dir_of(settings), context.vault)
            worker = Worker(context, retry_speedup=settings.retry_speedup, spool=spool)
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
