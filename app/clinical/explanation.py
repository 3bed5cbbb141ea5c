"""The sentences for the care team, made from coded reasons and nothing else; nothing is computed here.

No probability, no reassurance, no instruction: "consider", with what it rests on and what would have
changed it. Signals carry these sentences; patients never see them.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, cast

from app.clinical.domains import DOMAINS, LABELS, Domain
from app.clinical.evaluation import Evaluation
from app.clinical.profiles import CAUTION_NAMES, Caution
from app.clinical.reasons import Criterion, CriterionName, Level, Reason, ReasonCode
from app.clinical.reference import NoReferenceBecause, Reference
from app.clinical.wording import (
    capitalised,
    counted,
    day_in,
    days_from_to,
    listed,
    ordinal,
    percent,
    scale_name,
)

HEADLINES: Final = {
    Level.CONSIDER_BOOSTER: "Consider a booster infusion.",
    Level.WATCH: "Watch.",
    Level.STEADY: "Stable.",
    Level.NO_REFERENCE: "Not enough data yet.",
}
REVIEW: Final = "For review by a clinician."
_LOST: Final = {
    ReasonCode.BELOW_WATCH: "watch from {threshold}",
    ReasonCode.WATCH_REACHED: "watch from {threshold}",
    ReasonCode.STILL_WATCHING: "steady again below {threshold} on {days}",
    ReasonCode.LOST_ENOUGH: "raised at {threshold}",
    ReasonCode.DOMAIN_LOST_ENOUGH: "raised at {threshold}",
    ReasonCode.DOMAIN_WATCH_REACHED: "watch from {threshold}",
    ReasonCode.DOMAIN_STILL_WATCHING: "steady again below {threshold} on {days}",
}
_MISSING: Final = {
    NoReferenceBecause.NOT_TREATED: "no infusion has been recorded",
    NoReferenceBecause.NO_INDUCTION_INFUSION: "no induction infusion has been recorded",
    NoReferenceBecause.INDUCTION_RUNNING: "induction is running",
    NoReferenceBecause.WINDOW_OPEN: "its window is open until {until} ({n_days} so far)",
    NoReferenceBecause.TOO_FEW_DAYS: "there were check-ins on only {n_days} by {until}; {days_needed} are needed",
    NoReferenceBecause.BOOSTER_CLOSED_WINDOW: (
        "a booster closed its window after check-ins on {n_days}; {days_needed} are needed"
    ),
}
_TOTALS: Final = {
    "no_total_since": "{scale}: no total since the reference.",
    "below_threshold": "{scale} {total} on {on}, below its threshold of {threshold}.",
    "one_crossing": (
        "{scale} {total} on {on}, at or above its threshold of {threshold}: a repeat is requested earlier."
    ),
    "crossings_too_close": (
        "{scale} {total} on {on}, at or above its threshold of {threshold}, {count} times in {days}: "
        "too close together."
    ),
    "crossings_confirmed": (
        "{scale} {total} on {on}, at or above its threshold of {threshold}, {count} times over {days}."
    ),
    "last_total_old": (
        "{scale} {total} on {on}, at or above its threshold of {threshold}, but {days} ago: a repeat is requested."
    ),
    "no_baseline": "{scale} has no baseline: its relapse level alone is the threshold.",
}


def explain(evaluation: Evaluation, *, cautions: Sequence[Caution] = ()) -> str:
    """The whole basis of an answer in one paragraph of English, for clinicians.

    Args:
        evaluation: the answer; every number in the text is one of its own, rounded.
        cautions: those that staff recorded and that are open; they are said and decide nothing.
    """
    # Several criteria may ask for the same: each sentence once.
    return " ".join(dict.fromkeys(_sentences(evaluation, cautions)))


def what_would_have_changed_it(evaluation: Evaluation) -> str:
    """The explanation's sentence on that, by itself; empty where there is none."""
    codes = (ReasonCode.COUNTERFACTUAL, ReasonCode.NO_COUNTERFACTUAL)
    return " ".join(_noted(evaluation, *codes))


