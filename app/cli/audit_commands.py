"""``afterglow audit``: is the audit log whole, a copy of it whose head proves the tail, and old months as files."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from app.access.audit.faults import Fault, FaultKind
from app.access.audit.seals import (
    Head,
    HeadNotReadableError,
    Verified,
    head_said,
    head_text,
    heads_in,
    lines,
    seal_clinic,
    verify,
)
from app.cli.options import AsJson, DataDir, Guard, print_json, settings_of
from app.cli.runtime import Runtime, open_runtime
from app.context import AppContext
from app.foundation.errors import OperatorError
from app.interop.archive.audit_months import (
    MonthArchived,
    MonthFiles,
    MonthRestored,
    archive_months,
    restore_month,
)
from app.storage import clinics, inspection
from app.storage.engine.database import Database

OneClinic = Annotated[UUID | None, typer.Option("--clinic", help="Only this clinic's audit log.")]


_WHY_KEPT: Final = {
    "legal-hold": "a legal hold needs it",
    "open-record": "a safety event, signal, finding, erasure request or transfer in it is not closed",
    "merge": "a merge of patients could not be undone without it",
}


_ARCHIVE_FAULTS: Final = {
    FaultKind.ARCHIVE_MISSING: "the file of {} is not in the folder",
    FaultKind.ARCHIVE_DIFFERS: "the file of {} is not the one that was written",
    FaultKind.ARCHIVE_RECORD_CHANGED: "they, or what was kept of {}, changed since it was archived",
}


class NotAMonthError(OperatorError):
    """Name the month as YYYY-MM; what was over before it began is archived."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    audit_log = typer.Typer(help="The audit log.", no_args_is_help=True)
    audit_log.command("verify")(guard(verify_command))
    audit_log.command("export")(guard(export_command))
    audit_log.command("archive")(guard(archive_command))
    audit_log.command("restore")(guard(restore_command))
    app.add_typer(audit_log, name="audit")


