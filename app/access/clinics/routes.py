"""The clinic about itself."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from app.access.clinics import browser_origins, commands, contact_tests, keys, policy, queries, test_clock
from app.access.clinics.access import ClinicRoute, clinic_may, staff_work_for, work_for
from app.access.clinics.caller import ClinicCaller
from app.access.clinics.permissions import Permission
from app.access.clinics.schemas import (
    BrowserOrigins,
    BrowserOriginsReply,
    ClinicChange,
    ClinicReply,
    ClockAdvance,
    ClockReply,
    ContactTestEntry,
    ContactTestList,
    ContactTestReply,
    KeyEntry,
    KeyList,
    KeyReply,
    NewKeyReply,
    PolicyEntry,
    PolicyReply,
)
from app.context import Work
from app.web.dependencies import IfMatch
from app.web.headers import version_in, with_etag

router = APIRouter(prefix="/v1/clinic", tags=["clinic"], route_class=ClinicRoute)
clock_router = APIRouter(prefix="/v1/test-clock", tags=["clinic"], route_class=ClinicRoute)
keys_router = APIRouter(prefix="/v1/api-keys", tags=["clinic"], route_class=ClinicRoute)

ReadingClinic = Annotated[Work, work_for(Permission.CLINIC_READ)]
ChangingClinic = Annotated[Work, work_for(Permission.CLINIC_CHANGE)]
ConnectingSystems = Annotated[Work, staff_work_for(Permission.CONNECTIONS)]
ManagingKeys = Annotated[Work, work_for(Permission.API_KEYS)]
MayManageKeys = Annotated[ClinicCaller, Depends(clinic_may(Permission.API_KEYS))]


@router.get("", summary="Read the clinic")
async def read_clinic(work: ReadingClinic, response: Response) -> ClinicReply:
    """Give the clinic's own settings, with an ETag for changing them."""
    clinic = await queries.read_clinic(work)
    return with_etag(response, clinic.version, ClinicReply.of(clinic))


@router.patch("", summary="Change the clinic")
async def change_clinic(
    body: ClinicChange, work: ChangingClinic, response: Response, if_match: IfMatch = None
) -> ClinicReply:
    """Change the settings that are given; needs If-Match."""
    clinic = await commands.change_clinic(work, body.changes(), version=version_in(if_match))
    return with_etag(response, clinic.version, ClinicReply.of(clinic))


@router.post("/contact-tests", status_code=202, summary="Send a contact test")
async def send_contact_test(body: ContactTestEntry, work: ChangingClinic) -> ContactTestReply:
    """Mail a link to press: a live clinic's contact, or its last owner, gives way only to whoever has pressed it."""
    return ContactTestReply.of(await contact_tests.send_test(work, body.email))


@router.post("/drills", status_code=202, summary="Start a drill")
async def start_drill(work: ChangingClinic) -> ContactTestList:
    """Mail both contacts a test safety event with a link to press; a clinic goes live when both have answered."""
    return ContactTestList(items=[ContactTestReply.of(one) for one in await contact_tests.start_drill(work)])


@router.get("/contact-tests", summary="List contact tests")
async def list_contact_tests(work: ReadingClinic) -> ContactTestList:
    """List the latest tests, and which of them were answered."""
    found = await contact_tests.list_tests(work)
    return ContactTestList(items=[ContactTestReply.of(one) for one in found])


@router.post("/go-live", summary="Go live")
async def go_live(work: ChangingClinic, response: Response) -> ClinicReply:
    """Take the clinic from test to live; refused, with all that is missing, until people can be reached.

    Patients registered in test mode stay test patients.
    """
    clinic = await commands.go_live(work)
    return with_etag(response, clinic.version, ClinicReply.of(clinic))


@router.get("/browser-origins", summary="Read the origins of browser apps")
async def read_browser_origins(work: ConnectingSystems) -> BrowserOriginsReply:
    """List the origins whose scripts may call the patient API for this clinic's patients."""
    return BrowserOriginsReply(origins=await browser_origins.read_origins(work))


@router.put("/browser-origins", summary="Set the origins of browser apps")
async def write_browser_origins(body: BrowserOrigins, work: ConnectingSystems) -> BrowserOriginsReply:
    """Have these be the clinic's origins, in place of those before. Only an owner may; exact origins only.

    A script from there can read the answers to this clinic's devices alone (CORS). Phones' apps and this
    service's own pages need none.
    """
    return BrowserOriginsReply(origins=await browser_origins.set_origins(work, body.origins))


@router.get("/policy", summary="Read the clinic's numbers")
async def read_policy(work: ReadingClinic, response: Response) -> PolicyReply:
    """Give every number that decides now, and all versions of the clinic's own."""
    view = await policy.read_policy(work)
    return with_etag(response, view.latest, PolicyReply.of(view))


@router.put("/policy", summary="Set the clinic's numbers")
async def write_policy(
    body: PolicyEntry, work: ChangingClinic, response: Response, if_match: IfMatch = None
) -> PolicyReply:
    """Activate numbers from a time on, within the safe bounds; needs If-Match. Versions are kept for ever."""
    view = await policy.write_policy(
        work,
        numbers=body.numbers,
        effective_from=body.effective_from,
        version=version_in(if_match),
    )
    return with_etag(response, view.latest, PolicyReply.of(view))


@clock_router.get("", summary="Read the test clock")
async def read_test_clock(work: ReadingClinic) -> ClockReply:
    """Give what time it is in this clinic, which is in test mode."""
    return ClockReply.of(await test_clock.read_clock(work))


@clock_router.post("/advance", summary="Advance the test clock")
async def advance_test_clock(body: ClockAdvance, work: ChangingClinic) -> ClockReply:
    """Move the clinic's time forward, so that weeks pass in a minute; only in test mode, two years at most.

    Check-ins, evaluations, reminders and what is due follow it. Tokens, limits, the audit log, deliveries and the
    limits of safety events go by the real time. A clinic that has used it goes live only without patients.
    """
    return ClockReply.of(await test_clock.advance_clock(work, timedelta(seconds=body.seconds)))


@keys_router.post("", status_code=201, summary="Make an API key")
async def make_api_key(body: KeyEntry, work: ManagingKeys, caller: MayManageKeys) -> NewKeyReply:
    """Make a key with no more scopes than one's own; its secret is shown this once."""
    new = await keys.make_key(work, name=body.name, scopes=body.scopes, own_scopes=caller.may_give)
    return NewKeyReply.of_new(new)


@keys_router.get("", summary="List API keys")
async def list_api_keys(work: ManagingKeys) -> KeyList:
    """List the clinic's keys, oldest first, also the revoked ones; never a secret."""
    return KeyList(items=[KeyReply.of(key) for key in await keys.list_keys(work)])


@keys_router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
async def revoke_api_key(key_id: UUID, work: ManagingKeys) -> None:
    """Let a key open nothing any more; the last one that can make keys stays."""
    await keys.revoke_key(work, key_id)
