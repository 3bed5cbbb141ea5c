"""The audit log as a page: the filter, and the lines with names instead of ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.audit.queries import AuditNames, FoundEvent, SearchTimeRefusedError, names_for, search
from app.access.audit.schemas import place_after, read_place
from app.access.clinics.permissions import Permission
from app.care.patients.queries import chart_numbers_of, id_of_chart_number
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.pages.staff.audit_words import action_said
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, staff_may
from app.pages.staff.wall_clock import UTC_ZONE, moment_in, moment_to_the_second
from app.web.schemas import PAGE_SIZE, write_cursor

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayReadAuditLog = Annotated[StaffVisitor, staff_may(Permission.AUDIT)]
AUDIT_LOG: Final = "/care/audit-log"
_PAGES_OF: Final = {
    "patient": "/care/patients/",
    "signal": "/care/signals/",
    "safety_event": "/care/safety-events/",
}


class NoSuchReferenceError(RefusalError):
    """No patient here has this reference or id; an erased patient is found by id alone."""

    code = "no-such-reference"


class NotADayError(RefusalError):
    """A day is written out, such as 2026-11-03."""

    code = "not-a-day"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What is looked for, as it stands in the address: empty means any."""

    actor: str = ""
    patient: str = ""
    action: str = ""
    first: str = ""
    last: str = ""

    def fields(self) -> dict[str, str]:
        """Give it as the fields of the form, without those that are empty."""
        named = {name: getattr(self, name).strip() for name in self.__dataclass_fields__}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as it is shown; `link` leads to what it was about, `patient` is a reference or a short id."""

    at: datetime
    when: str
    who: str
    what: str
    link: str
    patient_id: UUID | None
    patient: str
    why: str
    seal: int | None


@router.get("/audit-log")
async def show_audit_log(
    visitor: MayReadAuditLog,
    actor: str = "",
    patient: str = "",
    action: str = "",
    first: str = "",
    last: str = "",
    after: str = "",
) -> Response:
    """Show who did and read what, newest first; what cannot be filtered by is said above the form."""
    asked = AuditFilter(actor=actor, patient=patient, action=action, first=first, last=last)
    mistakes: dict[str, str] = {}
    found: list[FoundEvent] = []
    try:
        found = await _search(visitor, asked, after)
    except (NoSuchReferenceError, NotADayError, SearchTimeRefusedError) as error:
        mistakes[error.pointer if error.pointer in {"patient", "last"} else "first"] = error.message()
    names = await names_for(visitor.work, [one.event for one in found])
    whose = [one.event.patient_id for one in found if one.event.patient_id is not None]
    references = await chart_numbers_of(visitor.work, whose)
    following = place_after(found, PAGE_SIZE)
    older = {**asked.fields(), "after": write_cursor(following)} if following else None
    return render(
        visitor,
        "audit_log.html",
        here=AUDIT_LOG,
        status=422 if mistakes else 200,
        asked=asked,
        mistakes=mistakes,
        names=names,
        lines=_lines(found, names, references),
        older=f"{AUDIT_LOG}?{urlencode(older)}" if older else "",
        newest=f"{AUDIT_LOG}?{urlencode(asked.fields())}" if after else "",
        words=action_said,
    )


async def _search(visitor: StaffVisitor, asked: AuditFilter, after: str) -> list[FoundEvent]:
    wanted = asked.fields()
    patient_id = None
    if "patient" in wanted:
        patient_id = _id(wanted["patient"]) or await id_of_chart_number(visitor.work, wanted["patient"])
        if patient_id is None:
            raise NoSuchReferenceError("patient")
    last = _began("last", wanted.get("last", ""))
    return await search(
        visitor.work,
        patient_id=patient_id,
        actor_id=_id(wanted.get("actor", "")),
        action=wanted.get("action"),
        since=_began("first", wanted.get("first", "")),
        until=last and last + timedelta(days=1),
        before=read_place(after or None),
        limit=PAGE_SIZE,
    )


def _lines(found: Sequence[FoundEvent], names: AuditNames, references: Mapping[UUID, str]) -> list[Line]:
    return [_line(one, names, references) for one in found]


def _line(found: FoundEvent, names: AuditNames, references: Mapping[UUID, str]) -> Line:
    event = found.event
    page = _PAGES_OF.get(event.subject_kind)
    erased = event.patient_id is not None and event.patient_id not in references
    return Line(
        at=event.at.astimezone(UTC),
        when=moment_to_the_second(event.at),
        who=names.actor(event.actor_kind, event.actor_id),
        what=action_said(event.action),
        link=f"{page}{event.subject_id}" if page and not erased else "",
        patient_id=event.patient_id,
        patient="erased" if erased else references.get(event.patient_id or event.id, ""),
        why=_why(event.emergency_id, names),
        seal=found.seal,
    )


def _why(emergency_id: UUID | None, names: AuditNames) -> str:
    if emergency_id is None:
        return ""
    access = names.emergencies.get(emergency_id)
    if access is None:
        return say("In an emergency")
    opened, ends = (moment_in(at, UTC_ZONE) for at in (access.opened_at, access.ends_at))
    return say("In an emergency, opened {opened}, until {ends}", opened=opened, ends=ends)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _began(field: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        # What lies at the calendar's very end has no day after it.
        return datetime.combine(min(day, date(9999, 12, 30)), time(), UTC)
    except ValueError:
        raise NotADayError(field) from None
