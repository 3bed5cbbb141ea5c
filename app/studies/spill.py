"""Rows sorted by patient on the disk, so that files of any size and any order take a flat state.

A temporary SQLite file, readable by this account alone and gone at the end: it holds health data. It is
written once, by one connection; other processes then read it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.studies.errors import NoRoomToSortError

ROWS_A_BATCH: Final = 10_000

_SETTINGS: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
PRAGMA temp_store = FILE;
"""
_TABLES: Final = """
CREATE TABLE check_ins (
    patient TEXT, at REAL, line INTEGER, offset INTEGER, zone TEXT,
    mood REAL, energy REAL, sleep_quality REAL, sleep_hours REAL
);
CREATE TABLE infusions (
    patient TEXT, at REAL, line INTEGER, offset INTEGER, phase TEXT, dose REAL, route TEXT
);
CREATE TABLE totals (patient TEXT, at REAL, line INTEGER, offset INTEGER, scale TEXT, total REAL);
CREATE TABLE outcomes (patient TEXT, line INTEGER, at REAL, offset INTEGER);
"""
_INDEXES: Final = """
CREATE INDEX check_ins_by_patient ON check_ins (patient, at, line);
CREATE INDEX infusions_by_patient ON infusions (patient, at, line);
CREATE INDEX totals_by_patient ON totals (patient, scale, at, line);
CREATE INDEX outcomes_by_patient ON outcomes (patient, line);
CREATE TABLE patients (number INTEGER PRIMARY KEY, name TEXT UNIQUE);
INSERT INTO patients (number, name)
SELECT row_number() OVER (ORDER BY patient) - 1, patient
FROM (SELECT patient FROM check_ins UNION SELECT patient FROM infusions);
"""
INSERTS: Final = {
    "check_ins": "INSERT INTO check_ins VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "infusions": "INSERT INTO infusions VALUES (?, ?, ?, ?, ?, ?, ?)",
    "totals": "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?)",
    "outcomes": "INSERT INTO outcomes VALUES (?, ?, ?, ?)",
}
SAME: Final = {
    "check_ins": "patient, at",
    "infusions": "patient, at",
    "totals": "patient, scale, at",
    "outcomes": "patient",
}
"""What makes two rows of a table the same one, reported twice."""


@contextmanager
def spilled(folder: Path | None = None) -> Iterator["Spill"]:
    """A new spill in a separate folder, which is removed at the end whatever happens.

    Args:
        folder: where there is room for about twice the files; None for the system's temporary folder.

    Raises:
        NoRoomToSortError: when the disk is full.
    """
    with TemporaryDirectory(prefix="afterglow-study-", dir=folder) as own:
        path = Path(own) / "rows.sqlite"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(_SETTINGS + _TABLES)
            try:
                yield Spill(path, connection)
            except sqlite3.OperationalError as failed:
                if failed.sqlite_errorcode == sqlite3.SQLITE_FULL:
                    raise NoRoomToSortError from failed
                raise


class Spill:
    """Rows of the study's files; `sort` must come between writing and reading."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    def write(self, table: str, rows: Iterable[Sequence[object]]) -> int:
        """Write rows as they come; how many there were."""
        written, rows = 0, iter(rows)
        while batch := list(islice(rows, ROWS_A_BATCH)):
            self._connection.execute("BEGIN")
            self._connection.executemany(INSERTS[table], batch)
            self._connection.execute("COMMIT")
            written += len(batch)
        return written

    def sort(self) -> None:
        """Sort everything by patient; patients are numbered by name, from 0."""
        self._connection.executescript(_INDEXES)

    def select(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one by one."""
        yield from self._connection.execute(query, values)

    def repeated_lines(self, table: str) -> Iterator[int]:
        """The lines that repeat an earlier one, in order; once all have been seen they are removed."""
        nth = f"row_number() OVER (PARTITION BY {SAME[table]} ORDER BY line)"
        self._connection.execute(
            f"CREATE TABLE repeated_{table} AS"  # noqa: S608 - table names of our own
            f" SELECT line FROM (SELECT line, {nth} AS nth FROM {table}) WHERE nth > 1"
        )
        yield from (line for (line,) in self.select(f"SELECT line FROM repeated_{table} ORDER BY line"))  # noqa: S608 - same
        self.remove(table, f"line IN (SELECT line FROM repeated_{table})")  # noqa: S608 - same

    def remove(self, table: str, condition: str) -> None:
        """Remove the rows of a table for which a condition of our own holds."""
        self._connection.execute(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608 - a condition of our own
