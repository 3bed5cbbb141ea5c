"""What the clinic uses, and all that it has as one file to take along."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from app.access.clinics.permissions import Permission
from app.context import AppContext
from app.foundation.translations import say
from app.interop.archive.making import archive_of_clinic
from app.interop.archive.tables import lines_of_table, table_named
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.storage.archived_tables import ArchivedTable
from app.storage.usage import usage
from app.web.dependencies import ContextNeeded

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
async def show_data(context: ContextNeeded, visitor: MayTakeAlong) -> Response:
    """Show how much there is, and the way to take it along."""
    found = await usage(visitor.work, since=visitor.work.now - _COUNTED_DAYS)
    figures = (
        (say("Patients"), found.patients, say("and {count} archived", count=found.archived)),
        (say("Devices"), found.devices, say("phones and browsers that may report")),
        (say("Check-ins"), found.check_ins, say("in the last 30 days")),
        (say("Messages"), found.messages, say("by e-mail, push or text in the last 30 days")),
        (say("Deliveries"), found.deliveries, say("to your systems in the last 30 days")),
    )
    return await settings_page(
        context, visitor, "settings_data.html", here=HERE, figures=figures, tables=TITLES
    )


@router.post("/archive")
async def download_archive(request: Request, context: ContextNeeded, visitor: MayTakeAlong) -> Response:
    """Give the clinic's archive, all of it as it is at this moment; the audit log says who took it."""
    await read_own_form(request, context, visitor)
    # Before the first line leaves: one who breaks off has read what came until then.
    visitor.work.record_access("archive", patient_id=None)
    name = f"afterglow-{visitor.work.now:%Y-%m-%d}.ndjson"
    return StreamingResponse(
        _archive(context, visitor),
        media_type="application/x-ndjson",
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


@router.post("/table")
async def download_table(request: Request, context: ContextNeeded, visitor: MayTakeAlong) -> Response:
    """Give one kind of record as a table for a spreadsheet; the audit log says who took it."""
    form = await read_own_form(request, context, visitor)
    table = table_named(form["table"])
    visitor.work.record_access(f"table_{table.name}", patient_id=None)
    name = f"afterglow-{table.name.replace('_', '-')}-{visitor.work.now:%Y-%m-%d}.csv"
    return StreamingResponse(
        _table(context, visitor, table),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


async def _table(context: AppContext, visitor: StaffVisitor, table: ArchivedTable) -> AsyncIterator[bytes]:
    caller = visitor.signed_in
    async with context.work(caller.clinic_id, actor=caller.actor, snapshot=True) as work:
        async for lines in lines_of_table(work, table):
            yield lines


async def _archive(context: AppContext, visitor: StaffVisitor) -> AsyncIterator[bytes]:
    caller = visitor.signed_in
    async with context.work(caller.clinic_id, actor=caller.actor, snapshot=True) as work:
        async for line in archive_of_clinic(work):
            yield line
