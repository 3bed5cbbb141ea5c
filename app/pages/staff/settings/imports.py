"""Importing a clinic's existing patients from files: file, check, import, each on one page; undone within a day."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.foundation.csv_tables import table_of
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.translations import Words, in_language, say
from app.imports import commands
from app.imports.clinic_files import FORMATS, ROWS_KEPT
from app.imports.commands import UNDONE_WITHIN, Import, UploadedFile
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, read_own_upload, staff_may
from app.pages.staff.wall_clock import day_written
from app.storage import file_imports
from app.studies.row_problems import FileKind
from app.web.pages.forms import Form

HERE: Final = f"{SETTINGS}/import"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayImport = Annotated[StaffVisitor, staff_may(Permission.CLINIC_CHANGE)]
KINDS: Final[Mapping[FileKind, str]] = {
    FileKind.PATIENTS: say("Patients and courses"),
    FileKind.INFUSIONS: say("Infusions"),
    FileKind.CHECK_INS: say("Past check-ins"),
    FileKind.ASSESSMENTS: say("Scale totals"),
}
_COLUMNS: Final[Mapping[str, str]] = {
    "patient": say("Chart number"),
    "time_zone": say("Time zone"),
    "locale": say("Language"),
    "protocol": say("Protocol"),
    "planned_infusions": say("Planned infusions"),
    "started_on": say("Course began on"),
    "taken_on": say("In maintenance here since"),
    "about_infusions": say("Earlier infusions, about"),
    "last_infusion_on": say("Last earlier infusion on"),
    "last_infusion_precision": say("How exactly that is known"),
    "reference_from": say("Well from"),
    "reference_to": say("Well until"),
    "given_at": say("Given at"),
    "phase": say("Phase (induction or booster)"),
    "dose_mg_per_kg": say("Dose in mg/kg"),
    "route": say("Route"),
    "recorded_at": say("Recorded at"),
    "mood": say("Mood, 0 to 10"),
    "energy": say("Energy, 0 to 10"),
    "sleep_quality": say("Sleep quality, 0 to 10"),
    "sleep_hours": say("Hours of sleep"),
    "taken_at": say("Taken at"),
    "scale": say("Scale"),
    "total": say("Total"),
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "patient": "RB-1204",
    "time_zone": "America/New_York",
    "locale": "en-US",
    "protocol": "standard",
    "planned_infusions": "6",
    "started_on": "2026-03-02",
    "given_at": "2026-03-02T10:00:00-05:00",
    "phase": "induction",
    "dose_mg_per_kg": "0.5",
    "route": "iv",
    "recorded_at": "2026-03-01T20:00:00-05:00",
    "mood": "3",
    "energy": "4",
    "sleep_quality": "4",
    "sleep_hours": "6.5",
    "taken_at": "2026-03-01T09:00:00-05:00",
    "scale": "phq-9",
    "total": "17",
}
_WORKING: Final = {
    "checking": say("Being checked"),
    "importing": say("Being imported"),
    "undoing": say("Being undone"),
}
_LOOK_AGAIN: Final = 3
_ROWS_SHOWN: Final = 50
_PAST_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChoice:
    """One column of ours, and which of the file's it is; ``needed``: the file cannot be read without it."""

    name: str
    label: str
    chosen: int | None
    needed: bool


@router.get("")
async def show_imports(visitor: MayImport) -> Response:
    """Ask for the first file, and list what was imported before."""
    return await _list(visitor)


@router.post("")
async def upload_first(visitor: MayImport) -> Response:
    """Begin an import with a file."""
    form, content = await read_own_upload(visitor, "file")
    try:
        import_id = await commands.start(visitor.work)
        await _add(visitor, import_id, form, content)
    except RefusalError as error:
        await visitor.work.start_over(snapshot=True)
        return await _list(visitor, error=error)
    return RedirectResponse(f"{HERE}/{import_id}", 303)


@router.get("/templates/{kind}.csv", dependencies=[staff_may(Permission.CLINIC_CHANGE)])
async def give_template(kind: str) -> Response:
    """Give a file with our columns and one example row."""
    columns = FORMATS[_kind(kind)].columns
    return _table("afterglow-" + kind, [columns, [_EXAMPLES.get(column, "") for column in columns]])


@router.get("/{import_id}")
async def show_import(import_id: UUID, visitor: MayImport) -> Response:
    """Show where an import is, and what can be done now."""
    return await _page(visitor, import_id)


@router.get("/{import_id}/rows.csv")
async def give_rows(import_id: UUID, visitor: MayImport) -> Response:
    """Give what was said about rows as a table."""
    found = (await commands.read_import(visitor.work, import_id)).stored.found or {}
    named = (say("file"), say("line"), say("what"), say("rows"), say("reason"))
    said = [
        (file, line, say("left out") if refused else say("warning"), rows, reason)
        for file, line, reason, refused, rows in _reasoned(found.get("imported", found).get("rows", ()))
    ]
    return _table("afterglow-rows", [in_language(one, visitor.language) for one in (named, *said)])


@router.post("/{import_id}/files")
async def upload_another(import_id: UUID, visitor: MayImport) -> Response:
    """Add a file, or put it in the place of the one of its kind."""
    form, content = await read_own_upload(visitor, "file")
    return await _done(visitor, import_id, lambda: _add(visitor, import_id, form, content))


@router.post("/{import_id}/check")
async def check(import_id: UUID, visitor: MayImport) -> Response:
    """Have every row checked; nothing is imported by it."""
    form = await read_own_form(visitor)

    async def checked() -> None:
        one = await commands.read_import(visitor.work, import_id)
        columns = {kind: _columns_in(form, kind) for kind in one.files}
        await commands.check(visitor.work, import_id, columns)

    return await _done(visitor, import_id, checked, typed=form)


