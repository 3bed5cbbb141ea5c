"""A signal's page: what it rests on, what was done, and what is done there: acknowledge, snooze, close, reopen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.access.clinics.permissions import Permission
from app.access.clinics.policy import active_protocol
from app.care.alerts import signal_commands
from app.care.alerts.queries import OpenedStep, SignalView, history_of, names_in, views_of
from app.care.alerts.schemas import Reopening, SignalClosing, Snooze
from app.care.alerts.signal_commands import SIGNAL, episode_of, moment_of
from app.clinical.check_ins import check_in_day
from app.clinical.domains import DOMAINS, Domain
from app.clinical.episodes import Disposition, EpisodeState, reopened
from app.clinical.explanation import explanation_parts, sentences_of
from app.clinical.explanation_numbers import PartCode
from app.clinical.long_exposure import scale_name
from app.clinical.reason_codes import ReasonCode
from app.context import Work
from app.foundation.translations import Words, capitalized, joined, number_written, say
from app.pages.staff.alert_page import AlertPage, AlertPatient, Dossier, alert_patient
from app.pages.staff.alert_words import (
    CAUTIONS,
    CHOICES,
    CRITERIA,
    DISPOSITIONS,
    NUMBERS,
    SHORT_CRITERIA,
    STEPS,
    SUPPRESSED_BY,
    done_by,
    how_sure,
)
from app.pages.staff.asked_form import filled_in, version_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.patient_view import PatientView
from app.pages.staff.patient_words import DOMAINS_SAID
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import WallClock, counted, day_written, how_long, share_written
from app.storage import notices, patient_states, safety_events, signals
from app.storage.alerts import OPEN_STATES
from app.storage.clinical_json import answer_from_json
from app.storage.patient_states import BookedBooster
from app.web.reading import read_as

Plain = Mapping[str, Any]
# Said with the criterion's own name.
_NAMES_OF_THE_CRITERION: Final = frozenset({"domain", "scale"})
_SUBJECTS: Final[Mapping[str, str]] = {domain.value: said for domain, said in DOMAINS_SAID.items()}


def domain_rows(decision: Plain) -> list[list[str]]:
    """Give for each domain: before treatment, after induction, now smoothed, share lost, smoothed share."""
    reference, baseline = decision["reference"], decision["baseline"] or {}
    before, after = baseline.get("values", {}), reference.get("values", {})
    return [
        [
            capitalized(DOMAINS_SAID[domain]),
            _points(before.get(domain.value)),
            _points(after.get(domain.value)),
            _points(decision["smoothed_level"][domain.value]),
            _share(decision["share_lost"][domain.value]),
            _share(decision["smoothed_share"][domain.value]),
        ]
        for domain in DOMAINS
    ]


def criterion_rows(decision: Plain) -> list[dict[str, str]]:
    """Give every number of the criteria' reasons by its name, and the number of the rule it stands against."""
    assumed = any(note["code"] == "assumed_baseline" for note in decision["notes"])
    rows = []
    for criterion in decision["criteria"]:
        for reason in criterion["reasons"]:
            rows += [
                {
                    "criterion": _named(criterion),
                    "name": name,
                    "value": _fact(value),
                    "rule": _number_of_the_rule(reason, name, assumed=assumed),
                }
                for name, value in reason["facts"].items()
                if value is not None and name not in _NAMES_OF_THE_CRITERION
            ]
    return rows


def _named(criterion: Plain) -> str:
    subject = criterion["subject"]
    said = SHORT_CRITERIA.get(criterion["criterion"], criterion["criterion"])
    if not subject:
        return said
    return joined((said, _SUBJECTS.get(subject) or scale_name(subject)), ": ")


def _number_of_the_rule(reason: Plain, name: str, *, assumed: bool) -> str:
    if (reason["code"], name) == (ReasonCode.DOMAIN_WATCH_REACHED, "threshold"):
        return "mood_watch_at" if reason["facts"]["domain"] == Domain.MOOD else "other_watch_at"
    number = NUMBERS.get((reason["code"], name), "")
    return "consider_at_assumed" if number == "consider_at" and assumed else number


