"""The patient's own history: the trend, and day by day each check-in to correct and to take back; days to add."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from app.care.check_ins.commands import withdraw
from app.care.check_ins.queries import current_check_in, list_of_patient, open_note
from app.care.check_ins.sources import MOST_DAYS_BACK
from app.care.monitoring.trend import Days, trend_of_patient
from app.care.sleep_nights.queries import list_nights
from app.chart.description import trend_table
from app.chart.drawing import draw_trend
from app.chart.layout import Width
from app.chart.trend import Reader
from app.chart.wording import chart_words
from app.clinical.check_ins import ONE_DAY, check_in_day, zone_of
from app.foundation.errors import NotFoundError
from app.foundation.logs import where
from app.foundation.translations import number_written, say
from app.pages.patient.check_in_form import SCORES, answers_beside_scores
from app.pages.patient.nights_page import measured
from app.pages.patient.page_route import PatientPageRoute, render
from app.pages.patient.questionnaire_page import offered_questionnaires
from app.pages.patient.visitor import SignedInVisitor, Visitor, read_own_form
from app.storage.check_ins import StoredCheckIn
from app.storage.sleep_nights import SleepNight
from app.web.pages.forms import OwnFormOnly
from app.web.pages.wording import write_day, write_short_day
from app.web.schemas import read_counter

# Two weeks after sending; what the history offers.
TWO_WEEKS: Final = 14
RANGES: Final = (TWO_WEEKS, 30, 90)
# Fewer make no line.
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTrend:
    """A trend in a picture and in words.

    Attributes:
        days: how many days it covers.
        with_table: whether the same numbers follow as a table.
        check_in_days: on how many of them there was a check-in.
        picture: empty while there are too few for a line.
    """

    days: int
    with_table: bool
    check_in_days: int
    picture: Markup
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


async def own_trend(visitor: Visitor, days: int, *, with_table: bool = True) -> ShownTrend:
    """Draw the signed-in patient's last days; without the table where the page lists the same days."""
    caller = visitor.signed_in
    first = check_in_day(visitor.work.now, caller.time_zone) - timedelta(days=days - 1)
    trend = await trend_of_patient(
        visitor.work,
        caller.patient_id,
        Days(first=first, last=first + timedelta(days=days - 1)),
        reader=Reader.PATIENT,
    )
    words = chart_words(visitor.language)
    table = trend_table(trend, words)
    drawn = len(trend.days) >= _FEWEST
    return ShownTrend(
        days=days,
        with_table=with_table,
        check_in_days=len(trend.days),
        picture=Markup(draw_trend(trend, words, width=Width.COMPACT) if drawn else ""),  # noqa: S704 - made by our own template, which escapes
        caption=table.caption,
        columns=table.columns,
        rows=table.rows,
    )


async def trend_after_sending(visitor: Visitor) -> ShownTrend | None:
    """Draw two weeks for the thank-you page; what is kept is kept, also when they cannot be drawn."""
    try:
        return await own_trend(visitor, TWO_WEEKS)
    except Exception as error:  # noqa: BLE001 - nobody should read "could not be kept" for want of a picture
        structlog.get_logger().error("trend.failed", error_type=type(error).__name__, error_at=where(error))
        await visitor.work.start_over()
        return None


HISTORY: Final = "/p/history"
_USUAL: Final = 30
_MOST: Final = 30
# Of two sources there are two nights a day.
_MOST_NIGHTS: Final = 100
# A day is added while one still knows how it was.
_ADDED_BACK: Final = 7
_IMPORTED: Final = "import"

router = APIRouter(prefix="/p", route_class=PatientPageRoute, include_in_schema=False)


@router.get("/history")
async def show_history(visitor: SignedInVisitor) -> Response:
    """Show the own trend and every check-in of the last weeks, the latest first."""
    asked = read_counter(visitor.request.query_params.get("days", ""))
    days = asked if asked in RANGES else _USUAL
    trend = await own_trend(visitor, days, with_table=days > _MOST)
    reported = await _reported(visitor)
    nights = await list_nights(visitor.work, visitor.signed_in.patient_id, before=None, limit=_MOST_NIGHTS)
    return render(
        visitor,
        "history.html",
        here=HISTORY,
        notice=say("Your check-in was taken back.") if "taken-back" in visitor.request.query_params else "",
        trend=trend,
        ranges=RANGES,
        columns=list(SCORES.values()),
        days=list(_days(visitor, reported, nights)),
        missing=[] if visitor.signed_in.archived else list(_missing(visitor, reported)),
        questionnaires=await offered_questionnaires(visitor),
    )


