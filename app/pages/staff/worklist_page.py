"""The worklist as it is shown: who, what, since when, why, how sure, what was done."""

from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import Response

from app.access.clinics.attention import Attention
from app.care.worklist.queries import SafetyLine, SignalLine, Worklist
from app.clinical.check_ins import check_in_day
from app.clinical.wording import capitalised, counted
from app.context import AppContext
from app.pages.staff.rendering import render
from app.pages.staff.signal_words import CAUTIONS, CRITERIA, DISPOSITIONS, SOURCES, STEPS
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.when import day_written, how_long, moment_in
from app.storage.signal_steps import SignalStep
from app.storage.worklist import Shown
from app.web.schemas import write_cursor

HERE: Final = "/care/"
STATES: Final = {
    Shown.WAITING: "All that are open",
    Shown.UNSEEN: "Not acknowledged",
    Shown.SEEN: "Acknowledged",
    Shown.SNOOZED: "Snoozed",
    Shown.CLOSED: "Closed in the last 30 days",
}
LEVELS: Final = {"consider": "Consider a booster", "steady": "Steady again"}
_ATTENTION: Final = {
    Attention.SAFETY_UNACKNOWLEDGED: "A safety event was not acknowledged in time.",
    Attention.NO_WORKER: "No worker runs, so nothing but urgent notices is sent: call whoever runs Afterglow.",
    Attention.NO_ENABLED_ENDPOINT: "No endpoint is enabled: the clinic's systems are told nothing.",
    Attention.ENDPOINT_DISABLED: "An endpoint is disabled: what it should be told is held.",
    Attention.ENDPOINT_FAILING: "An endpoint fails: nothing has got through to it since.",
}


def worklist_page(
    context: AppContext, visitor: StaffVisitor, found: Worklist, *, now: datetime, chosen: dict[str, str]
) -> Response:
    """Show a page of the worklist; ``chosen`` is what the filters were set to."""
    after = None if found.following is None else written_place(found.following)
    asked = {name: value for name, value in chosen.items() if value}
    shown = Shown(chosen["state"] or Shown.WAITING)
    return render(
        context,
        visitor,
        "worklist.html",
        here=HERE,
        test_mode=found.look_after.mode == "test",
        strips=_strips(found, now),
        safety=[_safety(one, found.names, now) for one in found.safety],
        signals=[_signal(one, found.names, now) for one in found.signals],
        put_aside=[_signal(one, found.names, now) for one in found.put_aside],
        more_put_aside=found.more_put_aside,
        found_patient=found.found_patient,
        chosen=chosen,
        searching=bool(asked.keys() - {"after"}),
        title=STATES[shown],
        choices={"state": STATES, "level": LEVELS, "criterion": CRITERIA, "caution": CAUTIONS},
        following=after and f"{HERE}?{urlencode(asked | {'after': after})}",
        on_first="after" not in asked,
    )


def written_place(following: tuple[str, tuple[int, datetime, UUID]]) -> str:
    """Write a place in the list as an opaque cursor."""
    part, (rank, at, row_id) = following
    return write_cursor(f"{part}|{rank}|{at.isoformat()}|{row_id}")


def done_by(step: SignalStep, names: dict[UUID, str]) -> str:
    """Say who took a step: a member by name, a key as a key, the rule and the clock as the service."""
    return by_whom(step.actor_kind, step.actor_id, names)


def by_whom(kind: str, actor_id: UUID | None, names: dict[UUID, str]) -> str:
    """The same, of any kind of actor."""
    if kind == "staff":
        return f"by {names[actor_id]}" if actor_id in names else "by a member of the staff"
    return {"api_key": "by key", "device": "by the patient"}.get(kind, "by Afterglow itself")