def _fact(value: object) -> str:
    if isinstance(value, float):
        return number_written(round(value, 2))
    return str(value).replace("_", " ")


def _points(value: float | None) -> str:
    return "—" if value is None else number_written(value, ".1f")


def _share(value: float | None) -> str:
    return "—" if value is None else share_written(value)


router = APIRouter(prefix="/care/signals", route_class=CarePageRoute, include_in_schema=False)
MayRead = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_READ)]
MayHandle = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_HANDLE)]
MayClose = Annotated[StaffVisitor, staff_may(Permission.SIGNALS_CLOSE)]
DONE: Final = {
    "acknowledge": say("Noted: you have seen it."),
    "unacknowledge": say("Taken back: it waits for someone again."),
    "snooze": say("Snoozed. It comes back by itself."),
    "end-snooze": say("The snooze has ended."),
    "close": say("Closed."),
    "reopen": say("Reopened. It waits for someone to acknowledge it."),
}
_REFUSED: Final[Mapping[str, str]] = {
    "disposition": say("Please choose an outcome."),
    "booster_booked_for": say("Please give the day, such as 2026-11-12."),
    "until": say("Please give the day, such as 2026-11-12."),
    "reason": say("Please say why, in at most 1,000 characters, so that whoever looks next knows."),
    "note": say("This note is too long to be kept; please shorten it."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalDossier(Dossier):
    """A signal with all that was done and sent.

    Attributes:
        later_signal: another episode of this patient's that has begun since: this one stays closed.
        open_event: the patient's oldest safety event that nobody has closed.
    """

    view: SignalView
    booked: BookedBooster | None
    history: tuple[OpenedStep, ...]
    longest_snooze_days: int
    later_signal: UUID | None
    open_event: UUID | None


@router.get("/{signal_id}")
async def show_signal(signal_id: UUID, visitor: MayRead) -> Response:
    """Show everything about one signal, and what may be done with it."""
    return await _PAGE.show(visitor, signal_id)


@router.post("/{signal_id}/acknowledge")
async def acknowledge_here(signal_id: UUID, visitor: MayHandle) -> Response:
    """Note that this member has seen it."""
    return await _PAGE.step(visitor, signal_id, "acknowledge", SIGNAL.acknowledge)


@router.post("/{signal_id}/unacknowledge")
async def unacknowledge_here(signal_id: UUID, visitor: MayHandle) -> Response:
    """Take the acknowledgement back."""
    return await _PAGE.step(visitor, signal_id, "unacknowledge", SIGNAL.unacknowledge)


@router.post("/{signal_id}/snooze")
async def snooze_here(signal_id: UUID, visitor: MayHandle) -> Response:
    """Put it aside until the morning of a day, with the reason."""
    form = await read_own_form(visitor)

    async def change() -> None:
        version, body = version_of(form), read_as(Snooze, filled_in(form, "until", "reason"))
        if not body.reason:
            raise signal_commands.SnoozeReasonMissingError("#/reason")
        await signal_commands.snooze(
            visitor.work,
            signal_id,
            until=await moment_of(visitor.work, signal_id, body.until),
            reason=body.reason,
            version=version,
        )

    return await _PAGE.change(visitor, signal_id, "snooze", form, change)


@router.post("/{signal_id}/end-snooze")
async def end_snooze_here(signal_id: UUID, visitor: MayHandle) -> Response:
    """Bring it back now."""
    return await _PAGE.step(visitor, signal_id, "end-snooze", signal_commands.end_snooze)


@router.post("/{signal_id}/close")
async def close_here(signal_id: UUID, visitor: MayClose) -> Response:
    """Close it with its outcome."""
    form = await read_own_form(visitor)

    async def change() -> None:
        version = version_of(form)
        fields = ["disposition", "note"]
        if form["disposition"] == Disposition.BOOSTER_BOOKED:
            fields.append("booster_booked_for")
        body = read_as(SignalClosing, filled_in(form, *fields))
        await signal_commands.close(
            visitor.work,
            signal_id,
            disposition=Disposition(body.disposition),
            booster_booked_for=body.booster_booked_for,
            note=body.note,
            version=version,
        )

    return await _PAGE.change(visitor, signal_id, "close", form, change)


@router.post("/{signal_id}/reopen")
async def reopen_here(signal_id: UUID, visitor: MayClose) -> Response:
    """Open it again, with the reason."""
    form = await read_own_form(visitor)

    async def change() -> None:
        version, body = version_of(form), read_as(Reopening, filled_in(form, "reason"))
        await signal_commands.reopen(visitor.work, signal_id, reason=body.reason, version=version)

    return await _PAGE.change(visitor, signal_id, "reopen", form, change)


async def _dossier(work: Work, signal_id: UUID) -> SignalDossier:
    signal = await SIGNAL.read(work, signal_id)
    (view,) = await views_of(work, [signal])
    whose = await alert_patient(work, signal.patient_id)
    history = await history_of(work, signal)
    latest = await signals.latest_of_patient(work, whose.id)
    events = await safety_events.TABLE.page(work, states=OPEN_STATES, patient_id=whose.id, limit=1)
    return SignalDossier(
        view=view,
        whose=whose,
        booked=await patient_states.booked_booster(work, whose.id),
        history=tuple(history),
        notifications=tuple(await notices.about(work, whose.id, subject="signal_id", subject_id=signal_id)),
        names=await names_in(work, [one.step.actor_id for one in history]),
        longest_snooze_days=(await active_protocol(work)).snooze_longest_days,
        later_signal=latest.id if latest and latest.id != signal_id else None,
        open_event=events[0].id if events else None,
    )


def _values(
    found: SignalDossier, _view: PatientView, visitor: StaffVisitor, clock: WallClock
) -> dict[str, Any]:
    signal = found.view.signal
    return {
        "signal": signal,
        "signal_status": _status(found, clock),
        "precautions": [CAUTIONS.get(name, name) for name in found.view.cautions],
        "open_event": found.open_event,
        "exposure": _infusions(found.view),
        "booked": found.booked and day_written(found.booked.on),
        "history": [_step(one, found, clock) for one in found.history],
        "can_reopen": found.later_signal is None
        and not found.whose.withdrawn
        and signal.disposition != Disposition.CONSENT_WITHDRAWN,
        "later_signal": found.later_signal,
        "dispositions": CHOICES,
        "may_handle": visitor.may(Permission.SIGNALS_HANDLE),
        "may_close": visitor.may(Permission.SIGNALS_CLOSE),
        "snooze_days": _days(found.whose, found.longest_snooze_days, visitor.work.now),
        **_why(found, visitor.locale),
        **_basis(found, clock),
    }


_PAGE: Final = AlertPage(
    path="/care/signals",
    template="signal.html",
    done=DONE,
    refused=_REFUSED,
    read=_dossier,
    values=_values,
)


def _why(found: SignalDossier, language: str) -> dict[str, Any]:
    """Say why in the reader's language, from the reasons of the stored answer: for it, against, what would change it.

    An answer that this release cannot read is shown in the words that were stored with it, which are English.
    """
    answer = answer_from_json(found.view.signal.latest)
    if answer is None:
        said = sentences_of(found.view.signal.explanation)
        return {"why_language": "en", "sentences": said, "against": None, "would_have": None}
    parts = {one.code: one.text for one in explanation_parts(answer, locale=language) if one.text}
    apart = (PartCode.AGAINST, PartCode.WOULD_CHANGE)
    said = [text for code, text in parts.items() if code not in apart]
    return {
        "why_language": language.partition("_")[0],
        "sentences": [*said, *_precautions(found.view)],
        "against": parts.get(PartCode.AGAINST, ""),
        "would_have": parts.get(PartCode.WOULD_CHANGE, ""),
    }


def _precautions(view: SignalView) -> list[Words]:
    """Say which precautions were active when it was raised, as the answer is of then, and which are now."""
    then, now = (
        joined(CAUTIONS.get(one, one) for one in sorted(names))
        for names in (view.signal.known["cautions"], view.cautions)
    )
    if then == now:
        both = say("Active precautions, when it was raised and now: {named}.", named=now)
        return [both] if now else []
    none = say("none")
    return [
        say("Active precautions when it was raised: {then}; now: {now}.", then=then or none, now=now or none)
    ]


def _basis(found: SignalDossier, clock: WallClock) -> dict[str, Any]:
    """Say what it rests on, from the numbers of the stored decision."""
    signal = found.view.signal
    latest, quality = signal.latest, signal.latest["data_quality"]
    return {
        "raised": clock.moment(signal.raised_at),
        "criteria": [CRITERIA.get(name, name) for name in signal.criteria],
        "steady_since": signal.steady_since and day_written(signal.steady_since),
        "sure": how_sure(latest["reference"], quality["days_in_last_10"], _day(quality["last_report_on"])),
        "numbers_on": day_written(date.fromisoformat(latest["day"])),
        "signal_domains": domain_rows(latest),
        "criterion_numbers": criterion_rows(latest),
        "rule": f"{latest['rule']} {latest['version']}",
        "suppressed_by": [SUPPRESSED_BY.get(one["code"], one["code"]) for one in latest["suppressed_by"]],
    }


def _status(found: SignalDossier, clock: WallClock) -> dict[str, Any]:
    """Say where it stands: open, seen, put aside, closed."""
    signal, now = found.view.signal, clock.now
    steady = signal.steady_since is not None
    if signal.closed_at is not None:
        words = say(
            "Closed {moment_in}: {value2}",
            moment_in=clock.plain(signal.closed_at),
            value2=DISPOSITIONS[signal.disposition or ""],
        )
        return {"kind": "closed", "closed": True, "seen": True, "words": words}
    kind = "steady" if steady else "consider"
    if reopened(episode_of(signal), as_of=now).state is EpisodeState.SNOOZED and signal.snoozed_until:
        words = say("Snoozed: comes back {moment_in}", moment_in=clock.plain(signal.snoozed_until))
    elif signal.acknowledged_at is not None:
        words = say("Acknowledged {how_long}", how_long=how_long(signal.acknowledged_at, now))
    elif signal.escalate_at is not None:
        words = say(
            "Not acknowledged; goes to the second contact {how_long}",
            how_long=how_long(signal.escalate_at, now),
        )
    else:
        words = say("Not acknowledged, escalated")
    return {"kind": kind, "closed": False, "seen": signal.acknowledged_at is not None, "words": words}


def _step(one: OpenedStep, found: SignalDossier, clock: WallClock) -> dict[str, Any]:
    step = one.step
    more: list[str] = []
    if step.until is not None:
        more.append(say("until {moment_in}", moment_in=clock.plain(step.until)))
    if step.disposition is not None:
        more.append(DISPOSITIONS.get(step.disposition, step.disposition))
    return {
        "what": STEPS.get(step.action, step.action),
        "more": joined(more),
        "who": done_by(step, found.names),
        "at": clock.plain(step.at),
        "ago": how_long(step.at, clock.now),
        "words": one.words,
    }


def _infusions(view: SignalView) -> str:
    shown = view.exposure
    if shown.last_on is None or shown.days_since_last is None:
        return say("None recorded")
    return say(
        "Last {day_written} ({count} ago); {in_30_days} in 30 days, {in_90_days} in 90, "
        "{in_365_days} in 365, {total} in all",
        day_written=day_written(shown.last_on),
        count=counted(shown.days_since_last, "day"),
        in_30_days=shown.in_30_days,
        in_90_days=shown.in_90_days,
        in_365_days=shown.in_365_days,
        total=shown.total,
    )


def _days(whose: AlertPatient, longest: int, now: datetime) -> dict[str, Any]:
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
