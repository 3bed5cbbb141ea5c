"""An import on pages: files are uploaded and their columns named, all is checked, then imported, then perhaps undone.

Nothing but the sealed files is kept before an owner has seen the check and confirmed it. The worker does what takes
long, one step of one clinic at a time; a step that was killed goes on where it stopped.
"""

import asyncio
import json
import zlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from app.access.clinics.policy import active_protocol
from app.access.clinics.queries import clinic_in
from app.care.assessments.queries import list_scales
from app.care.consent.erasure import erase_unasked
from app.care.patients.commands import PatientExistsError
from app.care.patients.sealed_fields import chart_number_index
from app.clinical.protocol import Protocol
from app.clinical.scales import Scale
from app.context import AppContext, Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import NotFoundError, RefusalError, RefusalKind
from app.foundation.ids import new_id
from app.imports.clinic_files import FORMATS, PATIENTS, ClinicFiles, Counted, Newcomer, read_files
from app.imports.job import WORK_ON_IMPORT
from app.imports.past_quarter import past_quarter
from app.imports.taking_on import Importing
from app.storage import audit_log, file_imports, patients
from app.storage.audit_log import AuditFilter
from app.storage.engine.jobs import STUDIES_QUEUE
from app.storage.file_imports import FileImport
from app.studies.csv_rows import SeenHeader, header_of
from app.studies.errors import StudyError
from app.studies.row_problems import FileKind

UNDONE_WITHIN: Final = timedelta(days=1)
_CELL: Final = {"table": "file_imports", "column": "files_sealed"}
_AT_WORK: Final = frozenset({"checking", "importing", "undoing"})
_LAST: Final = -10
_AT_ONCE: Final = 50


class NoImportFileError(RefusalError):
    """Please choose a CSV file with a first line that names its columns; it may have up to 6 MB."""

    code = "no-import-file"


class ImportColumnMissingError(RefusalError):
    """A file needs this column: please choose which one it is."""

    code = "import-column-missing"


class ImportMovedOnError(RefusalError):
    """This import has moved on meanwhile; please look at where it is now."""

    kind = RefusalKind.CONFLICT
    code = "import-moved-on"


class ImportUndoOverError(RefusalError):
    """An import can be undone within a day; later, patients who are here in error are archived."""

    kind = RefusalKind.CONFLICT
    code = "import-undo-over"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A file as it was uploaded, and where its columns stand."""

    name: str
    content: bytes
    columns: Mapping[str, int]

    def header(self, kind: FileKind) -> SeenHeader:
        """How it begins."""
        return header_of(self.content, FORMATS[kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import with what was uploaded for it, by kind of file; nothing any more once it is imported."""

    stored: FileImport
    files: Mapping[FileKind, UploadedFile] = field(default_factory=dict)


async def start(work: Work) -> UUID:
    """Begin an import; what was uploaded before and never imported is forgotten. Gives its id."""
    one = FileImport(id=new_id(), made_at=work.now, made_by=work.actor.id, state="open")
    await file_imports.add(work, one)
    work.audit("import.started", "file_import", one.id)
    return one.id


async def read_import(work: Work, import_id: UUID) -> Import:
    """Give an import; while the worker has it, without its files, which take a while to open.

    Raises:
        NotFoundError: there is none; a later one may have taken its place.
    """
    stored = await _existing(work, import_id)
    return Import(stored=stored) if stored.state in _AT_WORK else _opened(work, stored)


async def add_file(work: Work, import_id: UUID, kind: FileKind, *, name: str, content: bytes) -> None:
    """Add a file, or put it in the place of the one of its kind; its columns are guessed by their names.

    Raises:
        NoImportFileError: it is empty, or its first line cannot be read.
        ImportMovedOnError: it is being imported already.
    """
    one = await _changeable(work, import_id)
    try:
        header = header_of(content, FORMATS[kind])
    except StudyError:
        raise NoImportFileError(f"#/{kind}") from None
    if not content.strip():
        raise NoImportFileError(f"#/{kind}")
    file = UploadedFile(name=name, content=content, columns=header.guess(FORMATS[kind]))
    await _keep(work, one, {**one.files, kind: file})


async def check(work: Work, import_id: UUID, columns: Mapping[FileKind, Mapping[str, int]]) -> None:
    """Have every row checked, with the columns where they were said to stand. Nothing is imported by it.

    Raises:
        NoImportFileError: there is no file of patients.
        ImportColumnMissingError: a column that a file needs was not named.
    """
    one = await _changeable(work, import_id)
    if FileKind.PATIENTS not in one.files:
        raise NoImportFileError(f"#/{FileKind.PATIENTS}")
    files = {
        kind: UploadedFile(name=file.name, content=file.content, columns=columns.get(kind, file.columns))
        for kind, file in one.files.items()
    }
    missing = [
        ImportColumnMissingError(f"#/{kind}/{column}")
        for kind, file in files.items()
        for column in FORMATS[kind].required
        if column not in file.columns and (kind, column) != (FileKind.PATIENTS, "time_zone")
    ]
    if missing:
        raise missing[0]
    await _keep(work, one, files)
    await _queue(work, import_id, "checking")


