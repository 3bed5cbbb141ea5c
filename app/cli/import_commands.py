"""``afterglow import``: taking a clinic's existing patients on from CSV files."""

import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from app.cli.options import AsJson, DataDir, Guard, print_json
from app.cli.runtime import in_context
from app.context import AppContext
from app.imports.clinic_files import ClinicFiles, Counted, read_files
from app.imports.taking_on import Importing


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    app.command("import")(guard(import_command))


def import_command(
    clinic: Annotated[UUID, typer.Option("--clinic", help="The clinic's id.")],
    patients: Annotated[
        Path,
        typer.Option(help="CSV: patient, time_zone, started_on or taken_on, and what else is known."),
    ],
    infusions: Annotated[Path | None, typer.Option(help="CSV of infusions.")] = None,
    check_ins: Annotated[Path | None, typer.Option(help="CSV of check-ins.")] = None,
    assessments: Annotated[Path | None, typer.Option(help="CSV of totals.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check every row, and change nothing.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take a clinic's existing patients on; run again, it goes on where it stopped."""
    read = Counted()
    files = ClinicFiles(patients=patients, infusions=infusions, check_ins=check_ins, assessments=assessments)
    newcomers = read_files(files, read)
    done = Counted(rows=list(read.rows), warnings=dict(read.warnings))

    async def taken_on(context: AppContext) -> None:
        await Importing(context=context, clinic_id=clinic).import_all(newcomers, done)

    if not dry_run:
        in_context(data_dir, taken_on)
    counted = read if dry_run else done
    _show(counted, dry_run=dry_run, as_json=as_json)
    if counted.refused:
        raise typer.Exit(1)


def _show(counted: Counted, *, dry_run: bool, as_json: bool) -> None:
    counts = {name: getattr(counted, name) for name in ("patients", "infusions", "check_ins", "assessments")}
    if as_json:
        warned = [str(one) for one in counted.warnings.values()]
        print_json({"dry_run": dry_run, **counts, "refused": counted.refused, "warnings": warned})
        return
    said = ", ".join(f"{count} {name.replace('_', '-')}" for name, count in counts.items())
    typer.echo(f"{'Would take on' if dry_run else 'Taken on'}: {said}.")
    for one in counted.reports:
        sys.stderr.write(f"{one}\n")
