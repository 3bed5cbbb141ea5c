"""The studies of what is stored: other numbers over a clinic's history, a decision again."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from app.care.monitoring.decision_replay import ReplayedDecision, replay
from app.cli.options import AsJson, DataDir, Guard, print_json, settings_of
from app.cli.runtime import open_runtime
from app.cli.study_options import bar, said_plainly
from app.storage.engine.database import Database
from app.studies.stored_patients import patients_of
from app.studies.study_files import protocol_with
from app.studies.what_if import Period, RuleCounts, WhatIf, what_if


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the commands."""
    app.command("what-if")(guard(said_plainly(what_if_command)))
    app.command("replay")(guard(said_plainly(replay_command)))


def what_if_command(
    clinic: Annotated[UUID, typer.Option(help="The clinic's id.")],
    protocol: Annotated[Path, typer.Option(help="JSON with the numbers that differ from the active ones.")],
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Count from this day on.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Count up to this day.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Run other numbers over a clinic's stored history beside its active ones; changes nothing."""
    period = Period(first.date() if first else None, last.date() if last else None)
    with open_runtime(settings_of(data_dir)) as runtime:
        source = patients_of(runtime.database(pool_size=1), clinic, now=datetime.now(UTC))
        instead = protocol_with(protocol, protocol=source.protocol)
        with bar("Patients", of=source.size) as watch:
            found = what_if(source, instead, protocol=source.protocol, period=period, watch=watch)
    if as_json:
        print_json({"says": str(found), **asdict(found)})
    else:
        typer.echo(_what_if_text(found))


def replay_command(
    signal: Annotated[UUID, typer.Argument(help="The signal's id.")],
    clinic: Annotated[UUID | None, typer.Option(help="Its clinic; else all are looked through.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a signal's decision again from stored inputs: the same, or what differs (exit status 1)."""
    with open_runtime(settings_of(data_dir)) as runtime:
        found = asyncio.run(_replayed(runtime.database(pool_size=1), signal, clinic))
    if as_json:
        print_json({"same": found.same, **asdict(found)})
    else:
        typer.echo(_replay_text(found))
    if not found.same:
        raise typer.Exit(1)


async def _replayed(database: Database, signal: UUID, clinic: UUID | None) -> ReplayedDecision:
    try:
        return await replay(database, signal, clinic_id=clinic)
    finally:
        await database.close()


def _what_if_text(found: WhatIf) -> str:
    return "\n".join(
        (
            str(found),
            f"  active numbers            {found.now.rule}",
            f"  patients                  {found.patients}",
            f"  signals per patient-year  {_rate(found.instead)} instead of {_rate(found.now)}",
            f"  rises to watch            {found.instead.watches} instead of {found.now.watches}",
            (
                f"  patients with any signal  {found.instead.patients_with_signals} instead of "
                f"{found.now.patients_with_signals}; {found.newly_raised} new, "
                f"{found.no_longer_raised} no longer"
            ),
        )
    )


def _rate(counts: RuleCounts) -> str:
    return "none" if counts.per_patient_year is None else f"{counts.per_patient_year:.2f}"


def _replay_text(found: ReplayedDecision) -> str:
    counted = (
        f"signal {found.signal_id}, raised {found.raised_at.isoformat()}, rule {found.rule} {found.version}"
    )
    if found.zone_rules not in {None, found.zone_rules_now}:
        counted += f"; by the time zone rules of {found.zone_rules}, now {found.zone_rules_now}"
    if found.same:
        return f"same: {counted}"
    lines = [f"  {one.path}: {one.stored!r}, now {one.again!r}" for one in found.differences]
    return "\n".join([f"different in {len(lines)}: {counted}", *lines])
