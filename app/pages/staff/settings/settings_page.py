"""What every settings page stands in: the list of all settings, the clinic's name, test mode said on top."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.responses import Response

from app.access.clinics.commands import missing_to_go_live
from app.access.clinics.permissions import Permission
from app.access.clinics.queries import Clinic, clinic_in
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.staff.asked_form import mistakes_of, sentence_of
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.wall_clock import moment_and_ago
from app.web.pages.page_route import status_of

SETTINGS: Final = "/care/settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsEntry:
    """One page of the settings; whom it is for, and what it holds."""

    path: str
    title: str
    holds: str
    group: str
    permission: Permission


ENTRIES: Final = (
    SettingsEntry(
        path=f"{SETTINGS}/clinic",
        title=say("Clinic and contacts"),
        holds=say("Name, time zone, phone, contacts and limits"),
        group=say("Clinic"),
        permission=Permission.CLINIC_READ,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/go-live",
        title=say("Go live"),
        holds=say("What is left to do before real patients"),
        group=say("Clinic"),
        permission=Permission.CLINIC_READ,
    ),
    SettingsEntry(
        path="/care/staff",
        title=say("Team"),
        holds=say("Who works here, invitations, emergencies"),
        group=say("Clinic"),
        permission=Permission.STAFF,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/days-off",
        title=say("Days without reminders"),
        holds=say("Holidays on which nobody is asked"),
        group=say("Clinic"),
        permission=Permission.CLINIC_READ,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/channels",
        title=say("Notice channels"),
        holds=say("E-mail, Slack and Teams"),
        group=say("Messages"),
        permission=Permission.WEBHOOKS,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/webhooks",
        title=say("Webhooks"),
        holds=say("Endpoints, deliveries and attempts"),
        group=say("Messages"),
        permission=Permission.WEBHOOKS,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/keys",
        title=say("API keys"),
        holds=say("What programs may do"),
        group=say("Messages"),
        permission=Permission.API_KEYS,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/connections",
        title=say("Connections"),
        holds=say("Where staff sign in, your EHR, programs that read"),
        group=say("Messages"),
        permission=Permission.CONNECTIONS,
    ),
    SettingsEntry(
        path="/care/what-if",
        title=say("Rule settings"),
        holds=say("Try other numbers on your own past, then activate them"),
        group=say("Care"),
        permission=Permission.INSIGHTS,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/scales",
        title=say("Scales"),
        holds=say("Validated questionnaires, and scales of your own"),
        group=say("Care"),
        permission=Permission.TREATMENT_READ,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/protocols",
        title=say("Protocol templates"),
        holds=say("How your clinic gives an induction series"),
        group=say("Care"),
        permission=Permission.TREATMENT_READ,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/import",
        title=say("Import"),
        holds=say("Patients from files, with a look at your last quarter"),
        group=say("Care"),
        permission=Permission.CLINIC_CHANGE,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/data",
        title=say("Usage and archive"),
        holds=say("How much there is, and all of it as one file"),
        group=say("Care"),
        permission=Permission.RIGHTS,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/erasure",
        title=say("Erasure requests"),
        holds=say("Approve or decline what patients ask for"),
        group=say("Care"),
        permission=Permission.RIGHTS,
    ),
    SettingsEntry(
        path=f"{SETTINGS}/retention",
        title=say("Retention"),
        holds=say("How long what is kept, and legal holds"),
        group=say("Care"),
        permission=Permission.RIGHTS,
    ),
    SettingsEntry(
        path="/care/audit-log",
        title=say("Audit log"),
        holds=say("Who did and read what"),
        group=say("Care"),
        permission=Permission.AUDIT,
    ),
)


async def settings_page(
    visitor: StaffVisitor, template: str, *, here: str, error: RefusalError | None = None, **values: object
) -> Response:
    """Make a settings page; ``error``: why what was sent is shown again, on top and at its fields."""
    clinic = await clinic_in(visitor.work)
    return render(
        visitor,
        template,
        here=SETTINGS,
        status=200 if error is None else status_of(error),
        current=here,
        entries=[one for one in ENTRIES if visitor.may(one.permission)],
        about=clinic,
        left=await steps_left(visitor, clinic),
        moment=_moment_by(clinic, visitor.work.now),
        **{"mistake": sentence_of(error), "mistakes": mistakes_of(error), **values},
    )


async def steps_left(visitor: StaffVisitor, clinic: Clinic) -> int:
    """Count what keeps a clinic from going live; a live one has nothing left."""
    return 0 if clinic.mode == "live" else len(await missing_to_go_live(visitor.work, clinic))


def _moment_by(clinic: Clinic, now: datetime) -> Callable[[datetime | None], str]:
    """Write times by the clinic's clocks."""

    def moment(at: datetime | None) -> str:
        return "" if at is None else moment_and_ago(at, now, clinic.time_zone)

    return moment
