"""``afterglow serve``, ``worker``, ``dev``, and what is done to the database as a whole."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli import development, processes
from app.cli.options import DataDir, Guard, Port, settings_of
from app.cli.runtime import open_runtime
from app.storage.engine import archive
from app.storage.engine.binaries import find_binaries

Host = Annotated[str | None, typer.Option("--host", help="The address to listen on.")]


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    for command in (serve, worker, dev, migrate, backup, restore, openapi):
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
    development.run(settings_of(data_dir, port=port, host=host))


def migrate(
    data_dir: DataDir = None,
    to: Annotated[str, typer.Option(help="A revision; `head` is the newest, `base` is empty.")] = "head",
) -> None:
    """Bring the database's tables to this version (or another)."""
    with open_runtime(settings_of(data_dir), bring_up_to_date=False) as runtime:
        runtime.bring_up_to_date(to)
    typer.echo(f"The tables are at {to}.")


def backup(
    to: Annotated[Path, typer.Option("--to", help="The file to write; it holds patients' data.")],
    data_dir: DataDir = None,
) -> None:
    """Write everything in the database into one file; the encryption key is not in it."""
    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        archive.backup(runtime.owner(), to, runtime.binaries or find_binaries(settings.postgres_bin))
        typer.echo(
            f"Written to {to}. Keep the encryption key too, in another place: without it nothing opens."
        )


def restore(
    source: Annotated[Path, typer.Option("--from", help="The file that `afterglow backup` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Read a backup into an empty database."""
    settings = settings_of(data_dir)
    with open_runtime(settings, bring_up_to_date=False) as runtime:
        archive.restore(runtime.owner(), source, runtime.binaries or find_binaries(settings.postgres_bin))
        runtime.bring_up_to_date()
    typer.echo(f"Restored from {source}.")


def openapi(
    output: Annotated[Path | None, typer.Option(help="A file to write; else standard output.")] = None,
) -> None:
    """Print the OpenAPI document of this version."""
    # Only here: all routes take longer to read than most commands to run.
    from app.asgi import build_api  # noqa: PLC0415 - see above

    document = json.dumps(build_api().openapi(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(document)
    else:
        output.write_text(document)