async def confirm(work: Work, import_id: UUID, *, only_good: bool) -> None:
    """Have the patients imported: all without their refused rows, or only those none of whose rows was refused.

    Raises:
        ImportMovedOnError: it was not checked, or is imported.
    """
    one = await _existing(work, import_id, lock=True)
    if one.state != "checked":
        raise ImportMovedOnError
    await file_imports.change(work, import_id, only_good=only_good)
    await _queue(work, import_id, "importing")


async def undo(work: Work, import_id: UUID) -> None:
    """Have the patients that it registered erased again, except those with whom someone has worked since.

    Raises:
        ImportMovedOnError: it is not imported, or is undone.
        ImportUndoOverError: it was imported more than a day ago.
    """
    one = await _existing(work, import_id, lock=True)
    if one.state != "imported" or one.ended_at is None:
        raise ImportMovedOnError
    if work.now - one.ended_at > UNDONE_WITHIN:
        raise ImportUndoOverError
    await _queue(work, import_id, "undoing")


async def discard(work: Work, import_id: UUID) -> None:
    """Forget what was uploaded and not imported.

    Raises:
        ImportMovedOnError: it is being imported.
    """
    if not await file_imports.forget(work, import_id, ("open", "checking", "checked")):
        raise ImportMovedOnError
    work.audit("import.discarded", "file_import", import_id)


async def work_on(context: AppContext, clinic_id: UUID, import_id: UUID) -> None:
    """Do the step that an import waits for."""
    async with context.work(clinic_id) as work:
        one = await file_imports.find(work, import_id)
        opened = None if one is None else _opened(work, one)
    if one is None or opened is None:
        return
    by = Actor(kind=ActorKind.STAFF, id=one.made_by)
    if one.state == "checking":
        await _check(context, clinic_id, opened)
    elif one.state == "importing":
        await _import(context, clinic_id, opened, by)
    elif one.state == "undoing":
        await _undo(context, clinic_id, one, by)


async def _check(context: AppContext, clinic_id: UUID, one: Import) -> None:
    counted = Counted()
    async with context.work(clinic_id) as work:
        zone = (await clinic_in(work)).time_zone
        protocol = await active_protocol(work)
        scales = {scale.key: scale for scale in await list_scales(work)}
    newcomers = await asyncio.to_thread(read_files, _files_of(one, zone), counted)
    async with context.work(clinic_id) as work:
        there = [line for one in newcomers for line in [await _line_if_there(work, one)] if line]
    for line in there:
        counted.refuse(FileKind.PATIENTS, line, PatientExistsError.message())
    new = [one for one in newcomers if one.line not in there]
    found = await asyncio.to_thread(_found, new, counted, scales, protocol, context.clock.now())
    async with context.work(clinic_id) as work:
        still = await file_imports.find(work, one.stored.id, lock=True)
        if still is None or still.state != "checking":
            return
        await file_imports.change(work, one.stored.id, state="checked", found=found)
        work.audit("import.checked", "file_import", one.stored.id)


async def _line_if_there(work: Work, one: Newcomer) -> int | None:
    index = chart_number_index(work, one.registration.external_ref)
    return None if await patients.find_by_chart_number(work, index) is None else one.line


def _found(
    newcomers: list[Newcomer],
    counted: Counted,
    scales: Mapping[str, Scale],
    protocol: Protocol,
    now: datetime,
) -> dict[str, Any]:
    good = [one for one in newcomers if one.good]
    quarter = past_quarter(newcomers, scales=scales, protocol=protocol, now=now)
    return {
        "all": _counts(newcomers),
        "good": _counts(good),
        "lines": [one.line for one in newcomers],
        **_reported(counted),
        "quarter": {
            "patients": quarter.patients,
            "watched": quarter.watched,
            "years": round(quarter.years, 2),
            "raised": [[line, [str(day) for day in days]] for line, days in quarter.raised],
        },
    }


def _counts(newcomers: list[Newcomer]) -> dict[str, int]:
    return {
        "patients": len(newcomers),
        "infusions": sum(len(one.infusions) for one in newcomers),
        "check_ins": sum(len(one.check_ins) for one in newcomers),
        "assessments": sum(len(one.totals) for one in newcomers),
    }


