"""What a clinic says of itself, and what it must see to now."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from app.access.clinics.contacts import Contact, Contacts, Role, open_contacts
from app.clinical.check_ins import calendar_day
from app.clinical.waiting import LIMIT_NOTES, STANDARD_LIMITS, WaitingLimits
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError
from app.foundation.vault import Vault
from app.storage import clinics, endpoints, heartbeats, outgoing_messages, safety_events
from app.storage.clinics import ClinicProfile
from app.storage.engine.unit_of_work import UnitOfWork

_SHOWN_FOR: Final = timedelta(days=7)


class Attention(StrEnum):
    """One thing that someone must see to."""

    # Nobody acknowledged a safety event within the clinic's limit.
    SAFETY_UNACKNOWLEDGED = "safety_unacknowledged"
    # The mail server of whoever a mail about a safety event was for refused it, within a week.
    SAFETY_MAIL_REFUSED = "safety_mail_refused"
    # The clinic is live, and no worker has looked for a minute: what is due is not sent.
    NO_WORKER = "no_worker"
    # The clinic is live, and no endpoint is enabled: nothing gets out.
    NO_ENABLED_ENDPOINT = "no_enabled_endpoint"
    ENDPOINT_DISABLED = "endpoint_disabled"
    # Nothing has got through to an enabled endpoint since its last failure.
    ENDPOINT_FAILING = "endpoint_failing"


async def attention_of(work: UnitOfWork, *, mode: str) -> tuple[Attention, ...]:
    """Say what this clinic must see to, the most urgent first."""
    known = await endpoints.all_of_clinic(work)
    enabled = [endpoint for endpoint in known if endpoint.state == "enabled"]
    holds = {
        Attention.SAFETY_UNACKNOWLEDGED: await safety_events.waits_escalated(work),
        Attention.SAFETY_MAIL_REFUSED: await outgoing_messages.safety_mail_failed(
            work, since=work.real_now - _SHOWN_FOR
        ),
        Attention.NO_WORKER: mode == "live" and not await heartbeats.a_worker_lives(work),
        Attention.NO_ENABLED_ENDPOINT: mode == "live" and not enabled,
        Attention.ENDPOINT_DISABLED: len(enabled) < len(known),
        Attention.ENDPOINT_FAILING: any(endpoint.failing_since for endpoint in enabled),
    }
    return tuple(one for one in Attention if holds[one])


_PHONE_CELL: Final = {"table": "clinic_profiles", "column": "crisis_phone_sealed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """A clinic as its people see it; ``mode`` is ``test`` until it goes live.

    ``attention`` is what someone must see to now.
    """

    id: UUID
    name: str
    mode: str
    went_live_at: datetime | None
    crisis_phone: str | None
    safety_contact: Contact | None
    second_contact: Contact | None
    limits: WaitingLimits
    time_zone: str
    country: str | None
    crisis_lines: tuple[dict[str, Any], ...]
    asks_long_exposure: bool
    ehr_link_template: str | None
    version: int
    attention: tuple[Attention, ...] = ()

    @property
    def contacts(self) -> Contacts:
        """Who is notified when nobody answers, as far as they are named."""
        given = {Role.SAFETY: self.safety_contact, Role.SECOND: self.second_contact}
        return {role: contact for role, contact in given.items() if contact is not None}

    def today(self, now: datetime) -> date:
        """Give the date on the clinic's own wall."""
        return calendar_day(now, self.time_zone)

    def needing(self, attention: tuple[Attention, ...]) -> "Clinic":
        """Give the clinic with what it must see to."""
        return replace(self, attention=attention)


async def read_clinic(work: Work) -> Clinic:
    """Give the clinic, with what it must see to.

    Raises:
        NotFoundError: there is none.
    """
    clinic = await clinic_in(work)
    return clinic.needing(await attention_of(work, mode=clinic.mode))


async def clinic_name(context: AppContext, clinic_id: UUID) -> str:
    """Give a clinic's name to someone who has shown that it is theirs, and has yet to sign in there."""
    async with context.work(clinic_id) as work:
        return (await clinic_in(work)).name


async def clinic_in(work: Work) -> Clinic:
    """Give this transaction's clinic.

    Raises:
        NotFoundError: there is none.
    """
    profile = await _profile(work)
    contacts, sealed = open_contacts(work.vault, work.clinic_id, profile), profile.crisis_phone_sealed
    return Clinic(
        id=work.clinic_id,
        name=profile.name,
        mode=profile.mode,
        went_live_at=profile.went_live_at,
        crisis_phone=open_crisis_phone(work.vault, work.clinic_id, sealed),
        safety_contact=contacts.get(Role.SAFETY),
        second_contact=contacts.get(Role.SECOND),
        limits=_limits(profile),
        time_zone=profile.time_zone,
        country=profile.country,
        crisis_lines=tuple(profile.crisis_lines),
        asks_long_exposure=profile.asks_long_exposure,
        ehr_link_template=profile.ehr_link_template,
        version=profile.version,
    )


async def waiting_limits(work: UnitOfWork) -> WaitingLimits:
    """Give how long something may wait for someone of this clinic."""
    return _limits(await _profile(work))


def open_crisis_phone(vault: Vault, clinic_id: UUID, sealed: bytes | None) -> str | None:
    """Open the clinic's own number, if it gave one."""
    return (
        None if sealed is None else vault.open(sealed, clinic_id=clinic_id, row_id=clinic_id, **_PHONE_CELL)
    )


def seal_crisis_phone(vault: Vault, clinic_id: UUID, phone: str | None) -> bytes | None:
    """Seal the clinic's own number for its cell, if it gave one."""
    return None if phone is None else vault.seal(phone, clinic_id=clinic_id, row_id=clinic_id, **_PHONE_CELL)


async def _profile(work: UnitOfWork) -> ClinicProfile:
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    return profile


def _limits(profile: ClinicProfile) -> WaitingLimits:
    own = {name: getattr(profile, name) for name in LIMIT_NOTES}
    return replace(STANDARD_LIMITS, **{name: value for name, value in own.items() if value is not None})
