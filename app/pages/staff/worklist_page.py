"""Today: everything that waits for the care team, in three lanes, and what is done to a row in one step."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.care.alerts import finding_commands
from app.care.alerts.finding_commands import FindingOutcome
from app.care.alerts.life_cycle import OutreachChannel, OutreachOutcome
from app.care.patients.reaching import PatientNotReachedError
from app.care.worklist import commands
from app.care.worklist.queries import A_LANE, ClinicStatus, Today, lanes, read_today
from app.care.worklist.schemas import Answer, Outreach, place_in, position_of
from app.context import Work
from app.foundation.errors import RefusalError, RefusalKind
from app.foundation.translations import Words, joined, say
from app.pages.staff.asked_form import filled_in, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import how_long, short_day
from app.pages.staff.worklist_rows import page_of, rows_of
from app.pages.staff.worklist_words import ATTENTION, LANES
from app.storage.worklist import KINDS, Counts, Lane, Shown, WorklistFilter
from app.storage.worklist_next import next_waiting
from app.web.pages.forms import Form
from app.web.reading import read_as
from app.web.schemas import write_cursor

router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_READ)]
MayHandle = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_HANDLE)]
HERE: Final = "/care/"
ON_A_PAGE: Final = 50
"""How many rows a single lane's page has at the most."""
_SHOWS: Final = ("everyone", "mine", "patients", "unassigned", "unseen", "snoozed", "closed")
_LANES: Final[Mapping[str, Lane]] = {words[0]: lane for lane, words in LANES.items()}
_DONE: Final[Mapping[str, tuple[str, str, str]]] = {
    "acknowledge": (say("Acknowledged."), say("No further escalation is sent."), "unacknowledge"),
    "unacknowledge": (say("Taken back."), say("It waits for someone again."), ""),
    "take": (say("Assigned to you."), "", "release"),
    "release": (say("Unassigned."), "", ""),
    "read": (say("Marked as read."), "", "reopen"),
    "reopen": (say("Back on the list."), "", ""),
    "outreach": (say("Saved."), say("It is in the timeline."), ""),
    "contacted": (say("Contacted by phone."), say("It is in the timeline."), "reopen"),
    "answer": (say("Sent."), say("It is in the timeline."), ""),
}
_ASIDE: Final[Mapping[Shown, tuple[str, str]]] = {
    Shown.SNOOZED: (say("Snoozed"), say("comes back by itself")),
    Shown.CLOSED: (say("Closed"), say("in the last 30 days")),
}
_WEEKDAYS: Final = (say("Mon"), say("Tue"), say("Wed"), say("Thu"), say("Fri"), say("Sat"), say("Sun"))
_WEEKDAY_NAMES: Final = (
    say("Monday"),
    say("Tuesday"),
    say("Wednesday"),
    say("Thursday"),
    say("Friday"),
    say("Saturday"),
    say("Sunday"),
)
_SATURDAY: Final = 5


@router.get("/")
async def show_today(visitor: MayRead) -> Response:
    """Show what waits; a filter that is none of ours is left out."""
    sent = visitor.request.query_params
    show = sent.get("show", "")
    show = show if show in _SHOWS else "everyone"
    lane = _LANES.get(sent.get("lane", ""))
    me = visitor.signed_in.id
    wanted = _wanted(show, lane, me)
    alone = lane is not None or wanted.shown is not Shown.WAITING
    found = await read_today(
        visitor.work,
        wanted,
        member=me,
        after=place_in(sent.get("after")),
        a_lane=None if alone else A_LANE,
        limit=ON_A_PAGE if alone else A_LANE * len(Lane),
    )
    asked = {"show": show} if show != "everyone" else {}
    if lane is not None:
        asked["lane"] = sent.get("lane", "")
    return render(
        visitor,
        "today.html",
        here=HERE,
        test_mode=found.status.mode == "test",
        troubles=_troubles(found.status, visitor.work),
        today_said=_said(found.status.today),
        place=found.status.time_zone.partition("/")[2].replace("_", " "),
        strip=_strip(found.planned),
        planned=sum(count for _, count in found.planned),
        filters=_filters(show, found.counts),
        lanes=_lanes(found, visitor, lane, wanted.shown, asked),
        lanes_first=1 if alone else 2,
        notice=step_notice(sent),
        back=_path(asked),
        keys=visitor.keys,
        following=found.following
        and alone
        and _path(asked | {"after": write_cursor(position_of(found.following))}),
    )


@router.get("/worklist/{item_id}/next")
async def show_next(item_id: UUID, visitor: MayRead) -> Response:
    """Lead on to the next row that nobody has acknowledged, or to Today where there is none."""
    row = await next_waiting(visitor.work, item_id)
    return RedirectResponse(HERE if row is None else page_of(row, visitor), 303)


