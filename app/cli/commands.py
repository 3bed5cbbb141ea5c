"""The commands by name. Each says what it does in one line; the work is in the modules beside."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from app.cli import demo, development, doctor, processes
from app.cli.archive_commands import add_archive
from app.cli.audit_commands import EXPECTED as OF_THE_TRAIL
from app.cli.audit_commands import add_audit
from app.cli.clinic_commands import add_clinics
from app.cli.encryption_commands import EXPECTED as OF_THE_KEYS
from app.cli.encryption_commands import add_encryption
from app.cli.import_commands import add_import
from app.cli.new_clinic import open_new_clinic
from app.cli.runtime import NothingHereError, OwnerUrlMissingError, open_runtime
from app.cli.staff_commands import add_staff
from app.cli.status_command import add_status
from app.cli.studies_commands import add_studies
from app.cli.transfer_commands import add_transfer
from app.foundation.errors import RefusalError
from app.foundation.keyset import KeyFileError
from app.foundation.relays import GatewaySettingsError, MailSettingsError
from app.settings import Settings
from app.storage.engine import archive
from app.storage.engine.binaries import LocalDatabaseError, find_binaries
from app.storage.engine.failures import failures_named
from app.storage.engine.migrating import SchemaBehindError, SchemaNewerError
from app.storage.engine.migration_steps import PatientKeysKeptError

app = typer.Typer(
    name="afterglow",
    help="Notifies a ketamine clinic when a patient's benefit is fading.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
clinic_app = typer.Typer(help="Clinics.", no_args_is_help=True)
app.add_typer(clinic_app, name="clinic")

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="AFTERGLOW_DATA_DIR", help="Where the embedded database and the key live."
    ),
]
Port = Annotated[int | None, typer.Option("--port", help="The port to listen on (0: any free one).")]
Host = Annotated[str | None, typer.Option("--host", help="The address to listen on.")]
_EXPECTED = (
    LocalDatabaseError,
    PatientKeysKeptError,
    SchemaBehindError,
    SchemaNewerError,
    NothingHereError,
    OwnerUrlMissingError,
    KeyFileError,
    MailSettingsError,
    GatewaySettingsError,
    demo.DemoFailedError,
    *OF_THE_TRAIL,
    *OF_THE_KEYS,
    RefusalError,
    OSError,
)


def main() -> None:
    """Run the command line."""
    app()


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"afterglow {version('afterglow')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version, and end."),
    ] = False,
) -> None:
    pass


def _said_plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Say what an operator can fix in one sentence, without a traceback; exit status 1."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever the command takes
        try:
            with failures_named():
                command(*args, **kwargs)
        except _EXPECTED as error:
            _fail(str(error))
        except ValidationError as error:
            _fail("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()))

    return guarded


def _fail(message: str) -> None:
    sys.stderr.write(f"afterglow: {message}\n")
    raise typer.Exit(1)


def _settings(data_dir: Path | None, **given: object) -> Settings:
    chosen = {name: value for name, value in given.items() if value is not None}
    if data_dir is not None:
        chosen["data_dir"] = data_dir
    return Settings(**chosen)  # type: ignore[arg-type] # pydantic checks what it is given


@app.command()
@_said_plainly
def serve(
    data_dir: DataDir = None,
    port: Port = None,
    host: Host = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Only answer; `afterglow worker` runs elsewhere.")
    ] = False,
) -> None:
    """Answer HTTP requests, and do the background work, until stopped."""
    processes.serve(_settings(data_dir, port=port, host=host), work_too=not no_worker)


@app.command()
@_said_plainly
def worker(data_dir: DataDir = None) -> None:
    """Deliver webhooks and do other background work until stopped."""
    processes.work(_settings(data_dir))


@app.command()
@_said_plainly
def dev(data_dir: DataDir = None, port: Port = None, host: Host = None) -> None:
    """Run database, API and worker in one process group, for development and small clinics."""
    development.run(_settings(data_dir, port=port, host=host))


@app.command("demo")
@_said_plainly
def demo_command(
    once: Annotated[bool, typer.Option("--once", help="End after the verified webhook.")] = False,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Keep the data here; else a folder that is removed.")
    ] = None,
    port: Port = None,
) -> None:
    """Show the main job on a synthetic clinic."""
    demo.run(once=once, data_dir=data_dir, port=port)


@app.command("doctor")
@_said_plainly
def doctor_command(data_dir: DataDir = None) -> None:
    """Look for what is wrong, and say how to fix it; changes nothing."""
    if not doctor.run(_settings(data_dir)):
        raise typer.Exit(1)


@app.command("migrate")
@_said_plainly
def migrate_command(
    data_dir: DataDir = None,
    to: Annotated[str, typer.Option(help="A revision; `head` is the newest, `base` is empty.")] = "head",
) -> None:
    """Bring the database's tables to this version (or another)."""
    with open_runtime(_settings(data_dir), bring_up_to_date=False) as runtime:
        runtime.bring_up_to_date(to)
    typer.echo(f"The tables are at {to}.")


@app.command()
@_said_plainly
def backup(
    to: Annotated[Path, typer.Option("--to", help="The file to write; it holds patients' data.")],
    data_dir: DataDir = None,
) -> None:
    """Write everything in the database into one file; the encryption key is not in it."""
    settings = _settings(data_dir)
    with open_runtime(settings) as runtime:
        archive.backup(runtime.owner(), to, runtime.binaries or find_binaries(settings.postgres_bin))
        typer.echo(
            f"Written to {to}. Keep the encryption key too, in another place: without it nothing opens."
        )


@app.command()
@_said_plainly
def restore(
    source: Annotated[Path, typer.Option("--from", help="The file that `afterglow backup` wrote.")],
    data_dir: DataDir = None,
) -> None:
    """Read a backup into an empty database."""
    settings = _settings(data_dir)
    with open_runtime(settings, bring_up_to_date=False) as runtime:
        archive.restore(runtime.owner(), source, runtime.binaries or find_binaries(settings.postgres_bin))
        runtime.bring_up_to_date()
    typer.echo(f"Restored from {source}.")


@clinic_app.command("create")
@_said_plainly
def clinic_create(
    name: Annotated[str, typer.Option(help="The clinic's name.")],
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Open a clinic in test mode, and print its first API key, this once."""
    settings = _settings(data_dir)
    with open_runtime(settings) as runtime:
        opened = open_new_clinic(runtime, settings, name=name)
    clinic = {
        "clinic_id": str(opened.clinic_id),
        "name": name,
        "mode": "test",
        "api_key": opened.api_key,
    }
    if as_json:
        typer.echo(json.dumps(clinic))
        return
    typer.echo(f"Clinic   {clinic['name']} ({clinic['clinic_id']}), in test mode")
    typer.echo(f"API key  {clinic['api_key']}")
    typer.echo("The key is not shown again; whoever has it can do everything in this clinic.")


@app.command()
@_said_plainly
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


add_studies(app, _said_plainly)
add_audit(app, _said_plainly)
add_staff(app, _said_plainly)
add_import(app, _said_plainly)
add_encryption(app, _said_plainly)
add_clinics(app, clinic_app, _said_plainly)
add_archive(app, _said_plainly)
add_transfer(app, _said_plainly)
add_status(app, _said_plainly)