def _strips(found: Worklist, now: datetime) -> list[dict[str, Any]]:
    """Say what must be looked after beside the list, the most urgent first."""
    after = found.look_after
    strips: list[dict[str, Any]] = [{"sentence": _ATTENTION[one], "urgent": True} for one in after.attention]
    if after.undelivered.count:
        what = ", safety events among them" if after.undelivered.safety else ""
        told = counted(after.undelivered.count, "message")
        strips.append({"sentence": f"{told} to the clinic's systems did not get out{what}.", "urgent": True})
    if after.no_sweep_since is not None:
        last = how_long(after.no_sweep_since, now)
        sentence = f"What is due was last looked at {last}: tell whoever runs Afterglow that its worker does not run."
        strips.append({"sentence": sentence, "urgent": True})
    for title, listed in (
        ("Check-ins overdue", after.silent),
        ("Induction reviews due", after.review_due),
        ("No reference could be established", after.no_reference),
    ):
        if listed.first:
            count = f"more than {len(listed.first)}" if listed.more else str(len(listed.first))
            strips.append({"sentence": f"{title}: {count}", "urgent": False, "patients": listed})
    return strips


def _safety(one: SafetyLine, names: dict[UUID, str], now: datetime) -> dict[str, Any]:
    event = one.event
    taken = None
    if event.acknowledged_at is not None:
        # A key is no member: who is not among the names used one.
        who = names.get(event.acknowledged_by) if event.acknowledged_by else None
        taken = f"{'by ' + who if who else 'by key'}, {how_long(event.acknowledged_at, now)}"
    return {
        "id": event.id,
        "patient_id": event.patient_id,
        "reference": one.reference,
        "urgent": event.urgent,
        "source": SOURCES[event.source],
        "at": moment_in(event.received_at, one.time_zone),
        "ago": how_long(event.received_at, now),
        "taken": taken,
        "escalations": event.escalations,
    }


def _signal(one: SignalLine, names: dict[UUID, str], now: datetime) -> dict[str, Any]:
    signal, step = one.signal, one.last_step
    closed = signal.closed_at is not None
    return {
        "id": signal.id,
        "patient_id": signal.patient_id,
        "reference": one.reference,
        "kind": "closed" if closed else "steady" if signal.steady_since else "consider",
        "criteria": [CRITERIA.get(name, name) for name in signal.criteria],
        "at": moment_in(signal.raised_at, signal.time_zone),
        "ago": how_long(signal.raised_at, now),
        "steady_since": signal.steady_since and day_written(signal.steady_since),
        "sentence": one.sentence,
        "sure": how_sure(signal.reference, signal.days_in_last_10, signal.last_report_on),
        "sure_on": day_written(signal.quality_on),
        "cautions": [CAUTIONS.get(name, name) for name in signal.cautions or []],
        "done": step
        and f"{STEPS.get(step.action, step.action)} {done_by(step, names)}, {how_long(step.at, now)}",
        "acknowledged": signal.acknowledged_at is not None,
        "escalated": signal.escalated_at is not None,
        "returns": signal.snoozed_until and moment_in(signal.snoozed_until, signal.time_zone),
        "booster": _booster(one, now),
        "disposition": signal.disposition and DISPOSITIONS[signal.disposition],
    }


def how_sure(reference: dict[str, Any], days_in_last_10: int, last_report_on: date | None) -> list[str]:
    """Say on how much a decision rests, as it was kept with it."""
    said = [f"{counted(days_in_last_10, 'check-in day')} in the last 10"]
    if last_report_on:
        said.append(f"last report {day_written(last_report_on)}")
    if "because" in reference:
        return [*said, "no reference from check-ins"]
    said.append(f"reference from {counted(reference['n_days'], 'day')}")
    if reference["assumes_baseline"]:
        said.append("the baseline is assumed")
    if reference["falling"]:
        said.append("the reference was falling already")
    if reference.get("chosen"):
        said.append("the reference was set by a clinician")
    return said


def _booster(one: SignalLine, now: datetime) -> str:
    booked, expected = one.signal.booster_booked_for, one.expected_on
    today = check_in_day(now, one.signal.time_zone)
    if booked is not None:
        late = ", which has passed" if booked < today else ""
        return f"Booster booked for {day_written(booked)}{late}"
    if expected is not None:
        return capitalised(f"next booster by the plan: {day_written(expected)}")
    return "No booster booked"
