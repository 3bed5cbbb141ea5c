"""Who may call the clinic API: a key of the clinic, with the scope that the operation asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from app.clinics.scopes import Scope
from app.foundation.audit import Actor, ActorKind
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.tokens import TokenKind, TokenNotValidError, read_token
from app.storage import api_keys
from app.web.dependencies import EquipmentNeeded, bearer_token
from app.web.equipment import Equipment

CLINIC_KEY = HTTPBearer(scheme_name="ClinicKey", description="An API key of the clinic", auto_error=False)


class ScopeMissingError(RefusalError):
    """This API key may not do this; it lacks the scope that the operation asks for."""

    kind = RefusalKind.FORBIDDEN
    code = "scope-missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicCaller:
    """A clinic's key, signed in."""

    clinic_id: UUID
    key_id: UUID
    scopes: frozenset[str]

    @property
    def actor(self) -> Actor:
        """Who the audit trail says it was."""
        return Actor(kind=ActorKind.API_KEY, id=self.key_id)


async def caller_with(request: Request, equipment: Equipment, scope: Scope) -> ClinicCaller:
    """Find whose key this request carries.

    Raises:
        TokenNotValidError: it carries no working key.
        ScopeMissingError: the key may not do this.
    """
    reference = read_token(bearer_token(request), TokenKind.API_KEY)
    async with equipment.database.work(reference.clinic_id) as work:
        key = await api_keys.working_key(work, reference.digest)
    if key is None:
        raise TokenNotValidError
    if scope not in key.scopes:
        raise ScopeMissingError
    return ClinicCaller(clinic_id=reference.clinic_id, key_id=key.id, scopes=key.scopes)


def clinic_key(scope: Scope) -> Callable[..., Awaitable[ClinicCaller]]:
    """Make the dependency that lets only a key with this scope through."""

    async def signed_in(
        request: Request, equipment: EquipmentNeeded, _scheme: Annotated[object, Security(CLINIC_KEY)]
    ) -> ClinicCaller:
        return await caller_with(request, equipment, scope)

    # A test walks every route and reads here who may.
    signed_in.afterglow_access = f"clinic key with scope {scope}"  # type: ignore[attr-defined] # functions take attributes
    return signed_in


ClinicKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.CLINIC))]
PatientsKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.PATIENTS))]
TreatmentKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.TREATMENT))]
CheckInsKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.CHECK_INS))]
SignalsKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.SIGNALS))]
RightsKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.RIGHTS))]
SafetyKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.SAFETY))]
WebhooksKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.WEBHOOKS))]
InsightsKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.INSIGHTS))]
AuditKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.AUDIT))]
KeysKey = Annotated[ClinicCaller, Depends(clinic_key(Scope.API_KEYS))]
