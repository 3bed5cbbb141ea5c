"""Rule settings: the form for other numbers, a what-if run with its words, and activating the numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.access.clinics.permissions import Permission
from app.access.clinics.policy import (
    PolicyInPastError,
    PolicyRefusedError,
    PolicyView,
    protocol_with,
    read_policy,
    write_policy,
)
from app.care.patients.queries import chart_numbers_of
from app.clinical.number_notes import NumberNotes
from app.clinical.protocol import Protocol
from app.clinical.protocol_versions import numbers_of
from app.context import AppContext
from app.foundation.errors import RefusalError
from app.foundation.translations import (
    Words,
    capitalized,
    joined,
    number_written,
    say,
    with_decimal_sign,
    written,
)
from app.pages.staff.asked_form import sentence_of
from app.pages.staff.page_route import CarePageRoute
from app.pages.staff.rendering import render
from app.pages.staff.visitor import StaffVisitor, read_own_form, staff_may
from app.pages.staff.wall_clock import UTC_ZONE, counted, moment_in
from app.studies.what_if import RuleCounts, WhatIf
from app.studies.what_if_jobs import (
    NothingDiffersError,
    Tried,
    TryPeriodRefusedError,
    ask,
    last_try,
    read_try,
)
from app.web.headers import ChangedMeanwhileError, version_in
from app.web.pages.forms import Form

# What raises a signal or holds it back comes first; all else is folded away.
FIRST: Final = (
    "consider_at",
    "consider_at_assumed",
    "watch_at",
    "mood_consider_at",
    "mood_watch_at",
    "consider_least_days",
    "consider_within_days",
    "smoothing_days",
    "steady_below",
    "least_gain",
    "totals_share_lost",
    "rearm_after_days",
)
_LONGEST: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberField:
    """One number as a field: its bounds in words, its present value, and what was typed."""

    name: str
    title: str
    unit: str
    bounds: str
    reason: str
    present: str
    typed: str
    mistake: str

    @property
    def changed(self) -> bool:
        """Whether something else was typed than what is active."""
        return self.typed.replace(",", ".") != self.present


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number that would change."""

    title: str
    unit: str
    before: str
    after: str


def may_be_set(notes: NumberNotes) -> bool:
    """Whether the bounds leave a clinic any room."""
    return notes.lowest < notes.highest


def fields_of(present: Protocol, typed: Mapping[str, str], mistakes: Mapping[str, str]) -> list[NumberField]:
    """Give all numbers that may be set, those that raise signals first; what was typed stays."""
    listed = [one for one in numbers_of(present) if may_be_set(one)]
    listed.sort(key=lambda one: FIRST.index(one.name) if one.name in FIRST else len(FIRST))
    return [
        NumberField(
            name=one.name,
            title=title_of(one.name),
            unit=Words(one.unit),
            bounds=_bounds(one),
            reason=capitalized(Words(one.reason)),
            present=_typed_as(one.value),
            typed=typed.get(one.name, _typed_as(one.value)),
            mistake=mistakes.get(one.name, ""),
        )
        for one in listed
    ]


def numbers_in(form: Form, *, present: Protocol, base: Protocol) -> tuple[dict[str, Any], list[str]]:
    """Read the numbers that differ from the service's own; besides, the names of those that are no number.

    An empty field means the active number.
    """
    numbers, wrong = dict[str, Any](), list[str]()
    for one in numbers_of(present):
        text = form[one.name].strip()[:_LONGEST].replace(",", ".") if may_be_set(one) else ""
        try:
            value = _number(text) if text and text != _typed_as(one.value) else one.value
        except ValueError:
            wrong.append(one.name)
            continue
        if value != getattr(base, one.name):
            numbers[one.name] = value
    return numbers, wrong


def differences(before: Protocol, after: Protocol) -> Sequence[Difference]:
    """Say what would change."""
    return [
        Difference(
            title=title_of(one.name), unit=Words(one.unit), before=_typed_as(one.value), after=_typed_as(new)
        )
        for one in numbers_of(before)
        if (new := getattr(after, one.name)) != one.value
    ]


