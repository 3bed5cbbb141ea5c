"""What a route of the clinic API asks for: one permission, which a key's scope or a member's role gives."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import cache
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from app.access.clinics.caller import ClinicCaller, allowed, find_caller
from app.access.clinics.permissions import Permission
from app.context import REPLICA_BEHIND, AppContext, Work
from app.foundation.tokens import TokenKind
from app.web.dependencies import ContextNeeded, bearer_token, keep_work

CLINIC_KEY = HTTPBearer(scheme_name="ClinicKey", description="An API key of the clinic", auto_error=False)
STAFF_SESSION = HTTPBearer(
    scheme_name="StaffSession", description="A signed-in member of the clinic's staff", auto_error=False
)

_READING: Final = frozenset({"GET", "HEAD"})
# Where a request with an Idempotency-Key says how its reply is kept.
KEEPS_REPLY: Final = "afterglow.keeps_reply"
KeepsReply = Callable[[Work, Response], Awaitable[None]]


class ClinicRoute(APIRoute):
    """Keeps the reply to a request with an Idempotency-Key in the transaction of what it did: both or neither.

    Whoever sends it again gets the reply also where the process was killed before the first one was out.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's own handler; the route's transaction commits after it."""
        handle = super().get_route_handler()

        async def handle_and_keep(request: Request) -> Response:
            response = await handle(request)
            keeps: KeepsReply | None = request.scope.get(KEEPS_REPLY)
            work: Work | None = getattr(request.state, "work", None)
            if keeps is not None and work is not None:
                await keeps(work, response)
            return response

        return handle_and_keep


async def caller_with(request: Request, context: AppContext, permission: Permission) -> ClinicCaller:
    """Find who sends this request, and let through only who has the permission.

    Raises:
        TokenNotValidError: it carries no working key, and no session that works.
        ScopeMissingError: the key may not do this.
        RoleMayNotError: the member's role may not do this.
    """
    caller = await find_caller(context, bearer_token(request), TokenKind.API_KEY, TokenKind.STAFF_SESSION)
    return await allowed(context, caller, permission, request.path_params)


@cache
def clinic_may(permission: Permission) -> Callable[..., Awaitable[ClinicCaller]]:
    """Make the dependency that lets only callers with this permission through."""

    async def signed_in(
        request: Request,
        context: ContextNeeded,
        _key: Annotated[object, Security(CLINIC_KEY)],
        _session: Annotated[object, Security(STAFF_SESSION)],
    ) -> ClinicCaller:
        return await caller_with(request, context, permission)

    # A test walks every route and reads here who may.
    signed_in.afterglow_access = permission  # type: ignore[attr-defined] # functions take attributes
    return signed_in


@cache
def staff_only(permission: Permission) -> Callable[..., Awaitable[ClinicCaller]]:
    """Make the dependency for what no key has: a person must have signed in."""

    async def signed_in(
        request: Request, context: ContextNeeded, _session: Annotated[object, Security(STAFF_SESSION)]
    ) -> ClinicCaller:
        return await caller_with(request, context, permission)

    signed_in.afterglow_access = permission  # type: ignore[attr-defined] # functions take attributes
    return signed_in


def work_for(permission: Permission, *, may_be_old: bool = False) -> Any:  # noqa: ANN401 - as FastAPI's own Depends
    """Give a route its transaction, once the caller has this permission.

    Use it as ``work: Annotated[Work, work_for(Permission.SIGNALS_CLOSE)]``. Calls that only read see one
    moment. It commits when the route's function has returned, before the reply is sent. ``may_be_old``: it is
    read at a replica where there is one.
    """
    return work_of(clinic_may(permission), may_be_old=may_be_old)


def staff_work_for(permission: Permission) -> Any:  # noqa: ANN401 - as FastAPI's own Depends
    """Give a route its transaction, once a person with this permission has signed in; no key has it."""
    return work_of(staff_only(permission))


@cache
def work_of(who: Callable[..., Awaitable[ClinicCaller]], *, may_be_old: bool = False) -> Any:  # noqa: ANN401 - same
    """Give a route its transaction, once this dependency has let the caller through."""

    async def work(
        request: Request, context: ContextNeeded, caller: Annotated[ClinicCaller, Depends(who)]
    ) -> AsyncIterator[Work]:
        snapshot = request.method in _READING
        as_of = context.clock.now() - REPLICA_BEHIND if may_be_old else None
        async with context.work(
            caller.clinic_id, actor=caller.actor, snapshot=snapshot, as_of_at_least=as_of
        ) as opened:
            keep_work(request, opened)
            yield opened

    return Depends(work, scope="function")


MayManageStaff = Annotated[ClinicCaller, Depends(clinic_may(Permission.STAFF))]
MayOpenInEmergency = Annotated[ClinicCaller, Depends(staff_only(Permission.EMERGENCY))]
