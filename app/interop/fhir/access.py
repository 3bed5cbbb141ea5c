"""Permissions under ``/fhir``: by a key's scope or a member's role, as everywhere, and by a program's own token."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Any

from fastapi import Request, Security

from app.access.clinics.access import CLINIC_KEY, STAFF_SESSION, work_of
from app.access.clinics.caller import ClinicCaller, ScopeMissingError, allowed, find_caller
from app.access.clinics.permissions import Permission, Scope
from app.access.clinics.smart_scopes import scopes_allow
from app.foundation.tokens import TokenKind
from app.web.dependencies import ContextNeeded, bearer_token


@cache
def fhir_may(permission: Permission, kind: str, letters: str) -> Callable[..., Awaitable[ClinicCaller]]:
    """Make the dependency that lets through who has this permission, or a program whose scopes allow it.

    Args:
        permission: what a key or a member needs.
        kind: the resource type; ``*`` for all of them.
        letters: what is done, in SMART's letters of cruds; of the export, its own scope is asked for.
    """

    async def signed_in(
        request: Request,
        context: ContextNeeded,
        _key: Annotated[object, Security(CLINIC_KEY)],
        _session: Annotated[object, Security(STAFF_SESSION)],
    ) -> ClinicCaller:
        kinds = (TokenKind.API_KEY, TokenKind.STAFF_SESSION, TokenKind.BACKEND_ACCESS)
        caller = await find_caller(context, bearer_token(request), *kinds)
        if not caller.is_program:
            return await allowed(context, caller, permission, request.path_params)
        exports = permission is Permission.FHIR_EXPORT
        if exports and Scope.FHIR_EXPORT in caller.scopes:
            return caller
        if exports or not scopes_allow(caller.scopes, kind, letters):
            raise ScopeMissingError
        return caller

    # A test walks every route and reads here who may.
    signed_in.afterglow_access = permission  # type: ignore[attr-defined] # functions take attributes
    return signed_in


def fhir_work_for(permission: Permission, kind: str, letters: str, *, may_be_old: bool = False) -> Any:  # noqa: ANN401 - as FastAPI's own Depends
    """Give a route its transaction, once the caller may do this; ``may_be_old`` as in `work_for`."""
    return work_of(fhir_may(permission, kind, letters), may_be_old=may_be_old)
