"""Writing the signals of a backtest as CSV, safe to open in a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

from app.foundation.csv_cells import inert
from app.studies.backtest import PatientResult, RaisedSignal
from app.studies.errors import UnreadableFileError

COLUMNS: Final = (
    "patient",
    "raised_at",
    "level",
    "ground",
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
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for result in results:
            writer.writerows(_row(result.name, signal) for signal in result.signals)
            yield result


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as failed:
        raise UnreadableFileError(file=path.name, problem=failed.strerror) from failed


def _row(patient: str, signal: RaisedSignal) -> tuple[str, ...]:
    return (
        inert(patient),
        signal.raised_at.isoformat(),
        signal.level.value,
        signal.criterion.value,
        "" if signal.share_lost is None else f"{signal.share_lost:.3f}",
        signal.reference_kind.value,
        inert(signal.explanation),
    )
