"""The clinic's patients: lists with where each stands, and those found by a part of their chart number."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from starlette.responses import Response

from app.care.patients.consent_status import ConsentStatus
from app.care.patients.queries import search_patients
from app.care.worklist.patient_list import ListedPatient, find_page, planned_page, read_page
from app.care.worklist.queries import clinic_status
from app.clinical.course import Phase
from app.foundation.translations import say
from app.pages.staff.about_patient import MayRead, path_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_words import ARCHIVED, LEVELS, PHASES
from app.pages.staff.rendering import render
from app.pages.staff.wall_clock import short_day
from app.pages.staff.worklist_rows import spark_of
from app.storage.patient_lists import Listing, Order

HERE: Final = "/care/patients"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
_ON_A_PAGE: Final = 50
_SUGGESTED: Final = 8
_PAGE: Final = re.compile("[0-9]{1,5}")
_LISTINGS: Final[Mapping[Listing, str]] = {
    Listing.IN_CARE: say("In care"),
    Listing.MINE: say("Mine"),
    Listing.INDUCTION: say("Induction"),
    Listing.SILENT: say("Silent"),
    Listing.NO_REFERENCE: say("No reference"),
    Listing.LEFT: say("Left care"),
}
_ORDERS: Final[Mapping[Order, str]] = {
    Order.REGISTERED: say("Registered"),
    Order.MOST_LOST: say("Lost"),
    Order.LONGEST_SILENT: say("Last check-in"),
    Order.NEXT_BOOSTER: say("Next booster"),
}
_TONES: Final[Mapping[str, str]] = {"consider_booster": "decide", "watch": "watch", "steady": "ok"}

Part = Annotated[str, Query(max_length=200)]


@router.get("")
async def show_patients(
    visitor: MayRead, q: Part = "", booster: Part = "", show: Part = "", order: Part = "", page: Part = ""
) -> Response:
    """Show a page of a list, or those whose chart number contains what was typed, or those planned for a day."""
    work, me, wanted, day = visitor.work, visitor.signed_in.id, q.strip(), _day(booster)
    listing, by, number = _one_of(Listing, show), _one_of(Order, order), _number(page)
    if wanted:
        found = await find_page(work, wanted, member=me, limit=_ON_A_PAGE)
    elif day is not None:
        found = await planned_page(work, day, member=me)
    else:
        found = await read_page(
            work, listing, order=by, member=me, skip=_ON_A_PAGE * (number - 1), limit=_ON_A_PAGE
        )
    status = await clinic_status(work)
    chosen = None if wanted or day else listing
    return render(
        visitor,
        "patients.html",
        here=HERE,
        rows=[_row(one, live=status.mode == "live") for one in found.patients],
        in_care=found.counts[Listing.IN_CARE],
        filters=_filters(found.counts, by, chosen),
        orders=_orders(chosen, by),
        asked=wanted,
        is_cut=len(found.patients) == _ON_A_PAGE,
        day=short_day(day) if day and not wanted else "",
        following=found.has_more and _path(listing, by, number + 1),
        is_first=number == 1,
    )


@router.get("/find")
async def suggest_patients(visitor: MayRead, q: Part = "") -> JSONResponse:
    """Give the first chart numbers that contain what was typed so far."""
    wanted = q.strip()
    found = await search_patients(visitor.work, wanted, limit=_SUGGESTED) if wanted else []
    return JSONResponse([number for _, number in found], headers={"cache-control": "no-store"})


def _filters(counts: Mapping[Listing, int], by: Order, chosen: Listing | None) -> list[dict[str, Any]]:
    return [
        {"title": title, "count": counts[one], "path": _path(one, by, 1), "chosen": one is chosen}
        for one, title in _LISTINGS.items()
    ]


def _orders(chosen: Listing | None, by: Order) -> dict[str, dict[str, Any]]:
    """Offer the orders of a list; what was searched for has its own."""
    if chosen is None:
        return {}
    return {
        one.name: {"title": title, "path": _path(chosen, one, 1), "chosen": one is by}
        for one, title in _ORDERS.items()
    }


def _row(one: ListedPatient, *, live: bool) -> dict[str, Any]:
    patient, loss = one.patient, one.loss
    return {
        "path": path_of(patient.id),
        "number": patient.external_ref,
        "phase": _phase(one),
        "test": patient.mode == "test" and live,
        "chip": _chip(one),
        "lost": None if loss.lost is None else round(loss.lost * 100),
        "spark": spark_of(loss),
        "days_since": loss.days_since,
        "last": _near(one.last_check_in_on, one.today),
        "booster": short_day(one.booster_on) if one.booster_on else "",
        "assignee": one.assignee,
    }


def _phase(one: ListedPatient) -> str:
    if one.given is None:
        return PHASES[one.phase] if one.phase is not Phase.REVIEW else say("After induction")
    count, planned = one.given
    if planned is None:
        return say("Induction, {count} given", count=count)
    return say("Induction {count} of {planned}", count=count, planned=planned)


def _chip(one: ListedPatient) -> dict[str, str]:
    """Give the level as a mark and a word; what is more urgent than a level comes first."""
    patient = one.patient
    if one.unsafe:
        return {"tone": "now", "icon": "now", "said": say("Safety")}
    if patient.archived is not None:
        return {
            "tone": "",
            "icon": "dot",
            "said": ARCHIVED.get(patient.archived.reason, patient.archived.reason),
        }
    if patient.consent is ConsentStatus.WITHDRAWN:
        return {"tone": "", "icon": "dot", "said": say("Consent withdrawn")}
    if one.silent:
        return {"tone": "reach", "icon": "dot", "said": say("Silent")}
    tone = _TONES.get(patient.level, "")
    icon = {"": "dot", "ok": "check"}.get(tone, "warn")
    return {"tone": tone, "icon": icon, "said": LEVELS.get(patient.level, patient.level)}


def _near(day: date | None, today: date) -> str:
    """Write a day that is over as people say it."""
    if day is None:
        return ""
    return {0: say("Today"), 1: say("Yesterday")}.get((today - day).days) or short_day(day)


def _path(listing: Listing, order: Order, page: int) -> str:
    asked = {
        "show": listing.value if listing is not Listing.IN_CARE else "",
        "order": order.value if order is not Order.REGISTERED else "",
        "page": page if page > 1 else "",
    }
    kept = {name: value for name, value in asked.items() if value}
    return f"{HERE}?{urlencode(kept)}" if kept else HERE


def _one_of(kind: Any, text: str) -> Any:  # noqa: ANN401 - one of the two enumerations
    """Read a choice of the address; what is none of ours is the first."""
    return kind(text) if text in set(kind) else next(iter(kind))


def _number(text: str) -> int:
    """Read a page's number; what is none is the first page's."""
    return max(1, int(text)) if _PAGE.fullmatch(text) else 1


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
