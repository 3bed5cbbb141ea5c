"""A clinic's existing patients from CSV files: read and checked row by row, with a line about each that is not right.

Every row is held to the API's own schemas.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import reduce
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from pydantic import BaseModel, ValidationError

from app.care.assessments.schemas import AssessmentEntry
from app.care.check_ins.schemas import ImportedCheckInItem
from app.care.patients.plausibility import Unlikely
from app.care.patients.schemas import PatientRegistration
from app.care.treatment.commands import ChosenDays
from app.care.treatment.course_schemas import CourseEntry
from app.care.treatment.infusion_schemas import InfusionEntry
from app.clinical.check_ins import zone_of
from app.foundation.errors import RefusalError
from app.foundation.text import chart_number_key, read_chart_number
from app.foundation.translations import Words, say
from app.studies.csv_rows import Format, Source, decimal, rows_of
from app.studies.file_formats import ASSESSMENTS, CHECK_INS, INFUSIONS
from app.studies.row_problems import FileKind, Problems, RowFault
from app.web.problems import validation_errors

PATIENTS: Final = Format(
    file=FileKind.PATIENTS,
    required=("patient", "time_zone"),
    optional=(
        "locale",
        "protocol",
        "planned_infusions",
        "started_on",
        "taken_on",
        "about_infusions",
        "last_infusion_on",
        "last_infusion_precision",
        "reference_from",
        "reference_to",
    ),
)
FORMATS: Final = {one.file: one for one in (PATIENTS, INFUSIONS, CHECK_INS, ASSESSMENTS)}
"""Of the files that can be imported; the patients come first."""
CONFIRMED: Final = tuple(one.value for one in Unlikely)
_NAMED_THEN: Final = "Named when the patient was imported"
_NOON: Final = time(12)
_TIMES: Final = {
    FileKind.INFUSIONS: "given_at",
    FileKind.CHECK_INS: "recorded_at",
    FileKind.ASSESSMENTS: "taken_at",
}
ROWS_KEPT: Final = 1000
"""Of lines about rows the first so many are kept, and the rest counted: a file can be all wrong."""


@dataclass(slots=True, kw_only=True)
class Newcomer:
    """One patient of the files: who, the course, and everything known; ``good`` while no row of theirs is refused."""

    line: int
    registration: PatientRegistration
    course: CourseEntry
    reference: ChosenDays | None
    infusions: list[InfusionEntry] = field(default_factory=list)
    check_ins: list[Mapping[str, str]] = field(default_factory=list)
    totals: list[AssessmentEntry] = field(default_factory=list)
    good: bool = True


class RowReport(NamedTuple):
    """What is to be said about a row: it is left out, or taken although something is unusual. Never a value.

    A warning stands at the first row of its kind, with the number of them.
    """

    file: str
    line: int
    reason: Words
    refused: bool
    rows: int = 1

    def __str__(self) -> str:
        """The report as a line."""
        also = f" (in {self.rows} rows)" if self.rows > 1 else ""
        return f"{self.file}, line {self.line}: {self.reason}{also}"


@dataclass(slots=True, kw_only=True)
class Counted:
    """What was read, or imported, and what is to be said about rows."""

    patients: int = 0
    infusions: int = 0
    check_ins: int = 0
    assessments: int = 0
    rows: list[RowReport] = field(default_factory=list)
    refused_count: int = 0
    warnings: dict[tuple[FileKind, str], RowReport] = field(default_factory=dict)

    @property
    def refused(self) -> list[str]:
        """The rows that were left out, as lines."""
        return [str(one) for one in self.rows]

    @property
    def reports(self) -> list[RowReport]:
        """The rows that were left out, then what was unusual."""
        return [*self.rows, *self.warnings.values()]

    def refuse(self, file: FileKind, line: int, reason: Words) -> None:
        """Say that a row is left out."""
        self.refused_count += 1
        if len(self.rows) < ROWS_KEPT:
            self.rows.append(RowReport(file.value, line, reason, refused=True))

    def warn(self, file: FileKind, line: int, reason: Words) -> None:
        """Say that a row is taken although it is unusual."""
        known = self.warnings.get((file, reason), RowReport(file.value, line, reason, refused=False, rows=0))
        self.warnings[file, reason] = known._replace(rows=known.rows + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicFiles:
    """The files.

    Attributes:
        columns: where the columns of a file stand; of a file that is not in it, its first line names them.
        time_zone: what counts for a patient without one, and so for times without an offset; None: there must be one.
    """

    patients: Source
    infusions: Source | None = None
    check_ins: Source | None = None
    assessments: Source | None = None
    columns: Mapping[FileKind, Mapping[str, int]] = field(default_factory=dict)
    time_zone: str | None = None

    def source(self, kind: FileKind) -> Source | None:
        """The file of a kind."""
        found: Source | None = getattr(self, kind.value.replace("-", "_"))
        return found


def read_files(files: ClinicFiles, counted: Counted) -> list[Newcomer]:
    """Read and check every row; one that cannot be is named in ``counted`` and left out.

    Raises:
        WrongHeaderError: a file does not have the columns that it needs.
    """
    return _Reading(files, counted).read()


class RefusedRows:
    """Turns what is wrong with a row into one sentence about its file and line."""

    def __init__(self, counted: Counted, kind: FileKind, line: int, whose: Newcomer | None = None) -> None:
        self._counted, self._kind, self._line, self._whose = counted, kind, line, whose

    def __enter__(self) -> None:
        """Begin a row."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Name what was wrong with it."""
        if not isinstance(error, ValidationError | RefusalError):
            return False
        self._counted.refuse(self._kind, self._line, _sentence(error))
        if self._whose is not None:
            self._whose.good = False
        return True


