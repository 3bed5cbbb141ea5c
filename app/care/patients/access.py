"""Who may call the patient API: a device that the patient enrolled, by its access token."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase

from app.access.clinics.crisis_lines import ClinicHelp, read_lines
from app.access.clinics.queries import open_crisis_phone
from app.care.patients.consent_status import ConsentStatus, consent_status_from
from app.context import Work
from app.foundation.audit import Actor, ActorKind
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, read_token
from app.foundation.vault import Vault
from app.storage import device_tokens
from app.storage.device_tokens import SignedInPatient
from app.web.dependencies import ContextNeeded, bearer_token, keep_work


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCaller:
    """A patient's device, signed in."""

    clinic_id: UUID
    patient_id: UUID
    device_id: UUID
    time_zone: str
    locale: str
    mode: str
    consent: ConsentStatus
    country: str | None
    clinic_name: str
    # The name of the clinic's logo in its address; None: it has none.
    clinic_logo: str | None
    # Whether the clinic has archived the patient: this device may read, and reports no more.
    archived: bool
    # What crisis help goes by, on every page.
    clinic: ClinicHelp

    @classmethod
    def of(cls, vault: Vault, clinic_id: UUID, found: SignedInPatient) -> "PatientCaller":
        """Give who calls, as the token's look-up found it."""
        phone = open_crisis_phone(vault, clinic_id, found.crisis_phone_sealed)
        return cls(
            clinic_id=clinic_id,
            patient_id=found.patient_id,
            device_id=found.device_id,
            time_zone=found.time_zone,
            locale=found.locale,
            mode=found.mode,
            consent=consent_status_from(
                version=found.consent_version, withdrawn_at=found.consent_withdrawn_at
            ),
            country=found.country,
            clinic_name=found.clinic_name,
            clinic_logo=found.clinic_logo,
            archived=found.archived_at is not None,
            clinic=ClinicHelp(
                country=found.clinic_country, phone=phone, lines=read_lines(found.crisis_lines)
            ),
        )

    @property
    def actor(self) -> Actor:
        """Who the audit log says it was."""
        return Actor(kind=ActorKind.DEVICE, id=self.device_id)


_READING: Final = frozenset({"GET", "HEAD"})


class DeviceTokenScheme(SecurityBase):
    """A device's token, taken apart; whose it is, the check-in path finds in its own one read.

    A scheme and a dependency in one: on the check-in path every further dependency shows.
    """

    # A test walks every route and reads here who may.
    afterglow_access = "the patient's own device"

    def __init__(self) -> None:
        self.model = HTTPBearerModel(description="The access token of a patient's device")
        self.scheme_name = "DeviceToken"

    async def __call__(self, request: Request) -> TokenReference:
        """Read the token from the request.

        Raises:
            TokenNotValidError: there is none, or it is not of a device.
        """
        return read_token(bearer_token(request), TokenKind.DEVICE_ACCESS)


DeviceTokenPresented = Annotated[TokenReference, Security(DeviceTokenScheme())]


async def signed_in_patient(context: ContextNeeded, reference: DeviceTokenPresented) -> PatientCaller:
    """Find whose device calls."""
    async with context.work(reference.clinic_id) as work:
        found = await device_tokens.signed_in_patient(
            work, reference.digest, kind="access", now=work.real_now
        )
    if found is None:
        raise TokenNotValidError
    return PatientCaller.of(context.vault, reference.clinic_id, found)


# A test walks every route and reads here who may.
signed_in_patient.afterglow_access = "the patient's own device"  # type: ignore[attr-defined] # functions take attributes

PatientSignedIn = Annotated[PatientCaller, Depends(signed_in_patient)]


async def _patient_work(
    request: Request, context: ContextNeeded, caller: PatientSignedIn
) -> AsyncIterator[Work]:
    snapshot = request.method in _READING
    async with context.work(caller.clinic_id, actor=caller.actor, snapshot=snapshot) as work:
        keep_work(request, work)
        yield work


# The transaction of a patient's own call; it commits when the route's function has returned.
PatientWork = Annotated[Work, Depends(_patient_work, scope="function")]
