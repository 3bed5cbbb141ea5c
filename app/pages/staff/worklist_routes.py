"""The worklist: what is open, and what is looked for in it."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.worklist.queries import Asked, read_worklist
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.signal_words import CAUTIONS, CRITERIA
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.pages.staff.worklist_page import LEVELS, STATES, worklist_page
from app.storage.worklist import Place, Shown, Wanted
from app.web.dependencies import ContextNeeded
from app.web.schemas import CursorNotValidError, read_cursor

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_READ)]
# As much of a reference as is looked for; a longer one is nobody's.
_LONGEST: Final = 200
_CHOICES: Final = {
    "state": frozenset(str(one) for one in STATES),
    "level": frozenset(LEVELS),
    "criterion": frozenset(CRITERIA),
    "caution": frozenset(CAUTIONS),
    "mine": frozenset({"yes"}),
}


@router.get("/")
async def show_worklist(request: Request, context: ContextNeeded, visitor: MayRead) -> Response:
    """Show what is open, safety first; a filter that is none of ours is left out."""
    caller, sent = visitor.signed_in, request.query_params
    chosen = {name: sent.get(name, "") for name in _CHOICES}
    chosen = {name: value if value in _CHOICES[name] else "" for name, value in chosen.items()}
    chosen["text"] = sent.get("text", "").strip()[:_LONGEST]
    chosen["after"] = sent.get("after", "")
    asked = Asked(
        wanted=Wanted(
            shown=Shown(chosen["state"] or Shown.WAITING),
            steady={"steady": True, "consider": False}.get(chosen["level"]),
            criterion=chosen["criterion"] or None,
            caution=chosen["caution"] or None,
            acknowledged_by=caller.id if chosen["mine"] else None,
        ),
        reference=chosen["text"],
        after=_place(chosen["after"]) if chosen["after"] else None,
    )
    now = context.clock.now()
    found = await read_worklist(context, caller.clinic_id, asked, actor=caller.actor)
    return worklist_page(context, visitor, found, now=now, chosen=chosen)


def _place(cursor: str) -> tuple[str, Place]:
    """Read where a page begins.

    Raises:
        CursorNotValidError: it is no cursor of ours.
    """
    try:
        part, rank, at, row_id = (read_cursor(cursor) or "").split("|")
        place = (int(rank), datetime.fromisoformat(at), UUID(row_id))
    except ValueError:
        raise CursorNotValidError("query/after") from None
    if part not in {"safety", "signals"} or place[1].tzinfo is None or place[0] not in {0, 1}:
        raise CursorNotValidError("query/after")
    return part, place
