"""The studies by name: past data through the rule, simulated patients, other numbers, a decision again."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from app.access.clinics.erased import PatientErasedError
from app.care.monitoring.replay import Replayed, replay
from app.cli.progress import bar, waiting
from app.cli.runtime import open_runtime
from app.cli.simulate_command import simulate
from app.cli.study_options import AsJson, DataDir, ProtocolFile, numbers_from, print_json
from app.clinical.errors import ClinicalError
from app.foundation.errors import NotFoundError
from app.settings import Settings
from app.storage.engine.database import Database
from app.studies.errors import StudyError
from app.studies.processes import results_of
from app.studies.reports import backtest_json, backtest_text
from app.studies.settings_files import custom_scales, protocol_with
from app.studies.signals_file import written_along
from app.studies.stored_patients import UnknownClinicError, patients_of
from app.studies.study_files import StudyFiles, opened_study
from app.studies.tally import measured
from app.studies.what_if import Period, RuleCounts, WhatIf, what_if

Command = Callable[..., None]


def add_studies(app: typer.Typer, guard: Callable[[Command], Command]) -> None:
    """Add the four commands; `guard` says what an operator can fix in one sentence."""
    for name, command in (
        ("backtest", backtest),
        ("simulate", simulate),
        ("what-if", what_if_command),
        ("replay", replay_command),
    ):
        app.command(name)(guard(_said_plainly(command)))


def _said_plainly(command: Command) -> Command:
    """Say in one sentence why a study cannot be run; exit status 1."""

    @wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever the command takes
        try:
            command(*args, **kwargs)
        except (StudyError, ClinicalError) as error:
            _fail(_sentence(error))
        except (NotFoundError, PatientErasedError, UnknownClinicError) as error:
            _fail(str(error))

    return guarded


def _sentence(error: StudyError | ClinicalError) -> str:
    details = ", ".join(
        f"{name} {'; '.join(map(str, value)) if isinstance(value, tuple) else value}"
        for name, value in error.details.items()
    )
    return f"{error} ({details})" if details else str(error)


def _fail(message: str) -> None:
    sys.stderr.write(f"afterglow: {message}\n")
    raise typer.Exit(1)


def backtest(
    check_ins: Annotated[Path, typer.Option(help="CSV of check-ins.")],
    infusions: Annotated[Path, typer.Option(help="CSV of infusions.")],
    assessments: Annotated[Path | None, typer.Option(help="CSV of questionnaire totals.")] = None,
    outcomes: Annotated[Path | None, typer.Option(help="CSV of when the benefit was truly lost.")] = None,
    scales: Annotated[Path | None, typer.Option(help="JSON of scales of your own.")] = None,
    protocol: ProtocolFile = None,
    signals_out: Annotated[Path | None, typer.Option(help="A CSV to write every signal to.")] = None,
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
) -> None:
    """Run the rule over past data in files; exit status 1 when rows had to be refused."""
    numbers = numbers_from(protocol)
    files = StudyFiles(
        check_ins=check_ins,
        infusions=infusions,
        assessments=assessments,
        outcomes=outcomes,
        custom_scales=custom_scales(scales) if scales else None,
    )
    with ExitStack() as open_until_done:
        with waiting("Reading and sorting the files …"):
            study = open_until_done.enter_context(opened_study(files, strict=strict))
        watch = open_until_done.enter_context(bar("Patients", of=study.patients.size))
        results = watch(results_of(study.patients, protocol=numbers))
        measures = measured(written_along(results, signals_out) if signals_out else results)
    if as_json:
        print_json(backtest_json(measures, protocol=numbers, problems=study.problems))
    else:
        typer.echo(backtest_text(measures, protocol=numbers, problems=study.problems))
    if study.problems.count:
        raise typer.Exit(1)


def what_if_command(
    clinic: Annotated[UUID, typer.Option(help="The clinic's id.")],
    protocol: Annotated[Path, typer.Option(help="JSON with the numbers that differ from those in force.")],
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="Count from this day on.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Count up to this day.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Run other numbers over a clinic's stored history beside its own in force; changes nothing."""
    period = Period(first.date() if first else None, last.date() if last else None)
    with open_runtime(_settings(data_dir)) as runtime:
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
    with open_runtime(_settings(data_dir)) as runtime:
        found = asyncio.run(_replayed(runtime.database(pool_size=1), signal, clinic))
    if as_json:
        print_json({"same": found.same, **asdict(found)})
    else:
        typer.echo(_replay_text(found))
    if not found.same:
        raise typer.Exit(1)


async def _replayed(database: Database, signal: UUID, clinic: UUID | None) -> Replayed:
    try:
        return await replay(database, signal, clinic_id=clinic)
    finally:
        await database.close()


def _settings(data_dir: Path | None) -> Settings:
    return Settings() if data_dir is None else Settings(data_dir=data_dir)


def _what_if_text(found: WhatIf) -> str:
    return "\n".join(
        (
            str(found),
            f"  numbers in force          {found.now.rule}",
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


def _replay_text(found: Replayed) -> str:
    counted = (
        f"signal {found.signal_id}, raised {found.raised_at.isoformat()}, rule {found.rule} {found.version}"
    )
    if found.zone_rules not in {None, found.zone_rules_now}:
        counted += f"; by the time zone rules of {found.zone_rules}, now {found.zone_rules_now}"
    if found.same:
        return f"same: {counted}"
    lines = [f"  {one.path}: {one.stored!r}, now {one.again!r}" for one in found.differences]
    return "\n".join([f"different in {len(lines)}: {counted}", *lines])
