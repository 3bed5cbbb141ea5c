"""The formats of the files: their columns, and how a row becomes what is stored of it."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from app.clinical.course import InfusionPhase, Route
from app.clinical.domains import DOMAINS, LOWEST, REPORTED_NUMBERS
from app.clinical.scales import ProblemCode, Scale, score_form
from app.studies.csv_rows import CellError, Format, moment, name, number, rows_of, zone
from app.studies.row_problems import FileKind, Problems, RowFault

Stored = tuple[object, ...]

CHECK_INS: Final = Format(
    file=FileKind.CHECK_INS,
    required=("patient", "recorded_at", *REPORTED_NUMBERS),
    optional=("time_zone",),
)
INFUSIONS: Final = Format(
    file=FileKind.INFUSIONS,
    required=("patient", "given_at", "phase"),
    optional=("dose_mg_per_kg", "route"),
)
ASSESSMENTS: Final = Format(file=FileKind.ASSESSMENTS, required=("patient", "taken_at", "scale", "total"))
OUTCOMES: Final = Format(file=FileKind.OUTCOMES, required=("patient", "lost_at"))

HIGHEST_DOSE: Final = 20.0
"""Milligrams per kilogram: far above any dose by any route, so only a slip of the pen is beyond it."""
_PHASES: Final = {phase.value for phase in InfusionPhase}
_ROUTES: Final = {"", *(route.value for route in Route)}


def stored_check_ins(path: Path, problems: Problems) -> Iterator[Stored]:
    """The rows of a check-ins file, as `spill` keeps them."""
    return _stored(path, CHECK_INS, _check_in, problems)


def stored_infusions(path: Path, problems: Problems) -> Iterator[Stored]:
    """The rows of an infusions file."""
    return _stored(path, INFUSIONS, _infusion, problems)


def stored_totals(path: Path, scales: Mapping[str, Scale], problems: Problems) -> Iterator[Stored]:
    """The rows of an assessments file; totals that their scale cannot have are refused."""
    return _stored(path, ASSESSMENTS, lambda line, cells: _total(line, cells, scales), problems)


def stored_outcomes(path: Path, problems: Problems) -> Iterator[Stored]:
    """The rows of an outcomes file; an empty `lost_at` means never lost."""
    return _stored(path, OUTCOMES, _outcome, problems)


def _stored(
    path: Path, form: Format, row: Callable[[int, list[str]], Stored], problems: Problems
) -> Iterator[Stored]:
    for line, cells in rows_of(path, form, problems):
        try:
            yield row(line, cells)
        except CellError as refused:
            problems.refuse(form.file, line, refused.fault, refused.column)


def _check_in(line: int, cells: list[str]) -> Stored:
    patient, recorded_at, *numbers, time_zone = cells
    at = moment(recorded_at, "recorded_at")
    reported = {
        column: number(cell, column, LOWEST, known.highest)
        for (column, known), cell in zip(REPORTED_NUMBERS.items(), numbers, strict=True)
    }
    if all(reported[domain] is None for domain in DOMAINS):
        raise CellError(RowFault.NO_DOMAIN)
    return (
        name(patient, "patient"),
        at.seconds,
        line,
        at.offset,
        zone(time_zone, "time_zone"),
        *reported.values(),
    )


def _infusion(line: int, cells: list[str]) -> Stored:
    patient, given_at, phase, dose, route = cells
    at = moment(given_at, "given_at")
    phase, route = phase.lower(), route.lower()
    if phase not in _PHASES:
        raise CellError(RowFault.UNKNOWN_PHASE, "phase")
    if route not in _ROUTES:
        raise CellError(RowFault.UNKNOWN_ROUTE, "route")
    mg_per_kg = number(dose, "dose_mg_per_kg", 0.0, HIGHEST_DOSE)
    return name(patient, "patient"), at.seconds, line, at.offset, phase, mg_per_kg, route or None


def _total(line: int, cells: list[str], scales: Mapping[str, Scale]) -> Stored:
    patient, taken_at, key, total = cells
    at = moment(taken_at, "taken_at")
    scale = scales.get(key.lower())
    if scale is None:
        raise CellError(RowFault.UNKNOWN_SCALE, "scale")
    value = number(total, "total", scale.minimum, scale.maximum)
    if value is None:
        raise CellError(RowFault.EMPTY, "total")
    for problem in score_form(scale, stated_total=value).problems:
        whole = problem.code is not ProblemCode.TOTAL_NOT_WHOLE
        raise CellError(RowFault.OUT_OF_RANGE if whole else RowFault.NOT_WHOLE, "total")
    return name(patient, "patient"), at.seconds, line, at.offset, scale.key, value


def _outcome(line: int, cells: list[str]) -> Stored:
    patient, lost_at = cells
    if not lost_at:
        return name(patient, "patient"), line, None, None
    at = moment(lost_at, "lost_at")
    return name(patient, "patient"), line, at.seconds, at.offset