def title_of(name: str) -> Words:
    """Give a number's name in words."""
    return Words(name.replace("_", " ").capitalize())


def _typed_as(value: float) -> Words:
    """Write a number as it is typed: with a point, or as the reader's language has it."""
    return number_written(value, "g" if float(f"{value:g}") == value else "")


def _number(text: str) -> float:
    value = float(text)
    # What is not finite is never within bounds, but would have to be written somewhere first.
    if not abs(value) < float("inf"):
        raise ValueError
    return int(value) if value == int(value) else value


def _bounds(notes: NumberNotes) -> str:
    if notes.choices:
        return joined((str(one) for one in notes.choices), say(" or "))
    return say("{written} to {value2}", written=_typed_as(notes.lowest), value2=_typed_as(notes.highest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One count under the active numbers and under the others, with the difference."""

    title: str
    now: str
    instead: str
    difference: str


def more_or_fewer(found: WhatIf) -> str:
    """Say in one sentence how many signals more or fewer there would have been."""
    more = found.instead.signals - found.now.signals
    if not more:
        return say("As many signals as with today's numbers: {signals}.", signals=found.now.signals)
    word = "more" if more > 0 else "fewer"
    return say(
        "{count} {word}: {signals} instead of {value4}.",
        count=counted(abs(more), "signal"),
        word=word,
        signals=found.instead.signals,
        value4=found.now.signals,
    )


def raised_rows(found: WhatIf) -> list[Row]:
    """Give the counts side by side."""
    now, instead = found.now, found.instead
    return [
        _row(say("Signals"), now.signals, instead.signals),
        Row(
            title=say("Signals per patient-year"),
            now=_rate(now),
            instead=_rate(instead),
            difference=_signed((instead.per_patient_year or 0) - (now.per_patient_year or 0), digits=1),
        ),
        _row(say("Patients with any signal"), now.patients_with_signals, instead.patients_with_signals),
        _row(say("Times that a watch began"), now.watches, instead.watches),
    ]


def delay_words(found: WhatIf) -> str:
    """Say how much sooner or later those would have been noticed who are noticed either way."""
    days = found.median_days_later
    both = found.now.patients_with_signals - found.no_longer_raised
    if days is None:
        return say("No patient has a signal under both, so nothing can be said about sooner or later.")
    middle = (
        say("on the same day")
        if not days
        else say("{count} later", count=counted(days, "day"))
        if days > 0
        else say("{count} sooner", count=counted(-days, "day"))
    )
    return say(
        "Of {count} with a signal under both, the first would have come sooner for {earlier} and "
        "later for {later}; in the middle {middle}.",
        count=counted(both, "patient"),
        earlier=found.earlier,
        later=found.later,
        middle=middle,
    )


def _row(title: str, now: int, instead: int) -> Row:
    return Row(title=title, now=str(now), instead=str(instead), difference=_signed(instead - now))


def _rate(counts: RuleCounts) -> str:
    return (
        say("none watched")
        if counts.per_patient_year is None
        else number_written(counts.per_patient_year, ".1f")
    )


def _signed(difference: float, *, digits: int = 0) -> str:
    text = f"{difference:+.{digits}f}"
    signed = text.replace("-", "\N{MINUS SIGN}")
    return (
        say("the same")
        if float(text) == 0
        else written(signed, lambda language: with_decimal_sign(signed, language))
    )


WHAT_IF: Final = "/care/what-if"
LOOK_AGAIN_SECONDS: Final = 3


def protocol_now(context: AppContext, view: PolicyView) -> Protocol:
    """Give the numbers that hold now."""
    holding = next((one for one in view.versions if one.version == view.version), None)
    return protocol_with(context.protocol, holding.numbers if holding else None)


async def form_page(
    visitor: StaffVisitor,
    *,
    typed: Mapping[str, str] | None = None,
    mistakes: Mapping[str, str] | None = None,
    notice: str = "",
) -> Response:
    """Show the numbers that may be tried; what was typed stays."""
    view = await read_policy(visitor.work)
    last = await last_try(visitor.work)
    typed, mistakes = typed or {}, mistakes or {}
    fields = fields_of(protocol_now(visitor.context, view), typed, mistakes)
    return render(
        visitor,
        "what_if.html",
        here=WHAT_IF,
        status=422 if mistakes else 200,
        fields=fields,
        titles={one.name: one.title for one in fields},
        typed=typed,
        mistakes=mistakes,
        notice=notice,
        last=None if last is None else {"id": last.id, "at": moment_in(last.asked_at, UTC_ZONE)},
        coming=_coming(view, visitor.context.clock.now()),
    )


async def try_page(visitor: StaffVisitor, what_if_id: UUID) -> Response:
    """Show the outcome of a run, or that it is being worked out."""
    tried = await read_try(visitor.work, what_if_id)
    view = await read_policy(visitor.work)
    now = protocol_now(visitor.context, view)
    instead = protocol_with(visitor.context.protocol, tried.stored.numbers)
    return render(
        visitor,
        "what_if_tried.html",
        here=WHAT_IF,
        tried=tried.stored,
        asked=moment_in(tried.stored.asked_at, UTC_ZONE),
        look_again=LOOK_AGAIN_SECONDS,
        differences=differences(now, instead),
        found=await _found(visitor, tried),
    )


async def confirm_page(
    visitor: StaffVisitor,
    what_if_id: UUID,
    *,
    typed: Mapping[str, str] | None = None,
    mistake: str = "",
    status: int = 200,
) -> Response:
    """Show what would be activated beside what holds, once more, with the version it is based on."""
    tried = await read_try(visitor.work, what_if_id)
    view = await read_policy(visitor.work)
    now = protocol_now(visitor.context, view)
    return render(
        visitor,
        "what_if_activate.html",
        here=WHAT_IF,
        status=status,
        tried=tried.stored,
        version=view.latest,
        differences=differences(now, protocol_with(visitor.context.protocol, tried.stored.numbers)),
        coming=_coming(view, visitor.context.clock.now()),
        typed=typed or {},
        mistake=mistake,
    )


def began(day: str, hour: str) -> datetime | None:
    """Read from when numbers are to hold; empty means from now on.

    Raises:
        ValueError: no day, or no time.
    """
    if not day:
        return None
    at = time.fromisoformat(hour) if hour else time()
    return datetime.combine(datetime.fromisoformat(day).date(), at.replace(tzinfo=None), UTC)


def _coming(view: PolicyView, now: datetime) -> str:
    later = [one for one in view.versions if one.effective_from > now]
    return moment_in(later[0].effective_from, UTC_ZONE) if later else ""


async def _found(visitor: StaffVisitor, tried: Tried) -> Mapping[str, object] | None:
    counts: WhatIf | None = tried.counts
    if counts is None:
        return None
    names = await chart_numbers_of(visitor.work, [one.patient_id for one in tried.days])
    same = counts.now.watches == counts.instead.watches and all(
        one.now_on == one.instead_on for one in tried.days
    )
    return {
        "counts": counts,
        "same": same,
        "headline": more_or_fewer(counts),
        "rows": raised_rows(counts),
        "delay": delay_words(counts),
        "patients": [
            {
                "id": one.patient_id,
                "name": names.get(one.patient_id, say("erased")),
                "now": one.now_on,
                "instead": one.instead_on,
                "differs": one.now_on != one.instead_on,
            }
            for one in tried.days
        ],
    }


router = APIRouter(prefix="/care", route_class=CarePageRoute, include_in_schema=False)
MayTry = Annotated[StaffVisitor, staff_may(Permission.INSIGHTS)]
MaySetNumbers = Annotated[StaffVisitor, staff_may(Permission.CLINIC_CHANGE)]
_NO_NUMBER = say("This is not a number.")
_OTHERS_SET = say(
    "Someone set other numbers meanwhile. Below they are compared with those; please look again."
)
_NO_TIME = say("A day and a time are written out; without a day the numbers hold from now on.")


@router.get("/what-if")
async def show_numbers(visitor: MayTry) -> Response:
    """Show the numbers that a clinic may try."""
    notice = (
        say("The numbers are kept, and hold from the time you chose.")
        if "kept" in visitor.request.query_params
        else ""
    )
    return await form_page(visitor, notice=notice)


@router.post("/what-if")
async def try_numbers(visitor: MayTry) -> Response:
    """Have the numbers tried; the page of the try says when it is done."""
    form = await read_own_form(visitor)
    view = await read_policy(visitor.work)
    numbers, wrong = numbers_in(
        form, present=protocol_now(visitor.context, view), base=visitor.context.protocol
    )
    try:
        first, last = (_day(form[name]) for name in ("first", "last"))
        if not wrong:
            made = await ask(visitor.work, numbers=numbers, first=first, last=last)
            return RedirectResponse(f"{WHAT_IF}/{made}", 303)
        mistakes: dict[str, str] = dict.fromkeys(wrong, _NO_NUMBER)
    except (PolicyRefusedError, NothingDiffersError, TryPeriodRefusedError) as error:
        mistakes = _mistakes(error)
    await visitor.work.start_over(snapshot=True)
    return await form_page(visitor, typed=_typed(form), mistakes=mistakes)


@router.get("/what-if/{what_if_id}")
async def show_try(what_if_id: UUID, visitor: MayTry) -> Response:
    """Show its outcome."""
    return await try_page(visitor, what_if_id)


@router.get("/what-if/{what_if_id}/activate")
async def confirm_numbers(what_if_id: UUID, visitor: MaySetNumbers) -> Response:
    """Ask once more before anything changes."""
    return await confirm_page(visitor, what_if_id)


@router.post("/what-if/{what_if_id}/activate")
async def set_numbers(what_if_id: UUID, visitor: MaySetNumbers) -> Response:
    """Activate the tried numbers, unless someone set others meanwhile."""
    form = await read_own_form(visitor)
    mistake: str = _NO_TIME
    status = 422
    try:
        await _set(visitor, what_if_id, form)
    except ChangedMeanwhileError:
        mistake, status = _OTHERS_SET, 412
    except (PolicyInPastError, PolicyRefusedError) as error:
        mistake = sentence_of(error)
    except (ValueError, OverflowError):
        pass
    else:
        return RedirectResponse(f"{WHAT_IF}?kept", 303)
    await visitor.work.start_over(snapshot=True)
    return await confirm_page(visitor, what_if_id, typed=_typed(form), mistake=mistake, status=status)


async def _set(visitor: StaffVisitor, what_if_id: UUID, form: Form) -> None:
    since = began(form["day"].strip(), form["time"].strip())
    tried = await read_try(visitor.work, what_if_id)
    await write_policy(
        visitor.work,
        numbers=tried.stored.numbers,
        effective_from=since,
        version=version_in(form["version"]),
    )


def _mistakes(error: RefusalError) -> dict[str, str]:
    """Give each field's sentence; what is about all numbers stands at the first one."""
    found: dict[str, str] = {}
    for one in error.findings:
        name = str(one["pointer"]).removeprefix("#/numbers").removeprefix("/")
        found[name or "consider_at"] = _sentence(one)
    return found or {error.pointer or "consider_at": error.message()}


def _sentence(finding: Any) -> str:  # noqa: ANN401 - a mapping of a refusal's own
    if "lowest" in finding:
        return say(
            "{value1} It may lie from {value2:g} to {value3:g}.",
            value1=finding["detail"],
            value2=finding["lowest"],
            value3=finding["highest"],
        )
    said: str = finding["detail"]
    return said


def _typed(form: Form) -> dict[str, str]:
    return {name: value[:30] for name, value in form.items()}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError:
        raise TryPeriodRefusedError("first") from None