def _sentence(error: ValidationError | RefusalError) -> Words:
    if isinstance(error, RefusalError):
        return error.message()
    said: list[Words] = []
    for one in validation_errors(error.errors(), skip=0):
        name = one["pointer"].rpartition("/")[2].removeprefix("#")
        said.append(Words("{column}: {reason}", column=name, reason=one["detail"]) if name else one["detail"])
    # One within the other, so that they are kept as messages with their values.
    return reduce(lambda all_, one: Words("{all}; {one}", all=all_, one=one), dict.fromkeys(said))


class _Reading:
    """The reading of one set of files."""

    def __init__(self, files: ClinicFiles, counted: Counted) -> None:
        self._files, self._counted = files, counted
        self._found: dict[str, Newcomer] = {}
        self._seen: set[tuple[str, ...]] = set()

    def read(self) -> list[Newcomer]:
        """The patients, in the order of their file."""
        for line, row in self._rows(FileKind.PATIENTS):
            with RefusedRows(self._counted, FileKind.PATIENTS, line):
                self._take_patient(line, row)
        for kind in (FileKind.INFUSIONS, FileKind.CHECK_INS, FileKind.ASSESSMENTS):
            for line, row in self._rows(kind):
                whose = self._found.get(_key(row["patient"]))
                if whose is None:
                    self._counted.refuse(
                        kind, line, say("the patient is not among the patients that can be imported")
                    )
                    continue
                with RefusedRows(self._counted, kind, line, whose):
                    self._take(whose, kind, line, row)
        return list(self._found.values())

    def _rows(self, kind: FileKind) -> Iterator[tuple[int, dict[str, str]]]:
        source, form, problems = self._files.source(kind), FORMATS[kind], Problems()
        if source is None:
            return
        if self._files.time_zone is not None:
            given = ("time_zone",) if kind is FileKind.PATIENTS else ()
            form = Format(
                file=kind,
                required=tuple(one for one in form.required if one not in given),
                optional=(*given, *form.optional),
            )
        for line, cells in rows_of(source, form, problems, columns=self._files.columns.get(kind)):
            yield line, dict(zip(form.columns, cells, strict=True))
        for problem in problems.first:
            self._counted.refuse(
                kind, problem.line, Words(problem.fault.message, column=problem.column or "")
            )
        self._counted.refused_count += problems.count - len(problems.first)
        for notice in problems.notices:
            self._counted.warn(kind, notice.line, Words(notice.said.value))

    def _take_patient(self, line: int, row: Mapping[str, str]) -> None:
        zone = row["time_zone"] or self._files.time_zone or ""
        newcomer = _newcomer(line, {**row, "time_zone": zone})
        key = _key(newcomer.registration.external_ref)
        if key in self._found:
            self._counted.refuse(FileKind.PATIENTS, line, say("an earlier row is about the same patient"))
            self._found[key].good = False
            return
        if not row["time_zone"]:
            self._counted.warn(FileKind.PATIENTS, line, say("time_zone is empty; the clinic's was taken"))
        self._found[key] = newcomer
        self._counted.patients += 1

    def _take(self, whose: Newcomer, kind: FileKind, line: int, row: Mapping[str, str]) -> None:
        """Check a row and keep it with its patient."""
        column = _TIMES[kind]
        row = {**row, column: self._with_offset(whose, kind, line, row[column])}
        same = (kind.value, str(whose.line), row[column], row.get("scale", "").lower())
        if same in self._seen:
            self._counted.refuse(kind, line, Words(RowFault.REPEATED.message))
            whose.good = False
            return
        if kind is FileKind.INFUSIONS:
            whose.infusions.append(_infusion(whose, row))
            self._counted.infusions += 1
        elif kind is FileKind.ASSESSMENTS:
            sent = {
                "scale": row["scale"].lower(),
                "taken_at": row["taken_at"],
                "total": _number(row["total"]),
            }
            whose.totals.append(_read(AssessmentEntry, sent | {"confirm": CONFIRMED}))
            self._counted.assessments += 1
        else:
            read = check_in(whose, row, UUID(int=0))
            whose.check_ins.append(row)
            self._counted.check_ins += 1
            if read.sleep_hours != decimal(row["sleep_hours"]):
                self._counted.warn(kind, line, say("sleep_hours was rounded to quarter hours"))
        self._seen.add(same)

    def _with_offset(self, whose: Newcomer, kind: FileKind, line: int, text: str) -> str:
        """A time without an offset is one of the patient's zone, where the files may leave it out."""
        if self._files.time_zone is None:
            return text
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return text
        if at.tzinfo is not None:
            return text
        said = say("{column} has no offset; the patient's time zone was taken", column=_TIMES[kind])
        if len(text) <= len("2026-11-30"):
            at = datetime.combine(at, _NOON)
            said = say("{column} has no time of day; noon was taken", column=_TIMES[kind])
        self._counted.warn(kind, line, said)
        return at.replace(tzinfo=zone_of(whose.registration.time_zone)).isoformat()


