"""The worklist: safety events first, then signals by level and age; each with what a nurse needs to see at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from app.care.alerts.actors import names_in
from app.care.alerts.clinic_alerts import LookAfter, look_after_in, reference_of
from app.care.patients.chart_numbers import index_of
from app.clinical.check_ins import check_in_day
from app.clinical.sentences import in_one_sentence
from app.context import AppContext
from app.foundation.audit import Actor
from app.foundation.vault import Vault
from app.storage import patients, signal_steps, worklist, worklist_safety
from app.storage.access_records import record_access
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.safety_events import SafetyEvent
from app.storage.signal_steps import SignalStep
from app.storage.worklist import ListedSignal, Place, Shown, Wanted
from app.storage.worklist_safety import ListedEvent

ROWS: Final = 25
"""How many rows a page has at the most."""
_PUT_ASIDE: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page of the worklist is asked for; ``reference`` must be the patient's whole one."""

    wanted: Wanted
    reference: str = ""
    after: tuple[str, Place] | None = None

    @property
    def shows_everything(self) -> bool:
        """Whether this is the list as it opens: nothing is looked for."""
        return self.wanted == Wanted() and not self.reference

    @property
    def shows_safety(self) -> bool:
        """Whether safety events belong into it: a signal's level and criteria say nothing of them."""
        wanted = self.wanted
        return wanted == Wanted(acknowledged_by=wanted.acknowledged_by, patient_id=wanted.patient_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalLine:
    """A signal on the list."""

    signal: ListedSignal
    reference: str
    sentence: str
    last_step: SignalStep | None
    expected_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyLine:
    """A safety event on the list."""

    event: SafetyEvent
    reference: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """One page of it.

    Attributes:
        put_aside: signals that return by themselves, the next one first; only on the list as it opens.
        more_put_aside: whether there are more of them.
        names: of the members who did something that is shown.
        found_patient: whose reference was looked for.
        following: where the next page begins.
    """

    safety: tuple[SafetyLine, ...]
    signals: tuple[SignalLine, ...]
    put_aside: tuple[SignalLine, ...]
    more_put_aside: bool
    names: dict[UUID, str]
    found_patient: UUID | None
    following: tuple[str, Place] | None
    look_after: LookAfter


async def read_worklist(context: AppContext, clinic_id: UUID, asked: Asked, *, actor: Actor) -> Worklist:
    """Give a page of the worklist; the number of statements is the same however many rows it has."""
    now = context.clock.now()
    async with context.database.work(clinic_id) as work:
        found = await _patient(work, context.vault, asked.reference)
        safety: list[tuple[Place, ListedEvent]] = []
        listed: list[tuple[Place, ListedSignal]] = []
        if found is not None or not asked.reference:
            asked = replace(asked, wanted=replace(asked.wanted, patient_id=found))
            safety = await _safety(work, asked)
            listed = await _signals(work, asked, ROWS + 1 - len(safety), now)
        put_aside = await _put_aside(work, asked, now)
        lines = await _lines(work, context.vault, [one for _, one in [*listed, *put_aside]])
        names = await names_in(work, context.vault, _whose(safety, lines))
        look_after = await look_after_in(work, context.vault, now=now)
        await record_access(work, "worklist", now=now, actor=actor, patient_id=found)
    kept_safety, kept = safety[:ROWS], listed[: ROWS - len(safety[:ROWS])]
    return Worklist(
        safety=tuple(_safety_line(context.vault, clinic_id, one) for _, one in kept_safety),
        signals=tuple(lines[: len(kept)]),
        put_aside=tuple(lines[len(listed) :][:_PUT_ASIDE]),
        more_put_aside=len(put_aside) > _PUT_ASIDE,
        names=names,
        found_patient=found,
        following=_following(safety, listed, len(kept)),
        look_after=look_after,
    )


async def _patient(work: UnitOfWork, vault: Vault, reference: str) -> UUID | None:
    if not reference:
        return None
    return await patients.find_by_reference(work, index_of(vault, work.clinic_id, reference))


async def _safety(work: UnitOfWork, asked: Asked) -> list[tuple[Place, ListedEvent]]:
    """Read one more than a page holds, so that one knows whether there is another."""
    part, after = asked.after or ("safety", None)
    if not asked.shows_safety or part != "safety":
        return []
    return await worklist_safety.safety_page(
        work,
        acknowledged_by=asked.wanted.acknowledged_by,
        patient_id=asked.wanted.patient_id,
        after=after,
        limit=ROWS + 1,
    )


async def _signals(
    work: UnitOfWork, asked: Asked, limit: int, now: datetime
) -> list[tuple[Place, ListedSignal]]:
    if limit <= 0:
        return []
    part, after = asked.after or ("signals", None)
    place = after if part == "signals" else None
    return await worklist.signals_page(work, asked.wanted, after=place, limit=limit, now=now)


async def _put_aside(work: UnitOfWork, asked: Asked, now: datetime) -> list[tuple[Place, ListedSignal]]:
    if not asked.shows_everything or asked.after is not None:
        return []
    return await worklist.signals_page(
        work, Wanted(shown=Shown.SNOOZED), after=None, limit=_PUT_ASIDE + 1, now=now
    )


async def _lines(work: UnitOfWork, vault: Vault, listed: Sequence[ListedSignal]) -> list[SignalLine]:
    steps = await signal_steps.latest_of(work, [one.id for one in listed]) if listed else {}
    return [
        SignalLine(
            signal=one,
            reference=reference_of(
                vault, work.clinic_id, one.patient_id, one.external_ref_sealed, one.wrapped_key
            ),
            sentence=in_one_sentence(one.explanation),
            last_step=steps.get(one.id),
            expected_on=_expected_on(one),
        )
        for one in listed
    ]


def _expected_on(one: ListedSignal) -> date | None:
    """Say when the next booster comes by the plan that staff wrote; without a plan nothing is expected."""
    if one.planned_interval_days is None or one.last_infusion_at is None:
        return None
    return check_in_day(one.last_infusion_at, one.time_zone) + timedelta(days=one.planned_interval_days)


def _safety_line(vault: Vault, clinic_id: UUID, one: ListedEvent) -> SafetyLine:
    reference = reference_of(vault, clinic_id, one.event.patient_id, one.external_ref_sealed, one.wrapped_key)
    return SafetyLine(event=one.event, reference=reference, time_zone=one.time_zone)


def _whose(safety: Iterable[tuple[Place, ListedEvent]], lines: Iterable[SignalLine]) -> set[UUID | None]:
    """Name who took up the events, and who took the last steps."""
    acknowledged = {one.event.acknowledged_by for _, one in safety}
    return acknowledged | {line.last_step.actor_id for line in lines if line.last_step}


def _following(
    safety: Sequence[tuple[Place, ListedEvent]], listed: Sequence[tuple[Place, ListedSignal]], kept: int
) -> tuple[str, Place] | None:
    """Say after which row the next page begins; None on the last one."""
    if len(safety) > ROWS:
        return "safety", safety[ROWS - 1][0]
    if len(listed) > kept:
        return ("signals", listed[kept - 1][0]) if kept else ("safety", safety[-1][0])
    return None
