"""Who may call the patient API: a device that the patient enrolled, by its access token."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from app.foundation.audit import Actor, ActorKind
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, read_token
from app.storage import devices
from app.web.dependencies import EquipmentNeeded, bearer_token

DEVICE_TOKEN = HTTPBearer(scheme_name="DeviceToken", description="A patient's device", auto_error=False)
_DeviceScheme = Annotated[object, Security(DEVICE_TOKEN)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientCaller:
    """A patient's device, signed in."""

    clinic_id: UUID
    patient_id: UUID
    device_id: UUID
    time_zone: str
    locale: str
    mode: str

    @property
    def actor(self) -> Actor:
        """Who the audit trail says it was."""
        return Actor(kind=ActorKind.DEVICE, id=self.device_id)


def presented_device_token(request: Request, _scheme: _DeviceScheme) -> TokenReference:
    """Take the device's token apart; whose it is, the check-in path finds in its own one read."""
    return read_token(bearer_token(request), TokenKind.DEVICE_ACCESS)


async def signed_in_patient(
    request: Request, equipment: EquipmentNeeded, _scheme: _DeviceScheme
) -> PatientCaller:
    """Find whose device calls."""
    reference = read_token(bearer_token(request), TokenKind.DEVICE_ACCESS)
    async with equipment.database.work(reference.clinic_id) as work:
        found = await devices.signed_in_patient(work, reference.digest, now=equipment.clock.now())
    if found is None:
        raise TokenNotValidError
    return PatientCaller(
        clinic_id=reference.clinic_id,
        patient_id=found.patient_id,
        device_id=found.device_id,
        time_zone=found.time_zone,
        locale=found.locale,
        mode=found.mode,
    )


# A test walks every route and reads here who may.
presented_device_token.afterglow_access = "the patient's own device"  # type: ignore[attr-defined] # functions take attributes
signed_in_patient.afterglow_access = "the patient's own device"  # type: ignore[attr-defined] # same

DeviceTokenPresented = Annotated[TokenReference, Depends(presented_device_token)]
PatientSignedIn = Annotated[PatientCaller, Depends(signed_in_patient)]
