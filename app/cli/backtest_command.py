"""``afterglow backtest``: past data in files through the rule."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import AsJson, Guard, print_json
from app.cli.study_options import ProtocolFile, bar, numbers_from, said_plainly, waiting
from app.studies.processes import results_of
from app.studies.reports import backtest_json, backtest_text, written_along
from app.studies.study_files import StudyFiles, custom_scales, opened_study
from app.studies.tally import measured


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the command."""
    app.command("backtest")(guard(said_plainly(backtest)))


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
