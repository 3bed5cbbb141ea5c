"""Trying other numbers, as pages: the form, what came of a try, and putting the numbers in force."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Final
from uuid import UUID

from starlette.responses import Response

from app.access.clinics.policy import PolicyView, in_force, read_policy
from app.care.patients.references import references_of
from app.clinical.protocol import Protocol
from app.context import AppContext
from app.pages.staff.numbers_form import differences, fields_of
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.what_if_words import delay_words, more_or_fewer, raised_rows
from app.pages.staff.when import UTC_ZONE, moment_in
from app.studies.what_if import WhatIf
from app.studies.what_if_jobs import Tried, last_try, read_try

WHAT_IF: Final = "/care/what-if"
LOOK_AGAIN_SECONDS: Final = 3


def protocol_now(context: AppContext, view: PolicyView) -> Protocol:
    """Give the numbers that hold now."""
    holding = next((one for one in view.versions if one.version == view.version), None)
    return in_force(context.protocol, holding.numbers if holding else None)


async def form_page(
    context: AppContext,
    visitor: StaffVisitor,
    *,
    typed: Mapping[str, str] | None = None,
    mistakes: Mapping[str, str] | None = None,
    notice: str = "",
) -> Response:
    """Show the numbers that may be tried; what was typed stays."""
    view = await read_policy(visitor.work)
    last = await last_try(visitor.work)
    typed, mistakes = typed or {}, mistakes or {}
    fields = fields_of(protocol_now(context, view), typed, mistakes)
    return render(
        context,
        visitor,
        "what_if.html",
        here=WHAT_IF,
        status=422 if mistakes else 200,
        fields=fields,
        titles={one.name: one.title for one in fields},
        typed=typed,
        mistakes=mistakes,
        notice=notice,
        last=None if last is None else {"id": last.id, "at": moment_in(last.asked_at, UTC_ZONE)},
        coming=_coming(view, context.clock.now()),
    )


async def try_page(context: AppContext, visitor: StaffVisitor, what_if_id: UUID) -> Response:
    """Show what came of a try, or that it is being worked out."""
    tried = await read_try(visitor.work, what_if_id)
    view = await read_policy(visitor.work)
    now = protocol_now(context, view)
    instead = in_force(context.protocol, tried.stored.numbers)
    return render(
        context,
        visitor,
        "what_if_tried.html",
        here=WHAT_IF,
        tried=tried.stored,
        asked=moment_in(tried.stored.asked_at, UTC_ZONE),
        look_again=LOOK_AGAIN_SECONDS,
        differences=differences(now, instead),
        found=await _found(visitor, tried),
    )


async def confirm_page(
    context: AppContext,
    visitor: StaffVisitor,
    what_if_id: UUID,
    *,
    typed: Mapping[str, str] | None = None,
    mistake: str = "",
    status: int = 200,
) -> Response:
    """Show what would be put in force beside what holds, once more, with the version it is based on."""
    tried = await read_try(visitor.work, what_if_id)
    view = await read_policy(visitor.work)
    now = protocol_now(context, view)
    return render(
        context,
        visitor,
        "what_if_in_force.html",
        here=WHAT_IF,
        status=status,
        tried=tried.stored,
        version=view.latest,
        differences=differences(now, in_force(context.protocol, tried.stored.numbers)),
        coming=_coming(view, context.clock.now()),
        typed=typed or {},
        mistake=mistake,
    )


def began(day: str, hour: str) -> datetime | None:
    """Read from when numbers are to hold; empty means from now on.

    Raises:
        ValueError: no day, or no time.
    """
    if not day:
        return None
    at = time.fromisoformat(hour) if hour else time()
    return datetime.combine(datetime.fromisoformat(day).date(), at.replace(tzinfo=None), UTC)


def _coming(view: PolicyView, now: datetime) -> str:
    later = [one for one in view.versions if one.effective_from > now]
    return moment_in(later[0].effective_from, UTC_ZONE) if later else ""


async def _found(visitor: StaffVisitor, tried: Tried) -> Mapping[str, object] | None:
    counts: WhatIf | None = tried.counts
    if counts is None:
        return None
    names = await references_of(visitor.work, [one.patient_id for one in tried.days])
    same = counts.now.watches == counts.instead.watches and all(
        one.now_on == one.instead_on for one in tried.days
    )
    return {
        "counts": counts,
        "same": same,
        "headline": more_or_fewer(counts),
        "rows": raised_rows(counts),
        "delay": delay_words(counts),
        "patients": [
            {
                "id": one.patient_id,
                "name": names.get(one.patient_id, "erased"),
                "now": one.now_on,
                "instead": one.instead_on,
                "differs": one.now_on != one.instead_on,
            }
            for one in tried.days
        ],
    }
