"""The first line: findings in their order, the level, how much is lost, what contradicts it, and by when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.clinical.answer import Evaluation
from app.clinical.domains import Domain
from app.clinical.explanation_words import Language
from app.clinical.findings import (
    BelowBest,
    Disagreement,
    ElevatedDay,
    Finding,
    NotHolding,
    Numbers,
    WorseThanBefore,
)
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.long_exposure import scale_name
from app.clinical.profiles import Caution
from app.clinical.reasons import (
    BelowWatch,
    BoosterDidNotHold,
    DomainLostEnough,
    DomainStillWatching,
    DomainWatchReached,
    LastDaysBetter,
    LastKnown,
    LostEnough,
    MoodElevated,
    NoGain,
    NoReportSinceInfusion,
    Recurs,
    ReferenceMissing,
    StillWatching,
    TooFewRecentDays,
    Totals,
    WatchReached,
)
from app.clinical.taper import PlannedDate

_RECENT_TOTAL_DAYS: Final = 14


def sentences_against(evaluation: Evaluation, language: Language) -> Iterator[str]:
    """What contradicts: a better last day, too few recent days, recoveries, totals that say well."""
    year = evaluation.day.year
    for reason in evaluation.criteria[0].reasons:
        if isinstance(reason, LastDaysBetter):
            yield language.say("last_days_better", share=language.share(reason.each_day))
        if isinstance(reason, TooFewRecentDays):
            within = language.count(reason.within_days, "day")
            yield language.say("too_few_recent_days", have=reason.have, within=within, needed=reason.needed)
    for note in evaluation.notes:
        if isinstance(note, Recurs):
            apart = "" if note.apart is None else language.say("recurs_apart", days=note.apart)
            same = note.shortest == note.longest
            yield language.say(
                "recurs",
                times=note.times,
                shortest=note.shortest,
                to="" if same else "\N{EN DASH}",
                longest="" if same else note.longest,
                apart=apart,
            )
    if evaluation.level is Level.CONSIDER_BOOSTER:
        yield from _totals_against(evaluation, year, language)


def _totals_against(evaluation: Evaluation, year: int, language: Language) -> Iterator[str]:
    named = [one.numbers.scale for one in evaluation.findings if isinstance(one.numbers, Disagreement)]
    for criterion in evaluation.criteria:
        for reason in criterion.reasons:
            if not isinstance(reason, Totals) or reason.says != "below_threshold" or reason.on is None:
                continue
            recent = (evaluation.day - reason.on).days <= _RECENT_TOTAL_DAYS
            if recent or reason.scale in named:
                scale, on = scale_name(reason.scale), language.day(reason.on, year)
                yield language.say("total_against", scale=scale, total=reason.total or 0.0, on=on)


_SHARES: Final = (BelowWatch, WatchReached, StillWatching, LostEnough)
_OF_DOMAIN: Final = (DomainLostEnough, DomainWatchReached, DomainStillWatching)


_RHYTHMS: Final = (
    ("every_7", range(6, 9)),
    ("every_14", range(13, 16)),
    ("every_28", range(26, 33)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside an answer and is said with it.

    Attributes:
        who: the patient's chart number; None where the reader knows.
        cautions: those that staff recorded and that are active; they decide nothing.
        raised: the day on which the signal was raised, and the share lost then.
        call_by: the clinic's limit for this signal.
        became_steady: the day on which the open signal became steady; None while it has not.
        findings_closed: findings that staff have closed are not said.
        planned: the next booster by the taper plan, and how that day was reached.
    """

    who: str | None = None
    cautions: tuple[Caution, ...] = ()
    raised: tuple[date, float] | None = None
    call_by: date | None = None
    became_steady: date | None = None
    findings_closed: frozenset[FindingCode] = frozenset()
    planned: PlannedDate | None = None


def steady_without_infusion(evaluation: Evaluation, beside: Beside) -> bool:
    """Whether the open signal became steady, and no infusion is recorded since it was raised."""
    if beside.became_steady is None or beside.raised is None:
        return False
    last_on = evaluation.exposure.last_on
    return last_on is None or last_on < beside.raised[0]


