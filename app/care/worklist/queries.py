"""The worklist: every kind of thing that waits for the care team, with whose it is and who takes care of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.queries import Attention, attention_of
from app.care.alerts.queries import names_in
from app.care.patients.sealed_fields import open_chart_number
from app.clinical.check_ins import calendar_day, check_in_day
from app.context import Work
from app.foundation.errors import NotFoundError
from app.notifications.webhooks.queries import UndeliveredSummary, undelivered
from app.storage import (
    appointments,
    care_plans,
    check_ins,
    clinics,
    received_texts,
    reminder_plans,
    schedules,
    trends,
    worklist,
)
from app.storage.care_plans import PlanKind
from app.storage.check_ins import WrittenNote
from app.storage.received_texts import ReceivedText
from app.storage.worklist import Counts, Lane, ListedItem, Place, WorklistFilter

A_LANE: Final = 25
"""How many rows of a lane the first page shows; the rest is one link away."""
_SPARK_DAYS: Final = timedelta(days=30)
_IN_ANY_ZONE: Final = timedelta(days=2)
# Every patient is looked at once a day, at their own time; a sweep comes every few seconds.
_SWEEP_IS_LATE: Final = timedelta(hours=1)
# Written by the check-in; see its own storage for the rest of the row.
_NOTE_CELL: Final = {"table": "check_ins", "column": "note_sealed"}
_TEXT_CELL: Final = {"table": "received_texts", "column": "text_sealed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistItem:
    """A row with the patient's chart number and the names of members."""

    row: ListedItem
    chart_number: str
    assignee: str | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentLoss:
    """How much a patient lost in the last 30 days, and the infusions.

    Attributes:
        shares: how much was lost, day by day in the last 30 days: days back from today, and the share.
        infused: days back from today of infusions in these days.
        days_since: since the last infusion; None: there was none.
        infusions: how many there were.
    """

    shares: tuple[tuple[int, float], ...]
    infused: tuple[int, ...]
    days_since: int | None
    infusions: int

    @property
    def lost(self) -> float | None:
        """The share lost by the latest answer since the last infusion; an older one supports no number now."""
        if not self.shares:
            return None
        back, share = self.shares[-1]
        return None if self.days_since is not None and back > self.days_since else share


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What stands beside a row on the page.

    Attributes:
        loss: of the patient.
        cautions: what is to be kept in mind now.
        note: what the patient wrote, on the row of a note.
        note_on: the day of that report, or of that text message.
        was_texted: it came as a text message.
    """

    loss: RecentLoss
    cautions: tuple[str, ...]
    note: str | None
    note_on: date | None
    was_texted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClinicStatus:
    """What stands above the list.

    Attributes:
        time_zone: the clinic's, UTC while it has chosen none; `today` is the date there.
        no_sweep_since: since when nobody has looked at what is due; None while someone does.
    """

    clinic: str
    time_zone: str
    today: date
    mode: str
    attention: tuple[Attention, ...]
    undelivered: UndeliveredSummary
    no_sweep_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The home of the care team, in one snapshot."""

    status: ClinicStatus
    items: tuple[WorklistItem, ...]
    glances: Mapping[UUID, Glance]
    counts: Counts
    planned: tuple[tuple[date, int], ...]
    following: Place | None


async def list_items(
    work: Work, wanted: WorklistFilter, *, after: Place | None, limit: int
) -> tuple[list[WorklistItem], Place | None]:
    """Give a page of the worklist, and where the next one begins."""
    rows = await worklist.page(work, wanted, after=after, limit=limit + 1)
    work.record_access("worklist", patient_id=wanted.patient_id)
    following = rows[limit - 1].place if len(rows) > limit else None
    return await _items(work, rows[:limit]), following


async def read_today(
    work: Work,
    wanted: WorklistFilter,
    *,
    member: UUID | None,
    after: Place | None,
    a_lane: int | None,
    limit: int,
) -> Today:
    """Give what the home page shows; the number of statements is the same however many rows it has."""
    rows = await worklist.page(
        work, wanted, after=after, limit=limit + 1, a_lane=a_lane, with_sentences=False
    )
    following = rows[limit - 1].place if len(rows) > limit else None
    rows = rows[:limit]
    status = await clinic_status(work)
    today = status.today
    planned = await appointments.planned_between(work, first=today, last=today + timedelta(days=13))
    days = [today + timedelta(days=number) for number in range(14)]
    shown = Today(
        status=status,
        items=tuple(await _items(work, rows)),
        glances=await _glances(work, rows),
        counts=await worklist.counts(work, member),
        planned=tuple((day, sum(one.on == day for one in planned)) for day in days),
        following=following,
    )
    work.record_access("worklist", patient_id=wanted.patient_id)
    return shown