@router.post("/{import_id}/confirm")
async def confirm(import_id: UUID, visitor: MayImport) -> Response:
    """Have all patients imported, or the good ones."""
    form = await read_own_form(visitor)
    only_good = form["which"] == "good"
    return await _done(
        visitor, import_id, lambda: commands.confirm(visitor.work, import_id, only_good=only_good)
    )


@router.post("/{import_id}/undo")
async def undo(import_id: UUID, visitor: MayImport) -> Response:
    """Have the imported patients erased again."""
    await read_own_form(visitor)
    return await _done(visitor, import_id, lambda: commands.undo(visitor.work, import_id))


@router.post("/{import_id}/discard")
async def discard(import_id: UUID, visitor: MayImport) -> Response:
    """Forget the files that were uploaded."""
    await read_own_form(visitor)
    try:
        await commands.discard(visitor.work, import_id)
    except RefusalError as error:
        await visitor.work.start_over(snapshot=True)
        return await _page(visitor, import_id, error=error)
    return RedirectResponse(HERE, 303)


async def _done(
    visitor: StaffVisitor, import_id: UUID, act: Callable[[], Awaitable[None]], *, typed: Form | None = None
) -> Response:
    try:
        await act()
    except NotFoundError:
        raise
    except RefusalError as error:
        await visitor.work.start_over(snapshot=True)
        return await _page(visitor, import_id, typed=typed, error=error)
    return RedirectResponse(f"{HERE}/{import_id}", 303)


async def _add(visitor: StaffVisitor, import_id: UUID, form: Mapping[str, str], content: bytes) -> None:
    kind = _kind(form["kind"])
    await commands.add_file(visitor.work, import_id, kind, name=KINDS[kind], content=content)


def _kind(text: str) -> FileKind:
    found = next((one for one in KINDS if one.value == text), None)
    if found is None:
        raise NotFoundError
    return found


def _columns_in(form: Mapping[str, str], kind: FileKind) -> dict[str, int]:
    """Read which of the file's columns each of ours is; a number that is none is no choice."""
    typed = {column: form[f"{kind}/{column}"] for column in FORMATS[kind].columns}
    return {
        column: int(text)
        for column, text in typed.items()
        if text.isascii() and text.isdigit() and len(text) < len(str(ROWS_KEPT))
    }


async def _list(visitor: StaffVisitor, *, error: RefusalError | None = None) -> Response:
    return await settings_page(
        visitor,
        "settings_import_start.html",
        here=HERE,
        error=error,
        kinds=KINDS,
        past=await file_imports.latest(visitor.work, limit=_PAST_SHOWN),
    )


async def _page(
    visitor: StaffVisitor, import_id: UUID, *, typed: Form | None = None, error: RefusalError | None = None
) -> Response:
    one = await commands.read_import(visitor.work, import_id)
    stored, found = one.stored, one.stored.found or {}
    may_undo = (
        stored.state == "imported"
        and stored.ended_at is not None
        and visitor.work.now - stored.ended_at <= UNDONE_WITHIN
    )
    reported = found.get("imported", found)
    return await settings_page(
        visitor,
        "settings_import.html",
        here=HERE,
        error=error,
        one=stored,
        working=_WORKING.get(stored.state, ""),
        look_again=_LOOK_AGAIN,
        kinds=KINDS,
        uploaded=[
            (kind, KINDS[kind], file.header(kind), _choices(kind, file, typed)) for kind, file in _sorted(one)
        ],
        found=found,
        left_out=found["all"]["patients"] - found["good"]["patients"] if "all" in found else 0,
        rows=_rows_shown(reported.get("rows", ())),
        rows_left=max(0, reported.get("refused", 0) - _ROWS_SHOWN),
        quarter=_quarter(found),
        may_undo=may_undo,
        wrong_at="" if error is None or error.pointer is None else error.pointer.removeprefix("#/"),
    )


def _rows_shown(rows: Sequence[Any]) -> list[Any]:
    """The first rows that are left out, and every kind of warning."""
    refused = [one for one in rows if one[3]]
    return _reasoned([*refused[:_ROWS_SHOWN], *(one for one in rows if not one[3])])


def _reasoned(rows: Sequence[Any]) -> list[Any]:
    """Give rows with their reasons as words; those of before they were translated are English."""
    return [
        (file, line, Words(reason) if isinstance(reason, str) else Words.from_parts(reason), refused, times)
        for file, line, reason, refused, times in rows
    ]


def _sorted(one: Import) -> list[tuple[FileKind, UploadedFile]]:
    return [(kind, one.files[kind]) for kind in KINDS if kind in one.files]


def _choices(kind: FileKind, file: UploadedFile, typed: Form | None) -> list[ColumnChoice]:
    form, columns = FORMATS[kind], file.columns if typed is None else _columns_in(typed, kind)
    return [
        ColumnChoice(
            name=column,
            label=_COLUMNS[column],
            chosen=columns.get(column),
            needed=column in form.required and column != "time_zone",
        )
        for column in form.columns
    ]


def _quarter(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Put the last quarter into numbers and days that a person reads."""
    if "quarter" not in found:
        return None
    quarter = found["quarter"]
    raised = [
        (line, [day_written(date.fromisoformat(day)) for day in days]) for line, days in quarter["raised"]
    ]
    return {
        **quarter,
        "signals": sum(len(days) for _, days in raised),
        "raised": raised[:_ROWS_SHOWN],
        "with_signals": len(raised),
    }


def _table(name: str, rows: list[Any]) -> Response:
    return Response(
        table_of(rows),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{name}.csv"',
            "cache-control": "no-store",
        },
    )
