"""What a patient's timeline shows from a place in it on: reports, text messages, nights, forms, what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import UUID

from app.care.alerts.life_cycle import words_in
from app.care.alerts.queries import OpenedStep
from app.care.assessments.queries import Assessment
from app.care.assessments.queries import latest_of as latest_forms
from app.care.check_ins.queries import open_note
from app.care.patients.sealed_fields import vault_of
from app.care.texts.queries import PatientText, texts_of
from app.context import Work
from app.storage import alert_steps, check_ins, sleep_nights
from app.storage.check_ins import StoredCheckIn
from app.storage.patients import PatientRecord
from app.storage.sleep_nights import SleepNight
from app.web.schemas import CursorNotValidError, read_counter, read_cursor, write_cursor

ON_A_PAGE: Final = 25
# A night stands beside the report of its day, which may be on the page before.
_BESIDE: Final = timedelta(hours=36)
_MORE_BESIDE: Final = 30
_MOST_AT_ONE_MOMENT: Final = 1000
_LAST_ID: Final = UUID(int=2**128 - 1)
_YEARS: Final = range(1900, 3000)
# A finding is on Today while it is open; of its steps only what someone did about it is shown.
_NOT_SHOWN: Final = ("finding.raised", "finding.ended", "finding.acknowledged")
Entry = tuple[datetime, dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedReport:
    """One of the patient's reports, with its note opened."""

    stored: StoredCheckIn
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePlace:
    """A place in the timeline: behind the first ``shown`` entries of the moment ``at``, and all later ones."""

    at: datetime
    shown: int

    @classmethod
    def of(cls, cursor: str) -> Self | None:
        """Read a place from an address; None where it holds none."""
        try:
            at, _, shown = (read_cursor(cursor or None) or "").partition(" ")
            moment, count = datetime.fromisoformat(at), read_counter(shown)
        except (CursorNotValidError, ValueError):
            return None
        if count is None or count > _MOST_AT_ONE_MOMENT or moment.tzinfo is None or moment.year not in _YEARS:
            return None
        return cls(at=moment, shown=count)

    @property
    def cursor(self) -> str:
        """As an address holds it."""
        return write_cursor(f"{self.at.isoformat()} {self.shown}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRecords:
    """What lies behind a place, the latest first, as much of each kind as a page may need.

    Attributes:
        ends: by group of the timeline, the moment behind which some of its records were not read.
    """

    place: TimelinePlace | None
    reports: Sequence[NotedReport]
    texts: Sequence[PatientText]
    forms: Sequence[Assessment]
    steps: Sequence[OpenedStep]
    nights: Sequence[SleepNight]
    ends: Mapping[str, datetime]


async def timeline_records(
    work: Work, patient: PatientRecord, place: TimelinePlace | None
) -> tuple[TimelineRecords, Sequence[Assessment]]:
    """Read what lies behind a place, of the latest without one; and the latest forms, wherever the place is."""
    until = place.at if place else None
    most = ON_A_PAGE + 1 + (place.shown if place else 0)
    reports, end_of_reports = await _reports(work, patient.id, until, most)
    forms = await latest_forms(work, patient, limit=most, until=until)
    behind = [one for one in forms if until is None or one.taken_at <= until]
    texts = await texts_of(work, patient, limit=most, until=until)
    steps = await alert_steps.of_patient(work, patient.id, until=until, without=_NOT_SHOWN, limit=most)
    day = None if until is None else ((until + _BESIDE).date(), _LAST_ID)
    nights = await sleep_nights.shown(work, patient.id, before=day, limit=most + _MORE_BESIDE)
    own = vault_of(work, patient)
    ends = {
        "reports": [
            *end_of_reports,
            *_end([one.received_at for one in texts], most),
            *_end_of_nights(nights, most + _MORE_BESIDE),
        ],
        "scales": _end([one.taken_at for one in behind], most),
        "signals": _end([one.at for one in steps], most),
    }
    records = TimelineRecords(
        place=place,
        reports=reports,
        texts=texts,
        forms=behind,
        steps=[OpenedStep(step=one, words=words_in(own, one)) for one in steps],
        nights=nights,
        ends={group: max(moments) for group, moments in ends.items() if moments},
    )
    return records, forms


def page_of(
    made: Sequence[Entry], place: TimelinePlace | None, end: datetime | None
) -> tuple[Sequence[Entry], TimelinePlace | None]:
    """Take a page of entries, which are sorted, and say where the next begins; None where nothing is older."""
    same = [one for one in made if place is not None and one[0] == place.at]
    earlier = [one for one in made if place is None or one[0] < place.at]
    known = [one for one in (*same[place.shown if place else 0 :], *earlier) if end is None or one[0] >= end]
    page = known[:ON_A_PAGE]
    if len(page) == len(known) and end is None:
        return page, None
    last = page[-1][0] if len(known) > ON_A_PAGE or end is None else end
    before = place.shown if place is not None and place.at == last else 0
    return page, TimelinePlace(at=last, shown=before + sum(at == last for at, _ in page))


def noted(work: Work, stored: StoredCheckIn) -> NotedReport:
    """Open a report's note."""
    return NotedReport(stored=stored, note=open_note(work.vault, work.clinic_id, stored))


async def _reports(
    work: Work, patient_id: UUID, until: datetime | None, most: int
) -> tuple[list[NotedReport], list[datetime]]:
    """Read the reports behind a place with those that a night may stand beside, and where they end."""

    async def read(after: datetime | None, limit: int) -> list[StoredCheckIn]:
        place = None if after is None else (after, _LAST_ID)
        return await check_ins.latest_first(work, patient_id, after=place, limit=limit, with_errors=False)

    limit = most + _MORE_BESIDE
    found = await read(until and until + _BESIDE, limit)
    beside = [one for one in found if until is not None and one.check_in.recorded_at > until]
    if len(found) == limit and len(beside) > _MORE_BESIDE:
        # So many within a day and a half would leave too few behind the place, or none at all.
        found = await read(until, most)
        end = _end([one.check_in.recorded_at for one in found], most)
        return [noted(work, one) for one in (*beside[-_MORE_BESIDE:], *found)], end
    return [noted(work, one) for one in found], _end([one.check_in.recorded_at for one in found], limit)


def _end(moments: Sequence[datetime], limit: int) -> list[datetime]:
    return [moments[-1]] if len(moments) == limit else []


def _end_of_nights(nights: Sequence[SleepNight], limit: int) -> list[datetime]:
    """Of the last night that was read another source may be missing, so it is left for the next page."""
    if len(nights) < limit:
        return []
    return [max(one.ended_at for one in nights if one.night == nights[-1].night) + timedelta.resolution]
