"""Erasure requests: approved or declined by an owner; a patient who asked is answered either way."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.care.consent import erasure
from app.care.consent.schemas import ErasureDeclining
from app.care.patients.queries import chart_numbers_of
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.staff.asked_form import entry_of, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may

HERE: Final = f"{SETTINGS}/erasure"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayServeRights = Annotated[StaffVisitor, staff_may(Permission.RIGHTS)]
_STATES: Final = ["open", "approved", "declined"]
_MOST: Final = 100
_NONE_WRITTEN: Final[Mapping[UUID, str]] = {}
_DONE: Final = {"approved": say("The patient is erased."), "declined": say("The patient is shown why.")}


@router.get("")
async def show_requests(visitor: MayServeRights) -> Response:
    """List the requests, the open ones with what can be done."""
    return await _page(visitor, done=visitor.request.query_params.get("done", ""))


@router.post("/{request_id}/approve")
async def approve(request_id: UUID, visitor: MayServeRights) -> Response:
    """Erase the patient, for good."""
    form = await read_own_form(visitor)
    if form["sure"] != "yes":
        return RedirectResponse(HERE, 303)
    return await visitor.go_on(
        lambda: erasure.approve(visitor.work, request_id, version=version_of(form)),
        to=f"{HERE}?done=approved",
        again=_page,
    )


@router.post("/{request_id}/decline")
async def decline(request_id: UUID, visitor: MayServeRights) -> Response:
    """Keep the patient, with a reason that the patient is shown."""
    form = await read_own_form(visitor)

    async def change() -> None:
        entry = entry_of(ErasureDeclining, {"reason": form["reason"].strip()})
        await erasure.decline(visitor.work, request_id, reason=entry.reason, version=version_of(form))

    reasons = {request_id: form["reason"]}
    return await visitor.go_on(change, to=f"{HERE}?done=declined", again=_page, reasons=reasons)


async def _page(
    visitor: StaffVisitor,
    *,
    done: str = "",
    error: RefusalError | None = None,
    reasons: Mapping[UUID, str] = _NONE_WRITTEN,
) -> Response:
    found = await erasure.list_requests(visitor.work, states=_STATES, after=None, limit=_MOST)
    names = await chart_numbers_of(visitor.work, [one.patient_id for one in found])
    return await settings_page(
        visitor,
        "settings_erasure.html",
        here=HERE,
        error=error,
        requests=[(one, names.get(one.patient_id, say("Patient erased"))) for one in reversed(found)],
        reasons=reasons,
        done=_DONE.get(done, ""),
    )
