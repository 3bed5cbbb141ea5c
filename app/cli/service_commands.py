"""``afterglow serve``, ``worker``, ``dev``, and the document of the API."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli import processes
from app.cli.options import DataDir, Guard, Port, settings_of

Host = Annotated[str | None, typer.Option("--host", help="The address to listen on.")]


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    for command in (serve, worker, dev, openapi):
        app.command(command.__name__)(guard(command))


def serve(
    data_dir: DataDir = None,
    port: Port = None,
    host: Host = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only answer; `afterglow worker` runs elsewhere.")
    ] = False,
    count: Annotated[
        int | None, typer.Option("--processes", help="How many processes answer, sharing the port.")
    ] = None,
) -> None:
    """Answer HTTP requests, and do the background work, until stopped."""
    processes.serve(settings_of(data_dir, port=port, host=host, processes=count), work_too=not no_worker)


def worker(data_dir: DataDir = None) -> None:
    """Deliver webhooks and do other background work until stopped."""
    processes.work(settings_of(data_dir))


def dev(data_dir: DataDir = None, port: Port = None, host: Host = None) -> None:
    """Run database, API and worker in one process group, for development and small clinics."""
    processes.develop(settings_of(data_dir, port=port, host=host))


def openapi(
    output: Annotated[Path | None, typer.Option(help="A file to write; else standard output.")] = None,
    audience: Annotated[
        str | None, typer.Option(help="Only the part for `patient` or `clinic`; else both in one.")
    ] = None,
) -> None:
    """Print the OpenAPI document of this version."""
    # Only here: all routes take longer to read than most commands to run.
    from app.asgi import build_api  # noqa: PLC0415 - see above
    from app.web.document import Audience, part_for  # noqa: PLC0415 - see above

    whole = build_api().openapi()
    if audience is not None and audience not in set(Audience):
        raise typer.BadParameter("patient or clinic", param_hint="--audience")
    document = whole if audience is None else part_for(whole, Audience(audience))
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text)
