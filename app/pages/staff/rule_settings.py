"""Trying other numbers in a browser, and putting them in force."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from app.access.clinics.permissions import Permission
from app.access.clinics.policy import PolicyInPastError, PolicyRefusedError, read_policy, write_policy
from app.foundation.errors import RefusalError
from app.pages.staff.numbers_form import numbers_in
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.what_if_page import WHAT_IF, began, confirm_page, form_page, protocol_now, try_page
from app.studies.what_if_jobs import NothingDiffersError, TryPeriodRefusedError, ask, read_try
from app.web.dependencies import ContextNeeded
from app.web.etags import ChangedMeanwhileError, version_in
from app.web.pages.forms import Form

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayTry = Annotated[StaffVisitor, staff_may(Permission.INSIGHTS)]
MaySetNumbers = Annotated[StaffVisitor, staff_may(Permission.CLINIC_CHANGE)]
_NO_NUMBER = "This is not a number."
_OTHERS_SET = "Someone set other numbers meanwhile. Below they are compared with those; please look again."
_NO_TIME = "A day and a time are written out; without a day the numbers hold from now on."


@router.get("/what-if")
async def show_numbers(request: Request, context: ContextNeeded, visitor: MayTry) -> Response:
    """Show the numbers that a clinic may try."""
    notice = (
        "The numbers are kept, and hold from the time you chose." if "kept" in request.query_params else ""
    )
    return await form_page(context, visitor, notice=notice)


@router.post("/what-if")
async def try_numbers(request: Request, context: ContextNeeded, visitor: MayTry) -> Response:
    """Have the numbers tried; the page of the try says when it is done."""
    form = await read_own_form(request, context, visitor)
    view = await read_policy(visitor.work)
    numbers, wrong = numbers_in(form, present=protocol_now(context, view), base=context.protocol)
    try:
        first, last = (_day(form[name]) for name in ("first", "last"))
        if not wrong:
            made = await ask(visitor.work, numbers=numbers, first=first, last=last)
            return RedirectResponse(f"{WHAT_IF}/{made}", 303)
        mistakes = dict.fromkeys(wrong, _NO_NUMBER)
    except (PolicyRefusedError, NothingDiffersError, TryPeriodRefusedError) as error:
        mistakes = _mistakes(error)
    await visitor.work.start_over(snapshot=True)
    return await form_page(context, visitor, typed=_typed(form), mistakes=mistakes)


@router.get("/what-if/{what_if_id}")
async def show_try(what_if_id: UUID, context: ContextNeeded, visitor: MayTry) -> Response:
    """Show what came of it."""
    return await try_page(context, visitor, what_if_id)


@router.get("/what-if/{what_if_id}/in-force")
async def confirm_numbers(what_if_id: UUID, context: ContextNeeded, visitor: MaySetNumbers) -> Response:
    """Ask once more before anything changes."""
    return await confirm_page(context, visitor, what_if_id)


@router.post("/what-if/{what_if_id}/in-force")
async def set_numbers(
    what_if_id: UUID, request: Request, context: ContextNeeded, visitor: MaySetNumbers
) -> Response:
    """Put the tried numbers in force, unless someone set others meanwhile."""
    form = await read_own_form(request, context, visitor)
    mistake, status = _NO_TIME, 422
    try:
        await _set(visitor, what_if_id, form)
    except ChangedMeanwhileError:
        mistake, status = _OTHERS_SET, 412
    except (PolicyInPastError, PolicyRefusedError) as error:
        mistake = str(error)
    except (ValueError, OverflowError):
        pass
    else:
        return RedirectResponse(f"{WHAT_IF}?kept", 303)
    await visitor.work.start_over(snapshot=True)
    return await confirm_page(
        context, visitor, what_if_id, typed=_typed(form), mistake=mistake, status=status
    )


async def _set(visitor: StaffVisitor, what_if_id: UUID, form: Form) -> None:
    since = began(form["day"].strip(), form["time"].strip())
    tried = await read_try(visitor.work, what_if_id)
    await write_policy(
        visitor.work,
        numbers=tried.stored.numbers,
        effective_from=since,
        version=version_in(form["version"]),
    )


def _mistakes(error: RefusalError) -> dict[str, str]:
    """Give each field's sentence; what is about all numbers stands at the first one."""
    found: dict[str, str] = {}
    for one in error.findings:
        name = str(one["pointer"]).removeprefix("#/numbers").removeprefix("/")
        found[name or "consider_at"] = _sentence(one)
    return found or {error.pointer or "consider_at": str(error)}


def _sentence(finding: Any) -> str:  # noqa: ANN401 - a mapping of a refusal's own
    if "lowest" in finding:
        return f"{finding['detail']} It may lie from {finding['lowest']:g} to {finding['highest']:g}."
    return str(finding["detail"])


def _typed(form: Form) -> dict[str, str]:
    return {name: value[:30] for name, value in form.items()}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise TryPeriodRefusedError("first") from None
