"""Connections: where staff sign in, the EHR, whom these systems name, and programs that read by themselves."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics import browser_origins
from app.access.clinics.permissions import Permission, StaffRole
from app.access.clinics.schemas import BrowserOrigins
from app.access.staff.queries import active_names
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.interop.ehr.cds_hooks import hooks_url
from app.interop.ehr.reading import queue_reading
from app.interop.smart import backend_services, systems
from app.interop.smart.single_sign_on import EHR, SIGN_IN, redirect_uri
from app.interop.smart.systems import NewSystem
from app.pages.staff.asked_form import entry_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.team_page import ROLE_NAMES
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.storage import backend_clients, connected_systems
from app.web.pages.forms import NOTHING_FILLED_IN, Form

HERE: Final = f"{SETTINGS}/connections"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayConnect = Annotated[StaffVisitor, staff_may(Permission.CONNECTIONS)]
_DONE: Final = {
    "connected": say("Connected. Give your staff the address below."),
    "removed": say("Removed. Nobody comes in by it any more."),
    "reading": say("It is being read; what that did stands here within minutes."),
    "linked": say("Saved. It counts from the next sign-in on."),
    "origins": say("Saved. It counts from the next call on."),
    "registered": say("Registered. The client id is in the list."),
    "revoked": say("Revoked. It opens nothing any more."),
}
_LONGEST_KEYS: Final = 20_000
_LONGEST_ADDRESS: Final = 2000


@router.get("")
async def show_connections(visitor: MayConnect) -> Response:
    """List the connections."""
    return await _page(visitor, done=visitor.request.query_params.get("done", ""))


@router.post("/systems")
async def connect_system(visitor: MayConnect) -> Response:
    """Connect a system."""
    form = await read_own_form(visitor)
    roles = {
        group.strip(): role
        for role in StaffRole
        for group in form[f"group_{role.value}"].split(",")
        if group.strip()
    }
    new = NewSystem(
        kind=form["kind"],
        name=form["name"],
        issuer=form["issuer"],
        client_id=form["client_id"],
        secret=form["secret"].strip(),
        hosts=tuple(form["hosts"].split()),
        role_claim=form["role_claim"].strip() or "groups",
        roles=roles,
        procedure_code=form["procedure_code"].strip(),
        chart_number_system=form["chart_number_system"].strip(),
        hook_keys=form["hook_keys"].strip()[:_LONGEST_KEYS],
        hook_issuer=form["hook_issuer"].strip()[:_LONGEST_ADDRESS],
        frames=tuple(form["frames"].split()),
    )
    return await visitor.go_on(
        lambda: systems.connect(visitor.work, new), to=f"{HERE}?done=connected", again=_page, typed=form
    )


@router.post("/systems/{system_id}/remove")
async def remove_system(system_id: UUID, visitor: MayConnect) -> Response:
    """Let nobody come in by a system any more."""
    await read_own_form(visitor)
    await systems.disconnect(visitor.work, system_id)
    return RedirectResponse(f"{HERE}?done=removed", 303)


@router.post("/systems/{system_id}/read")
async def read_system(system_id: UUID, visitor: MayConnect) -> Response:
    """Have a worker read what changed in the EHR."""
    await read_own_form(visitor)
    await queue_reading(visitor.work, system_id)
    return RedirectResponse(f"{HERE}?done=reading", 303)


@router.post("/people/{identity_id}")
async def link_person(identity_id: UUID, visitor: MayConnect) -> Response:
    """Say who of the staff someone is."""
    form = await read_own_form(visitor)
    member = next((one for one in await active_names(visitor.work) if str(one) == form["member"]), None)
    await systems.link_person(visitor.work, identity_id, member)
    return RedirectResponse(f"{HERE}?done=linked", 303)


@router.post("/browser-apps")
async def set_browser_apps(visitor: MayConnect) -> Response:
    """Set where browser apps of the clinic's patients come from."""
    form = await read_own_form(visitor)

    async def change() -> None:
        entry = entry_of(BrowserOrigins, {"origins": form["origins"].split()})
        await browser_origins.set_origins(visitor.work, entry.origins)

    return await visitor.go_on(change, to=f"{HERE}?done=origins", again=_page, typed=form)


@router.post("/programs")
async def register_program(visitor: MayConnect) -> Response:
    """Register a program that reads by itself."""
    form = await read_own_form(visitor)

    async def change() -> None:
        await backend_services.register(
            visitor.work,
            name=form["program"].strip()[:200] or say("Program"),
            scopes=form["scopes"],
            keys=form["keys"][:_LONGEST_KEYS],
        )

    return await visitor.go_on(change, to=f"{HERE}?done=registered", again=_page, typed=form)


@router.post("/programs/{client_id}/revoke")
async def revoke_program(client_id: UUID, visitor: MayConnect) -> Response:
    """Let a program open nothing any more."""
    await read_own_form(visitor)
    await backend_services.revoke(visitor.work, client_id)
    return RedirectResponse(f"{HERE}?done=revoked", 303)


async def _page(
    visitor: StaffVisitor, *, done: str = "", typed: Form | None = None, error: RefusalError | None = None
) -> Response:
    work = visitor.work
    connected = await connected_systems.all_of_clinic(work)
    return await settings_page(
        visitor,
        "settings_connections.html",
        here=HERE,
        error=error,
        systems=connected,
        people=await systems.named_people(work),
        members=await active_names(work),
        programs=[
            (one, backend_services.client_id_of(work.clinic_id, one.id))
            for one in await backend_clients.all_of_clinic(work)
        ],
        kinds={SIGN_IN: say("Sign-in service"), EHR: "EHR"},
        roles=ROLE_NAMES,
        addresses={
            SIGN_IN: f"{work.public_url}/care/sign-in/with/{work.clinic_id}",
            EHR: f"{work.public_url}/care/launch/{work.clinic_id}",
        },
        keys_at=f"{work.public_url}/fhir/.well-known/jwks/{work.clinic_id}",
        hooks={one.id: hooks_url(work.public_url, work.clinic_id, one.id) for one in connected},
        redirect=redirect_uri(visitor.context),
        origins=await browser_origins.read_origins(work),
        token_address=f"{work.public_url}/fhir/token",
        typed=typed or NOTHING_FILLED_IN,
        done=_DONE.get(done, ""),
    )
