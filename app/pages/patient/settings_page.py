"""The settings as they are shown: zone, language, reminders, where one is signed in, one's rights."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from starlette.responses import Response

from app.care.consent import erasure
from app.care.patients import devices
from app.care.patients.consent_standing import ConsentStanding
from app.care.patients.service import reminders_of
from app.clinical.check_ins import zone_of
from app.context import AppContext
from app.foundation.zones import choosable_zones
from app.outbox import Channel
from app.pages.patient.questionnaire_pages import offered_questionnaires
from app.pages.patient.rendering import render
from app.pages.patient.visitor import Visitor
from app.pages.patient.words import say_in
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.wording import LANGUAGES, write_moment

SETTINGS: Final = "/p/settings"
REMINDER_FIELDS: Final = ("ask_at", "email", "quiet_from", "quiet_until", "paused_until")


async def settings_page(
    context: AppContext,
    visitor: Visitor,
    *,
    notice: str = "",
    mistakes: Mapping[str, str] | None = None,
    form: Form = NOTHING_FILLED_IN,
    status: int = 200,
) -> Response:
    """Show what can be chosen; what was typed stays, and ``mistakes`` names the sentence for each field."""
    caller, say = visitor.signed_in, say_in(visitor.language)
    wall = zone_of(caller.time_zone)
    listed = await devices.list_devices(visitor.work, caller.patient_id)
    return render(
        context,
        visitor,
        "settings.html",
        here=SETTINGS,
        status=status,
        notice=say(notice) if notice else "",
        mistakes={field: say(name) for field, name in (mistakes or {}).items()},
        zone=form["time_zone"] or caller.time_zone,
        reminders=await _reminders(visitor, form),
        zones=choosable_zones(),
        languages=LANGUAGES,
        questionnaires=await offered_questionnaires(visitor),
        devices=[_shown(one, visitor, wall) for one in listed],
        erasure_asked=await _erasure_asked(visitor),
        has_withdrawn=caller.consent is ConsentStanding.WITHDRAWN,
    )


async def _erasure_asked(visitor: Visitor) -> str:
    """Say since when a request to be erased waits for the clinic; empty when none does."""
    caller = visitor.signed_in
    asked = await erasure.list_of_patient(visitor.work, caller.patient_id)
    waiting = [one for one in asked if one.decided_at is None]
    if not waiting:
        return ""
    at = write_moment(waiting[-1].requested_at, zone_of(caller.time_zone), visitor.language)
    return say_in(visitor.language)("erasure_asked", at=at)


async def _reminders(visitor: Visitor, form: Form) -> dict[str, str]:
    """Give how the patient wants to be asked, as the fields of the form; what was typed goes first."""
    caller = visitor.signed_in
    if any(form[name] for name in REMINDER_FIELDS):
        return {name: form[name] for name in REMINDER_FIELDS}
    chosen = await reminders_of(visitor.work, caller.patient_id)
    return {
        "ask_at": f"{chosen.ask_at:%H:%M}",
        "email": "yes" if Channel.EMAIL in chosen.channels else "",
        "quiet_from": f"{chosen.quiet_from:%H:%M}",
        "quiet_until": f"{chosen.quiet_until:%H:%M}",
        "paused_until": chosen.paused_until.isoformat() if chosen.paused_until else "",
    }


def _shown(device: devices.EnrolledDevice, visitor: Visitor, wall: tzinfo) -> dict[str, object]:
    return {
        "id": str(device.id),
        "name": device.name,
        "here": device.id == visitor.signed_in.device_id,
        "since": write_moment(device.enrolled_at, wall, visitor.language),
        "used": write_moment(device.last_used_at, wall, visitor.language),
    }
