"""Reading a clinic's numbers: what lies in the period, in one transaction, then counted away from the event loop."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from app.access.clinics.policy import active_protocol
from app.access.clinics.queries import clinic_in
from app.care.insights.figures import Period, period_of
from app.care.insights.numbers import Insights, Read, insights_from, totals_wanted
from app.context import Work
from app.foundation.csv_tables import table_of
from app.storage import care_pasts, insights
from app.storage.insights import Window

# A day in any zone, and a traveling patient's.
_AROUND: Final = timedelta(days=2)


async def read_insights(work: Work, *, first: date | None, end: date | None) -> Insights:
    """Give the clinic's numbers over the days from `first` on and before `end`; that someone looked is recorded.

    Patients are those of the clinic's own mode: who was registered in test mode is no part of a live clinic's
    numbers.

    Raises:
        PeriodRefusedError: the period is empty, too long, or ends in the future.
    """
    clinic = await clinic_in(work)
    period = period_of(first, end, now=work.now, time_zone=clinic.time_zone)
    protocol = await active_protocol(work)
    window = _window(period, clinic.mode)
    # What an induction achieved may be seen after the period; a booster in between ends the wait for it.
    until = period.ended_at + timedelta(days=protocol.window_latest_day) + _AROUND
    care = await care_pasts.care_in(work, window, infusions_until=until)
    whose, since = await asyncio.to_thread(
        totals_wanted, care, period=period, now=work.now, protocol=protocol
    )
    read = Read(
        care=care,
        signals=await insights.signals_in(work, window),
        safety=await insights.safety_in(work, window),
        not_out=await insights.not_out(work, window),
        totals=await care_pasts.totals_of(work, whose, taken_since=since),
    )
    work.record_access("insights", patient_id=None)
    # Nothing more is read. A clinic of thousands takes a second or so to count; meanwhile others are answered.
    await work.commit()
    return await asyncio.to_thread(
        insights_from,
        read,
        period=period,
        mode=clinic.mode,
        limits=clinic.limits,
        now=work.now,
        protocol=protocol,
    )


def _window(period: Period, mode: str) -> Window:
    return Window(
        mode=mode,
        first=period.first,
        end=period.end,
        began_at=period.began_at,
        ended_at=period.ended_at,
    )


COLUMNS: Final = ("figure", "value")
# What an entry of a list is named by.
_NAMES: Final = ("by", "group", "scale", "week", "begins")


def csv_of(document: Mapping[str, object]) -> str:
    """Write each number on a separate line, named by its way through the JSON document; null is an empty cell."""
    return table_of([COLUMNS, *_lines(document, "")])


def _lines(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _lines(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for entry in value:
            name = ".".join(str(entry[key]) for key in _NAMES if key in entry)
            rest = {key: inner for key, inner in entry.items() if key not in _NAMES}
            yield from _lines(rest, f"{path}.{name}")
    else:
        yield path, value