async def clinic_status(work: Work) -> ClinicStatus:
    """Say what the clinic itself must see to.

    Raises:
        NotFoundError: there is no such clinic.
    """
    profile = await clinics.profile(work)
    if profile is None:
        raise NotFoundError
    due_since = await reminder_plans.longest_not_looked_at(work)
    late = due_since is not None and due_since < work.now - _SWEEP_IS_LATE
    return ClinicStatus(
        clinic=profile.name,
        time_zone=profile.time_zone,
        today=calendar_day(work.now, profile.time_zone),
        mode=profile.mode,
        attention=await attention_of(work, mode=profile.mode),
        undelivered=await undelivered(work),
        no_sweep_since=due_since if late else None,
    )


async def _items(work: Work, rows: Sequence[ListedItem]) -> list[WorklistItem]:
    members = {one.assignee_id for one in rows} | {one.acknowledged_by for one in rows}
    names = await names_in(work, members)
    return [
        WorklistItem(
            row=one,
            chart_number=chart_number_of(work, one),
            assignee=names.get(one.assignee_id) if one.assignee_id else None,
            acknowledged_by=names.get(one.acknowledged_by) if one.acknowledged_by else None,
        )
        for one in rows
    ]


def chart_number_of(work: Work, row: ListedItem) -> str:
    """Open the chart number of a row's patient."""
    own = work.vault.of_patient(row.wrapped_key, clinic_id=work.clinic_id, patient_id=row.patient_id)
    return open_chart_number(own, row.patient_id, row.external_ref_sealed)


async def recent_losses(work: Work, zones: Mapping[UUID, str]) -> dict[UUID, RecentLoss]:
    """Give what each of these patients lost lately, by the clock of their zone."""
    since = work.now - _SPARK_DAYS
    shares = await trends.shares_of(work, zones, since=since)
    given = await schedules.lately_of(work, zones, since=since - _IN_ANY_ZONE)
    today_in = {zone: check_in_day(work.now, zone) for zone in set(zones.values())}
    found = {}
    for patient_id, zone in zones.items():
        today = today_in[zone]
        count, days = given.get(patient_id, (0, []))
        back = [(today - day).days for day in days]
        past = [one for one in back if one >= 0]
        found[patient_id] = RecentLoss(
            # Who travels east reports on a day that has not begun where they are registered.
            shares=tuple(
                (max(0, (today - day).days), max(0.0, min(1.0, share)))
                for day, share in shares.get(patient_id, ())
            ),
            infused=tuple(one for one in past if one < _SPARK_DAYS.days),
            days_since=min(past, default=None),
            infusions=count - (len(back) - len(past)),
        )
    return found


async def _glances(work: Work, rows: Sequence[ListedItem]) -> dict[UUID, Glance]:
    losses = await recent_losses(work, {one.patient_id: one.time_zone for one in rows})
    plans = await care_plans.find_all(work, losses, PlanKind.FACTORS)
    named = [(one.patient_id, one.source_id) for one in rows if one.source_id and one.kind == "note"]
    notes = await check_ins.notes_of(work, named)
    texts = await received_texts.find_many(work, [one for one in named if one not in notes])
    found = {}
    for row in rows:
        note, note_on = _note_of(work, row, notes, texts)
        found[row.id] = Glance(
            loss=losses[row.patient_id],
            cautions=tuple(plans[row.patient_id]["cautions"]) if row.patient_id in plans else (),
            note=note,
            note_on=note_on,
            was_texted=row.source_id in texts,
        )
    return found


def _note_of(
    work: Work,
    row: ListedItem,
    notes: Mapping[tuple[UUID, UUID], WrittenNote],
    texts: Mapping[UUID, ReceivedText],
) -> tuple[str | None, date | None]:
    """Open what a row's patient wrote, in a report or a text message, and give its day."""
    if row.source_id is None:
        return None, None
    own = work.vault.of_patient(row.wrapped_key, clinic_id=work.clinic_id, patient_id=row.patient_id)
    written, texted = notes.get((row.patient_id, row.source_id)), texts.get(row.source_id)
    if written is not None:
        return own.open(written.note_sealed, row_id=row.source_id, **_NOTE_CELL), written.on
    if texted is not None:
        text = own.open(texted.text_sealed, row_id=row.source_id, **_TEXT_CELL)
        return text, calendar_day(texted.received_at, row.time_zone)
    return None, None


def lanes(items: Sequence[WorklistItem]) -> dict[Lane, list[WorklistItem]]:
    """Put rows into their lanes."""
    return {lane: [one for one in items if one.row.lane == lane] for lane in Lane}
