"""The report of a backtest: as JSON values, and as text for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from math import isfinite, isinf
from pathlib import Path
from typing import Any, Final, TextIO

from app.clinical.levels import Level
from app.clinical.protocol import Protocol
from app.clinical.reference import ReferenceKind
from app.foundation.csv_tables import write_rows
from app.studies.backtest import PatientResult, RaisedSignal
from app.studies.errors import UnreadableFileError
from app.studies.measures import FalseSignals, FoundLosses, Measures
from app.studies.row_problems import Problems

NOTHING: Final = "\N{EN DASH}"

Table = Sequence[Sequence[str]]
"""The first row is the header; every row has as many cells."""


def plain(table: Table) -> str:
    """The table for a terminal: columns two spaces apart, figures to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(table: Table) -> str:
    """The table for a page, figures to the right."""
    header, *rows = table
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def percent(share: float | None) -> str:
    """A share as a percentage with one decimal."""
    return NOTHING if share is None else f"{share * 100:.1f} %"


def rate(value: float | None) -> str:
    """A rate with two decimals."""
    if value is None:
        return NOTHING
    return "all" if isinf(value) else f"{value:.2f}"


def days(value: int | None) -> str:
    """A number of days."""
    return NOTHING if value is None else str(value)


def part_of(part: int, whole: int) -> str:
    """A count of a whole with its share: "902 of 1000 (90.2 %)"."""
    return f"{part} of {whole} ({percent(part / whole)})" if whole else "0"


def listed(counts: Sequence[tuple[str, int]]) -> str:
    """Counts by name: "too few days 12, gain too small 3"."""
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts) or "none"


def with_reference(measures: Measures) -> int:
    """How many patients had a reference."""
    return measures.patients - measures.references.get(ReferenceKind.NONE.value, 0)


def rule_on(measures: Measures) -> int:
    """For how many patients the rule could speak."""
    return measures.patients - sum(measures.rule_off.values())


def measures_json(measures: Measures) -> dict[str, Any]:
    """The measures as JSON values. A share is a number from 0 to 1; what cannot be said is null."""
    return {
        "patients": measures.patients,
        "check_ins": measures.check_ins,
        "with_reference": with_reference(measures),
        "references": dict(measures.references),
        "no_reference": dict(measures.no_reference),
        "rule_on": rule_on(measures),
        "rule_off": dict(measures.rule_off),
        "signals": {
            "total": measures.signals,
            "by_level": {Level.CONSIDER_BOOSTER.value: measures.signals},
            "by_criterion": dict(measures.by_criterion),
        },
        "watches": measures.watches,
        "years_watched": measures.years_watched,
        "signals_per_patient_year": measures.signals_a_year,
        "false_signals": finite(asdict(measures.false_signals)) if measures.false_signals else None,
        "found": finite(asdict(measures.found)) if measures.found else None,
    }


def backtest_json(
    measures: Measures, *, protocol: Protocol, problems: Problems | None = None
) -> dict[str, Any]:
    """The whole report of a backtest as JSON values."""
    report = {"rule": protocol.name, **measures_json(measures)}
    if problems is not None:
        report["problems"] = {
            "count": problems.count,
            "first": [
                {"file": one.file.value, "line": one.line, "column": one.column, "reason": one.fault.value}
                for one in problems.first
            ],
        }
        report["notices"] = {
            "count": problems.notice_count,
            "first": [
                {"file": one.file.value, "line": one.line, "said": one.said.value} for one in problems.notices
            ],
        }
    return report


def backtest_text(measures: Measures, *, protocol: Protocol, problems: Problems | None = None) -> str:
    """The whole report of a backtest as text for a terminal, without a line break at the end.

    Refused rows come first: there may be many, and the counts must not scroll away.
    """
    parts = [] if problems is None else list(_problem_parts(problems))
    parts += [f"Rule {protocol.name}", plain(list(_rows(measures)))]
    if measures.found:
        parts.append(plain([("Losses", ""), *_found_rows(measures.found)]))
    if measures.false_signals:
        parts.append(plain([("Patients who never lost it", ""), *_false_rows(measures.false_signals)]))
    return "\n\n".join(parts)


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """Values for JSON, which has no infinity: a rate without bound is null."""
    return {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in values.items()
    }


def _rows(measures: Measures) -> Iterator[tuple[str, str]]:
    yield "Patients", str(measures.patients)
    yield "Check-ins", str(measures.check_ins)
    yield "With a reference", part_of(with_reference(measures), measures.patients)
    if measures.no_reference:
        yield "  without, because", listed(list(measures.no_reference.items()))
    yield "Rule on", part_of(rule_on(measures), measures.patients)
    if measures.rule_off:
        yield "  off, because", listed(list(measures.rule_off.items()))
    yield "Consider-booster signals", str(measures.signals)
    if measures.by_criterion:
        yield "  by criterion", listed(list(measures.by_criterion.items()))
    yield "Rises to watch", str(measures.watches)
    yield "Patient-years with the rule on", f"{measures.years_watched:.1f}"
    yield "Signals a patient-year", rate(measures.signals_a_year)


def _found_rows(found: FoundLosses) -> Iterator[tuple[str, str]]:
    yield "  lost the benefit", str(found.lost)
    yield "  of these with the rule on", part_of(found.rule_on, found.lost)
    yield "  raised before the onset", part_of(found.raised_before, found.rule_on)
    yield "  to find (no earlier signal)", str(found.to_find)
    yield "  found within 14 days", percent(found.share_within_14)
    yield "  found within 40 days", percent(found.share_within_40)
    yield "  half found by day", days(found.median_delay)
    yield "  nine tenths found by day", days(found.ninetieth_delay)


def _false_rows(false: FalseSignals) -> Iterator[tuple[str, str]]:
    yield "  patients", str(false.stable)
    yield "  of these with the rule on", part_of(false.rule_on, false.stable)
    yield "  with any signal", part_of(false.with_any, false.rule_on)
    yield "  first false signals a patient-year", rate(false.first_a_year)
    yield "  all false signals a patient-year", rate(false.episodes_a_year)
    yield "  false watches a patient-year", rate(false.watches_a_year)


def _problem_parts(problems: Problems) -> Iterator[str]:
    if problems.notice_count:
        yield _listed("Noticed", [str(one) for one in problems.notices], problems.notice_count)
    if problems.count:
        yield _listed("Refused rows", [str(one) for one in problems.first], problems.count)


def _listed(title: str, lines: list[str], count: int) -> str:
    more = [f"and {count - len(lines)} more"] if count > len(lines) else []
    return "\n  ".join([f"{title}: {count}", *lines, *more])


COLUMNS: Final = (
    "patient",
    "raised_at",
    "level",
    "criterion",
    "share_lost",
    "reference_kind",
    "explanation",
)


def written_along(results: Iterable[PatientResult], path: Path) -> Iterator[PatientResult]:
    """The same results; each one's signals are written to the file as it passes.

    Raises:
        UnreadableFileError: when the file cannot be opened for writing.
    """
    with _opened(path) as file:
        write_rows(file, [COLUMNS])
        for result in results:
            write_rows(file, (_row(result.name, signal) for signal in result.signals))
            yield result


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as failed:
        raise UnreadableFileError(file=path.name, problem=failed.strerror) from failed


def _row(patient: str, signal: RaisedSignal) -> tuple[str, ...]:
    return (
        patient,
        signal.raised_at.isoformat(),
        signal.level.value,
        signal.criterion.value,
        "" if signal.share_lost is None else f"{signal.share_lost:.3f}",
        signal.reference_kind.value,
        signal.explanation,
    )
