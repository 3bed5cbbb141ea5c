"""``afterglow audit``: is the audit log whole, and a copy of it whose head proves the tail."""

import asyncio
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from app.access.audit.seals import (
    Fault,
    FaultKind,
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
from app.storage import clinics, inspection
from app.storage.engine.database import Database

OneClinic = Annotated[UUID | None, typer.Option("--clinic", help="Only this clinic's audit log.")]


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    audit_log = typer.Typer(help="The audit log.", no_args_is_help=True)
    audit_log.command("verify")(guard(verify_command))
    audit_log.command("export")(guard(export_command))
    app.add_typer(audit_log, name="audit")


def verify_command(
    clinic: OneClinic = None,
    head: Annotated[
        str | None,
        typer.Option(
            help="A file of `audit export`, or SEQUENCE:MAC: proves that nothing up to there was cut."
        ),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Look for changed and removed lines of the audit log; exit status 1 when there is one."""
    kept = _kept(head, clinic)
    with open_runtime(settings_of(data_dir)) as runtime:
        found = asyncio.run(_verified(runtime, clinic, kept))
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


def _kept(head: str | None, clinic: UUID | None) -> dict[UUID, Head]:
    if head is None:
        return {}
    if Path(head).is_file():
        with Path(head).open() as written:
            return heads_in(written)
    if clinic is None:
        raise HeadNotReadableError(HeadNotReadableError.__doc__)
    return {clinic: head_said(head)}


async def _verified(runtime: Runtime, clinic: UUID | None, kept: dict[UUID, Head]) -> list[Verified]:
    database, vault = runtime.database(pool_size=1), runtime.vault()
    try:
        whose = await _whose(database, clinic)
        # A kept head of a clinic that is gone altogether is a fault, too.
        whose += [one for one in kept if one not in whose and clinic is None]
        return [await verify(database, vault, one, kept=kept.get(one)) for one in whose]
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
        return await inspection.open_clinics(database)
    async with database.work(clinic) as work:
        if await clinics.profile(work) is None:
            raise clinics.UnknownClinicError(clinics.UnknownClinicError.__doc__)
    return [clinic]


def _text(found: Verified) -> str:
    head = f", head {head_text(found.head)}" if found.head else ""
    count = len(found.faults)
    said = f"{count} fault{'' if count == 1 else 's'}" if count else "intact"
    first = f"{said}: clinic {found.clinic_id}, {found.sealed} sealed, {found.unsealed} not yet sealed{head}"
    return "\n".join([first, *(f"  {_fault_text(one)}" for one in found.faults)])


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


def _plain(found: Verified) -> dict[str, Any]:
    return {
        "clinic_id": found.clinic_id,
        "sealed": found.sealed,
        "unsealed": found.unsealed,
        "head": found.head and head_text(found.head),
        "faults": [{"says": _fault_text(one), **_fields(one)} for one in found.faults],
    }


def _fields(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind.value,
        "sequence": fault.sequence,
        "to_sequence": fault.to_sequence,
        "event_id": fault.event_id,
    }
