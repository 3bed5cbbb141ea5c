"""``afterglow archive``: a clinic, or one patient, as a file that another installation can import."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from app.cli.options import AsJson, DataDir, Guard, print_json
from app.cli.runtime import in_context
from app.context import AppContext
from app.foundation.audit import OPERATOR
from app.foundation.errors import OperatorError
from app.interop.archive.archive_file import read_archive, verify
from app.interop.archive.importing import ArchiveScopeError, Imported, import_clinic, import_patient
from app.interop.archive.installation import (
    ClinicImported,
    archive_of_installation,
    import_installation,
    is_of_installation,
    verify_installation,
)
from app.interop.archive.making import archive_of_clinic, archive_of_patient
from app.storage import clinics
from app.storage.clinics import UnknownClinicError

File = Annotated[Path, typer.Argument(help="The archive.")]
# The first line of an installation's archive names its closed clinics.
_LONGEST_HEAD: Final = 10_000_000


class WhatToExportError(OperatorError):
    """Say which clinic (`--clinic`), or every one (`--all`)."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    archive = typer.Typer(help="A clinic, or one patient, as one checked file.", no_args_is_help=True)
    archive.callback()(lambda: None)
    for name, command in (("export", export), ("verify", verify_file), ("import", import_file)):
        archive.command(name)(guard(command))
    app.add_typer(archive, name="archive")


def export(
    file: File,
    clinic: Annotated[UUID | None, typer.Option(help="The clinic's id.")] = None,
    patient: Annotated[UUID | None, typer.Option(help="Only this patient.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every clinic of this installation.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write an archive, of each clinic as it is at one moment. It is readable: encrypt it before it travels."""
    if every == (clinic is not None) or (every and patient is not None):
        raise WhatToExportError(WhatToExportError.__doc__)

    async def written(context: AppContext) -> int:
        if clinic is None:
            return await _write(file, archive_of_installation(context))
        async with context.work(clinic, actor=OPERATOR, snapshot=True) as work:
            lines = archive_of_clinic(work) if patient is None else archive_of_patient(work, patient)
            return await _write(file, lines)

    rows = in_context(data_dir, written)
    _print(as_json, {"file": str(file), "rows": rows}, f"{rows} rows in {file}.")


async def _write(file: Path, lines: AsyncIterator[bytes]) -> int:
    """Write lines into a file that is there once it is whole; gives how many of them are rows."""
    scratch, count = file.with_name(file.name + ".part"), 0
    # One that a broken-off export left may be readable to others.
    scratch.unlink(missing_ok=True)
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            async for line in lines:
                out.write(line)
                count += line.startswith(b'{"table":')
            out.flush()
            os.fsync(out.fileno())
        scratch.replace(file)
    except BaseException:
        # Readable health data stays nowhere that nobody looks for it.
        scratch.unlink(missing_ok=True)
        raise
    return count


def verify_file(file: File, as_json: AsJson = False) -> None:
    """Read an archive to its end, and say what is in it; its checksum must fit."""
    if _is_of_installation(file):
        _verify_installation(file, as_json)
        return
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
    without_audit_log: Annotated[
        bool,
        typer.Option(
            "--without-audit-log",
            help="Leave the audit logs of another installation where they are: here is another encryption key.",
        ),
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Import an archive: a patient into a clinic, a clinic, or every clinic of another installation.

    A patient or clinic is imported whole or not at all; of an installation, clinics that are here already stay.
    """
    if _is_of_installation(file):
        _import_installation(file, as_json, data_dir, with_audit_log=not without_audit_log)
        return
    with file.open("rb") as lines:
        head, _ = read_archive(lines)
    if head.scope == "patient" and clinic is None:
        raise ArchiveScopeError

    async def imported(context: AppContext) -> Imported:
        async with context.work(clinic or head.clinic_id, actor=OPERATOR) as work:
            with file.open("rb") as lines:
                if clinic is None:
                    return await import_clinic(work, lines, with_audit_log=not without_audit_log)
                if await clinics.profile(work) is None:
                    raise UnknownClinicError(UnknownClinicError.__doc__)
                return await import_patient(work, lines, external_ref=external_ref)

    done = in_context(data_dir, imported)
    found: dict[str, Any] = {"patients": [str(one) for one in done.patients], "rows": done.rows}
    if done.opened is not None:
        found |= {"clinic_id": str(done.opened.clinic_id), "api_key": done.opened.api_key}
    key = "" if done.opened is None else f" Its first API key, shown this once: {done.opened.api_key}"
    _print(as_json, found, f"{len(done.patients)} patients, {done.rows} rows.{key}")


def _is_of_installation(file: Path) -> bool:
    with file.open("rb") as lines:
        return is_of_installation(lines.readline(_LONGEST_HEAD))


def _verify_installation(file: Path, as_json: bool) -> None:
    with file.open("rb") as lines:
        head, found = verify_installation(lines)
    patients = sum(counts.get("patients", 0) for _, counts in found)
    document = {
        "scope": "installation",
        "made_at": head.made_at.isoformat(),
        "clinics": [{"clinic_id": str(one.clinic_id), "rows": counts} for one, counts in found],
    }
    said = (
        f"Whole: an installation of {head.made_at:%Y-%m-%d %H:%M}, {len(found)} clinics, {patients} patients."
    )
    _print(as_json, document, said)


def _import_installation(file: Path, as_json: bool, data_dir: Path | None, *, with_audit_log: bool) -> None:
    done: list[ClinicImported] = []

    async def imported(context: AppContext) -> None:
        async for one in import_installation(context, lambda: file.open("rb"), with_audit_log=with_audit_log):
            done.append(one)
            if not as_json:
                typer.echo(_imported_text(one))

    try:
        in_context(data_dir, imported)
    finally:
        # Also of an import that failed midway: nothing shows the keys of these clinics again.
        if as_json:
            print_json({"clinics": [_imported_plain(one) for one in done]})


def _imported_text(one: ClinicImported) -> str:
    if one.opened is None:
        return f"{one.clinic_id}: was here already."
    return (
        f"{one.clinic_id}: {one.patients} patients. Its first API key, shown this once: {one.opened.api_key}"
    )


def _imported_plain(one: ClinicImported) -> dict[str, Any]:
    return {
        "clinic_id": str(one.clinic_id),
        "patients": one.patients,
        "api_key": None if one.opened is None else one.opened.api_key,
    }


def _print(as_json: bool, found: dict[str, Any], said: str) -> None:
    if as_json:
        print_json(found)
    else:
        typer.echo(said)
