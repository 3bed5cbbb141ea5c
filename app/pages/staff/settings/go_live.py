"""Going live as a checklist: what blocks it is what the API demands; the rest is advice."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics import contact_tests
from app.access.clinics.commands import go_live, missing_to_go_live
from app.access.clinics.permissions import Permission, StaffRole
from app.access.clinics.queries import Clinic, clinic_in
from app.access.staff.members import ACTIVE
from app.access.staff.queries import list_members
from app.foundation.errors import RefusalError
from app.foundation.translations import Words, joined, say
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may

HERE: Final = f"{SETTINGS}/go-live"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.CLINIC_READ)]
MayChange = Annotated[StaffVisitor, staff_may(Permission.CLINIC_CHANGE)]
# Where each thing that the API can find missing is put right.
_CORRECTED_AT: Final = {
    "safety-contact-missing": f"{SETTINGS}/clinic",
    "second-contact-missing": f"{SETTINGS}/clinic",
    "second-contact-same": f"{SETTINGS}/clinic",
    "no-endpoint-answered": f"{SETTINGS}/webhooks",
    "drill-not-answered": f"{HERE}/drill",
    "no-worker": "",
}
_OWNERS_ADVISED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the checklist.

    Attributes:
        path: leads to where it is done.
        button: what does it here, by sending a form to ``path``.
        advice: it blocks nothing.
    """

    title: str
    detail: str
    done: bool
    path: str = ""
    button: str = ""
    advice: bool = False


@router.get("")
async def show_checklist(visitor: MayRead) -> Response:
    """Show what is done and what is left."""
    return await _page(visitor)


@router.post("/drill")
async def start_drill(visitor: MayChange) -> Response:
    """Send both contacts a test safety event, or say who is missing."""
    await read_own_form(visitor)
    return await visitor.go_on(lambda: contact_tests.start_drill(visitor.work), to=HERE, again=_page)


@router.post("")
async def take_live(visitor: MayChange) -> Response:
    """Take the clinic live, or show what is missing."""
    await read_own_form(visitor)
    return await visitor.go_on(lambda: go_live(visitor.work), to=HERE, again=_page)


async def _steps(visitor: StaffVisitor, clinic: Clinic) -> list[Step]:
    missing = [] if clinic.mode == "live" else await missing_to_go_live(visitor.work, clinic)
    left: dict[str, Words] = {str(one["code"]): one["detail"] for one in missing}
    contacts = [left[code] for code in _CORRECTED_AT if code in left and "contact" in code]
    required = [
        Step(
            title=say("Safety contact and second contact"),
            detail=joined(contacts, " ") or say("Two people are notified when nobody acknowledges."),
            done=not contacts,
            path=f"{SETTINGS}/clinic",
        ),
        Step(
            title=say("One delivery that works"),
            detail=left.get("no-endpoint-answered", say("An endpoint answered a test event.")),
            done="no-endpoint-answered" not in left,
            path=f"{SETTINGS}/webhooks",
        ),
        Step(
            title=say("A worker that runs"),
            detail=left.get("no-worker", say("It looks at what is due, and sends what waits.")),
            done="no-worker" not in left,
        ),
        await _drill(visitor, clinic, done="drill-not-answered" not in left),
    ]
    # What the API demands besides, once it does: no page may say that all is done when it is not.
    required += [
        Step(title=str(one["code"]).replace("-", " ").capitalize(), detail=one["detail"], done=False)
        for one in missing
        if one["code"] not in _CORRECTED_AT
    ]
    return required + await _advice(visitor, clinic)


async def _drill(visitor: StaffVisitor, clinic: Clinic, *, done: bool) -> Step:
    title = say("Safety drill")
    if done:
        return Step(title=title, detail=say("Both contacts answered a test safety event."), done=True)
    waiting = await contact_tests.unanswered(visitor.work, clinic.contacts, clinic.limits)
    sent = {one.email for one in await contact_tests.list_tests(visitor.work)}
    asked = [one.name for one in waiting if one.email in sent]
    detail = (
        say(
            "Sent. No answer within {minutes} minutes yet: {names}.",
            minutes=clinic.limits.urgent_safety_minutes,
            names=joined(asked),
        )
        if asked
        else say("Both contacts get a test safety event by e-mail, and open its link to answer.")
    )
    return Step(
        title=title,
        detail=detail,
        done=False,
        path=f"{HERE}/drill",
        button=say("Send again") if asked else say("Start drill"),
    )


async def _advice(visitor: StaffVisitor, clinic: Clinic) -> list[Step]:
    """Give what is worth doing, and blocks nothing."""
    members = await list_members(visitor.work)
    owners = [one for one in members if one.role is StaffRole.OWNER and one.state == ACTIVE]
    return [
        Step(
            title=say("Time zone and country"),
            detail=say("Times are shown by the clinic's clocks.")
            if clinic.country
            else say("Say where the clinic is, so that times and help fit."),
            done=clinic.country is not None,
            path=f"{SETTINGS}/clinic",
            advice=True,
        ),
        Step(
            title=say("Two owners"),
            detail=say(
                "{number} can sign in. With two, one lost phone locks nobody out.", number=len(owners)
            ),
            done=len(owners) >= _OWNERS_ADVISED,
            path="/care/staff",
            advice=True,
        ),
        Step(
            title=say("A backup that was restored"),
            detail=say(
                "Whoever runs Afterglow restores one into a scratch database, once, before real patients."
            ),
            done=False,
            advice=True,
        ),
    ]


async def _page(visitor: StaffVisitor, *, error: RefusalError | None = None) -> Response:
    clinic = await clinic_in(visitor.work)
    steps = await _steps(visitor, clinic)
    return await settings_page(
        visitor,
        "settings_go_live.html",
        here=HERE,
        error=error,
        required=[one for one in steps if not one.advice],
        advice=[one for one in steps if one.advice],
    )
