"""Webhooks: endpoints with a test each, their deliveries with every attempt, sending again and recovering."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.access.staff.queries import active_names
from app.foundation.errors import NotFoundError, RefusalError
from app.foundation.translations import say
from app.notifications.webhooks import commands, queries
from app.notifications.webhooks.commands import NewEndpoint
from app.notifications.webhooks.endpoints import Format
from app.notifications.webhooks.events import SAFETY_EVENTS, EventType
from app.notifications.webhooks.retry_schedule import AttemptError
from app.notifications.webhooks.schemas import DeliveryReply, EndpointEntry, EndpointPatch
from app.pages.staff.asked_form import entry_of, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import short_day
from app.storage.delivery_log import DeliveryDay
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.schemas import PAGE_SIZE, read_id_cursor, write_cursor

HERE: Final = f"{SETTINGS}/webhooks"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayManage = Annotated[StaffVisitor, staff_may(Permission.WEBHOOKS)]
CHOOSABLE: Final = tuple(
    event for event in EventType if event not in SAFETY_EVENTS and event is not EventType.ENDPOINT_TEST
)
_STATES: Final[Mapping[str, str]] = {
    "": say("All"),
    "pending": say("Waiting"),
    "delivered": say("Delivered"),
    "exhausted": say("Undelivered"),
    "held": say("Held"),
}
_NO_ANSWERS: Final[Mapping[str, str]] = {
    AttemptError.TIMEOUT: say("No answer in time"),
    AttemptError.CONNECTION_FAILED: say("Not reached"),
    AttemptError.TLS_FAILED: say("No secure connection"),
    AttemptError.ADDRESS_REFUSED: say("Address refused"),
    AttemptError.REDIRECT_REFUSED: say("Redirect refused"),
    AttemptError.GONE: say("Gone"),
    AttemptError.HTTP_STATUS: say("Refused"),
}
_DONE: Final[Mapping[str, str]] = {
    "removed": say("The endpoint is removed."),
    "changed": say("Saved."),
    "test": say("A test is on its way; its answer shows below within seconds."),
    "enabled": say("Enabled. What was held goes out."),
    "disabled": say("Disabled. What is due is held, never dropped."),
    "resent": say("On its way again, from the start of its schedule."),
    "recovered": say("What did not arrive is on its way again."),
}
_BARS: Final = 24
# A bar's height in pixels: of the day with the most, and of a day with one.
_TALLEST, _SHORTEST = 20, 4
# How far back one click sends again what did not arrive; a program can name any time.
_RECOVERED_DAYS: Final = (1, 7, 30)


@router.get("")
async def show_endpoints(visitor: MayManage) -> Response:
    """List the endpoints, with what each did last."""
    return await _list(visitor, done=visitor.request.query_params.get("done", ""))


@router.post("")
async def add_endpoint(visitor: MayManage) -> Response:
    """Add an endpoint, and show its secret, this once."""
    form = await read_own_form(visitor)

    async def change() -> commands.NewEndpoint:
        sent = {
            "url": form["url"].strip(),
            "events": _events_in(form),
            "care_team": form["care_team"] or None,
            "format": form["format"] or Format.STANDARD.value,
        }
        entry = entry_of(EndpointEntry, sent)
        return await commands.add_endpoint(
            visitor.work,
            url=entry.url,
            events=entry.events,
            care_team=entry.care_team,
            written_as=entry.format,
        )

    return await visitor.go_on(
        change, to=lambda new: _one(visitor, new.endpoint.id, new=new), again=_list, typed=form
    )


@router.get("/{endpoint_id}")
async def show_endpoint(
    endpoint_id: UUID, visitor: MayManage, state: str = "", after: str = "", done: str = ""
) -> Response:
    """Show one endpoint with its deliveries."""
    return await _one(visitor, endpoint_id, state=state, after=after, done=done)


@router.post("/{endpoint_id}/change")
async def change_endpoint(endpoint_id: UUID, visitor: MayManage) -> Response:
    """Change the address or the events."""
    form = await read_own_form(visitor)

    async def change() -> None:
        sent: dict[str, object] = {"url": form["url"].strip(), "events": _events_in(form)}
        present = await queries.read_endpoint(visitor.work, endpoint_id)
        # What stays is not sent: whose team it was may have left since.
        if form["care_team"] != str(present.care_team or ""):
            sent["care_team"] = form["care_team"] or None
        patch = entry_of(EndpointPatch, sent)
        await commands.change_endpoint(visitor.work, endpoint_id, patch.change, version=version_of(form))

    return await visitor.go_on(
        change, to=f"{HERE}/{endpoint_id}?done=changed", again=_one, endpoint_id=endpoint_id, typed=form
    )


@router.post("/{endpoint_id}/rotate")
async def rotate_secret(endpoint_id: UUID, visitor: MayManage) -> Response:
    """Sign with a new secret, shown this once."""
    await read_own_form(visitor)
    new = await commands.rotate_secret(visitor.work, endpoint_id)
    return await _one(visitor, endpoint_id, new=new)


@router.post("/{endpoint_id}/recover")
async def recover(endpoint_id: UUID, visitor: MayManage) -> Response:
    """Send again what did not arrive within the last days."""
    form = await read_own_form(visitor)
    days = int(form["days"]) if form["days"] in map(str, _RECOVERED_DAYS) else _RECOVERED_DAYS[0]
    return await visitor.go_on(
        lambda: commands.recover(
            visitor.work,
            endpoint_id,
            since=visitor.work.now - timedelta(days=days),
            also_delivered=False,
        ),
        to=f"{HERE}/{endpoint_id}?done=recovered",
        again=_one,
        endpoint_id=endpoint_id,
    )


@router.post("/{endpoint_id}/deliveries/{delivery_id}/resend")
async def resend(endpoint_id: UUID, delivery_id: UUID, visitor: MayManage) -> Response:
    """Send one delivery again."""
    await read_own_form(visitor)
    return await visitor.go_on(
        lambda: commands.resend(visitor.work, delivery_id),
        to=f"{HERE}/{endpoint_id}?done=resent",
        again=_one,
        endpoint_id=endpoint_id,
    )


@router.post("/{endpoint_id}/{what}")
async def switch(endpoint_id: UUID, what: str, visitor: MayManage) -> Response:
    """Send a test, enable, disable or remove an endpoint."""
    await read_own_form(visitor)
    calls = {
        "test": commands.send_test,
        "enable": commands.enable,
        "disable": commands.disable,
        "remove": commands.remove,
    }
    if what not in calls:
        raise NotFoundError
    done = what if what == "test" else f"{what}d"
    return await visitor.go_on(
        lambda: calls[what](visitor.work, endpoint_id),
        to=f"{HERE}?done={done}" if what == "remove" else f"{HERE}/{endpoint_id}?done={done}",
        again=_one,
        endpoint_id=endpoint_id,
    )


def _events_in(form: Form) -> list[str] | None:
    """Read the filter: None for all events, or those that are ticked."""
    if form["which"] != "some":
        return None
    return [event.value for event in CHOOSABLE if form[f"event_{event.value}"]]


async def _list(
    visitor: StaffVisitor, *, done: str = "", typed: Form | None = None, error: RefusalError | None = None
) -> Response:
    found = await queries.list_endpoints(visitor.work)
    last = {}
    for one in found:
        logged = await queries.list_deliveries(visitor.work, one.id, state=None, before=None, limit=1)
        last[one.id] = DeliveryReply.of(logged[0]) if logged else None
    return await settings_page(
        visitor,
        "settings_webhooks.html",
        here=HERE,
        members=await active_names(visitor.work),
        error=error,
        endpoints=found,
        no_answers=_NO_ANSWERS,
        last=last,
        choosable=CHOOSABLE,
        chosen=_events_in(typed) if typed else None,
        typed=typed or NOTHING_FILLED_IN,
        done=_DONE.get(done, ""),
    )


def _bars(days: Sequence[DeliveryDay]) -> list[dict[str, Any]]:
    """Draw a bar a day, as high as there were deliveries, in the color of the worst of them."""
    sums = [one.delivered + one.waiting + one.undelivered for one in days]
    most = max(*sums, 1)
    return [
        {
            "x": 6 * number,
            "height": max(_SHORTEST, round(_TALLEST * count / most)) if count else 1,
            "code": "f" if one.undelivered else "w" if one.waiting else "" if count else "none",
            "said": say(
                "{day}: {delivered} delivered, {waiting} waiting, {undelivered} undelivered",
                day=short_day(one.day),
                delivered=one.delivered,
                waiting=one.waiting,
                undelivered=one.undelivered,
            ),
        }
        for number, (one, count) in enumerate(zip(days, sums, strict=True))
    ]


async def _one(
    visitor: StaffVisitor,
    endpoint_id: UUID,
    *,
    state: str = "",
    after: str = "",
    done: str = "",
    new: NewEndpoint | None = None,
    typed: Form | None = None,
    error: RefusalError | None = None,
) -> Response:
    endpoint = await queries.read_endpoint(visitor.work, endpoint_id)
    state = state if state in _STATES else ""
    found = await queries.list_deliveries(
        visitor.work,
        endpoint_id,
        state=state or None,
        before=read_id_cursor(after or None),
        limit=PAGE_SIZE,
    )
    deliveries = [DeliveryReply.of(one) for one in found]
    older = write_cursor(str(deliveries[-1].id)) if len(deliveries) == PAGE_SIZE else ""
    return await settings_page(
        visitor,
        "settings_webhook.html",
        here=HERE,
        error=error,
        endpoint=endpoint,
        members=await active_names(visitor.work),
        deliveries=deliveries,
        states=_STATES,
        no_answers=_NO_ANSWERS,
        sentences={one: one.sentence for one in AttemptError},
        state=state,
        bars=_bars(await queries.deliveries_by_day(visitor.work, endpoint_id, days=_BARS)),
        older=f"{HERE}/{endpoint_id}?state={state}&after={older}" if older else "",
        choosable=CHOOSABLE,
        chosen=_events_in(typed) if typed else endpoint.events,
        recovered_days=_RECOVERED_DAYS,
        new=new,
        typed=typed,
        done=_DONE.get(done, ""),
    )
