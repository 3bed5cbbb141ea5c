"""One signal as it is shown: what it rests on, what was done, what can be done."""

from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.care.alerts.dossier import SignalDossier, Whose, signal_dossier
from app.care.alerts.episodes import episode_of
from app.care.alerts.history import ToldStep
from app.care.alerts.views import SignalView
from app.clinical.check_ins import check_in_day
from app.clinical.episodes import Disposition, EpisodeState, reopened
from app.clinical.sentences import sentences_of
from app.clinical.wording import counted
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.pages.staff.notice_words import told_rows
from app.pages.staff.rendering import render
from app.pages.staff.signal_numbers import criterion_rows, domain_rows
from app.pages.staff.signal_words import CAUTIONS, CHOICES, CRITERIA, DISPOSITIONS, STEPS, SUPPRESSED_BY
from app.pages.staff.visitor import StaffVisitor
from app.pages.staff.when import day_written, how_long, moment_and_ago, moment_in
from app.pages.staff.worklist_page import done_by, how_sure
from app.web.etags import ChangedMeanwhileError
from app.web.pages.forms import NOTHING_FILLED_IN, Form
from app.web.pages.page_route import status_of

_WOULD_HAVE: Final = ("What would have changed it", "No other single answer")
TOLD: Final = {
    "acknowledge": "Noted: you have seen it.",
    "snooze": "Snoozed. It comes back by itself.",
    "close": "Closed.",
    "reopen": "Reopened. It waits for somebody to acknowledge it.",
}


async def signal_page(
    context: AppContext,
    visitor: StaffVisitor,
    signal_id: UUID,
    *,
    done: str = "",
    refusal: RefusalError | None = None,
    form: Form = NOTHING_FILLED_IN,
) -> Response:
    """Show a signal as it is now; what was typed stays, and a refusal says why it was not done."""
    caller, now = visitor.signed_in, context.clock.now()
    found = await signal_dossier(context, caller.clinic_id, signal_id, now=now, actor=caller.actor)
    signal = found.view.signal
    return render(
        context,
        visitor,
        "signal.html",
        here="",
        status=200 if refusal is None else status_of(refusal),
        told=TOLD.get(done, ""),
        faster=isinstance(refusal, ChangedMeanwhileError),
        refused="" if refusal is None else refusal.message(),
        form=form,
        whose=found.whose,
        signal=signal,
        standing=_standing(found, now),
        cautions=[CAUTIONS.get(name, name) for name in found.view.cautions],
        open_event=found.open_event,
        infusions=_infusions(found.view),
        booked=found.booked and day_written(found.booked.on),
        history=[_step(one, found, now) for one in found.history],
        tellings=told_rows(found.told, found.whose.time_zone, now),
        can_reopen=found.later_signal is None
        and not found.withdrawn
        and signal.disposition != Disposition.CONSENT_WITHDRAWN,
        later_signal=found.later_signal,
        dispositions=CHOICES,
        may_handle=visitor.may(Permission.SIGNALS_HANDLE),
        may_close=visitor.may(Permission.SIGNALS_CLOSE),
        days=_days(found.whose, found.longest_snooze_days, now),
        **_basis(found, now),
    )


def _basis(found: SignalDossier, now: datetime) -> dict[str, Any]:
    """Say what it rests on, from the stored decision and its stored sentences."""
    signal, zone = found.view.signal, found.whose.time_zone
    latest, quality = signal.latest, signal.latest["data_quality"]
    said = sentences_of(signal.explanation)
    return {
        "raised": moment_and_ago(signal.raised_at, now, zone),
        "criteria": [CRITERIA.get(name, name) for name in signal.criteria],
        "steady_since": signal.steady_since and day_written(signal.steady_since),
        "sentences": [one for one in said if not one.startswith(_WOULD_HAVE)],
        "would_have": [one for one in said if one.startswith(_WOULD_HAVE)],
        "sure": how_sure(latest["reference"], quality["days_in_last_10"], _day(quality["last_report_on"])),
        "numbers_on": day_written(date.fromisoformat(latest["day"])),
        "domains": domain_rows(latest),
        "criterion_numbers": criterion_rows(latest),
        "rule": f"{latest['rule']} {latest['version']}",
        "suppressed_by": [SUPPRESSED_BY.get(one["code"], one["code"]) for one in latest["suppressed_by"]],
    }


def _standing(found: SignalDossier, now: datetime) -> dict[str, Any]:
    """Say where it stands: open, seen, put aside, closed."""
    signal, zone = found.view.signal, found.whose.time_zone
    steady = signal.steady_since is not None
    if signal.closed_at is not None:
        words = f"Closed {moment_in(signal.closed_at, zone)}: {DISPOSITIONS[signal.disposition or '']}"
        return {"kind": "closed", "closed": True, "seen": True, "words": words}
    kind = "steady" if steady else "consider"
    if reopened(episode_of(signal), as_of=now).state is EpisodeState.SNOOZED and signal.snoozed_until:
        words = f"Snoozed: comes back {moment_in(signal.snoozed_until, zone)}"
    elif signal.acknowledged_at is not None:
        words = f"Acknowledged {how_long(signal.acknowledged_at, now)}"
    elif signal.escalate_at is not None:
        words = f"Not acknowledged; goes to the second contact {how_long(signal.escalate_at, now)}"
    else:
        words = "Not acknowledged, escalated"
    return {"kind": kind, "closed": False, "seen": signal.acknowledged_at is not None, "words": words}


def _step(one: ToldStep, found: SignalDossier, now: datetime) -> dict[str, Any]:
    step, zone = one.step, found.whose.time_zone
    more = []
    if step.until is not None:
        more.append(f"until {moment_in(step.until, zone)}")
    if step.disposition is not None:
        more.append(DISPOSITIONS.get(step.disposition, step.disposition))
    return {
        "what": STEPS.get(step.action, step.action),
        "more": ", ".join(more),
        "who": done_by(step, found.names),
        "at": moment_in(step.at, zone),
        "ago": how_long(step.at, now),
        "words": one.words,
    }


def _infusions(view: SignalView) -> str:
    shown = view.exposure
    if shown.last_on is None or shown.days_since_last is None:
        return "None recorded"
    return (
        f"Last {day_written(shown.last_on)} ({counted(shown.days_since_last, 'day')} ago); {shown.in_30_days} in 30"
        f" days, {shown.in_90_days} in 90, {shown.in_365_days} in 365, {shown.total} in all"
    )


def _days(whose: Whose, longest: int, now: datetime) -> dict[str, Any]:
    """Give the days that a snooze may end on, and from which a booster may be booked."""
    today = check_in_day(now, whose.time_zone)
    return {
        "today": today.isoformat(),
        "first": (today + timedelta(days=1)).isoformat(),
        "last": (today + timedelta(days=longest)).isoformat(),
        "longest": longest,
    }


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
