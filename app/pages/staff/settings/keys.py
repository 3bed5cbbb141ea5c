"""API keys: what programs may do; made, shown once, revoked."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.keys import NewKey, list_keys, make_key, revoke_key
from app.access.clinics.permissions import Permission, Scope
from app.access.clinics.schemas import KeyEntry
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.staff.asked_form import entry_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.pages.forms import NOTHING_FILLED_IN, Form

HERE: Final = f"{SETTINGS}/keys"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayManageKeys = Annotated[StaffVisitor, staff_may(Permission.API_KEYS)]


_SCOPES_SAID: Final[Mapping[Scope, str]] = {
    Scope.CLINIC: say("The clinic's settings"),
    Scope.PATIENTS: say("Patients"),
    Scope.TREATMENT: say("Treatment"),
    Scope.CHECK_INS: say("Check-ins"),
    Scope.SIGNALS: say("Signals"),
    Scope.SAFETY: say("Safety events"),
    Scope.WEBHOOKS: say("Webhooks"),
    Scope.EVENTS: say("The stream of events"),
    Scope.RIGHTS: say("Export and erasure"),
    Scope.API_KEYS: say("API keys"),
    Scope.INSIGHTS: say("Reports"),
    Scope.AUDIT: say("Audit log"),
    Scope.STAFF: say("Staff"),
    Scope.FHIR_EXPORT: say("FHIR export of the whole clinic"),
}


@router.get("")
async def show_keys(visitor: MayManageKeys) -> Response:
    """List the keys."""
    return await _page(visitor, revoked="revoked" in visitor.request.query_params)


@router.post("")
async def make_new_key(visitor: MayManageKeys) -> Response:
    """Make a key, and show its secret, this once."""
    form, caller = await read_own_form(visitor), visitor.signed_in

    async def change() -> NewKey:
        chosen = [scope.value for scope in Scope if form[f"scope_{scope.value}"]]
        entry = entry_of(KeyEntry, {"name": form["name"].strip(), "scopes": chosen})
        return await make_key(visitor.work, name=entry.name, scopes=entry.scopes, own_scopes=caller.may_give)

    return await visitor.go_on(change, to=lambda new: _page(visitor, new=new), again=_page, typed=form)


@router.post("/{key_id}/revoke")
async def revoke(key_id: UUID, visitor: MayManageKeys) -> Response:
    """Let a key open nothing any more."""
    await read_own_form(visitor)
    return await visitor.go_on(lambda: revoke_key(visitor.work, key_id), to=f"{HERE}?revoked", again=_page)


async def _page(
    visitor: StaffVisitor,
    *,
    new: NewKey | None = None,
    revoked: bool = False,
    typed: Form | None = None,
    error: RefusalError | None = None,
) -> Response:
    return await settings_page(
        visitor,
        "settings_keys.html",
        here=HERE,
        error=error,
        keys=await list_keys(visitor.work),
        scopes={one: said for one, said in _SCOPES_SAID.items() if one in visitor.signed_in.may_give},
        said=_SCOPES_SAID,
        new=new,
        revoked=revoked,
        typed=typed or NOTHING_FILLED_IN,
    )
