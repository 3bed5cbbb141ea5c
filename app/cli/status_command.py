"""``afterglow status``: how the installation is, on a screen or as JSON for scripts. It changes nothing."""

import asyncio
from typing import Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.operation import LATE_SEALS_SECONDS, Operation, look
from app.cli.options import AsJson, DataDir, Guard, print_json, settings_of
from app.cli.runtime import find_runtime, spool_dir_of
from app.context import AppContext
from app.storage.engine.migrating import check_schema, newest_revision
from app.web.pathway import broken, broken_of_spool

_MEBIBYTE: Final = 1024**2
# Of each problem: what is wrong, and what to do.
_WORDS: Final = {
    "no-worker": (
        "No worker has looked at what is due for a minute.",
        "Run `afterglow serve`, or `afterglow worker` beside `afterglow serve --no-worker`.",
    ),
    "process-dead": (
        "A process ended without a word.",
        "Look into its log; what runs it should start it again.",
    ),
    "safety-event-waits": (
        "A safety event is due and was not sent.",
        "See that a worker runs, and what `afterglow doctor` finds.",
    ),
    "mail-not-set-up": (
        "No mail server is set up: the contacts of live clinics get no mail.",
        "Set AFTERGLOW_SMTP_URL and AFTERGLOW_MAIL_FROM.",
    ),
    "mail-not-taken": (
        "The mail server takes no mail.",
        "See what `afterglow doctor` finds, and the mail server's log.",
    ),
    "endpoints-not-able": (
        "At a live clinic no webhook endpoint works.",
        "See `afterglow clinic show`, then its webhooks.",
    ),
    "disclosure-waits": (
        "A disclosure was put by and is not stored.",
        "Look for safety.replay_failed and safety.set_aside in the logs; see docs/operations.md.",
    ),
    "little-room-for-disclosures": (
        "There is little room for what would be put by while the database is away.",
        "Free some on the volume of AFTERGLOW_SPOOL_DIR, or have it on another one.",
    ),
    "seals-late": ("Lines of the audit log wait for their seals.", "Look into the worker's log."),
    "partitions-missing": (
        "The audit log lacks partitions, which a worker makes ahead.",
        "See `afterglow doctor`, and look into the worker's log.",
    ),
    "no-backup": (
        "A clinic is live, and no backup was ever made.",
        "Take one with `afterglow backup`, and have it taken each day.",
    ),
}


