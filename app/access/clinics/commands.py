"""Opening a clinic, changing what it says of itself, and taking it from test to live."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from app.access.clinics import browser_origins, test_clock
from app.access.clinics.contact_tests import SuccessorNotTestedError, has_answered, unanswered
from app.access.clinics.contacts import Role, missing_contacts, seal_contact
from app.access.clinics.keys import make_key
from app.access.clinics.permissions import OWNER_GRANTED, Scope
from app.access.clinics.queries import Clinic, attention_of, clinic_in, seal_crisis_phone
from app.context import Work
from app.foundation.addresses import email_key
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.translations import say
from app.foundation.vault import Vault
from app.storage import api_keys, clinics, delivery_log, devices, heartbeats, staff_sessions
from app.web.headers import ChangedMeanwhileError

# The event that an endpoint must have answered; its type is named in `notifications`, above this package.
_TEST_EVENT: Final = "endpoint.test"


class ContactsNeededError(RefusalError):
    """A live clinic keeps a safety contact and a second one, another person; change both at once if need be."""

    kind = RefusalKind.CONFLICT
    code = "contacts-needed"


class NotReadyToGoLiveError(RefusalError):
    """The clinic cannot go live yet; see errors for all that is missing."""

    kind = RefusalKind.CONFLICT
    code = "not-ready-to-go-live"


class ClinicInUseError(RefusalError):
    """Patients' devices still work here; revoke them first, so that nobody reports to a clinic that is closed."""

    kind = RefusalKind.CONFLICT
    code = "clinic-in-use"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedClinic:
    """A new clinic and its first key, whose text is shown this once."""

    clinic_id: UUID
    api_key: str


async def open_clinic(work: Work, *, name: str) -> OpenedClinic:
    """Open a clinic in test mode under the transaction's own clinic id, with a first key.

    It may do everything but what only an owner grants.
    """
    await clinics.add(work, name=name, now=work.real_now)
    work.audit("clinic.opened", "clinic", work.clinic_id)
    key = await make_key(
        work,
        name="first key",
        scopes=[one for one in Scope if one not in OWNER_GRANTED],
        own_scopes=frozenset(Scope),
    )
    return OpenedClinic(clinic_id=work.clinic_id, api_key=key.secret)


async def change_clinic(work: Work, changes: Mapping[str, Any], *, version: int) -> Clinic:
    """Change what is given, by its name in `Clinic`; the rest stays. A limit of None is the standard one.

    Raises:
        ChangedMeanwhileError: the version is not the current one.
        ContactsNeededError: a live clinic would be left without its two contacts.
        SuccessorNotTestedError: a live clinic's contact gives way to an address that has not answered a test.
    """
    limits = dict(changes.get("limits") or {})
    before = await clinic_in(work)
    after = replace(before, **{name: value for name, value in changes.items() if name != "limits"})
    missing = missing_contacts(after.contacts) if before.mode == "live" else []
    if missing:
        raise ContactsNeededError().finding(missing)
    if before.mode == "live":
        await _refuse_untested(work, before, after)
    if not await clinics.change_profile(work, version=version, **limits, **_columns(work.vault, after)):
        raise ChangedMeanwhileError
    work.audit("clinic.changed", "clinic", work.clinic_id)
    return await _with_attention(work)


async def _refuse_untested(work: Work, before: Clinic, after: Clinic) -> None:
    # The two contacts may change places: nobody new is relied on.
    known = {email_key(one.email) for one in before.contacts.values()}
    for role, contact in after.contacts.items():
        if email_key(contact.email) not in known and not await has_answered(work, contact.email):
            raise SuccessorNotTestedError(f"#/{role}")


async def go_live(work: Work) -> Clinic:
    """Take a clinic live: patients registered from now on are live, those of the test stay test.

    A clinic that is live already stays as it is.

    Raises:
        NotReadyToGoLiveError: with everything that is missing.
        ChangedMeanwhileError: someone changed the clinic at this very moment.
        ClockMovedError: patients are registered here whose time a test clock has moved.
    """
    clinic = await clinic_in(work)
    if clinic.mode != "live":
        missing = await missing_to_go_live(work, clinic)
        if await test_clock.was_moved_over_patients(work):
            raise test_clock.ClockMovedError
        if missing:
            raise NotReadyToGoLiveError().finding(missing)
        if not await clinics.change_profile(
            work, version=clinic.version, mode="live", went_live_at=work.real_now
        ):
            raise ChangedMeanwhileError
        await test_clock.set_right(work)
        await browser_origins.forget_local(work)
        work.audit("clinic.went_live", "clinic", work.clinic_id)
    return await _with_attention(work)


async def close_clinic(work: Work, *, closed_at: datetime | None = None) -> None:
    """Close a clinic: its keys and its staff's sessions end, nothing is done in it any more, and its data stays.

    Args:
        work: of the clinic.
        closed_at: when it was closed in the installation that it comes from; None: it is closed now.

    Raises:
        NotFoundError: there is none.
        ClinicInUseError: a patient's device still works.
    """
    await clinic_in(work)
    if await devices.count_working(work):
        raise ClinicInUseError
    for key in await api_keys.all_of_clinic(work, lock=True):
        if key.revoked_at is None:
            await api_keys.revoke(work, key.id, now=work.real_now)
            work.audit("api_key.revoked", "api_key", key.id)
    await staff_sessions.end_all_of_clinic(work)
    await clinics.close(work, at=closed_at or work.real_now)
    work.audit("clinic.closed", "clinic", work.clinic_id)


async def missing_to_go_live(work: Work, clinic: Clinic) -> list[dict[str, Any]]:
    """Find what keeps a clinic from going live, each with its place and how to correct it."""
    found = missing_contacts(clinic.contacts)
    if not await delivery_log.was_delivered(work, event_type=_TEST_EVENT):
        found.append(
            {
                "pointer": "/v1/webhook-endpoints",
                "code": "no-endpoint-answered",
                "detail": say("Add an endpoint, send it a test event, and let it answer with 2xx."),
            }
        )
    if len(clinic.contacts) < len(Role) or await unanswered(work, clinic.contacts, clinic.limits):
        found.append(
            {
                "pointer": "/v1/clinic/drills",
                "code": "drill-not-answered",
                "detail": say(
                    "Start a drill: both contacts get a test safety event, and open its link within the"
                    " limit of an urgent safety event."
                ),
            }
        )
    if not await heartbeats.a_worker_lives(work):
        found.append(
            {
                "pointer": "",
                "code": "no-worker",
                "detail": say(
                    "No worker looks at what is due: whoever runs Afterglow starts `afterglow serve` or "
                    "`afterglow worker`."
                ),
            }
        )
    return found


async def _with_attention(work: Work) -> Clinic:
    clinic = await clinic_in(work)
    return clinic.needing(await attention_of(work, mode=clinic.mode))


def _columns(vault: Vault, clinic: Clinic) -> dict[str, Any]:
    """Give the columns of what a clinic says of itself."""
    return {
        "name": clinic.name,
        "time_zone": clinic.time_zone,
        "country": clinic.country,
        "crisis_lines": list(clinic.crisis_lines),
        "asks_long_exposure": clinic.asks_long_exposure,
        "ehr_link_template": clinic.ehr_link_template,
        "crisis_phone_sealed": seal_crisis_phone(vault, clinic.id, clinic.crisis_phone),
        "safety_contact_sealed": seal_contact(vault, clinic.id, Role.SAFETY, clinic.safety_contact),
        "second_contact_sealed": seal_contact(vault, clinic.id, Role.SECOND, clinic.second_contact),
    }
