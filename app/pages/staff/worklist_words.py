"""The words of the worklist: what each kind of row says, and how its numbers are written."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from app.access.clinics.queries import Attention
from app.care.worklist.queries import Glance, WorklistItem
from app.clinical.check_ins import calendar_day
from app.clinical.english_formats import MONTHS
from app.pages.staff.alert_words import CAUTIONS, DISPOSITIONS, OUTCOMES, SOURCES
from app.storage.worklist import Lane

LANES: Final[Mapping[Lane, tuple[str, str, str, str]]] = {
    Lane.NOW: ("now", "Now", "safety, undelivered, worse than before", "Nothing urgent."),
    Lane.DECIDE: ("decide", "Decide", "not acknowledged first", "Nothing to decide."),
    Lane.REACH_OUT: ("reach", "Reach out", "asked, wrote, silent, review due", "Nobody to reach out to."),
}
"""Each lane: its code, title, hint, and what it says when it is empty."""

LEVELS: Final[Mapping[str, str]] = {
    "consider_booster": "Consider a booster",
    "watch": "Watch",
    "steady": "Stable",
    "unknown": "Unknown",
    "no_reference": "Not enough data yet",
}
FINDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "worse_than_before": ("Worse than before treatment", "Call today; not a booster question"),
    "elevated_mood": ("Elevated mood with little sleep", "Assess; not a booster question"),
    "check_ins_and_scale_disagree": ("Check-ins and questionnaire disagree", "Repeat the questionnaire"),
    "boosters_not_holding": ("Boosters are not holding", "Review the plan rather than repeat"),
    "long_exposure": ("Answer about long-term use", "For review, with the exposure beside it"),
    "asked": ("Asks to talk about a booster", "In a check-in"),
    "note": ("Wrote a note", "Not read yet"),
    "silent_after_low": ("Two low days, then silence", "Call"),
    "unknown": ("Unknown", "No recent check-in"),
    "overdue": ("No check-in", "Longer than the plan allows"),
    "review_due": ("Induction review is due", "The series is complete"),
    "no_reference": (
        "No reference yet",
        "Check-ins cannot show a loss: name its days, or accept the proposed ones",
    ),
    "erasure_request": ("Asks to be erased", "To be approved or declined"),
}
CRITERIA: Final[Mapping[str, str]] = {
    "gain_lost": "Mood, energy and sleep are falling",
    "scale_relapse": "A questionnaire is back at relapse level",
    "one_domain": "Mood alone is lost",
    "patient_asks": "Asks about a booster",
}
TOPICS_SAID: Final[Mapping[str, str]] = {
    "bladder": "bladder",
    "craving": "craving",
    "use_outside": "use outside the clinic",
    "memory": "memory",
}
"""What the form about long exposure asks about."""
FINDING_OUTCOMES: Final[Mapping[str, str]] = {
    "seen": "Read",
    "contacted": "Contacted",
    "treatment_changed": "Treatment changed",
    "not_confirmed": "Not confirmed",
    "other": "Other",
    "ended": "No longer holds",
}
ATTENTION: Final[Mapping[Attention, str]] = {
    Attention.SAFETY_UNACKNOWLEDGED: "A safety event was not acknowledged in time.",
    Attention.SAFETY_MAIL_REFUSED: "An e-mail about a safety event was refused: check the contacts' addresses.",
    Attention.NO_WORKER: "No worker runs, so nothing but urgent notices is sent: call whoever runs Afterglow.",
    Attention.NO_ENABLED_ENDPOINT: "No webhook endpoint is enabled: the clinic's systems hear nothing.",
    Attention.ENDPOINT_DISABLED: "A webhook endpoint is disabled: its deliveries are held.",
    Attention.ENDPOINT_FAILING: "A webhook endpoint is failing: nothing has got through since.",
}
_LONGEST_NOTE: Final = 90
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def why_of(item: WorklistItem, glance: Glance) -> tuple[str, str]:
    """Say in a few words what the row is about, and what else there is to know."""
    row, more = item.row, item.row.more
    if row.closed:
        return _closed(row.kind, more), _join(
            f"closed {short_day(calendar_day(row.since, row.time_zone))}", _kept_in_mind(glance)
        )
    if row.kind == "safety":
        urgent = "Thinking about self-harm" if more["urgent"] else "Safety answer"
        again = more["escalations"]
        escalated = f"escalated {'once' if again == 1 else f'{again} times'}" if again else ""
        return urgent, _join(f"Answered in {SOURCES[more['source']]}", escalated, _seen(item))
    if row.kind == "undelivered":
        count = more["count"]
        return "Undelivered", f"{count} message{'s' if count != 1 else ''} to the clinic's systems"
    if row.kind == "signal":
        return _signal(item, glance)
    title, detail = FINDINGS.get(row.kind, (row.kind.replace("_", " ").capitalize(), ""))
    if row.kind == "long_exposure":
        detail = _long_exposure(more) or detail
    elif "said" in more:
        detail = more["said"].removeprefix(f"{title}. ").removeprefix(f"{title}: ")
    if row.kind == "note" and glance.note is not None and glance.note_on is not None:
        return f"“{_shortened(glance.note)}”", _join(
            f"Note of {short_day(glance.note_on)}, not read yet", _seen(item)
        )
    return title, _join(detail, _seen(item), _kept_in_mind(glance))


def _signal(item: WorklistItem, glance: Glance) -> tuple[str, str]:
    row, more = item.row, item.row.more
    criteria: Sequence[str] = more["criteria"]
    title = CRITERIA.get(criteria[0], criteria[0]) if criteria else "Consider a booster"
    steady = more["steady_since"]
    if steady:
        title = f"Stable again since {short_day(date.fromisoformat(steady))}"
    raised, booked = more["raised_smoothed"], row.booster_booked_for
    back = row.snoozed_until
    return title, _join(
        f"snoozed until {short_day(calendar_day(back, row.time_zone))}"
        if back and row.state == "snoozed"
        else "",
        f"{percent(raised)} when raised {short_day(calendar_day(row.since, row.time_zone))}"
        if raised is not None
        else "",
        f"booster booked {short_day(booked)}" if booked else "",
        "escalated" if row.escalated_at and not row.acknowledged_at else "",
        _seen(item),
        _kept_in_mind(glance),
    )


def _long_exposure(more: Mapping[str, Any]) -> str:
    """Say what was asked about, and how much was given: never what was answered."""
    topics = ", ".join(TOPICS_SAID.get(one, one) for one in more.get("topics", ()))
    counts = f"{more['in_90_days']} infusions in 90 days, {more['in_365_days']} in 365" if topics else ""
    return _join(topics, counts)


def _closed(kind: str, more: Mapping[str, Any]) -> str:
    outcome = more.get("outcome") or ""
    words = {"signal": DISPOSITIONS, "safety": OUTCOMES}.get(kind, FINDING_OUTCOMES).get(outcome, outcome)
    what = {"signal": "Signal", "safety": "Safety event"}.get(kind) or FINDINGS.get(kind, (kind, ""))[0]
    return f"{what}: {words}" if words else what


def _seen(item: WorklistItem) -> str:
    if item.row.acknowledged_at is None:
        return ""
    return f"acknowledged by {item.acknowledged_by}" if item.acknowledged_by else "acknowledged"


def _kept_in_mind(glance: Glance) -> str:
    named = [CAUTIONS.get(one, one) for one in glance.cautions]
    return f"precautions: {', '.join(named)}" if named else ""


def _join(*parts: str) -> str:
    said = " · ".join(part for part in parts if part)
    return said[:1].upper() + said[1:]


def _shortened(note: str) -> str:
    plain = " ".join(note.split())
    return plain if len(plain) <= _LONGEST_NOTE else plain[: _LONGEST_NOTE - 1].rstrip() + "…"


def percent(share: float) -> str:
    """Write a share as one figure from 0 to 100."""
    return f"{round(max(0.0, min(1.0, share)) * 100)}%"


def short_day(day: date) -> str:
    """Write a day as "Nov 29"."""
    return f"{MONTHS[day.month - 1][:3]} {day.day}"


def age_of(since: datetime, now: datetime) -> str:
    """Say how old something is, as short as a column is: "6 min", "2 h", "3 d"."""
    seconds = max(0.0, (now - since).total_seconds())
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{int(seconds // _DAY)} d"


def initials(name: str) -> str:
    """Give the first letters of the first and the last name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()
