"""What the clinic uses, and all that it has as one file to take along; it is written first, then sent."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Annotated, BinaryIO, Final

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from app.access.clinics.permissions import Permission
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.translations import say
from app.interop.archive.making import archive_of_clinic
from app.interop.archive.tables import lines_of_table, table_named
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.storage.usage import usage

_PIECE_BYTES: Final = 1 << 20


class NoRoomForFileError(RefusalError):
    """There is no room for this file on the server, and nothing was made; please have the operator free some."""

    kind = RefusalKind.UNAVAILABLE
    code = "no-room-for-file"


async def written(lines: AsyncIterator[bytes]) -> BinaryIO:
    """Write lines to a file without a name, which only this process can read, and which ends with it.

    Raises:
        NoRoomForFileError: there is no folder for it, or the disk takes no more; nothing stays behind.
    """
    with _room_needed():
        file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    piece = bytearray()
    try:
        async for line in lines:
            piece += line
            if len(piece) >= _PIECE_BYTES:
                with _room_needed():
                    await asyncio.to_thread(file.write, bytes(piece))
                piece.clear()
        with _room_needed():
            await asyncio.to_thread(file.write, bytes(piece))
            await asyncio.to_thread(file.flush)
    except BaseException:
        with suppress(OSError):  # what did not fit is tried once more
            file.close()
        raise
    return file


@contextmanager
def _room_needed() -> Iterator[None]:
    """Only the file's own errors say so: whoever makes the lines has others, such as the database's."""
    try:
        yield
    except OSError as error:
        raise NoRoomForFileError from error


def read_through(file: BinaryIO) -> Iterator[bytes]:
    """Give a written file from its beginning, and close it at the end."""
    with file:
        file.seek(0)
        while piece := file.read(_PIECE_BYTES):
            yield piece


HERE: Final = f"{SETTINGS}/data"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayTakeAlong = Annotated[StaffVisitor, staff_may(Permission.RIGHTS)]
TITLES: Final = {
    "patients": say("Patients"),
    "check_ins": say("Check-ins"),
    "sleep_nights": say("Nights from phones"),
    "assessments": say("Scales"),
    "courses": say("Courses"),
    "infusions": say("Infusions"),
    "appointments": say("Appointments"),
    "circumstances": say("What else changed"),
    "signals": say("Signals"),
    "safety_events": say("Safety events"),
    "findings": say("For the team"),
    "consents": say("Consent"),
    "chosen_references": say("References"),
    "care_plans": say("Plans and precautions"),
    "reminder_plans": say("Reminders"),
    "outgoing_messages": say("Messages"),
    "received_texts": say("Text messages received"),
}
_COUNTED_DAYS: Final = timedelta(days=30)


@router.get("")
async def show_data(visitor: MayTakeAlong) -> Response:
    """Show how much there is, and the way to take it along."""
    found = await usage(visitor.work, since=visitor.work.now - _COUNTED_DAYS)
    figures = (
        (say("Patients"), found.patients, say("and {count} archived", count=found.archived)),
        (say("Devices"), found.devices, say("phones and browsers that may report")),
        (say("Check-ins"), found.check_ins, say("in the last 30 days")),
        (say("Messages"), found.messages, say("by e-mail, push or text in the last 30 days")),
        (say("Deliveries"), found.deliveries, say("to your systems in the last 30 days")),
    )
    return await settings_page(visitor, "settings_data.html", here=HERE, figures=figures, tables=TITLES)


@router.post("/archive")
async def download_archive(visitor: MayTakeAlong) -> Response:
    """Give the clinic's archive, all of it as it is at this moment; the audit log says who took it."""
    await read_own_form(visitor)
    await visitor.work.start_over(snapshot=True)
    visitor.work.record_access("archive", patient_id=None)
    name = f"afterglow-{visitor.work.now:%Y-%m-%d}.ndjson"
    return await _file(archive_of_clinic(visitor.work), name=name, media_type="application/x-ndjson")


@router.post("/table")
async def download_table(visitor: MayTakeAlong) -> Response:
    """Give one kind of record as a table for a spreadsheet; the audit log says who took it."""
    form = await read_own_form(visitor)
    table = table_named(form["table"])
    await visitor.work.start_over(snapshot=True)
    visitor.work.record_access(f"table_{table.name}", patient_id=None)
    name = f"afterglow-{table.name.replace('_', '-')}-{visitor.work.now:%Y-%m-%d}.csv"
    return await _file(lines_of_table(visitor.work, table), name=name, media_type="text/csv; charset=utf-8")


async def _file(lines: AsyncIterator[bytes], *, name: str, media_type: str) -> Response:
    """Give lines as a file. They are all read, and the transaction has ended, before the first of them leaves."""
    return StreamingResponse(
        read_through(await written(lines)),
        media_type=media_type,
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )
