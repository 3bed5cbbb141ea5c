"""The worklist's rows: every kind in one statement, each with whose it is, however many patients there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute

from app.storage.care_teams import patients_of
from app.storage.deliveries import DeliveryRow, Notification
from app.storage.endpoints import Endpoint
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.findings import Finding
from app.storage.infusions import SCORE_AFTER, SCORE_ASKED_FOR, InfusionRow
from app.storage.patient_keys import wrapped_key_of
from app.storage.patient_states import PatientStateRow
from app.storage.patients import PatientRow
from app.storage.safety_events import SafetyEvent
from app.storage.signals import Signal

RECENTLY: Final = timedelta(days=30)
"""How long a closed signal stays within reach of the worklist."""
# A score is prepared for before it is due.
_SOON: Final = timedelta(hours=1)
# Written into the statement: a parameter's value is not known to a plan that serves every clinic, and such a plan
# reads all signals that were ever closed instead of the index of those that are not.
_CLOSED: Final[ColumnElement[str]] = literal_column("'closed'")


# What a signal's row has besides, and the column of each: named apart, for rows of every kind have them.
_SIGNAL_FACTS: Final = {
    name: f"signal_{name}"
    for name in ("criteria", "steady_since", "raised_smoothed", "outcome", "smoothed", "explanation")
}


class Shown(StrEnum):
    """Which rows are listed."""

    # Nobody has closed them, and they are not put aside.
    WAITING = "waiting"
    SNOOZED = "snoozed"
    # Within the last 30 days, the latest first.
    CLOSED = "closed"


class Lane(IntEnum):
    """Where a row stands: see to it now, decide, reach out."""

    NOW = 0
    DECIDE = 1
    REACH_OUT = 2


KINDS: Final[dict[str, Lane]] = {
    "safety": Lane.NOW,
    "undelivered": Lane.NOW,
    "worse_than_before": Lane.NOW,
    "elevated_mood": Lane.DECIDE,
    "check_ins_and_scale_disagree": Lane.DECIDE,
    "boosters_not_holding": Lane.DECIDE,
    "signal": Lane.DECIDE,
    "long_exposure": Lane.DECIDE,
    "score_due": Lane.REACH_OUT,
    "asked": Lane.REACH_OUT,
    "note": Lane.REACH_OUT,
    "silent_after_low": Lane.REACH_OUT,
    "unknown": Lane.REACH_OUT,
    "overdue": Lane.REACH_OUT,
    "review_due": Lane.REACH_OUT,
    "no_reference": Lane.REACH_OUT,
    "erasure_request": Lane.REACH_OUT,
}
"""Every kind of row in the order in which they stand, and its lane."""
_RANKS: Final = {kind: number for number, kind in enumerate(KINDS)}
# Lane, seen or not, and rank of what is listed by its time alone.
_LATEST_FIRST: Final = (Lane.NOW, 1, 0)
# What a row's kind and its acknowledgement say again: read for fifty rows, it costs more than it does to say.
_ONLY_SORTED_BY: Final = frozenset({"lane", "seen", "rank", "number"})

Place = tuple[int, int, int, datetime, UUID]
"""A place in the list: lane, seen or not, kind, since when, the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistFilter:
    """What is looked for; all of it must hold. Nothing but a patient leaves a safety event out.

    Attributes:
        kinds: only these; empty: all.
        assignee: only what this member takes care of.
        care_team: only patients in whose care team this member is.
        unassigned: only what nobody takes care of.
        unseen: only what nobody has acknowledged.
        shown: what waits, what is put aside, or what was closed lately.
    """

    kinds: frozenset[str] = frozenset()
    assignee: UUID | None = None
    care_team: UUID | None = None
    unassigned: bool = False
    unseen: bool = False
    shown: Shown = Shown.WAITING
    patient_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedItem:
    """One row as it is listed; what ends in ``_sealed`` opens with the patient's key.

    Attributes:
        id: of the safety event, signal or finding; of what is undelivered, the delivery that waits longest.
        due: when it is escalated, or should be done; None: whenever there is time.
        more: what the row's kind has besides, such as a signal's criteria.
        lane_count: how many rows its lane has.
    """

    id: UUID
    kind: str
    patient_id: UUID
    state: str
    since: datetime
    due: datetime | None
    assignee_id: UUID | None
    acknowledged_at: datetime | None
    acknowledged_by: UUID | None
    snoozed_until: datetime | None
    escalated_at: datetime | None
    version: int | None
    source_id: UUID | None
    more: dict[str, Any]
    external_ref_sealed: bytes
    wrapped_key: bytes | None
    time_zone: str
    mode: str
    level: str
    booster_booked_for: date | None
    closed: bool
    lane: int
    place: Place
    lane_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many rows there are, and of them how many are whose."""

    everything: int
    mine: int
    unassigned: int
    unseen: int
    snoozed: int


async def page(
    work: UnitOfWork,
    wanted: WorklistFilter,
    *,
    after: Place | None = None,
    limit: int,
    a_lane: int | None = None,
    with_sentences: bool = True,
) -> list[ListedItem]:
    """List rows by lane: what nobody has acknowledged first, then by kind and age.

    Args:
        work: the transaction.
        wanted: what is looked for.
        after: the place after which the page begins.
        limit: how many rows at the most.
        a_lane: how many of one lane at the most.
        with_sentences: also a signal's sentences and its latest share, which only the API shows.
    """
    items = _ranked(work, wanted)
    columns = (items.c.lane, items.c.seen, items.c.rank, items.c.since, items.c.id)
    latest_first = wanted.shown is Shown.CLOSED
    statement = (
        select(
            *(one for one in items.c if one.name not in _ONLY_SORTED_BY),
            *_of_signal(with_sentences=with_sentences),
            PatientRow.external_ref_sealed,
            wrapped_key_of(work, PatientRow.id),
            PatientRow.time_zone,
            PatientRow.mode,
            PatientStateRow.level,
            PatientStateRow.booster_booked_for,
        )
        .join(PatientRow, and_(work.owns(PatientRow), PatientRow.id == items.c.patient_id))
        .join(
            PatientStateRow,
            and_(
                work.owns(PatientStateRow),
                PatientStateRow.patient_id == items.c.patient_id,
            ),
        )
        .outerjoin(Signal, and_(items.c.kind == "signal", work.owns(Signal), Signal.id == items.c.id))
        .order_by(*((one.desc() for one in columns) if latest_first else columns))
        .limit(limit)
    )
    if a_lane is not None:
        statement = statement.where(items.c.number <= a_lane)
    if after is not None:
        here, there = tuple_(*columns), tuple_(*(literal(one) for one in after))
        statement = statement.where(here < there if latest_first else here > there)
    found = await work.execute(statement)
    names = tuple(found.keys())
    return [_row(dict(zip(names, one, strict=True)), wanted.shown) for one in found]


async def counts(work: UnitOfWork, member_id: UUID | None) -> Counts:
    """Count what waits, and what is put aside."""
    item = _items(work, WorklistFilter())
    aside = select(func.count()).where(work.owns(Signal), _is_aside(work)).scalar_subquery().label("snoozed")
    mine = item.c.assignee_id == member_id if member_id else literal(value=False)
    found = await work.execute(
        select(
            func.count().label("everything"),
            func.count().filter(mine).label("mine"),
            func.count().filter(item.c.assignee_id.is_(None)).label("unassigned"),
            func.count().filter(item.c.acknowledged_at.is_(None)).label("unseen"),
            aside,
        ).select_from(item)
    )
    return Counts(**found.one()._mapping)  # noqa: SLF001 - SQLAlchemy's documented name for it


def _row(values: dict[str, Any], shown: Shown) -> ListedItem:
    kind = values["kind"]
    lane, seen, rank = _LATEST_FIRST
    if shown is not Shown.CLOSED:
        lane = KINDS.get(kind, Lane.REACH_OUT)
        seen, rank = int(values["acknowledged_at"] is not None), _RANKS.get(kind, len(KINDS))
    of_signal = {name: values.pop(column) for name, column in _SIGNAL_FACTS.items() if column in values}
    facts = values.pop("facts")
    if kind == "signal":
        steady = of_signal["steady_since"]
        facts = of_signal | {"steady_since": steady and steady.isoformat()}
    place = (lane, seen, rank, values["since"], values["id"])
    return ListedItem(place=place, lane=lane, closed=values["state"] == "closed", more=facts or {}, **values)


def _ranked(work: UnitOfWork, wanted: WorklistFilter) -> Subquery:
    """Number the rows within their lanes."""
    item = _items(work, wanted)
    order = (item.c.seen, item.c.rank, item.c.since, item.c.id)
    return select(
        item,
        func.row_number().over(partition_by=item.c.lane, order_by=order).label("number"),
        func.count().over(partition_by=item.c.lane).label("lane_count"),
    ).subquery()


def _items(work: UnitOfWork, wanted: WorklistFilter) -> Subquery:
    """Put all kinds together, and leave out what is not looked for."""
    shown = wanted.shown
    parts: Sequence[Select[Any]] = [_signals(work, shown)]
    if shown is not Shown.SNOOZED:
        parts = [*parts, _safety(work, shown), _findings(work, shown)]
    if shown is Shown.WAITING:
        parts = [*parts, _undelivered(work), _scores_due(work)]
    every = union_all(*parts).subquery()
    if shown is Shown.CLOSED:
        columns = [one for one in every.c if one.name not in {"lane", "rank"}]
        aside = zip(_LATEST_FIRST, ("lane", "seen", "rank"), strict=True)
        return _narrowed(
            work, select(*columns, *(literal(int(one)).label(name) for one, name in aside)), every, wanted
        )
    seen = case((every.c.acknowledged_at.is_(None), 0), else_=1)
    return _narrowed(work, select(every, seen.label("seen")), every, wanted)


def _narrowed(work: UnitOfWork, statement: Select[Any], every: Subquery, wanted: WorklistFilter) -> Subquery:
    if wanted.kinds:
        statement = statement.where(every.c.kind.in_(wanted.kinds))
    if wanted.patient_id is not None:
        statement = statement.where(every.c.patient_id == wanted.patient_id)
    narrowed = []
    if wanted.assignee is not None:
        narrowed.append(every.c.assignee_id == wanted.assignee)
    if wanted.care_team is not None:
        narrowed.append(every.c.patient_id.in_(patients_of(work, wanted.care_team)))
    if wanted.unassigned:
        narrowed.append(every.c.assignee_id.is_(None))
    if wanted.unseen:
        narrowed.append(every.c.acknowledged_at.is_(None))
    if narrowed:
        # Who takes care of what leaves no safety event out of anybody's sight.
        statement = statement.where(or_(every.c.kind == "safety", and_(*narrowed)))
    return statement.subquery()


def _is_shown(
    row: type[SafetyEvent] | type[Signal] | type[Finding], work: UnitOfWork, shown: Shown
) -> ColumnElement[bool]:
    if shown is Shown.CLOSED:
        return and_(row.state == _CLOSED, row.closed_at > work.now - RECENTLY)
    return row.state != _CLOSED


def _safety(work: UnitOfWork, shown: Shown) -> Select[Any]:
    row = SafetyEvent
    names = ("source", "urgent", "escalations", "outcome")
    facts = func.jsonb_build_object(*(part for name in names for part in (name, getattr(row, name))))
    since = row.closed_at if shown is Shown.CLOSED else row.received_at
    return _part(row, "safety", since=since, due=row.escalate_at, facts=facts).where(
        work.owns(row), _is_shown(row, work, shown)
    )


def _of_signal(*, with_sentences: bool) -> list[ColumnElement[Any]]:
    """Give what a signal has besides.

    Not with the other columns of its kind: its documents are large, and only the rows of the page need them. Each of
    them is unpacked as a whole, so the page asks for as few as it shows.
    """
    facts: dict[str, Any] = {
        "criteria": Signal.criteria,
        "steady_since": Signal.steady_since,
        "raised_smoothed": Signal.decision["smoothed"].as_float(),
        "outcome": Signal.disposition,
    }
    if with_sentences:
        facts |= {"smoothed": Signal.latest["smoothed"].as_float(), "explanation": Signal.explanation}
    return [column.label(_SIGNAL_FACTS[name]) for name, column in facts.items()]


def _signals(work: UnitOfWork, shown: Shown) -> Select[Any]:
    row = Signal
    aside, stands = _is_aside(work), _is_shown(row, work, shown)
    since = row.closed_at if shown is Shown.CLOSED else row.raised_at
    if shown is Shown.WAITING:
        aside = ~aside
    part = _part(row, "signal", since=since, due=row.escalate_at, snoozed=row.snoozed_until).where(
        work.owns(row), stands
    )
    return part if shown is Shown.CLOSED else part.where(aside)


def _is_aside(work: UnitOfWork) -> ColumnElement[bool]:
    """A snooze whose time has passed is over, even before the sweep says so."""
    return and_(Signal.state == "snoozed", func.coalesce(Signal.snoozed_until, work.now) > work.now)


def _findings(work: UnitOfWork, shown: Shown) -> Select[Any]:
    row = Finding
    closed = shown is Shown.CLOSED
    return _part(
        row,
        row.code,
        since=row.closed_at if closed else row.raised_at,
        due=func.coalesce(row.due_at, row.escalate_at),
        facts=func.jsonb_build_object("outcome", row.outcome) if closed else row.facts,
        source=row.source_id,
    ).where(work.owns(row), _is_shown(row, work, shown))


def _undelivered(work: UnitOfWork) -> Select[Any]:
    """What is held or exhausted, one row a patient; of a removed endpoint nobody waits."""
    delivery, sent = DeliveryRow, Notification
    stands = exists().where(
        Endpoint.clinic_id == delivery.clinic_id,
        Endpoint.id == delivery.endpoint_id,
        Endpoint.state != "removed",
    )
    # Ids are time-ordered, and so is their text.
    first = cast(func.min(cast(delivery.id, Text)), Uuid)
    return (
        select(
            first.label("id"),
            *_placed("undelivered"),
            sent.patient_id,
            literal("open").label("state"),
            func.min(sent.occurred_at).label("since"),
            cast(null(), DateTime(timezone=True)).label("due"),
            *_nobody_takes_care(),
            func.jsonb_build_object("count", func.count()).label("facts"),
        )
        .join(sent, and_(sent.clinic_id == delivery.clinic_id, sent.id == delivery.notification_id))
        .where(
            work.owns(delivery),
            delivery.state.in_(("held", "exhausted")),
            sent.patient_id.is_not(None),
            stands,
        )
        .group_by(sent.patient_id)
    )


def _scores_due(work: UnitOfWork) -> Select[Any]:
    """Infusions whose score of four hours is not documented, from an hour before it is due until a day later."""
    given = InfusionRow
    due = given.given_at + SCORE_AFTER
    return (
        select(
            given.id,
            *_placed("score_due"),
            given.patient_id,
            literal("open").label("state"),
            given.given_at.label("since"),
            due.label("due"),
            *_nobody_takes_care(),
            cast(null(), JSONB).label("facts"),
        )
        .join(PatientRow, and_(PatientRow.clinic_id == given.clinic_id, PatientRow.id == given.patient_id))
        .where(
            work.owns(given),
            given.given_at > work.now - SCORE_ASKED_FOR,
            given.given_at <= work.now - (SCORE_AFTER - _SOON),
            given.day_only.is_(False),
            given.session["four_hour_score"].astext.is_(None),
            PatientRow.archived_at.is_(None),
        )
    )


def _placed(kind: str | InstrumentedAttribute[str]) -> tuple[ColumnElement[Any], ...]:
    """Give the columns that say what it is and where it stands: of one kind, or of what a column names."""
    if isinstance(kind, str):
        place: tuple[Any, ...] = (
            literal(kind),
            literal(int(KINDS[kind])),
            literal(_RANKS[kind]),
        )
    else:
        place = (
            kind,
            case({one: int(lane) for one, lane in KINDS.items()}, value=kind, else_=int(Lane.REACH_OUT)),
            case(_RANKS, value=kind, else_=len(KINDS)),
        )
    return tuple(one.label(name) for one, name in zip(place, ("kind", "lane", "rank"), strict=True))


def _nobody_takes_care() -> tuple[ColumnElement[Any], ...]:
    """Give the columns of what has no version and no life: it goes by itself."""
    moment = DateTime(timezone=True)
    return (
        cast(null(), Uuid).label("assignee_id"),
        cast(null(), moment).label("acknowledged_at"),
        cast(null(), Uuid).label("acknowledged_by"),
        cast(null(), moment).label("snoozed_until"),
        cast(null(), moment).label("escalated_at"),
        cast(null(), Integer).label("version"),
        cast(null(), Uuid).label("source_id"),
    )


def _part(
    row: type[SafetyEvent] | type[Signal] | type[Finding],
    kind: str | InstrumentedAttribute[str],
    *,
    since: Any,  # noqa: ANN401 - a column
    due: Any,  # noqa: ANN401 - a column
    facts: Any = None,  # noqa: ANN401 - an expression
    snoozed: Any = None,  # noqa: ANN401 - a column
    source: Any = None,  # noqa: ANN401 - a column
) -> Select[Any]:
    """Select one kind's rows with the columns that all kinds share."""
    return select(
        row.id,
        *_placed(kind),
        row.patient_id,
        row.state,
        since.label("since"),
        due.label("due"),
        row.assignee_id,
        row.acknowledged_at,
        row.acknowledged_by,
        (cast(null(), DateTime(timezone=True)) if snoozed is None else snoozed).label("snoozed_until"),
        row.escalated_at,
        cast(row.version, Integer).label("version"),
        (cast(null(), Uuid) if source is None else source).label("source_id"),
        (cast(null(), JSONB) if facts is None else facts).label("facts"),
    )
