"""The report of an accuracy evaluation: as JSON values, as text, and as the page of the documentation."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from app.studies.accuracy import AccuracyReport
from app.studies.measures import Measures
from app.studies.report_tables import Table, days, listed, markdown, percent, plain, rate
from app.studies.reports import finite, measures_json
from app.studies.side_by_side import compared_table

_HEADER: Final = (
    "",
    "first false a year",
    "found in 14 days",
    "found in 40 days",
    "median delay",
    "90th percentile",
    "raised before",
)
_MORE: Final = ("", "all false a year", "false watches a year", "lost, rule on", "stable, rule on")

_PAGE: Final = """\
# How accurate the rule is

Measured on simulated patients with `{command}`: {patients} patients of each of the seeds {seeds}; {check_ins}
check-ins of the reference cohort; rule {rule}. The cohort is described in `app/studies/cohort_plan.py`; every
patient is the same on every machine. No real patient is in these figures, and none of them says how the rule does
in your clinic: run a backtest on your own check-ins for that. The other studies have pages of their own: [across
boosters](accuracy-boosters.md), [plans of check-ins](accuracy-plans.md), [findings](accuracy-findings.md), [what
it is worth](outcome.md) and [real data](real-data.md).

## Both rules side by side

The same patients for both rules. Counted over everyone with a reference, and where the rule is off nothing is
found; *strict* is fewer than 14.0 days from the fractional onset, *inclusive* fewer than 15.0, of the losses with
no earlier signal. *False a year*: first false signals, -ln(1 - share of stable patients with any) / years
watched. ± is the standard error over the {n_seeds} seeds, in the unit of its figure. *Better in*: the seeds on
which the present rule found more within 14 days at a false rate not higher.

{compared}

For {off} of the {all} patients of the reference cohort the rule was off: {off_because}.

## Against simpler detectors

Pooled over the seeds, over patients with the rule on, in whole days. Each detector has the threshold that gives
as many false signals as the rule, found on seed {calibration_seed}, which is evaluated nowhere. "True parameters"
knows each patient's true level, gain and spread, which nobody can: it is the limit. Only first signals are
compared.

{comparators}

## Other populations and habits

The same count for each population: *found* is of the losses with the rule on and no earlier signal, *raised
before* of those with the rule on.

{variants}

{more}

How often patients are asked matters more than any rule: asked weekly, a loss is old before a rule can know.
"""


def accuracy_json(report: AccuracyReport) -> dict[str, Any]:
    """The whole evaluation as JSON values, with what made it."""
    return {
        "rule": report.rule,
        "patients": report.patients,
        "seeds": list(report.seeds),
        "calibration_seed": report.calibration_seed,
        "reference": measures_json(report.reference),
        "comparators": {
            one.name: {"threshold": one.threshold, **measures_json(one.measures)}
            for one in report.comparators
        },
        "side_by_side": {
            one.population: {
                "better_in": one.better_in,
                **{
                    version: [finite(asdict(each)) for each in seeds]
                    for version, seeds in one.figures.items()
                },
            }
            for one in report.compared
        },
        "variants": {name: measures_json(measures) for name, measures in report.variants.items()},
    }


def accuracy_text(report: AccuracyReport) -> str:
    """The evaluation as text for a terminal, without a line break at the end."""
    seeds = listed_seeds(report.seeds)
    return "\n\n".join(
        (
            (
                f"Rule {report.rule}; {report.patients} simulated patients of each of the seeds {seeds}, "
                f"pooled; thresholds from seed {report.calibration_seed}"
            ),
            plain(compared_table(report.compared)),
            plain(_comparators(report)),
            plain(_variants(report.variants)),
            plain(_more(report.variants)),
        )
    )


def accuracy_markdown(report: AccuracyReport, *, command: str) -> str:
    """The page `docs/clinical/accuracy.md`.

    Args:
        report: the evaluation.
        command: what made it, so that a reader can make it again.
    """
    off = report.reference.rule_off
    return _PAGE.format(
        command=command,
        patients=report.patients,
        seeds=listed_seeds(report.seeds),
        check_ins=report.reference.check_ins,
        rule=report.rule,
        off=sum(off.values()),
        all=report.reference.patients,
        off_because=listed(list(off.items())),
        n_seeds=len(report.seeds),
        compared=markdown(compared_table(report.compared)),
        calibration_seed=report.calibration_seed,
        comparators=markdown(_comparators(report)),
        variants=markdown(_variants(report.variants)),
        more=markdown(_more(report.variants)),
    )


def listed_seeds(seeds: Iterable[int]) -> str:
    """The seeds in a row."""
    return ", ".join(map(str, seeds))


def _comparators(report: AccuracyReport) -> Table:
    rows = [_row(f"rule {report.rule}", report.reference)]
    rows += [_row(one.name, one.measures) for one in report.comparators]
    return [_HEADER, *rows]


def _variants(variants: Mapping[str, Measures]) -> Table:
    return [_HEADER, *(_row(name, measures) for name, measures in variants.items())]


def _more(variants: Mapping[str, Measures]) -> Table:
    return [_MORE, *(_more_row(name, measures) for name, measures in variants.items())]


def _row(name: str, measures: Measures) -> tuple[str, ...]:
    false, found = measures.false_signals, measures.found
    return (
        name,
        rate(false.first_a_year if false else None),
        percent(found.share_within_14 if found else None),
        percent(found.share_within_40 if found else None),
        days(found.median_delay if found else None),
        days(found.ninetieth_delay if found else None),
        percent(found.share_raised_before if found else None),
    )


def _more_row(name: str, measures: Measures) -> tuple[str, ...]:
    false, found = measures.false_signals, measures.found
    return (
        name,
        rate(false.episodes_a_year if false else None),
        rate(false.watches_a_year if false else None),
        f"{found.rule_on} of {found.lost}" if found else "0",
        f"{false.rule_on} of {false.stable}" if false else "0",
    )
