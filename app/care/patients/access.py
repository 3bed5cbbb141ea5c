"""Who may call the patient API: a device that the patient enrolled, by its access token."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Depends, Request, Security
from fastapi.openapi.models import HTTPBearer as HTTPBearerModel
from fastapi.security.base import SecurityBase

from app.care.patients.caller import PatientCaller
from app.context import Work
from app.foundation.tokens import TokenKind, TokenNotValidError, TokenReference, read_token
from app.storage import device_tokens
from app.web.dependencies import ContextNeeded, bearer_token, keep_work

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
