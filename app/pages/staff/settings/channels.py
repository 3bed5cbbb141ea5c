"""Notice channels: mail addresses and chats of the care team, notified that there is something, never what."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.access.staff.queries import active_names
from app.foundation.errors import RefusalError
from app.foundation.translations import say
from app.notifications.webhooks import notice_channels
from app.notifications.webhooks.notice_channels import UNLESS_CHOSEN, NoticeEvent, NoticeKind
from app.notifications.webhooks.schemas import NoticeChannelEntry
from app.pages.staff.asked_form import entry_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.settings.settings_page import SETTINGS, settings_page
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.web.pages.forms import NOTHING_FILLED_IN, Form

HERE: Final = f"{SETTINGS}/channels"
router = APIRouter(prefix=HERE, route_class=CarePageRoute, include_in_schema=False)
MayManage = Annotated[StaffVisitor, staff_may(Permission.WEBHOOKS)]
_DONE: Final = {
    "added": say("The channel is added."),
    "removed": say("The channel is removed."),
    "test": say("A test is on its way."),
}


@router.get("")
async def show_channels(visitor: MayManage) -> Response:
    """List the channels."""
    return await _page(visitor, done=visitor.request.query_params.get("done", ""))


@router.post("")
async def add_channel(visitor: MayManage) -> Response:
    """Add a channel."""
    form = await read_own_form(visitor)
    chosen = [event.value for event in NoticeEvent if form[f"event_{event.value}"]]
    typed = {"kind": form["kind"], "address": form["address"].strip(), "locale": form["locale"] or "en"}
    typed |= {"care_team": form["care_team"]} if form["care_team"] else {}

    async def change() -> None:
        entry = entry_of(NoticeChannelEntry, {**typed, "events": chosen or None})
        await notice_channels.add_channel(
            visitor.work,
            kind=entry.kind,
            address=entry.address,
            events=entry.events,
            locale=entry.locale,
            care_team=entry.care_team,
        )

    return await visitor.go_on(change, to=f"{HERE}?done=added", again=_page, typed=form)


@router.post("/{channel_id}/remove")
async def remove_channel(channel_id: UUID, visitor: MayManage) -> Response:
    """Take a channel away."""
    await read_own_form(visitor)
    await notice_channels.remove_channel(visitor.work, channel_id)
    return RedirectResponse(f"{HERE}?done=removed", 303)


@router.post("/{channel_id}/test")
async def send_test(channel_id: UUID, visitor: MayManage) -> Response:
    """Send a text that asks for nothing."""
    await read_own_form(visitor)
    return await visitor.go_on(
        lambda: notice_channels.send_test(visitor.work, channel_id), to=f"{HERE}?done=test", again=_page
    )


_EVENTS_SAID: Final[Mapping[NoticeEvent, str]] = {
    NoticeEvent.SIGNAL_RAISED: say("A signal is raised"),
    NoticeEvent.SIGNAL_ESCALATED: say("Nobody acknowledged a signal in time"),
    NoticeEvent.SAFETY_REPORTED: say("A safety event"),
    NoticeEvent.SAFETY_UNACKNOWLEDGED: say("Nobody acknowledged a safety event in time"),
    NoticeEvent.CHECK_INS_OVERDUE: say("Check-ins are overdue"),
    NoticeEvent.INDUCTION_REVIEW_DUE: say("An induction review is due"),
    NoticeEvent.REFERENCE_NOT_ESTABLISHED: say("No reference was reached"),
    NoticeEvent.PATIENT_ASKED_ABOUT_BOOSTER: say("A patient asks about a booster"),
    NoticeEvent.PATIENT_WORSE_THAN_BEFORE: say("A patient is worse than before treatment"),
    NoticeEvent.PATIENT_ASKED_FOR_ERASURE: say("A patient asks to be erased"),
    NoticeEvent.CONSENT_WITHDRAWN: say("Consent is withdrawn"),
    NoticeEvent.PATIENT_WROTE: say("A patient wrote a note"),
    NoticeEvent.ENDPOINT_TROUBLE: say("A webhook endpoint fails"),
}


async def _page(
    visitor: StaffVisitor, *, done: str = "", typed: Form | None = None, error: RefusalError | None = None
) -> Response:
    return await settings_page(
        visitor,
        "settings_channels.html",
        here=HERE,
        members=await active_names(visitor.work),
        error=error,
        channels=await notice_channels.list_channels(visitor.work),
        kinds=tuple(NoticeKind),
        events=_EVENTS_SAID,
        usual=UNLESS_CHOSEN,
        typed=typed or NOTHING_FILLED_IN,
        done=_DONE.get(done, ""),
        texts_arrive_at=f"{visitor.context.public_url}/v1/text-messages/{visitor.work.clinic_id}",
        has_gateway=visitor.context.gateway is not None,
    )