def headline_sentences(evaluation: Evaluation, beside: Beside, language: Language) -> Iterator[str]:
    """Findings first, in their order; then the level, how much is lost, what contradicts it, and by when."""
    on_page_only = beside.findings_closed | {FindingCode.BELOW_BEST}
    spoken = [one for one in evaluation.findings if one.code not in on_page_only]
    for finding in spoken:
        yield from finding_sentences(finding.code, finding.numbers, evaluation.day, language)
    yield from _was_elevated(evaluation, spoken, language)
    for note in evaluation.notes:
        if isinstance(note, BoosterDidNotHold) and evaluation.version.startswith("1."):
            days = language.count(note.days, "day")
            yield language.say(
                "did_not_hold", on=language.day(note.booster_on, evaluation.day.year), days=days
            )
    who = language.say("who", who=beside.who) if beside.who else ""
    codes = {one.code for one in spoken}
    quiet = codes & {FindingCode.WORSE_THAN_BEFORE, FindingCode.ELEVATED_MOOD}
    # Whoever is worse than before, or elevated, is not called stable; and a measured lack of gain is no lack of data.
    no_gain = isinstance(evaluation.criteria[0].reasons[0], NoGain)
    said = evaluation.level not in {Level.STEADY, Level.NO_REFERENCE} or not (quiet or no_gain)
    if said:
        first = language.say(evaluation.level.value)
        yield f"{who}{first[:1].lower()}{first[1:]}" if who else first
    yield from _extent(evaluation, beside, language)
    if beside.call_by is not None and evaluation.level is Level.CONSIDER_BOOSTER:
        yield language.say("call_by", on=language.day(beside.call_by, evaluation.day.year))


def _extent(evaluation: Evaluation, beside: Beside, language: Language) -> Iterator[str]:
    """How much is lost, by the reason that decided; or why nothing can be said."""
    year = evaluation.day.year
    for reason in evaluation.criteria[0].reasons:
        if isinstance(reason, LastKnown):
            said, days = language.say(f"said_{reason.level}"), language.count(reason.days, "day")
            yield language.say("unknown_since", on=language.day(reason.on, year), days=days, level=said)
            return
        if isinstance(reason, NoReportSinceInfusion):
            yield language.say("no_report_since_infusion", on=language.day(reason.infusion_on, year))
            return
        if isinstance(reason, NoGain):
            yield language.say("no_gain")
            return
        if isinstance(reason, ReferenceMissing):
            yield _missing(reason, year, language)
            return
    yield from _share_lost(evaluation, beside, language)


def _share_lost(evaluation: Evaluation, beside: Beside, language: Language) -> Iterator[str]:
    considers = [one for one in evaluation.criteria if one.level is Level.CONSIDER_BOOSTER]
    if considers and all(one.name is CriterionName.SCALE_RELAPSE for one in considers):
        return
    said = considers[0] if considers else evaluation.criteria[0]
    reason = said.reasons[0]
    if not isinstance(reason, (*_SHARES, *_OF_DOMAIN)):
        return
    domain = ""
    if isinstance(reason, _OF_DOMAIN):
        domain = language.say("in_domain", domain=language.say(reason.domain))
    if evaluation.level in {Level.STEADY, Level.WATCH} and _rounds_to_none(reason.smoothed):
        yield language.say("lost_none", domain=domain)
        return
    raised = ""
    if beside.raised is not None:
        on, share = beside.raised
        raised = language.say(
            "when_raised", share=language.share(share), on=language.day(on, evaluation.day.year)
        )
    contradicts = ""
    if evaluation.level is Level.CONSIDER_BOOSTER:
        against = [one.rstrip(".") for one in sentences_against(evaluation, language)]
        contradicts = (
            language.say("against", what="; ".join(against)) if against else language.say("nothing_against")
        )
    yield language.say(
        "lost", share=language.share(reason.smoothed), domain=domain, raised=raised, against=contradicts
    )