def _reported(counted: Counted) -> dict[str, Any]:
    return {
        "rows": [[one.file, one.line, one.reason.parts(), one.refused, one.rows] for one in counted.reports],
        "refused": counted.refused_count,
        "warned": sum(one.rows for one in counted.warnings.values()),
    }


async def _import(context: AppContext, clinic_id: UUID, one: Import, by: Actor) -> None:
    async with context.work(clinic_id) as work:
        zone = (await clinic_in(work)).time_zone
    newcomers = await asyncio.to_thread(read_files, _files_of(one, zone), Counted())
    checked = one.stored.found or {}
    chosen = [
        newcomer
        for newcomer in newcomers
        if newcomer.line in checked["lines"] and (newcomer.good or not one.stored.only_good)
    ]
    done = Counted()
    importing = Importing(context=context, clinic_id=clinic_id, actor=by, import_id=one.stored.id)
    await importing.import_all(chosen, done)
    counts = {name: getattr(done, name) for name in ("patients", "infusions", "check_ins", "assessments")}
    async with context.work(clinic_id, actor=by) as work:
        await file_imports.change(
            work,
            one.stored.id,
            state="imported",
            ended_at=work.now,
            files_sealed=None,
            found={**checked, "imported": {**counts, **_reported(done)}},
        )
        work.audit("import.imported", "file_import", one.stored.id)


async def _undo(context: AppContext, clinic_id: UUID, one: FileImport, by: Actor) -> None:
    kept: Counter[bool] = Counter()
    for patient_id in one.patient_ids:
        try:
            async with context.work(clinic_id, actor=by) as work:
                if await _worked_with(work, one, patient_id):
                    kept[True] += 1
                else:
                    await erase_unasked(work, patient_id)
        except NotFoundError:
            continue
        except RefusalError:
            kept[True] += 1
    async with context.work(clinic_id, actor=by) as work:
        found = {**(one.found or {}), "kept": kept[True]}
        await file_imports.change(work, one.id, state="undone", found=found)
        work.audit("import.undone", "file_import", one.id)


async def _worked_with(work: Work, one: FileImport, patient_id: UUID) -> bool:
    """Whether a person, a program or the patient changed anything about the patient since the import."""
    after = (one.ended_at or one.made_at) + timedelta.resolution
    until = work.now + timedelta(seconds=1)
    wanted = AuditFilter(since=after, until=until, patient_id=patient_id, changes_only=True)
    events = await audit_log.page(work, wanted, before=None, limit=_AT_ONCE)
    return any(event.actor_kind != ActorKind.SYSTEM for event, _ in events)


async def _existing(work: Work, import_id: UUID, *, lock: bool = False) -> FileImport:
    one = await file_imports.find(work, import_id, lock=lock)
    if one is None:
        raise NotFoundError
    return one


async def _changeable(work: Work, import_id: UUID) -> Import:
    one = await _existing(work, import_id, lock=True)
    if one.state not in {"open", "checked"}:
        raise ImportMovedOnError
    return _opened(work, one)


async def _queue(work: Work, import_id: UUID, state: str) -> None:
    await file_imports.change(work, import_id, state=state)
    work.audit(f"import.{state}", "file_import", import_id)
    work.queue(
        WORK_ON_IMPORT,
        priority=_LAST,
        lock=f"{WORK_ON_IMPORT} {work.clinic_id}",
        queue=STUDIES_QUEUE,
        clinic_id=work.clinic_id,
        import_id=import_id,
    )


async def _keep(work: Work, one: Import, files: Mapping[FileKind, UploadedFile]) -> None:
    said = {
        kind.value: {
            "name": file.name,
            "columns": dict(file.columns),
            "content": b64encode(zlib.compress(file.content)).decode(),
        }
        for kind, file in files.items()
    }
    sealed = work.vault.seal(json.dumps(said), clinic_id=work.clinic_id, row_id=one.stored.id, **_CELL)
    await file_imports.change(work, one.stored.id, state="open", found=None, files_sealed=sealed)
    work.audit("import.file_added", "file_import", one.stored.id)


def _opened(work: Work, one: FileImport) -> Import:
    if one.files_sealed is None:
        return Import(stored=one)
    said = json.loads(work.vault.open(one.files_sealed, clinic_id=work.clinic_id, row_id=one.id, **_CELL))
    files = {
        FileKind(kind): UploadedFile(
            name=file["name"], columns=file["columns"], content=zlib.decompress(b64decode(file["content"]))
        )
        for kind, file in said.items()
    }
    return Import(stored=one, files=files)


def _files_of(one: Import, time_zone: str) -> ClinicFiles:
    by_name = {kind.value.replace("-", "_"): file.content for kind, file in one.files.items()}
    return ClinicFiles(
        **{PATIENTS.file.value: b"", **by_name},
        columns={kind: file.columns for kind, file in one.files.items()},
        time_zone=time_zone,
    )
