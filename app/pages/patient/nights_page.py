"""Nights that the patient's phone measured: switched on and off here, looked at, and taken back one by one."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.care.sleep_nights.commands import switch_import, withdraw
from app.care.sleep_nights.queries import list_nights
from app.foundation.translations import Words, joined, say
from app.pages.patient.page_route import PatientPageRoute, render
from app.pages.patient.visitor import SignedInVisitor, read_own_form
from app.storage import sleep_nights
from app.storage.sleep_nights import SleepNight
from app.web.pages.forms import OwnFormOnly
from app.web.pages.wording import write_short_day

NIGHTS: Final = "/p/nights"
_MOST: Final = 30

router = APIRouter(prefix=NIGHTS, route_class=PatientPageRoute, include_in_schema=False)


@router.get("")
async def show_nights(visitor: SignedInVisitor) -> Response:
    """Show whether nights are imported, and those that are kept."""
    patient_id = visitor.signed_in.patient_id
    found = await list_nights(visitor.work, patient_id, before=None, limit=_MOST)
    return render(
        visitor,
        "nights.html",
        here=NIGHTS,
        notice=say("Saved.") if "saved" in visitor.request.query_params else "",
        is_on=await sleep_nights.import_since(visitor.work, patient_id) is not None,
        nights=[
            {"id": one.id, "day": write_short_day(one.night, visitor.language), "said": measured([one])}
            for one in found
        ],
    )


@router.post("", dependencies=[OwnFormOnly])
async def switch(visitor: SignedInVisitor) -> Response:
    """Switch the import on or off."""
    form = await read_own_form(visitor)
    await switch_import(visitor.work, visitor.signed_in.patient_id, on=form["on"] == "yes")
    return RedirectResponse(f"{NIGHTS}?saved", 303)


@router.post("/{night_id}/take-back", dependencies=[OwnFormOnly])
async def take_back(night_id: UUID, visitor: SignedInVisitor) -> Response:
    """Take a night back: it is no longer shown, and stays marked on the record."""
    await read_own_form(visitor)
    await withdraw(visitor.work, visitor.signed_in.patient_id, night_id)
    return RedirectResponse(f"{NIGHTS}?saved", 303)


def measured(nights: Sequence[SleepNight]) -> Words:
    """Say how long a phone measured sleep in a night, each source for itself."""
    return joined(
        say(
            "{hours} h {minutes} min ({app})",
            hours=one.asleep_minutes // 60,
            minutes=one.asleep_minutes % 60,
            app=one.app,
        )
        for one in nights
    )
