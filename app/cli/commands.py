"""The commands by name: the module of each, and what it does in one line.

A command's module is imported when the command runs, and no other: one second of the two that a short command
took went into what the others need.
"""

import gc
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from typer.core import TyperCommand, TyperGroup

from app.foundation.errors import OperatorError, RefusalError

# The lines are repeated from the modules, so that `afterglow --help` imports none of them; a test compares.
COMMANDS: Final = {
    "serve": (
        "service_commands",
        "Answer HTTP requests, and do the background work, until stopped.",
    ),
    "worker": ("service_commands", "Deliver webhooks and do other background work until stopped."),
    "dev": (
        "service_commands",
        "Run database, API and worker in one process group, for development and small clinics.",
    ),
    "demo": ("demo", "Show the main job on a synthetic clinic."),
    "doctor": ("doctor", "Look for what is wrong, and say how to fix it; changes nothing."),
    "migrate": (
        "backup_commands",
        "Bring the database's tables to this version (or another), and ask before anything is lost.",
    ),
    "upgrade": (
        "backup_commands",
        "Check, take a backup, bring the tables to this version, and check again.",
    ),
    "backup": (
        "backup_commands",
        "Write everything in the database into one file, sealed; the encryption key is not in it.",
    ),
    "restore": ("backup_commands", "Read a backup into an empty database."),
    "verify-backup": (
        "backup_commands",
        "Restore a backup into a scratch database, look whether all is there, and remove it again.",
    ),
    "openapi": ("service_commands", "Print the OpenAPI document of this version."),
    "backtest": (
        "backtest_command",
        "Run the rule over past data in files; exit status 1 when rows had to be refused.",
    ),
    "simulate": (
        "simulate_command",
        "Measure the rule on simulated patients, beside simpler detectors; the same on every machine.",
    ),
    "what-if": (
        "stored_studies_commands",
        "Run other numbers over a clinic's stored history beside its active ones; changes nothing.",
    ),
    "replay": (
        "stored_studies_commands",
        "Make a signal's decision again from stored inputs: the same, or what differs (exit status 1).",
    ),
    "import": (
        "import_commands",
        "Take a clinic's existing patients on; run again, it goes on where it stopped.",
    ),
    "clinic": ("clinic_commands", "Clinics."),
    "audit": ("audit_commands", "The audit log."),
    "staff": ("staff_commands", "A clinic's staff."),
    "keys": ("encryption_commands", "The encryption keys."),
    "key": ("clinic_commands", "A clinic's API keys."),
    "patient": ("clinic_commands", "Patients, by id only."),
    "jobs": ("clinic_commands", "Background jobs."),
    "deliveries": ("delivery_commands", "A clinic's webhook deliveries."),
    "retention": ("retention_commands", "How long a clinic keeps what, and its legal holds."),
    "listen": (
        "listen_command",
        "Forward a clinic's events to a program on this machine, signed as webhooks are.",
    ),
    "seed": (
        "seed_command",
        "Register synthetic patients with courses and check-ins, in a clinic in test mode; once a day, not twice.",
    ),
    "archive": ("archive_commands", "A clinic, or one patient, as one checked file."),
    "transfer": ("transfer_commands", "A patient's transfer to another clinic."),
    "status": (
        "status_command",
        "Show processes, what waits, safety events, seals and backups; exits with 1 if something needs a person.",
    ),
}


class _Announced(TyperCommand):
    """A command of which so far only the line is known."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - typer's own types are private
        """Give the context of the command itself, whose module is imported for it."""
        return command_of(str(self.name)).make_context(info_name, args, parent=parent, **extra)


class _OnDemand(TyperGroup):
    """All commands, each imported when it runs."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - whatever typer gives
        super().__init__(**attributes)
        for name, (_, line) in COMMANDS.items():
            self.add_command(_Announced(name, help=line))


app = typer.Typer(
    name="afterglow",
    cls=_OnDemand,
    help="Notifies a ketamine clinic when a patient's benefit is fading.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the command line."""
    # What imports make stays: no look for garbage need go through it, until a command begins.
    gc.disable()
    app()


def command_of(name: str) -> Any:  # noqa: ANN401 - typer's own types are private
    """Import a command, or group of commands."""
    module, _ = COMMANDS[name]
    of_module = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    of_module.callback()(lambda: None)  # so that it is a group, also of one
    import_module(f"app.cli.{module}").add_commands(of_module, _said_plainly)
    group = typer.main.get_command(of_module)
    if not isinstance(group, TyperGroup):
        raise TypeError(name)
    return group.commands[name]


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
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        try:
            command(*args, **kwargs)
        except (OperatorError, RefusalError, OSError) as error:
            _fail(str(error))
        except ValidationError as error:
            _fail("\n".join(map(_setting_said, error.errors())))

    return guarded


def _setting_said(found: ErrorDetails) -> str:
    """Say what is wrong with a setting, by the variable's name; with several together, in their words alone."""
    from app.cli.children import setting_names  # noqa: PLC0415 - only where a setting is wrong

    said = found["msg"].removeprefix("Value error, ")
    place = ".".join(map(str, found["loc"]))
    return f"{setting_names().get(place, place)}: {said}" if place else said


def _fail(message: str) -> None:
    sys.stderr.write(f"afterglow: {message}\n")
    raise typer.Exit(1)