@router.post("/worklist/{item_id}/acknowledge")
async def acknowledge_row(item_id: UUID, visitor: MayHandle) -> Response:
    """Note that this member has seen it."""

    async def change(work: Work, form: Form) -> object:
        life = await commands.life_of(work, item_id)
        return await life.acknowledge(work, item_id, version=version_of(form))

    return await _changed(visitor, item_id, "acknowledge", change)


@router.post("/worklist/{item_id}/unacknowledge")
async def unacknowledge_row(item_id: UUID, visitor: MayHandle) -> Response:
    """Take the acknowledgement back."""

    async def change(work: Work, form: Form) -> object:
        life = await commands.life_of(work, item_id)
        return await life.unacknowledge(work, item_id, version=version_of(form))

    return await _changed(visitor, item_id, "unacknowledge", change)


@router.post("/worklist/{item_id}/take")
async def take_row(item_id: UUID, visitor: MayHandle) -> Response:
    """Assign it to this member."""

    async def change(work: Work, form: Form) -> object:
        return await commands.assign(work, item_id, member=visitor.signed_in.id, version=version_of(form))

    return await _changed(visitor, item_id, "take", change)


@router.post("/worklist/{item_id}/release")
async def release_row(item_id: UUID, visitor: MayHandle) -> Response:
    """Assign it to nobody in particular."""

    async def change(work: Work, form: Form) -> object:
        return await commands.assign(work, item_id, member=None, version=version_of(form))

    return await _changed(visitor, item_id, "release", change)


@router.post("/worklist/{item_id}/read")
async def read_row(item_id: UUID, visitor: MayHandle) -> Response:
    """Close a finding because someone has read it."""

    async def change(work: Work, form: Form) -> object:
        return await finding_commands.close(
            work, item_id, outcome=FindingOutcome.SEEN, version=version_of(form)
        )

    return await _changed(visitor, item_id, "read", change)


@router.post("/worklist/{item_id}/reopen")
async def reopen_row(item_id: UUID, visitor: MayHandle) -> Response:
    """Put a finding back on the list."""

    async def change(work: Work, form: Form) -> object:
        return await finding_commands.reopen(work, item_id, version=version_of(form))

    return await _changed(visitor, item_id, "reopen", change)


@router.post("/worklist/{item_id}/outreach")
async def keep_outreach(item_id: UUID, visitor: MayHandle) -> Response:
    """Keep that this member tried to reach the patient."""

    async def change(work: Work, form: Form) -> object:
        sent = {"channel": OutreachChannel.PHONE.value} | filled_in(form, "channel", "outcome", "note")
        body = read_as(Outreach, sent)
        return await commands.reach_out(
            work,
            item_id,
            channel=body.channel,
            outcome=body.outcome,
            note=body.note,
            version=version_of(form),
        )

    return await _changed(visitor, item_id, "outreach", change)


@router.post("/worklist/{item_id}/contacted")
async def note_contact(item_id: UUID, visitor: MayHandle) -> Response:
    """Keep that this member reached the patient by phone, in one step; other ways are on the patient's page."""

    async def change(work: Work, form: Form) -> object:
        return await commands.reach_out(
            work,
            item_id,
            channel=OutreachChannel.PHONE,
            outcome=OutreachOutcome.REACHED,
            note=None,
            version=version_of(form),
        )

    return await _changed(visitor, item_id, "contacted", change)


@router.post("/worklist/{item_id}/answer")
async def answer_patient(item_id: UUID, visitor: MayHandle) -> Response:
    """Send the patient one of the fixed texts."""

    async def change(work: Work, form: Form) -> object:
        body = read_as(Answer, filled_in(form, "text"))
        return await commands.answer(work, item_id, text=body.text, version=version_of(form))

    return await _changed(visitor, item_id, "answer", change)


async def _changed(
    visitor: StaffVisitor,
    item_id: UUID,
    what: str,
    change: Callable[[Work, Form], Awaitable[object]],
) -> Response:
    """Make a change and go back to where the form stood; what was refused is said there, or given back."""
    form = await read_own_form(visitor)
    back = form["back"] if form["back"].startswith("/care/") else HERE
    joined = "&" if "?" in back else "?"
    try:
        alert: Any = await change(visitor.work, form)
    except PatientNotReachedError:
        await visitor.work.start_over()
        return RedirectResponse(f"{back}{joined}done=not-reached", 303)
    except RefusalError as error:
        # What was written goes into no address: a page of its own gives it back.
        if form["note"] or error.kind in {RefusalKind.NOT_FOUND, RefusalKind.FORBIDDEN, RefusalKind.GONE}:
            raise
        await visitor.work.start_over()
        return RedirectResponse(f"{back}{joined}done=refused", 303)
    more = urlencode({"done": what, "row": item_id, "version": alert.version})
    return RedirectResponse(f"{back}{joined}{more}", 303)


def step_taken_here(sent: Mapping[str, str]) -> dict[str, Any] | None:
    """Say what the last step did, on a page that has steps of its own: theirs name no row."""
    return step_notice(sent) if "row" in sent or sent.get("done") in {"refused", "not-reached"} else None


