"""Opening the files of a study: every row read once, sorted by patient on the disk, and reported about.

A bad row is refused by line and reason and the rest goes on. Impossible courses are refused or put in
order, and it is said which. Whichever process runs the patients reads them one at a time.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from app.clinical.check_ins import CheckIn, check_in_day
from app.clinical.course import Course, Infusion, InfusionPhase, Route
from app.clinical.domains import REPORTED_NUMBERS
from app.clinical.history import History, ScaleTotals
from app.clinical.protocol import STANDARD, Protocol
from app.clinical.protocol_versions import with_numbers
from app.clinical.scales import STANDARD_SCALES, AssessmentTotal, Scale, read_custom_scales
from app.studies.errors import CustomScalesRefusedError, NoRoomToSortError, NotJsonError, UnreadableFileError
from app.studies.file_formats import stored_check_ins, stored_infusions, stored_outcomes, stored_totals
from app.studies.patients import Outcome, StudyPatient
from app.studies.row_problems import FileKind, Problems, RowFault, Said

Row = tuple[Any, ...]

_CHECK_INS: Final = (
    f"SELECT line, at, offset, zone, {', '.join(REPORTED_NUMBERS)} FROM check_ins"  # noqa: S608 - names of our own
    " WHERE patient = ? ORDER BY at"
)
_INFUSIONS: Final = "SELECT line, at, offset, phase, dose, route FROM infusions WHERE patient = ? ORDER BY at"
_TOTALS: Final = "SELECT scale, at, offset, total FROM totals WHERE patient = ? ORDER BY scale, at"
_OUTCOMES: Final = "SELECT at, offset FROM outcomes WHERE patient = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePatients:
    """The patients of a sorted spill; it may travel to other processes, which read the file themselves.

    Attributes:
        spill: the sorted file.
        size: how many patients it has.
        ends_at: the last moment in any of the files; everybody is followed until then.
        scales: every scale that a total may be of.
    """

    spill: Path
    size: int
    ends_at: datetime | None
    scales: Mapping[str, Scale]

    def patients(self, first: int, past_last: int) -> Iterator[StudyPatient]:
        """The patients numbered from `first` up to and without `past_last`, by name."""
        with closing(sqlite3.connect(f"{self.spill.as_uri()}?mode=ro", uri=True)) as connection:
            names = connection.execute(
                "SELECT name FROM patients WHERE number >= ? AND number < ? ORDER BY number",
                (first, past_last),
            ).fetchall()
            for (name,) in names:
                yield self._patient(connection, name)

    def _patient(self, connection: sqlite3.Connection, name: str) -> StudyPatient:
        def rows(query: str) -> list[Row]:
            return connection.execute(query, (name,)).fetchall()

        infusions = tuple(_infusion(row) for row in rows(_INFUSIONS))
        check_ins = tuple(_check_in(row) for row in rows(_CHECK_INS))
        outcomes = rows(_OUTCOMES)
        return StudyPatient(
            name=name,
            history=History(
                time_zone=_present_zone(check_ins, infusions),
                course=_course(name, infusions),
                infusions=infusions,
                check_ins=check_ins,
                assessments=tuple(_totals(rows(_TOTALS), self.scales)),
            ),
            ends_at=self.ends_at,
            outcome=_outcome(outcomes[0]) if outcomes else None,
        )


@lru_cache(maxsize=256)
def zone_name(offset: int) -> str:
    """An offset in minutes as the core takes it: "+02:00"."""
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


@lru_cache(maxsize=256)
def _fixed(offset: int) -> timezone:
    return timezone(timedelta(minutes=offset))


def _at(seconds: float, offset: int) -> datetime:
    return datetime.fromtimestamp(seconds, _fixed(offset))


def _check_in(row: Row) -> CheckIn:
    line, at, offset, zone, *numbers = row
    return CheckIn(
        id=f"{line:012d}",
        recorded_at=_at(at, offset),
        time_zone=zone or zone_name(offset),
        **dict(zip(REPORTED_NUMBERS, numbers, strict=True)),
    )


def _infusion(row: Row) -> Infusion:
    """Its day is the one of the clinic's clock, whatever the patient's zone is."""
    line, at, offset, phase, dose, route = row
    return Infusion(
        id=f"{line:012d}",
        given_at=_at(at, offset),
        phase=InfusionPhase(phase),
        dose_mg_per_kg=dose,
        route=Route(route) if route else None,
        time_zone=zone_name(offset),
    )


def _totals(rows: Iterable[Row], scales: Mapping[str, Scale]) -> Iterator[ScaleTotals]:
    by_scale: dict[str, list[AssessmentTotal]] = {}
    for key, at, offset, total in rows:
        by_scale.setdefault(key, []).append(AssessmentTotal(_at(at, offset), total))
    for key, totals in by_scale.items():
        yield ScaleTotals(scale=scales[key], totals=tuple(totals))


def _outcome(row: Row) -> Outcome:
    at, offset = row
    return Outcome(None if at is None else check_in_day(_at(at, offset), zone_name(offset)))


def _present_zone(check_ins: Sequence[CheckIn], infusions: Sequence[Infusion]) -> str:
    if check_ins:
        return check_ins[-1].time_zone
    return (infusions[-1].time_zone if infusions else None) or zone_name(0)


def _course(name: str, infusions: Sequence[Infusion]) -> Course | None:
    """The planned count is the number of induction rows; what came before the first is an earlier course."""
    series = [one for one in infusions if one.phase is InfusionPhase.INDUCTION]
    if not series:
        return None
    return Course(
        id=name,
        protocol="imported",
        planned_infusions=len(series),
        started_on=series[0].day(zone_name(0)),
    )


LARGEST: Final = 1_000_000
"""Bytes; the largest useful file has a few thousand."""


def custom_scales(path: Path) -> Mapping[str, Scale]:
    """The clinic's own scales, by key.

    Raises:
        UnreadableFileError, NotJsonError: when there is no JSON object to read.
        CustomScalesRefusedError: when any scale cannot be used; `problems` says which and why.
    """
    found = read_custom_scales(_json_object(path))
    if found.problems:
        raise CustomScalesRefusedError(
            problems=tuple((one.scale, one.field, one.code.value) for one in found.problems)
        )
    return found.scales


def protocol_with(path: Path, *, protocol: Protocol = STANDARD) -> Protocol:
    """A protocol in which the numbers of a file differ.

    Raises:
        UnreadableFileError, NotJsonError: when there is no JSON object to read.
        ClinicalError: when a number is unknown, no number, or not safe; its `details` name it.
    """
    return with_numbers(_json_object(path), protocol=protocol)


def _json_object(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as unreadable:
        raise UnreadableFileError(file=path.name, problem=unreadable.strerror) from unreadable
    try:
        document = json.loads(content.decode("utf-8-sig")) if len(content) <= LARGEST else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise NotJsonError(file=path.name)
    return document


ROWS_A_BATCH: Final = 10_000

_SETTINGS: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536;
PRAGMA temp_store = FILE;
"""
_TABLES: Final = f"""
CREATE TABLE check_ins (
    patient TEXT, at REAL, line INTEGER, offset INTEGER, zone TEXT,
    {", ".join(f"{name} REAL" for name in REPORTED_NUMBERS)}
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
    "check_ins": f"INSERT INTO check_ins VALUES (?, ?, ?, ?, ?{', ?' * len(REPORTED_NUMBERS)})",  # noqa: S608 - placeholders only
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFiles:
    """The files of a study, and the scales that totals may be of besides the standard ones."""

    check_ins: Path
    infusions: Path
    assessments: Path | None = None
    outcomes: Path | None = None
    custom_scales: Mapping[str, Scale] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStudy:
    """The patients in the files, and what was wrong or unusual in them."""

    patients: FilePatients
    problems: Problems


_FILES: Final = {
    "check_ins": FileKind.CHECK_INS,
    "infusions": FileKind.INFUSIONS,
    "totals": FileKind.ASSESSMENTS,
    "outcomes": FileKind.OUTCOMES,
}
_UNKNOWN: Final = "patient NOT IN (SELECT name FROM patients)"
_TOO_EARLY: Final = (
    "at < (SELECT min(given.at) FROM infusions AS given WHERE given.patient = outcomes.patient)"
)
_COURSES: Final = {
    Said.REORDERED: (
        "SELECT min(line) FROM (SELECT patient, line, at,"
        " lag(at) OVER (PARTITION BY patient ORDER BY line) AS earlier FROM infusions)"
        " WHERE at < earlier GROUP BY patient"
    ),
    Said.BOOSTER_FIRST: (
        "SELECT min(line) FROM infusions JOIN"
        " (SELECT patient, min(at) AS began FROM infusions WHERE phase = 'induction' GROUP BY patient)"
        " USING (patient) WHERE phase = 'booster' AND at < began GROUP BY patient"
    ),
    Said.INDUCTION_AFTER_BOOSTER: (
        "SELECT min(line) FROM infusions AS late JOIN"
        " (SELECT patient, min(at) AS began FROM infusions WHERE phase = 'induction' GROUP BY patient)"
        " USING (patient) WHERE phase = 'induction' AND EXISTS (SELECT 1 FROM infusions AS given"
        " WHERE given.patient = late.patient AND given.phase = 'booster'"
        " AND given.at > began AND given.at < late.at) GROUP BY patient"
    ),
    Said.NO_INDUCTION: (
        "SELECT min(line) FROM infusions GROUP BY patient HAVING sum(phase = 'induction') = 0"
    ),
}
_NOT_TREATED: Final = (
    "SELECT min(line) FROM check_ins WHERE patient IN"
    " (SELECT name FROM patients EXCEPT SELECT patient FROM infusions) GROUP BY patient"
)


@contextmanager
def opened_study(
    files: StudyFiles, *, strict: bool = False, folder: Path | None = None
) -> Iterator[OpenedStudy]:
    """Read the files; the patients can be run while the context lasts.

    Args:
        files: where they are.
        strict: whether the first bad row ends it.
        folder: where to sort, with room for about twice the files; None for the temporary folder.

    Raises:
        UnreadableFileError: a file cannot be opened.
        WrongHeaderError: a file does not begin with its columns.
        BadRowError: the first bad row, when `strict`.
        NoRoomToSortError: the disk is full.
    """
    problems = Problems(strict=strict)
    scales = {**STANDARD_SCALES, **(files.custom_scales or {})}
    with spilled(folder) as spill:
        spill.write("infusions", stored_infusions(files.infusions, problems))
        spill.write("check_ins", stored_check_ins(files.check_ins, problems))
        if files.assessments:
            spill.write("totals", stored_totals(files.assessments, scales, problems))
        if files.outcomes:
            spill.write("outcomes", stored_outcomes(files.outcomes, problems))
        spill.sort()
        _refuse_impossible(spill, problems)
        _say_unusual(spill, problems)
        yield OpenedStudy(patients=_patients(spill, scales), problems=problems)


def _refuse_impossible(spill: Spill, problems: Problems) -> None:
    """Rows that repeat others, are about nobody, or say that something was lost before it was gained."""
    for table, file in _FILES.items():
        fault = RowFault.REPEATED_OUTCOME if table == "outcomes" else RowFault.REPEATED
        for line in spill.repeated_lines(table):
            problems.refuse(file, line, fault)
    for table in ("totals", "outcomes"):
        query = f"SELECT line FROM {table} WHERE {_UNKNOWN} ORDER BY line"  # noqa: S608 - no outside text
        for (line,) in spill.select(query):
            problems.refuse(_FILES[table], line, RowFault.UNKNOWN_PATIENT, "patient")
        spill.remove(table, _UNKNOWN)
    too_early = f"SELECT line FROM outcomes WHERE {_TOO_EARLY} ORDER BY line"  # noqa: S608 - no outside text
    for (line,) in spill.select(too_early):
        problems.refuse(FileKind.OUTCOMES, line, RowFault.LOST_BEFORE_TREATMENT, "lost_at")
    spill.remove("outcomes", _TOO_EARLY)


def _say_unusual(spill: Spill, problems: Problems) -> None:
    for said, query in _COURSES.items():
        _say(problems, FileKind.INFUSIONS, said, spill.select(query))
    _say(problems, FileKind.CHECK_INS, Said.NO_INFUSION, spill.select(_NOT_TREATED))


def _say(problems: Problems, file: FileKind, said: Said, lines: Iterable[tuple[int, ...]]) -> None:
    for (line,) in lines:
        problems.say(file, line, said)


def _patients(spill: Spill, scales: Mapping[str, Scale]) -> FilePatients:
    ((size,),) = spill.select("SELECT count(*) FROM patients")
    ((last,),) = spill.select(
        "SELECT max(at) FROM (SELECT max(at) AS at FROM check_ins UNION ALL"
        " SELECT max(at) FROM infusions UNION ALL SELECT max(at) FROM totals)"
    )
    ends_at = None if last is None else datetime.fromtimestamp(last, UTC)
    return FilePatients(spill=spill.path, size=size, ends_at=ends_at, scales=scales)
