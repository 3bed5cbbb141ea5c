"""Opening the files of a study: every row read once, sorted by patient on the disk, and reported about.

A bad row is refused by line and reason and the rest goes on. Impossible courses are refused or put in
order, and it is said which.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.clinical.scales import STANDARD_SCALES, Scale
from app.studies.file_formats import stored_check_ins, stored_infusions, stored_outcomes, stored_totals
from app.studies.file_patients import FilePatients
from app.studies.row_problems import FileKind, Problems, RowFault, Said
from app.studies.spill import Spill, spilled


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
