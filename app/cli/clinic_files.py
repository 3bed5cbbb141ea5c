"""A clinic's existing patients from CSV files: read and checked row by row, then taken on one after the other.

Every row is held to the API's own schemas, and every patient goes in by the commands that the API uses, so that what
comes out is what the same data entered by hand would be. Run again, it goes on where it stopped and changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import BaseModel, ValidationError

from app.care.assessments.commands import enter
from app.care.assessments.schemas import AssessmentEntry
from app.care.check_ins.commands import record
from app.care.check_ins.reading import draft_of
from app.care.check_ins.schemas import ImportedCheckInItem
from app.care.check_ins.sources import FromClinic
from app.care.patients.plausibility import Unlikely
from app.care.patients.schemas import PatientRegistration
from app.care.patients.service import index_of, register
from app.care.treatment.commands import ChosenDays, InfusionExistsError, choose_reference, enter_infusion
from app.care.treatment.course_entry import CourseExistsError, enter_course
from app.care.treatment.course_schemas import CourseEntry
from app.care.treatment.infusion_schemas import InfusionEntry
from app.care.treatment.taking_on import take_on
from app.clinical.check_ins import check_in_day
from app.context import AppContext
from app.foundation.audit import OPERATOR
from app.foundation.errors import RefusalError
from app.storage import chosen_references, patients
from app.studies.csv_rows import Format, rows_of
from app.studies.file_formats import ASSESSMENTS, CHECK_INS, INFUSIONS
from app.studies.row_problems import FileKind, Problems

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
_BATCH: Final = 100
_CONFIRMED: Final = tuple(one.value for one in Unlikely)
_REASON: Final = "Named when the patient was taken on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """One patient of the files: who, the course, and everything known."""

    line: int
    registration: PatientRegistration
    course: CourseEntry
    reference: ChosenDays | None
    infusions: list[InfusionEntry] = field(default_factory=list)
    check_ins: list[Mapping[str, str]] = field(default_factory=list)
    totals: list[AssessmentEntry] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Counted:
    """What was read, or taken on; ``refused`` names a file, a line and a reason, never a value."""

    patients: int = 0
    infusions: int = 0
    check_ins: int = 0
    assessments: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicFiles:
    """Where the files are."""

    patients: Path
    infusions: Path | None = None
    check_ins: Path | None = None
    assessments: Path | None = None


def read_files(files: ClinicFiles, counted: Counted) -> list[Newcomer]:
    """Read and check every row; one that cannot be is named in ``counted`` and left out."""
    found: dict[str, Newcomer] = {}
    for line, row in _rows(files.patients, PATIENTS, counted):
        with _Refusals(counted, FileKind.PATIENTS, line):
            found[row["patient"]] = _newcomer(line, row)
            counted.patients += 1
    for kind, path, form in (
        (FileKind.INFUSIONS, files.infusions, INFUSIONS),
        (FileKind.CHECK_INS, files.check_ins, CHECK_INS),
        (FileKind.ASSESSMENTS, files.assessments, ASSESSMENTS),
    ):
        for line, row in _rows(path, form, counted) if path else ():
            whose = found.get(row["patient"])
            if whose is None:
                counted.refused.append(f"{kind}, line {line}: the patient is not in the file of patients")
                continue
            with _Refusals(counted, kind, line):
                _put(whose, kind, row, counted)
    return list(found.values())


def _rows(path: Path, form: Format, counted: Counted) -> Iterator[tuple[int, dict[str, str]]]:
    problems = Problems()
    for line, cells in rows_of(path, form, problems):
        yield line, dict(zip(form.columns, cells, strict=True))
    counted.refused += [str(one) for one in problems.first]


class _Refusals:
    """Turns what is wrong with a row into one sentence about its file and line."""

    def __init__(self, counted: Counted, kind: FileKind, line: int) -> None:
        self._counted, self._where = counted, f"{kind}, line {line}"

    def __enter__(self) -> None:
        """Begin a row."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        """Name what was wrong with it."""
        if isinstance(error, ValidationError):
            fields = sorted({".".join(str(part) for part in one["loc"]) or "row" for one in error.errors()})
            self._counted.refused.append(f"{self._where}: please check {', '.join(fields)}")
        elif isinstance(error, RefusalError):
            self._counted.refused.append(f"{self._where}: {error}")
        return isinstance(error, ValidationError | RefusalError)


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
        days = {"from": row["reference_from"], "to": row["reference_to"], "reason": _REASON}
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


def _decimal(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _put(whose: Newcomer, kind: FileKind, row: Mapping[str, str], counted: Counted) -> None:
    """Check a row and keep it with its patient."""
    if kind is FileKind.INFUSIONS:
        sent: dict[str, Any] = _given(row, given_at="given_at", route="route")
        sent |= {"phase": "booster" if whose.course.taken_on else row["phase"], "confirm": _CONFIRMED}
        if row["dose_mg_per_kg"]:
            sent["dose_mg_per_kg"] = _decimal(row["dose_mg_per_kg"])
        whose.infusions.append(_read(InfusionEntry, sent))
        counted.infusions += 1
    elif kind is FileKind.ASSESSMENTS:
        sent = {"scale": row["scale"].lower(), "taken_at": row["taken_at"], "total": _decimal(row["total"])}
        sent["confirm"] = _CONFIRMED
        whose.totals.append(_read(AssessmentEntry, sent))
        counted.assessments += 1
    else:
        _check_in(whose, row, UUID(int=0))
        whose.check_ins.append(row)
        counted.check_ins += 1


def _check_in(whose: Newcomer, row: Mapping[str, str], patient_id: UUID) -> Any:  # noqa: ANN401 - as `_read`
    """A check-in as the API imports it; its id follows from whose it is and when, so that none comes twice."""
    values = {name: _decimal(row[name]) for name in CHECK_INS.required[2:] if row[name]}
    zone = row["time_zone"] or whose.registration.time_zone
    named = uuid5(patient_id, f"{row['recorded_at']}")
    return _read(
        ImportedCheckInItem,
        {"id": str(named), "recorded_at": row["recorded_at"], "time_zone": zone, "confirm": _CONFIRMED}
        | values,
    )


async def take_all_on(
    context: AppContext, clinic_id: UUID, newcomers: Sequence[Newcomer], counted: Counted
) -> None:
    """Take the patients on, one after the other; who cannot be is named in ``counted``, and the others go on."""
    for one in newcomers:
        with _Refusals(counted, FileKind.PATIENTS, one.line):
            await _take_on(context, clinic_id, one, counted)
            counted.patients += 1


async def _take_on(context: AppContext, clinic_id: UUID, one: Newcomer, counted: Counted) -> None:
    patient_id = await _registered(context, clinic_id, one)
    for given in one.infusions:
        if one.course.taken_on is None or not _is_before(given.given_at, one):
            await _infuse(context, clinic_id, patient_id, given)
        counted.infusions += 1
    drafts = [draft_of(item.id, item) for row in one.check_ins for item in [_check_in(one, row, patient_id)]]
    source = FromClinic(clinic_id=clinic_id, patient_id=patient_id, by=OPERATOR)
    for begin in range(0, len(drafts), _BATCH):
        recorded = await record(context, source, drafts[begin : begin + _BATCH])
        for outcome in recorded.items:
            if isinstance(outcome, RefusalError):
                raise outcome
    counted.check_ins += len(drafts)
    for total in one.totals:
        async with context.work(clinic_id, actor=OPERATOR) as work:
            await enter(work, patient_id, total.form())
        counted.assessments += 1
    await _choose(context, clinic_id, patient_id, one)


def _is_before(given_at: datetime, one: Newcomer) -> bool:
    joining = one.course.joining()
    return joining is not None and check_in_day(given_at, one.registration.time_zone) <= joining.on


async def _registered(context: AppContext, clinic_id: UUID, one: Newcomer) -> UUID:
    """Register the patient with the course, unless that was done before."""
    registration = one.registration.registration()
    async with context.work(clinic_id, actor=OPERATOR) as work:
        index = index_of(work.vault, work.clinic_id, registration.external_ref)
        patient_id = await patients.find_by_reference(work, index)
        if patient_id is None:
            made = await register(work, registration)
            patient_id = made.id
            joining = _joining(one)
            if joining is not None:
                await take_on(work, patient_id, joining)
            else:
                await enter_course(work, patient_id, one.course.planned())
    return patient_id


def _joining(one: Newcomer) -> Any:  # noqa: ANN401 - as `_read`
    """How the patient joins, with the infusions of the file that were given before."""
    if one.course.taken_on is None:
        return None
    known = [
        {
            "given_at": given.given_at.isoformat(),
            "dose_mg_per_kg": given.dose_mg_per_kg,
            "dose_mg": given.dose_mg,
            "route": given.route and given.route.value,
        }
        for given in one.infusions
        if _is_before(given.given_at, one)
    ]
    taken_on = one.course.taken_on.model_dump(mode="json") | {"infusions": known, "confirm": _CONFIRMED}
    return _read(CourseEntry, {"protocol": one.course.protocol, "taken_on": taken_on}).joining()


async def _infuse(context: AppContext, clinic_id: UUID, patient_id: UUID, given: InfusionEntry) -> None:
    try:
        async with context.work(clinic_id, actor=OPERATOR) as work:
            await enter_infusion(work, patient_id, given.given())
    except (InfusionExistsError, CourseExistsError):
        return


async def _choose(context: AppContext, clinic_id: UUID, patient_id: UUID, one: Newcomer) -> None:
    if one.reference is None:
        return
    async with context.work(clinic_id, actor=OPERATOR) as work:
        if not await chosen_references.all_of_patient(work, patient_id):
            await choose_reference(work, patient_id, one.reference)