def _sentences(evaluation: Evaluation, cautions: Sequence[Caution]) -> Iterator[str]:
    yield from _noted(evaluation, ReasonCode.BOOSTER_DID_NOT_HOLD)
    yield HEADLINES[evaluation.level]
    for criterion in sorted(evaluation.criteria, key=lambda one: -one.level.rank):
        yield from _of_criterion(criterion, evaluation)
    yield from _worse(evaluation)
    if isinstance(evaluation.reference, Reference):
        yield _domain_values(evaluation, evaluation.reference)
    yield _check_in_count(evaluation)
    yield from _exposure(evaluation)
    if cautions:
        yield f"Active precautions: {', '.join(CAUTION_NAMES[caution] for caution in cautions)}."
    yield from _last_asked(evaluation)
    yield _rule(evaluation)
    yield from _noted(
        evaluation,
        ReasonCode.DOMAIN_OFF,
        ReasonCode.COUNTERFACTUAL,
        ReasonCode.NO_COUNTERFACTUAL,
    )
    if evaluation.level >= Level.WATCH:
        yield REVIEW


def _of_criterion(criterion: Criterion, evaluation: Evaluation) -> Iterator[str]:
    for reason in criterion.reasons:
        sentence = _of_reason(reason, evaluation)
        if sentence:
            yield sentence


def _of_reason(reason: Reason, evaluation: Evaluation) -> str:
    code, year = reason.code, evaluation.day.year
    if code in _LOST:
        return _lost(reason, evaluation)
    if code is ReasonCode.REFERENCE_MISSING:
        return _missing(reason, year)
    if code is ReasonCode.TOTALS:
        return _totals(reason, year)
    if code is ReasonCode.ASKED:
        return f"The patient asked about a booster on {day_in(_date(reason, 'on'), year=year)}."
    if code is ReasonCode.ASK_SCALE:
        return f"{scale_name(str(reason.fact('scale')))} requested."
    return _doubt(reason)


def _lost(reason: Reason, evaluation: Evaluation) -> str:
    """Say how much is lost: 61 % of the improvement gained in induction, smoothed, raised at 55 %."""
    facts = dict(reason.facts)
    days = counted(_number(reason, "days"), "check-in day") if "days" in facts else ""
    terms = _LOST[reason.code].format(threshold=percent(_number(reason, "threshold")), days=days)
    assumed = any(note.code is ReasonCode.ASSUMED_BASELINE for note in evaluation.notes)
    if assumed:
        terms += "; assumed baseline"
    smoothed = _number(reason, "smoothed")
    share = "none" if percent(max(0.0, smoothed)) == percent(0) else percent(smoothed)
    domain = f" in {LABELS[Domain(str(facts['domain']))]}" if "domain" in facts else ""
    as_of = day_in(evaluation.day, year=evaluation.day.year)
    return f"As of {as_of} {share} of the improvement{domain} gained in induction has been lost (smoothed; {terms})."


def _missing(reason: Reason, year: int) -> str:
    facts = dict(reason.facts)
    until = facts["until"]
    because = _MISSING[NoReferenceBecause(str(facts["because"]))].format(
        until=day_in(until, year=year) if isinstance(until, date) else "",
        n_days=counted(_number(reason, "n_days"), "day"),
        days_needed=facts["days_needed"],
    )
    return f"Check-ins have no reference, because {because}."


def _totals(reason: Reason, year: int) -> str:
    facts = dict(reason.facts)
    on, days = facts["on"], facts["days"]
    return _TOTALS.get(str(facts["code"]), "").format(
        scale=scale_name(str(facts["scale"])),
        total=_plain(facts["total"]),
        threshold=_plain(facts["threshold"]),
        on=day_in(on, year=year) if isinstance(on, date) else "",
        count=facts["count"],
        days=counted(days, "day") if isinstance(days, int) else "",
    )


def _doubt(reason: Reason) -> str:
    """Why a share that is high enough does not say consider."""
    if reason.code is ReasonCode.GAIN_TOO_SMALL:
        return (
            f"The gain was {_number(reason, 'mean_gain'):.1f} points: below "
            f"{_number(reason, 'least'):g} it is too small to say more than watch."
        )
    if reason.code is ReasonCode.LAST_DAYS_BETTER:
        return f"Not each of the last two check-in days shows {percent(_number(reason, 'each_day'))} lost."
    if reason.code is ReasonCode.TOO_FEW_RECENT_DAYS:
        within = counted(_number(reason, "within_days"), "day")
        return f"{reason.fact('have')} check-in days count in the last {within}; {reason.fact('needed')} are needed."
    if reason.code is ReasonCode.NO_GAIN:
        return "No domain was better after induction than before: nothing can be lost."
    return ""


