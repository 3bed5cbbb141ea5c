"""``afterglow archive``: a clinic, or one patient, as a file that another installation can import."""

import os
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from app.cli.in_context import in_clinic, in_context
from app.cli.options import AsJson, DataDir, Guard, print_json
from app.context import AppContext, Work
from app.foundation.audit import OPERATOR
from app.interop.archive.archive_file import read_archive, verify
from app.interop.archive.importing import ArchiveScopeError, Imported, import_clinic, import_patient
from app.interop.archive.making import archive_of_clinic, archive_of_patient

File = Annotated[Path, typer.Argument(help="The archive.")]


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    archive = typer.Typer(help="A clinic, or one patient, as one checked file.", no_args_is_help=True)
    archive.callback()(lambda: None)
    for name, command in (("export", export), ("verify", verify_file), ("import", import_file)):
        archive.command(name)(guard(command))
    app.add_typer(archive, name="archive")


def export(
    file: File,
    clinic: Annotated[UUID, typer.Option(help="The clinic's id.")],
    patient: Annotated[UUID | None, typer.Option(help="Only this patient.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write an archive, all of it as it is at one moment. It is readable: encrypt it before it travels."""

    async def written(context: AppContext) -> int:
        async with context.work(clinic, actor=OPERATOR, snapshot=True) as work:
            lines = archive_of_clinic(work) if patient is None else archive_of_patient(work, patient)
            scratch, count = file.with_name(file.name + ".part"), 0
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                async for line in lines:
                    out.write(line)
                    count += 1
                out.flush()
                os.fsync(out.fileno())
            scratch.replace(file)
            return count - 2

    rows = in_context(data_dir, written)
    _print(as_json, {"file": str(file), "rows": rows}, f"{rows} rows in {file}.")


def verify_file(file: File, as_json: AsJson = False) -> None:
    """Read an archive to its end, and say what is in it; its checksum must fit."""
    with file.open("rb") as lines:
        head, counts = verify(lines)
    found = {
        "scope": head.scope,
        "clinic_id": str(head.clinic_id),
        "made_at": head.made_at.isoformat(),
        "rows": counts,
    }
    _print(
        as_json,
        found,
        f"Whole: a {head.scope} of {head.made_at:%Y-%m-%d %H:%M}, {counts.get('patients', 0)} patients.",
    )


def import_file(
    file: File,
    clinic: Annotated[
        UUID | None, typer.Option(help="For a patient's archive: the clinic to take it into.")
    ] = None,
    external_ref: Annotated[str | None, typer.Option(help="The patient's chart number here.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Import an archive, all of it or nothing: a whole clinic, or a patient into a clinic."""
    with file.open("rb") as lines:
        head, _ = read_archive(lines)
    if head.scope == "patient" and clinic is None:
        raise ArchiveScopeError

    async def imported(work: Work) -> Imported:
        with file.open("rb") as lines:
            if clinic is None:
                return await import_clinic(work, lines)
            return await import_patient(work, lines, external_ref=external_ref)

    done = in_clinic(data_dir, clinic or head.clinic_id, imported)
    found: dict[str, Any] = {"patients": [str(one) for one in done.patients], "rows": done.rows}
    if done.opened is not None:
        found |= {"clinic_id": str(done.opened.clinic_id), "api_key": done.opened.api_key}
    key = "" if done.opened is None else f" Its first API key, shown this once: {done.opened.api_key}"
    _print(as_json, found, f"{len(done.patients)} patients, {done.rows} rows.{key}")


def _print(as_json: bool, found: dict[str, Any], said: str) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(said)
