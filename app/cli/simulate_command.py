"""``afterglow simulate``: how well the rule does on simulated patients, and the pages and charts of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.options import AsJson, Guard, print_json
from app.cli.study_options import ProtocolFile, bar, numbers_from, said_plainly
from app.studies.accuracy import (
    CALIBRATION_SEED,
    SEEDS,
    AccuracyReport,
    accuracy,
    accuracy_json,
    accuracy_markdown,
    accuracy_text,
    patients_run,
)
from app.studies.cohort import SimulatedCohort, write_cohort
from app.studies.cohort_plan import VARIANTS, CohortPlan
from app.studies.further_studies import STUDIES, table_json
from app.studies.report_chart import false_signals_svg, found_by_day_svg
from app.studies.reports import plain

PATIENTS: Final = 200
"""Of each seed, unless set otherwise: a minute or two. The published page has five times as many."""


def add_commands(app: typer.Typer, guard: Guard) -> None:
    """Add the command."""
    app.command("simulate")(guard(said_plainly(simulate)))


def simulate(
    patients: Annotated[int, typer.Option(min=1, help="Patients of each seed.")] = PATIENTS,
    seeds: Annotated[str, typer.Option(help="Seeds, pooled.")] = ",".join(map(str, SEEDS)),
    variants: Annotated[
        str, typer.Option(help="Populations by name with commas between; the first is compared.")
    ] = "all",
    protocol: ProtocolFile = None,
    as_json: AsJson = False,
    write_to: Annotated[
        Path | None,
        typer.Option("--write-cohort", help="Only write the first cohort's files here, for a backtest."),
    ] = None,
    markdown: Annotated[Path | None, typer.Option(help="A page to write as well.")] = None,
    chart: Annotated[Path | None, typer.Option(help="A folder to write the charts to.")] = None,
    *,
    boosters: Annotated[bool, typer.Option("--boosters", help="Patients in maintenance instead.")] = False,
    paired: Annotated[
        bool, typer.Option("--paired", help="Both published rules seed by seed instead.")
    ] = False,
    plans: Annotated[bool, typer.Option("--plans", help="Plans of check-ins instead.")] = False,
    findings: Annotated[
        bool, typer.Option("--findings", help="How often findings are seen instead.")
    ] = False,
    outcome: Annotated[
        bool, typer.Option("--outcome", help="What each policy is worth over a year instead.")
    ] = False,
) -> None:
    """Measure the rule on simulated patients, beside simpler detectors; the same on every machine."""
    wanted = (boosters, paired, plans, findings, outcome)
    further = [name for name, is_wanted in zip(STUDIES, wanted, strict=True) if is_wanted]
    chosen_seeds = _seeds(seeds, calibrated=not further)
    populations, numbers = _plans(variants), numbers_from(protocol)
    if further:
        if len(further) > 1 or protocol is not None or variants != "all":
            raise typer.BadParameter("one at a time, on the published rules", param_hint=f"--{further[0]}")
        _further(further[0], patients, chosen_seeds, markdown, as_json=as_json)
        return
    if write_to is not None:
        first = next(iter(populations.values()))
        _write_cohort(SimulatedCohort(plan=first, size=patients, seed=chosen_seeds[0]), write_to)
        return
    of = patients_run(patients=patients, seeds=chosen_seeds, variants=populations)
    with bar("Simulated patients", of=of) as watch:
        report = accuracy(
            patients=patients, seeds=chosen_seeds, variants=populations, protocol=numbers, watch=watch
        )
    if markdown is not None:
        named = _command(patients, seeds, variants, protocol)
        markdown.write_text(accuracy_markdown(report, command=named), encoding="utf-8")
    _give(report, chart, as_json=as_json)


def _give(report: AccuracyReport, chart: Path | None, *, as_json: bool) -> None:
    if chart is not None:
        _write_charts(report, chart)
    if as_json:
        print_json(accuracy_json(report))
    else:
        typer.echo(accuracy_text(report))


def _further(name: str, patients: int, seeds: tuple[int, ...], page: Path | None, *, as_json: bool) -> None:
    """Run one of the further studies, print its table, write its page."""
    study = STUDIES[name]
    with bar("Simulated patients", of=study.patients_run(patients=patients, seeds=seeds)) as watch:
        found = study.run(patients=patients, seeds=seeds, watch=watch)
    listed = ",".join(map(str, seeds))
    command = f"afterglow simulate --{name} --patients {patients} --seeds {listed}"
    if page is not None:
        text = study.markdown(found, command=command, patients=patients, seeds=seeds)
        page.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"command": command, "table": table_json(study.table(found))})
    else:
        typer.echo(plain(study.table(found)))


def _seeds(text: str, *, calibrated: bool) -> tuple[int, ...]:
    """The seeds; where detectors are calibrated, not the one that is kept for that."""
    try:
        seeds = tuple(dict.fromkeys(int(one) for one in text.split(",")))
    except ValueError:
        raise typer.BadParameter("whole numbers with commas between", param_hint="--seeds") from None
    if CALIBRATION_SEED in seeds and calibrated:
        raise typer.BadParameter(
            f"{CALIBRATION_SEED} is kept for the thresholds of the other detectors", param_hint="--seeds"
        )
    return seeds


def _plans(text: str) -> Mapping[str, CohortPlan]:
    if text == "all":
        return VARIANTS
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in VARIANTS]
    if unknown:
        raise typer.BadParameter(f"known are: {', '.join(VARIANTS)}", param_hint="--variants")
    return {name: VARIANTS[name] for name in names}


def _command(patients: int, seeds: str, variants: str, protocol: Path | None) -> str:
    """The command that makes the same figures again."""
    parts = [f"afterglow simulate --patients {patients} --seeds {seeds}"]
    parts += [f"--variants {json.dumps(variants)}"] if variants != "all" else []
    parts += [f"--protocol {protocol.name}"] if protocol else []
    return " ".join(parts)


def _write_cohort(cohort: SimulatedCohort, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    typer.echo(f"{cohort.size} simulated patients of seed {cohort.seed}:")
    for path in write_cohort(cohort, folder):
        typer.echo(f"  {path}")


def _write_charts(report: AccuracyReport, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    detectors = {f"rule {report.rule}": report.reference} | {
        one.name: one.measures for one in report.comparators
    }
    (folder / "found-by-day.svg").write_text(found_by_day_svg(detectors), encoding="utf-8")
    (folder / "false-signals.svg").write_text(false_signals_svg(report.variants), encoding="utf-8")