def step_notice(sent: Mapping[str, str]) -> dict[str, Any] | None:
    """Say what the last step did, with the way to undo it."""
    done, row, version = sent.get("done", ""), sent.get("row", ""), sent.get("version", "")
    if done == "refused":
        return {
            "tone": "bad",
            "first": say("Someone else changed this."),
            "rest": say("What you see is how it is now."),
            "undo": None,
            "next": "",
        }
    if done == "not-reached":
        return {
            "tone": "bad",
            "first": say("Not sent."),
            "rest": say(
                "No push, text message or e-mail reaches this patient. Please call, and record the call."
            ),
            "undo": None,
            "next": "",
        }
    if done not in _DONE:
        return None
    first, rest, undo = _DONE[done]
    try:
        path = f"/care/worklist/{UUID(row)}/{undo}" if undo else ""
    except ValueError:
        path = ""
    shown = {"path": path, "version": version} if path and version.isdigit() else None
    onward = f"{path.rpartition('/')[0]}/next" if shown else ""
    return {"tone": "good", "first": first, "rest": rest, "undo": shown, "next": onward}


def _troubles(status: ClinicStatus, work: Work) -> list[str]:
    """Say what the clinic itself must see to, the most urgent first."""
    said = [ATTENTION[one] for one in status.attention]
    count = status.undelivered.count
    if count:
        what = say(", safety events among them") if status.undelivered.safety else ""
        said.append(
            say(
                "{count} message{value2} to the clinic's systems undelivered{what}.",
                count=count,
                value2="s" if count != 1 else "",
                what=what,
            )
        )
    if status.no_sweep_since is not None:
        last = how_long(status.no_sweep_since, work.now)
        said.append(
            say(
                "What is due was last looked at {last}: notify whoever runs Afterglow that its "
                "worker does not run.",
                last=last,
            )
        )
    return said


def _lanes(
    found: Today, visitor: StaffVisitor, only: Lane | None, shown: Shown, asked: Mapping[str, str]
) -> list[dict[str, Any]]:
    if shown is not Shown.WAITING:
        title, hint = _ASIDE[shown]
        rows = rows_of(found.items, found, visitor)
        count = found.items[0].row.lane_count if found.items else 0
        return [_lane("decide", title, hint, empty=say("Nothing here."), count=count, rows=rows)]
    made = []
    for lane, items in lanes(found.items).items():
        if only is not None and lane is not only:
            continue
        code, title, hint, empty = LANES[lane]
        count = items[0].row.lane_count if items else 0
        made.append(
            _lane(
                code,
                title,
                hint,
                empty=empty,
                count=count,
                rows=rows_of(items, found, visitor),
                more=_path({**asked, "lane": code}) if only is None and count > len(items) else "",
            )
        )
    return made


def _lane(
    code: str, title: str, hint: str, *, empty: str, count: int, rows: Sequence[Any], more: str = ""
) -> dict[str, Any]:
    return {
        "code": code,
        "title": title,
        "hint": hint,
        "empty": empty,
        "count": count,
        "rows": rows,
        "all": more,
    }


def _wanted(show: str, lane: Lane | None, me: UUID) -> WorklistFilter:
    return WorklistFilter(
        kinds=frozenset(kind for kind, its in KINDS.items() if its is lane)
        if lane is not None
        else frozenset(),
        assignee=me if show == "mine" else None,
        care_team=me if show == "patients" else None,
        unassigned=show == "unassigned",
        unseen=show == "unseen",
        shown=Shown(show) if show in {"snoozed", "closed"} else Shown.WAITING,
    )


def _strip(planned: Sequence[tuple[date, int]]) -> list[dict[str, Any]]:
    return [
        {
            "weekday": _WEEKDAYS[day.weekday()],
            "day": day.day,
            "said": short_day(day),
            "count": count,
            "weekend": day.weekday() >= _SATURDAY,
            "today": number == 0,
            "path": f"/care/patients?booster={day.isoformat()}",
        }
        for number, (day, count) in enumerate(planned)
    ]


def _filters(show: str, counts: Counts) -> list[dict[str, Any]]:
    titles: Mapping[str, tuple[str, int | None]] = {
        "everyone": (say("Everyone"), counts.everything),
        "mine": (say("Mine"), counts.mine),
        "patients": (say("My patients"), None),
        "unassigned": (say("Unassigned"), counts.unassigned),
        "unseen": (say("Not acknowledged"), counts.unseen),
        "snoozed": (say("Snoozed"), counts.snoozed),
        "closed": (say("Closed, 30 days"), None),
    }
    return [
        {
            "title": title,
            "count": count,
            "chosen": name == show,
            "path": _path({} if name == "everyone" else {"show": name}),
        }
        for name, (title, count) in titles.items()
    ]


def _path(asked: Mapping[str, str]) -> str:
    return f"{HERE}?{urlencode(asked)}" if asked else HERE


def _said(day: date) -> Words:
    return joined((_WEEKDAY_NAMES[day.weekday()], short_day(day)))
