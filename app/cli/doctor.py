"""``afterglow doctor``: what is wrong here, and how to fix it. It makes nothing and changes nothing."""

from collections.abc import Iterator

import typer

from app.cli.doctor_database import check_elsewhere, check_embedded
from app.cli.doctor_findings import Finding, show
from app.cli.doctor_machine import check_data_folder, check_key_text, check_machine
from app.cli.options import DataDir, Guard, settings_of
from app.cli.runtime import data_dir_of, has_database
from app.settings import Settings
from app.storage.engine.health import failures_named


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the command."""
    app.command("doctor")(guard(doctor))


def doctor(data_dir: DataDir = None) -> None:
    """Look for what is wrong, and say how to fix it; changes nothing."""
    with failures_named():
        if not run(settings_of(data_dir)):
            raise typer.Exit(1)


def run(settings: Settings) -> bool:
    """Print every finding; gives whether nothing is wrong."""
    return show(_examine(settings))


def _examine(settings: Settings) -> Iterator[Finding]:
    yield from check_machine(settings)
    if settings.database_url is not None:
        yield check_key_text(settings)
        yield from check_elsewhere(settings)
        return
    data_dir = data_dir_of(settings)
    yield from check_data_folder(settings, data_dir)
    if has_database(data_dir):
        yield from check_embedded(settings)