def _worse(evaluation: Evaluation) -> Iterator[str]:
    for worse in evaluation.worse_than_before:
        yield (
            f"Worse than before treatment: {LABELS[worse.domain]} {worse.smoothed_level:.1f}, "
            f"{worse.baseline:.1f} before."
        )


def _domain_values(evaluation: Evaluation, reference: Reference) -> str:
    """Each domain now, after induction and before: the first in words, the others in brackets."""
    parts: list[str] = []
    before_all = reference.baseline.values
    for domain, level, after, before in zip(
        DOMAINS, evaluation.smoothed_level, reference.values, before_all, strict=True
    ):
        if level is None or after is None:
            continue
        told = "not known" if before is None else f"{before:.1f}"
        if parts:
            parts.append(f"{domain.label} {level:.1f} ({after:.1f}, {told})")
        else:
            parts.append(f"{domain.label} {level:.1f}, was {after:.1f} after induction and {told} before")
    return capitalised("; ".join(parts)) + "."


def _check_in_count(evaluation: Evaluation) -> str:
    return f"{counted(evaluation.data_quality.days_in_last_10, 'check-in')} in the last 10 days."


def _exposure(evaluation: Evaluation) -> Iterator[str]:
    exposure, year = evaluation.exposure, evaluation.day.year
    if exposure.last_on is None or exposure.days_since_last is None:
        return
    ago = "today" if exposure.days_since_last == 0 else f"{counted(exposure.days_since_last, 'day')} ago"
    which = f", the {ordinal(exposure.in_365_days)} in 365 days" if exposure.in_365_days else ""
    lasted = (
        listed([str(days) for days in exposure.response_durations]) if exposure.response_durations else ""
    )
    earlier = f"; earlier responses lasted {lasted} days" if lasted else ""
    yield f"Last infusion {ago} ({day_in(exposure.last_on, year=year)}){which}{earlier}."


def _last_asked(evaluation: Evaluation) -> Iterator[str]:
    """When the questionnaire was last asked, unless criterion B has just said it."""
    if evaluation.level < Level.WATCH:
        return
    if any(criterion.name is CriterionName.SCALE_RELAPSE for criterion in evaluation.criteria):
        return
    for last in evaluation.last_totals:
        yield f"{scale_name(last.scale)} not asked since {day_in(last.on, year=evaluation.day.year)}."


def _rule(evaluation: Evaluation) -> str:
    year, reference = evaluation.day.year, evaluation.reference
    parts = [f"Rule {evaluation.rule} {evaluation.version}"]
    if isinstance(reference, Reference):
        span = days_from_to(reference.from_day, reference.to_day, year=year)
        falling = ", falling already" if reference.falling else ""
        falling += ", set by a clinician" if reference.chosen else ""
        parts.append(f"reference from {counted(reference.n_days, 'day')}, {span}{falling}")
    if evaluation.data_quality.last_report_on:
        parts.append(f"last report {day_in(evaluation.data_quality.last_report_on, year=year)}")
    return "; ".join(parts) + "."


def _noted(evaluation: Evaluation, *codes: ReasonCode) -> Iterator[str]:
    for note in evaluation.notes:
        if note.code in codes:
            yield _note(note, evaluation.day.year)


def _note(note: Reason, year: int) -> str:
    if note.code is ReasonCode.BOOSTER_DID_NOT_HOLD:
        booster = day_in(_date(note, "booster_on"), year=year)
        lasted = counted(_number(note, "days"), "day")
        return f"The booster of {booster} has lasted {lasted}; review rather than repeat."
    if note.code is ReasonCode.DOMAIN_OFF:
        domain = capitalised(LABELS[Domain(str(note.fact("domain")))])
        answered = counted(_number(note, "n_days"), "day")
        needed = note.fact("days_needed")
        return f"{domain} does not count: answered on {answered} of the window, {needed} are needed."
    if note.code is ReasonCode.NO_COUNTERFACTUAL:
        return "No other single answer on the last two days would have changed it."
    domain = LABELS[Domain(str(note.fact("domain")))]
    article = "an" if domain.startswith("e") else "a"
    quality = f"{article} {domain}" if domain != "sleep" else "a sleep quality"
    last_days = "either of the last two days" if note.fact("last_days") != 1 else "the last day"
    return f"What would have changed it: {quality} of {note.fact('report')} or more on {last_days}."


def _number(reason: Reason, name: str) -> float:
    return cast("float", reason.fact(name))


def _date(reason: Reason, name: str) -> date:
    return cast("date", reason.fact(name))


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else ""
