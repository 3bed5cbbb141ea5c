"""The words of the worklist: what each kind of row says, and how its numbers are written."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from app.access.clinics.queries import Attention
from app.care.worklist.queries import Glance, WorklistItem
from app.clinical.check_ins import calendar_day
from app.clinical.explanation_words import language_of
from app.clinical.headline import finding_sentences
from app.clinical.levels import FindingCode
from app.foundation.translations import SOURCE_LANGUAGE, Words, capitalized, in_language, joined, say, written
from app.pages.staff.alert_words import CAUTIONS, DISPOSITIONS, OUTCOMES, SOURCES
from app.pages.staff.wall_clock import WallClock, percent_written, short_day, zone_of_clinic
from app.storage.clinical_json import finding_numbers_from_json
from app.storage.worklist import Lane

LANES: Final[Mapping[Lane, tuple[str, str, str, str]]] = {
    Lane.NOW: ("now", say("Now"), say("safety, undelivered, worse than before"), say("Nothing urgent.")),
    Lane.DECIDE: ("decide", say("Decide"), say("not acknowledged first"), say("Nothing to decide.")),
    Lane.REACH_OUT: (
        "reach",
        say("Reach out"),
        say("asked, wrote, silent, review due"),
        say("Nobody to reach out to."),
    ),
}
"""Each lane: its code, title, hint, and what it says when it is empty."""

FINDINGS: Final[Mapping[str, tuple[str, str]]] = {
    "worse_than_before": (say("Worse than before treatment"), say("Call today; not a booster question")),
    "elevated_mood": (say("Elevated mood with little sleep"), say("Assess; not a booster question")),
    "check_ins_and_scale_disagree": (
        say("Check-ins and questionnaire disagree"),
        say("Repeat the questionnaire"),
    ),
    "boosters_not_holding": (say("Boosters are not holding"), say("Review the plan rather than repeat")),
    "long_exposure": (say("Answer about long-term use"), say("For review, with the exposure beside it")),
    "score_due": (say("Score 4 hours after the infusion"), ""),
    "asked": (say("Asks to talk about a booster"), say("In a check-in")),
    "note": (say("Wrote a note"), say("Not read yet")),
    "silent_after_low": (say("Two low days, then silence"), say("Call")),
    "unknown": (say("Unknown"), say("No recent check-in")),
    "overdue": (say("No check-in"), say("Longer than the plan allows")),
    "review_due": (say("Induction review is due"), say("The series is complete")),
    "no_reference": (
        say("No reference yet"),
        say("Check-ins cannot show a loss: name its days, or accept the proposed ones"),
    ),
    "erasure_request": (say("Asks to be erased"), say("To be approved or declined")),
}
CRITERIA: Final[Mapping[str, str]] = {
    "gain_lost": say("Mood, energy and sleep are falling"),
    "scale_relapse": say("A questionnaire is back at relapse level"),
    "one_domain": say("Mood alone is lost"),
    "patient_asks": say("Asks about a booster"),
}
TOPICS_SAID: Final[Mapping[str, str]] = {
    "bladder": say("bladder"),
    "craving": say("craving"),
    "use_outside": say("use outside the clinic"),
    "memory": say("memory"),
}
"""What the form about long exposure asks about."""
FINDING_OUTCOMES: Final[Mapping[str, str]] = {
    "seen": say("Read"),
    "contacted": say("Contacted"),
    "treatment_changed": say("Treatment changed"),
    "not_confirmed": say("Not confirmed"),
    "other": say("Other"),
    "ended": say("No longer holds"),
}
ATTENTION: Final[Mapping[Attention, str]] = {
    Attention.SAFETY_UNACKNOWLEDGED: say("A safety event was not acknowledged in time."),
    Attention.SAFETY_MAIL_REFUSED: say(
        "An e-mail about a safety event was refused: check the contacts' addresses."
    ),
    Attention.NO_WORKER: say(
        "No worker runs, so nothing but urgent notices is sent: call whoever runs Afterglow."
    ),
    Attention.NO_ENABLED_ENDPOINT: say("No webhook endpoint is enabled: the clinic's systems hear nothing."),
    Attention.ENDPOINT_DISABLED: say("A webhook endpoint is disabled: its deliveries are held."),
    Attention.ENDPOINT_FAILING: say("A webhook endpoint is failing: nothing gets through to it."),
}
_LONGEST_NOTE: Final = 90
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def why_of(item: WorklistItem, glance: Glance, clinic_zone: str, now: datetime) -> tuple[str, str]:
    """Say in a few words what the row is about, and what else there is to know."""
    row, more = item.row, item.row.more
    if row.closed:
        return _closed(row.kind, more), _join(
            say("closed {short_day}", short_day=short_day(calendar_day(row.since, row.time_zone))),
            _kept_in_mind(glance),
        )
    if row.kind == "safety":
        urgent = say("Thinking about self-harm") if more["urgent"] else say("Safety answer")
        again = more["escalations"]
        escalated: str = ""
        if again:
            escalated = say("escalated once") if again == 1 else say("escalated {again} times", again=again)
        return urgent, _join(
            say("Answered in {value1}", value1=SOURCES[more["source"]]), escalated, _seen(item)
        )
    if row.kind == "undelivered":
        count = more["count"]
        return say("Undelivered"), say(
            "{count} message{value2} to the clinic's systems", count=count, value2="s" if count != 1 else ""
        )
    if row.kind == "signal":
        return _signal(item, glance)
    title, detail = FINDINGS.get(row.kind, (row.kind.replace("_", " ").capitalize(), ""))
    if row.kind == "score_due" and row.due is not None:
        zone = zone_of_clinic(clinic_zone, row.time_zone)
        clock = WallClock(time_zone=row.time_zone, clinic_zone=zone, now=now)
        detail = say("Due at {time}", time=clock.time_written(row.due))
    elif row.kind == "long_exposure":
        detail = _long_exposure(more) or detail
    else:
        detail = _found(row.kind, title, more, calendar_day(now, row.time_zone)) or detail
    if row.kind == "note" and glance.note is not None and glance.note_on is not None:
        day = short_day(glance.note_on)
        unread = (
            say("Text message of {short_day}, not read yet", short_day=day)
            if glance.was_texted
            else say("Note of {short_day}, not read yet", short_day=day)
        )
        return f"“{_shortened(glance.note)}”", _join(unread, _seen(item))
    return title, _join(detail, _seen(item), _kept_in_mind(glance))


def _signal(item: WorklistItem, glance: Glance) -> tuple[str, str]:
    row, more = item.row, item.row.more
    criteria: Sequence[str] = more["criteria"]
    title = CRITERIA.get(criteria[0], criteria[0]) if criteria else say("Consider a booster")
    steady = more["steady_since"]
    if steady:
        title = say("Stable again since {short_day}", short_day=short_day(date.fromisoformat(steady)))
    raised, booked = more["raised_smoothed"], row.booster_booked_for
    back = row.snoozed_until
    return title, _join(
        say("snoozed until {short_day}", short_day=short_day(calendar_day(back, row.time_zone)))
        if back and row.state == "snoozed"
        else "",
        say(
            "{percent} when raised {short_day}",
            percent=percent_written(raised),
            short_day=short_day(calendar_day(row.since, row.time_zone)),
        )
        if raised is not None
        else "",
        say("booster booked {short_day}", short_day=short_day(booked)) if booked else "",
        say("escalated") if row.escalated_at and not row.acknowledged_at else "",
        _seen(item),
        _kept_in_mind(glance),
    )


def _found(kind: str, title: str, more: Mapping[str, Any], today: date) -> str:
    """Say what the rule found, from the numbers that are kept of it; nothing without them."""
    numbers = finding_numbers_from_json(kind, more.get("numbers"))
    if numbers is None:
        return ""
    code = FindingCode(kind)

    def said(language: str) -> str:
        sentences = " ".join(finding_sentences(code, numbers, today, language_of(language)))
        of_title = in_language(title, language)
        return sentences.removeprefix(f"{of_title}. ").removeprefix(f"{of_title}: ")

    return written(said(SOURCE_LANGUAGE), said)


def _long_exposure(more: Mapping[str, Any]) -> str:
    """Say what was asked about, and how much was given: never what was answered."""
    topics = joined(TOPICS_SAID.get(one, one) for one in more.get("topics", ()))
    counts = (
        say(
            "{value1} infusions in 90 days, {value2} in 365",
            value1=more["in_90_days"],
            value2=more["in_365_days"],
        )
        if topics
        else ""
    )
    return _join(topics, counts)


def _closed(kind: str, more: Mapping[str, Any]) -> str:
    outcome = more.get("outcome") or ""
    words = {"signal": DISPOSITIONS, "safety": OUTCOMES}.get(kind, FINDING_OUTCOMES).get(outcome, outcome)
    what = {"signal": say("Signal"), "safety": say("Safety event")}.get(kind) or FINDINGS.get(
        kind, (kind, "")
    )[0]
    return joined((what, words), ": ") if words else what


def _seen(item: WorklistItem) -> str:
    if item.row.acknowledged_at is None:
        return ""
    return (
        say("acknowledged by {acknowledged_by}", acknowledged_by=item.acknowledged_by)
        if item.acknowledged_by
        else say("acknowledged")
    )


def _kept_in_mind(glance: Glance) -> str:
    named = [CAUTIONS.get(one, one) for one in glance.cautions]
    return say("precautions: {join}", join=joined(named)) if named else ""


def _join(*parts: str) -> Words:
    return capitalized(joined((part for part in parts if part), " · "))


def _shortened(note: str) -> str:
    plain = " ".join(note.split())
    return plain if len(plain) <= _LONGEST_NOTE else plain[: _LONGEST_NOTE - 1].rstrip() + "…"


def age_of(since: datetime, now: datetime) -> str:
    """Say how old something is, as short as a column is: "6 min", "2 h", "3 d"."""
    seconds = max(0.0, (now - since).total_seconds())
    if seconds < _HOUR:
        return _minutes(int(seconds // _MINUTE))
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h"
    return f"{int(seconds // _DAY)} d"


@lru_cache(maxsize=60)
def _minutes(count: int) -> str:
    return say("{value1} min", value1=count)


def initials(name: str) -> str:
    """Give the first letters of the first and the last name."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()
