"""What the clinic uses, and all that it has as one file to take along."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from app.access.clinics.permissions import Permission
from app.foundation.translations import say
from app.interop.archive.making import archive_of_clinic
from app.interop.archive.tables import lines_of_table, table_named
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.storage.usage import usage
from app.web.spooled import read_through, written

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