def verify_command(
    clinic: OneClinic = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="A file of `audit export`, or SEQUENCE:MAC: proves that nothing up to there was cut."
        ),
    ] = None,
    archives: Annotated[
        Path | None,
        typer.Option(
            "--archives", help="The folder of `audit archive`: each line of its files is verified, too."
        ),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Look for changed and removed lines of the audit log; exit status 1 when there is one."""
    kept = _kept(head, clinic)
    with open_runtime(settings_of(data_dir)) as runtime:
        found = asyncio.run(_verified(runtime, clinic, kept, archives))
    if as_json:
        print_json(
            {"intact": not any(one.faults for one in found), "clinics": [_plain(one) for one in found]}
        )
    else:
        typer.echo("\n".join(_text(one) for one in found) or "There is no clinic.")
    if any(one.faults for one in found):
        raise typer.Exit(1)


def export_command(
    output: Annotated[Path, typer.Option(help="The file to write, one line of JSON for each event.")],
    clinic: OneClinic = None,
    data_dir: DataDir = None,
) -> None:
    """Write the audit log to a file, sealed; its last line is the head, to be kept on another machine."""
    with open_runtime(settings_of(data_dir)) as runtime:
        written = asyncio.run(_exported(runtime, clinic, output))
    typer.echo(f"Written to {output}: {written} lines. Keep the file, or its last line, on another machine.")


def archive_command(
    before: Annotated[
        str, typer.Option("--before", help="A month as YYYY-MM: what was over before it began is archived.")
    ],
    to: Annotated[Path, typer.Option("--to", help="The folder for the files, one a month.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Write old months into sealed files, read them back, and take them out of the database.

    What a legal hold or something open needs stays. The encryption key is in no file.
    """
    try:
        moment = datetime.strptime(before, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise NotAMonthError(NotAMonthError.__doc__) from None
    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        context = runtime.context(settings, pool_size=1)
        done = asyncio.run(_archived(runtime, context, moment, to))
    if as_json:
        print_json({"months": [asdict(one) for one in done]})
    else:
        typer.echo("\n".join(_archived_text(one) for one in done) or "No month was over before that.")


async def _archived(
    runtime: Runtime, context: AppContext, before: datetime, folder: Path
) -> list[MonthArchived]:
    try:
        return await archive_months(context, runtime.owner(), runtime.keyset, before=before, folder=folder)
    finally:
        await context.database.close()


def _archived_text(one: MonthArchived) -> str:
    if one.kept_for:
        return f"{_month(one.name)} stays: {'; '.join(_WHY_KEPT[why] for why in one.kept_for)}."
    return f"{_month(one.name)}: {one.lines} lines of {one.clinics} clinics in {one.file}."


def _month(name: str) -> str:
    return name.replace("_", "-")


def restore_command(
    source: Annotated[Path, typer.Option("--from", help="A file of `audit archive`.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Bring an archived month back into the database."""
    settings = settings_of(data_dir)
    with open_runtime(settings) as runtime:
        context = runtime.context(settings, pool_size=1)
        back = restore_month(context, runtime.owner(), runtime.keyset, source)
    if as_json:
        print_json(asdict(back))
    else:
        typer.echo(f"{_month(back.name)}: {back.lines} lines are in the audit log again. {_file_after(back)}")


def _file_after(back: MonthRestored) -> str:
    needed = "This installation no longer needs the file."
    if back.other_clinics == 0:
        return needed
    whose = f"{back.other_clinics} other clinic{'' if back.other_clinics == 1 else 's'}"
    return f"{needed} Keep it: lines of {whose} are in it, which another installation may have nowhere else."


def _kept(head: str | None, clinic: UUID | None) -> dict[UUID, Head]:
    if head is None:
        return {}
    if Path(head).is_file():
        with Path(head).open() as written:
            return heads_in(written)
    if clinic is None:
        raise HeadNotReadableError(HeadNotReadableError.__doc__)
    return {clinic: head_said(head)}


async def _verified(
    runtime: Runtime, clinic: UUID | None, kept: dict[UUID, Head], archives: Path | None
) -> list[Verified]:
    database, vault = runtime.database(pool_size=1), runtime.vault()
    open_month = MonthFiles(archives, runtime.keyset).open if archives else None
    try:
        whose = await _whose(database, clinic)
        # A kept head of a clinic that is gone altogether is a fault, too.
        whose += [one for one in kept if one not in whose and clinic is None]
        return [
            await verify(database, vault, one, kept=kept.get(one), open_month=open_month)
            for one in sorted(whose)
        ]
    finally:
        await database.close()


async def _exported(runtime: Runtime, clinic: UUID | None, output: Path) -> int:
    database, vault, count = runtime.database(pool_size=1), runtime.vault(), 0
    try:
        whose = await _whose(database, clinic)
        with output.open("w") as file:
            for one in whose:
                # The worker may not have come by yet; what is exported should be all there is.
                await seal_clinic(database, vault, one, whole=True)
                async for line in lines(database, one):
                    file.write(line + "\n")
                    count += 1
    finally:
        await database.close()
    return count


async def _whose(database: Database, clinic: UUID | None) -> list[UUID]:
    if clinic is None:
        return await inspection.every_clinic(database)
    async with database.work(clinic) as work:
        if await clinics.profile(work) is None:
            raise clinics.UnknownClinicError(clinics.UnknownClinicError.__doc__)
    return [clinic]


def _text(found: Verified) -> str:
    head = f", head {head_text(found.head)}" if found.head else ""
    count = len(found.faults)
    said = f"{count} fault{'' if count == 1 else 's'}" if count else "intact"
    first = f"{said}: clinic {found.clinic_id}, {found.sealed} sealed, {found.unsealed} not yet sealed{head}"
    read = "read" if found.read_archives else "not read: name their folder (--archives)"
    archived = [f"  {_month(one.name)}: {one.lines} lines in an archive, {read}" for one in found.archived]
    return "\n".join([first, *archived, *(f"  {_fault_text(one)}" for one in found.faults)])


def _fault_text(fault: Fault) -> str:
    seals = f"seal {fault.sequence}"
    if fault.to_sequence != fault.sequence:
        seals = f"seals {fault.sequence} to {fault.to_sequence}"
    match fault.kind:
        case FaultKind.CHANGED:
            which = f"event {fault.event_id}" if fault.event_id else "their events"
            return f"{seals} does not fit {which}: the event, its seal or their order was changed"
        case FaultKind.EVENT_REMOVED:
            return f"{seals}: event {fault.event_id} was removed"
        case FaultKind.SEALS_REMOVED:
            return f"{seals}: removed"
        case FaultKind.HEAD_CUT:
            return f"{seals}: cut off the end; the head that you kept had them"
        case FaultKind.HEAD_DIFFERS:
            return f"{seals} is another one than in the head that you kept"
        case _:
            return f"{seals}: {_ARCHIVE_FAULTS[fault.kind].format(_month(fault.month or ''))}"


def _plain(found: Verified) -> dict[str, Any]:
    return {
        "clinic_id": found.clinic_id,
        "sealed": found.sealed,
        "unsealed": found.unsealed,
        "head": found.head and head_text(found.head),
        "archived": [
            {"month": _month(one.name), "lines": one.lines, "sha256": one.sha256.hex()}
            for one in found.archived
        ],
        "archives_read": found.read_archives,
        "faults": [{"says": _fault_text(one), **_fields(one)} for one in found.faults],
    }


def _fields(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind.value,
        "sequence": fault.sequence,
        "to_sequence": fault.to_sequence,
        "event_id": fault.event_id,
        "month": fault.month and _month(fault.month),
    }