def finding_sentences(code: FindingCode, numbers: Numbers, day: date, language: Language) -> Iterator[str]:
    """What a finding says on a day, from its numbers."""
    year = day.year
    if code is FindingCode.SILENT_AFTER_LOW:
        yield language.say("silent")
    elif isinstance(numbers, Disagreement):
        scale = scale_name(numbers.scale)
        yield language.say("disagree", scale=scale, total=numbers.total, on=language.day(numbers.on, year))
        if numbers.waits_until is not None and numbers.waits_until >= day:
            yield language.say("disagree_waits", until=language.day(numbers.waits_until, year))
        if numbers.quiet_until is not None and numbers.quiet_until >= day:
            yield language.say("disagree_quiet", until=language.day(numbers.quiet_until, year))
    elif isinstance(numbers, NotHolding):
        yield _not_holding(numbers, year, language)
    elif isinstance(numbers, BelowBest):
        yield language.say(
            "below_best", points=numbers.below, best=numbers.best, month=language.month(numbers.best_on)
        )
    elif isinstance(numbers, tuple):
        yield from _of_days(numbers, year, language)


def _of_days(
    numbers: tuple[WorseThanBefore, ...] | tuple[ElevatedDay, ...], year: int, language: Language
) -> Iterator[str]:
    worse = [one for one in numbers if isinstance(one, WorseThanBefore)]
    if worse:
        core = [one for one in worse if one.domain is Domain.MOOD]
        what = "; ".join(
            language.say(
                "worse_domain",
                domain=language.say(one.domain.value),
                reports=", ".join(language.number(report) for report in one.reports),
                before=one.baseline,
            )
            for one in core or worse
        )
        yield language.say("worse", what=what)
    days = [one for one in numbers if isinstance(one, ElevatedDay)]
    if days:
        last = days[-1]
        hours = last.sleep_hours
        sleep = "" if hours is None else language.say("elevated_sleep", hours=hours)
        on = language.day(last.on, year)
        yield language.say("elevated", sleep=sleep, on=on, mood=last.mood, energy=last.energy)


def _not_holding(numbers: NotHolding, year: int, language: Language) -> str:
    held = [
        f"{least}"
        if most is None or most <= least + 1
        else language.say("held_range", least=least, most=most)
        for least, most in numbers.held
    ]
    last = numbers.held[-1][0] if numbers.held else 0
    days = language.count(last, "day").split(" ")[-1]
    if len(held) < 2 or numbers.every_days is None:  # noqa: PLR2004 - one booster is no rhythm
        on = language.day(numbers.last_booster_on, year)
        return language.say("not_holding_one", on=on, held="".join(held) or "0", days=days)
    every = numbers.every_days
    rhythm = next((name for name, span in _RHYTHMS if every in span), "every_other")
    return language.say("not_holding", every=language.say(rhythm), held=language.listed(held), days=days)


def _was_elevated(evaluation: Evaluation, spoken: Sequence[Finding], language: Language) -> Iterator[str]:
    """For 60 days after elevated mood every signal says it first."""
    if evaluation.level is not Level.CONSIDER_BOOSTER:
        return
    if any(one.code is FindingCode.ELEVATED_MOOD for one in spoken):
        return
    for note in evaluation.notes:
        if isinstance(note, MoodElevated):
            yield language.say("was_elevated", on=language.day(note.on, evaluation.day.year))


def _missing(reason: ReferenceMissing, year: int, language: Language) -> str:
    if reason.taken_on and reason.proposed_from and reason.proposed_to:
        return language.say(
            "missing_proposed",
            taken_on=language.day(reason.taken_on, year),
            first=language.day(reason.proposed_from, year),
            last=language.day(reason.proposed_to, year),
        )
    return language.say(
        f"missing_{reason.because}",
        until="" if reason.until is None else language.day(reason.until, year),
        n_days=language.count(reason.n_days, "day"),
        days_needed=reason.days_needed,
        taken_on="" if reason.taken_on is None else language.day(reason.taken_on, year),
    )


def _rounds_to_none(smoothed: float) -> bool:
    return round(max(0.0, smoothed) * 100) == 0