@router.get("/history/{check_in_id}/take-back")
async def ask_to_take_back(check_in_id: UUID, visitor: SignedInVisitor) -> Response:
    """Ask once more before a check-in is taken back."""
    stored = await own_report(visitor, check_in_id)
    return render(
        visitor,
        "sure.html",
        here=HISTORY,
        question=say(
            "Take back your check-in of {day}?", day=write_day(stored.check_in_day, visitor.language)
        ),
        lead=say("It no longer counts. Your care team can see that there was one."),
        action=f"{HISTORY}/{check_in_id}/take-back",
        yes=say("Take back"),
    )


@router.post("/history/{check_in_id}/take-back", dependencies=[OwnFormOnly])
async def take_back(check_in_id: UUID, visitor: SignedInVisitor) -> Response:
    """Take a check-in back: it no longer counts, and stays marked on the record."""
    await read_own_form(visitor)
    await own_report(visitor, check_in_id)
    await withdraw(visitor.work, visitor.signed_in.patient_id, check_in_id)
    return RedirectResponse(f"{HISTORY}?taken-back", 303)


async def own_report(visitor: Visitor, check_in_id: UUID) -> StoredCheckIn:
    """Find a check-in that the patient sent and that stands.

    Raises:
        NotFoundError: there is none, it was corrected or taken back, or the clinic imported it.
    """
    found = await current_check_in(visitor.work, visitor.signed_in.patient_id, check_in_id)
    if found is None or found.withdrawn_at is not None or found.input_mode == _IMPORTED:
        raise NotFoundError
    return found


def can_still_be_corrected(stored: StoredCheckIn, now: datetime) -> bool:
    """Whether a patient's device may still report about that moment."""
    return stored.check_in.recorded_at > now - MOST_DAYS_BACK


def moment_of_added(text: str, now: datetime, time_zone: str) -> datetime | None:
    """Read a day that is to be added as the evening of that day; None when it is not one of the last days."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    today = check_in_day(now, time_zone)
    if not today - timedelta(days=_ADDED_BACK) <= day < today:
        return None
    return datetime.combine(day, time(20), tzinfo=zone_of(time_zone))


async def _reported(visitor: Visitor) -> Sequence[StoredCheckIn]:
    found = await list_of_patient(
        visitor.work, visitor.signed_in.patient_id, after=None, limit=_MOST, with_errors=False
    )
    return [stored for stored, _ in found]


def _days(
    visitor: Visitor, reported: Sequence[StoredCheckIn], nights: Sequence[SleepNight]
) -> Iterator[dict[str, Any]]:
    language, caller = visitor.language, visitor.signed_in
    for stored in reported:
        sent = stored.check_in
        slept = [one for one in nights if one.night == stored.check_in_day]
        beside = [(say("Measured by your phone"), measured(slept))] if slept else []
        yield {
            "id": sent.id,
            "day": write_short_day(stored.check_in_day, language),
            "answers": [(title, _plain(getattr(sent, name))) for name, title in SCORES.items()],
            "others": [*answers_beside_scores(sent), *beside],
            "note": open_note(visitor.context.vault, caller.clinic_id, stored),
            "own": stored.input_mode != _IMPORTED,
            "correctable": can_still_be_corrected(stored, visitor.work.now) and not caller.archived,
        }


def _missing(visitor: Visitor, reported: Sequence[StoredCheckIn]) -> Iterator[tuple[str, str]]:
    """Give the last days without a check-in, since the first one; the latest first."""
    today = check_in_day(visitor.work.now, visitor.signed_in.time_zone)
    known = {stored.check_in_day for stored in reported}
    for back in range(1, _ADDED_BACK + 1):
        day = today - ONE_DAY * back
        if day not in known and known and day > min(known):
            yield day.isoformat(), write_short_day(day, visitor.language)


def _plain(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else number_written(value)