def _key(number: str) -> str:
    """What a chart number is found by; of one that is none, itself."""
    try:
        return chart_number_key(read_chart_number(number))
    except RefusalError:
        return number


def _given(row: Mapping[str, str], **names: str) -> dict[str, str]:
    """The cells that are filled in, under the API's names."""
    return {name: row[column] for name, column in names.items() if row[column]}


def _read(form: type[BaseModel], values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whichever form it is
    return form.model_validate(values, strict=False)


def _newcomer(line: int, row: Mapping[str, str]) -> Newcomer:
    course: dict[str, Any] = {"protocol": row["protocol"] or "standard"}
    course |= _given(row, started_on="started_on")
    if row["planned_infusions"]:
        course["planned_infusions"] = _whole(row["planned_infusions"])
    if row["taken_on"]:
        earlier: dict[str, Any] = _given(row, last_on="last_infusion_on", precision="last_infusion_precision")
        if row["about_infusions"]:
            earlier["count"] = _whole(row["about_infusions"])
        course["taken_on"] = {"on": row["taken_on"], "earlier": earlier or None}
    reference = None
    if row["reference_from"] or row["reference_to"]:
        days = {"from": row["reference_from"], "to": row["reference_to"], "reason": _NAMED_THEN}
        entry = _read(CourseEntry, course | {"taken_on": {"on": row["taken_on"], "reference": days}})
        reference = entry.taken_on.reference.chosen()
    return Newcomer(
        line=line,
        registration=_read(
            PatientRegistration,
            _given(row, external_ref="patient", time_zone="time_zone", locale="locale"),
        ),
        course=_read(CourseEntry, course),
        reference=reference,
    )


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text


def _number(text: str) -> float | str:
    """A number; what is none goes on as it is, and is refused by name."""
    value = decimal(text)
    return text if value is None else value


def _infusion(whose: Newcomer, row: Mapping[str, str]) -> InfusionEntry:
    sent: dict[str, Any] = _given(row, given_at="given_at", route="route")
    phase = "booster" if whose.course.taken_on else row["phase"].lower()
    sent |= {"phase": phase, "confirm": CONFIRMED}
    if row["dose_mg_per_kg"]:
        sent["dose_mg_per_kg"] = _number(row["dose_mg_per_kg"])
    entry: InfusionEntry = _read(InfusionEntry, sent)
    return entry


def check_in(whose: Newcomer, row: Mapping[str, str], patient_id: UUID) -> ImportedCheckInItem:
    """A check-in as the API imports it; its id follows from whose it is and when, so that none comes twice.

    Raises:
        pydantic.ValidationError: it can be none.
    """
    values: dict[str, Any] = {name: _number(row[name]) for name in CHECK_INS.required[2:] if row[name]}
    zone = row["time_zone"] or whose.registration.time_zone
    named = uuid5(patient_id, row["recorded_at"])
    item: ImportedCheckInItem = _read(
        ImportedCheckInItem,
        {"id": str(named), "recorded_at": row["recorded_at"], "time_zone": zone, "confirm": CONFIRMED}
        | values,
    )
    return item