def status_command(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show processes, what waits, safety events, seals and backups; exits with 1 if something needs a person."""
    # Only here: it knows all of the safety pathway, and most commands need none of it.
    from app.care.intake.spool import Spool  # noqa: PLC0415 - see above

    settings = settings_of(data_dir)
    with find_runtime(settings) as runtime:
        check_schema(runtime.application_url)
        context = runtime.context(settings)
        operation = asyncio.run(_looked(context))
        spool = Spool(spool_dir_of(settings), context.vault)
        problems = _problems(context, operation)
        problems += [one.value for one in broken_of_spool(spool)]
    if as_json:
        put_by = {
            "waiting": len(spool.waiting()),
            "set_aside": len(spool.set_aside()),
            "room": spool.room(),
        }
        print_json(_document(operation, problems) | {"disclosures_put_by": put_by})
    else:
        _show(operation, problems)
    if problems:
        raise typer.Exit(1)


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the command."""
    app.command("status")(guard(status_command))


async def _looked(context: AppContext) -> Operation:
    try:
        return await look(context)
    finally:
        await context.database.close()


def _problems(context: AppContext, operation: Operation) -> list[str]:
    """Name what needs a person, by the codes of `GET /health/safety` and our own."""
    found = [one.value for one in broken(context, operation.safety, now=operation.at)]
    if any(one.dead for one in operation.processes):
        found.append("process-dead")
    late = (operation.seconds_since(one.oldest) for one in operation.waiting if one.figure == "seals")
    if any(one is not None and one > LATE_SEALS_SECONDS for one in late):
        found.append("seals-late")
    if any(one.figure == "partitions" for one in operation.waiting):
        found.append("partitions-missing")
    # A clinic that tries it out may do without.
    if operation.backups.made_at is None and operation.safety.live:
        found.append("no-backup")
    return found


def _document(operation: Operation, problems: list[str]) -> dict[str, Any]:
    server, safety, since = operation.server, operation.safety, operation.seconds_since
    return {
        "at": operation.at.isoformat(),
        "problems": problems,
        "schema": {"database": server.schema, "code": newest_revision()},
        "server": {
            "version": server.version,
            "replica": server.replica,
            "connections": server.connections,
            "most_connections": server.most_connections,
            "bytes": server.bytes,
            "replication_lag_seconds": None
            if server.replication_lag is None
            else server.replication_lag.total_seconds(),
        },
        "processes": [
            {
                "id": str(one.id),
                "does": [duty.value for duty in one.does],
                "started_at": one.started_at.isoformat(),
                "seen_seconds_ago": round(one.ago.total_seconds(), 1),
                "dead": one.dead,
            }
            for one in operation.processes
        ],
        "safety": {
            "live_clinics": safety.live,
            "live_clinics_unreachable": safety.live_unreachable,
            "unsent_for_seconds": since(safety.unsent_since),
            "unacknowledged": operation.unacknowledged_safety,
        },
        "waiting": [
            {
                "what": one.figure,
                "kind": one.kind,
                "state": one.state,
                "number": one.number,
                "oldest_seconds": since(one.oldest),
            }
            for one in operation.waiting
        ],
        "backups": {
            "last_made_seconds": since(operation.backups.made_at),
            "last_file": operation.backups.file_name,
            "last_verified_seconds": since(operation.backups.verified_at),
        },
    }


def _show(operation: Operation, problems: list[str]) -> None:
    console = Console(highlight=False)
    server, safety = operation.server, operation.safety
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        "Database",
        f"PostgreSQL {server.version}{', a replica' if server.replica else ''}, tables {server.schema}, "
        f"{server.bytes / _MEBIBYTE:.0f} MiB, {server.connections} of {server.most_connections} connections",
    )
    for number, one in enumerate(operation.processes):
        state = "dead, last seen" if one.dead else "alive, seen"
        grid.add_row(
            "" if number else "Processes", f"{_duties(one.does)}: {state} {_ago(one.ago.total_seconds())}"
        )
    if not operation.processes:
        grid.add_row("Processes", "none")
    unsent = operation.seconds_since(safety.unsent_since)
    grid.add_row(
        "Safety",
        f"{operation.unacknowledged_safety} not acknowledged; "
        + ("all sent" if unsent is None else f"one waits to be sent since {_ago(unsent)}"),
    )
    grid.add_row("Clinics", f"{safety.live} live, {safety.live_unreachable} of them unreachable")
    waiting = [
        one for one in operation.waiting if one.number and one.figure not in {"clinics", "safety_events"}
    ]
    for number, figure in enumerate(waiting):
        oldest = operation.seconds_since(figure.oldest)
        since = "" if oldest is None else f", the oldest {_ago(oldest)}"
        name = f"{figure.figure.replace('_', ' ')}: {figure.number} {figure.kind} {figure.state}{since}"
        grid.add_row("" if number else "Waiting", name)
    if not waiting:
        grid.add_row("Waiting", "nothing")
    made, verified = (
        operation.seconds_since(one) for one in (operation.backups.made_at, operation.backups.verified_at)
    )
    grid.add_row(
        "Backups",
        f"last made {'never' if made is None else _ago(made)}, "
        f"last verified {'never' if verified is None else _ago(verified)}",
    )
    console.print(grid, soft_wrap=True)
    console.print()
    for problem in problems:
        said, fix = _WORDS[problem]
        console.print(Text.assemble(("✗", "bold red"), f" {said} ({problem})"), soft_wrap=True)
        console.print(Text(f"  → {fix}", style="dim"), soft_wrap=True)
    if not problems:
        console.print(Text.assemble(("✓", "green"), " Nothing needs a person."))


def _duties(does: tuple[str, ...]) -> str:
    return ", ".join(does)


def _ago(seconds: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name} ago"
    return f"{seconds:.0f} s ago"
