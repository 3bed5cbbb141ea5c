"""What every settings page stands in: the list of rooms, the clinic's name, test mode said on top."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.responses import Response

from app.access.clinics.commands import missing_to_go_live
from app.access.clinics.permissions import Permission
from app.access.clinics.queries import Clinic, clinic_in
from app.context import AppContext
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import moment_and_ago

SETTINGS: Final = "/care/settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One page of the settings; whom it is for, and what it holds."""

    path: str
    title: str
    holds: str
    group: str
    permission: Permission


ROOMS: Final = (
    Room(
        path=f"{SETTINGS}/clinic",
        title="Clinic and contacts",
        holds="Name, time zone, phone, contacts and limits",
        group="Clinic",
        permission=Permission.CLINIC_READ,
    ),
    Room(
        path=f"{SETTINGS}/go-live",
        title="Go live",
        holds="What is left to do before real patients",
        group="Clinic",
        permission=Permission.CLINIC_READ,
    ),
    Room(
        path="/care/staff",
        title="Team",
        holds="Who works here, invitations, emergencies",
        group="Clinic",
        permission=Permission.STAFF,
    ),
    Room(
        path=f"{SETTINGS}/days-off",
        title="Days without reminders",
        holds="Holidays on which nobody is asked",
        group="Clinic",
        permission=Permission.CLINIC_READ,
    ),
    Room(
        path=f"{SETTINGS}/channels",
        title="Notice channels",
        holds="E-mail, Slack and Teams",
        group="Messages",
        permission=Permission.WEBHOOKS,
    ),
    Room(
        path=f"{SETTINGS}/webhooks",
        title="Webhooks",
        holds="Endpoints, deliveries and attempts",
        group="Messages",
        permission=Permission.WEBHOOKS,
    ),
    Room(
        path=f"{SETTINGS}/keys",
        title="API keys",
        holds="What programs may do",
        group="Messages",
        permission=Permission.API_KEYS,
    ),
    Room(
        path=f"{SETTINGS}/connections",
        title="Connections",
        holds="Where staff sign in, your EHR, programs that read",
        group="Messages",
        permission=Permission.CONNECTIONS,
    ),
    Room(
        path="/care/what-if",
        title="Rule settings",
        holds="Try other numbers on your own past, then activate them",
        group="Care",
        permission=Permission.INSIGHTS,
    ),
    Room(
        path=f"{SETTINGS}/scales",
        title="Scales",
        holds="Validated questionnaires, and scales of your own",
        group="Care",
        permission=Permission.TREATMENT_READ,
    ),
    Room(
        path=f"{SETTINGS}/protocols",
        title="Protocol templates",
        holds="How your clinic gives an induction series",
        group="Care",
        permission=Permission.TREATMENT_READ,
    ),
    Room(
        path=f"{SETTINGS}/import",
        title="Import",
        holds="Patients from files, with a look at your last quarter",
        group="Care",
        permission=Permission.CLINIC_CHANGE,
    ),
    Room(
        path=f"{SETTINGS}/erasure",
        title="Erasure requests",
        holds="Approve or decline what patients ask for",
        group="Care",
        permission=Permission.RIGHTS,
    ),
    Room(
        path="/care/audit-log",
        title="Audit log",
        holds="Who did and read what",
        group="Care",
        permission=Permission.AUDIT,
    ),
)


def initials(name: str) -> str:
    """Give at most two letters for a name's circle."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


async def settings_page(
    context: AppContext,
    visitor: StaffVisitor,
    template: str,
    *,
    here: str,
    status: int = 200,
    **values: object,
) -> Response:
    """Make a settings page."""
    clinic = await clinic_in(visitor.work, visitor.work.vault)
    return render(
        context,
        visitor,
        template,
        here=SETTINGS,
        status=status,
        room=here,
        rooms=[one for one in ROOMS if visitor.may(one.permission)],
        clinic=clinic.name,
        about=clinic,
        left=await steps_left(visitor, clinic),
        initials=initials,
        moment=_moment_by(clinic, visitor.work.now),
        **values,
    )


async def steps_left(visitor: StaffVisitor, clinic: Clinic) -> int:
    """Count what keeps a clinic from going live; a live one has nothing left."""
    return 0 if clinic.mode == "live" else len(await missing_to_go_live(visitor.work, clinic))


def _moment_by(clinic: Clinic, now: datetime) -> Callable[[datetime | None], str]:
    """Write times by the clinic's clocks."""

    def moment(at: datetime | None) -> str:
        return "" if at is None else moment_and_ago(at, now, clinic.time_zone)

    return moment
