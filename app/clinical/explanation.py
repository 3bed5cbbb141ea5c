"""The words for the care team, made from coded reasons and nothing else; nothing is computed here.

An explanation has parts, each coded and with its numbers; one renderer makes the text of the page, the e-mail, the
record and the row on the worklist, in English and in Spanish. No probability, no reassurance, no instruction:
"consider", with what it rests on and what would have changed it. Patients never see it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from app.clinical.answer import Evaluation
from app.clinical.domains import DOMAINS, Domain
from app.clinical.explanation_words import ENGLISH, Language, language_of
from app.clinical.findings import (
    BelowBest,
    Disagreement,
    ElevatedDay,
    Finding,
    NotHolding,
    WorseThanBefore,
)
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.profiles import CAUTION_NAMES, Caution
from app.clinical.reasons import (
    AnsweringFell,
    Asked,
    AskScale,
    AssumedBaseline,
    BelowWatch,
    BoosterDidNotHold,
    Counterfactual,
    DomainLostEnough,
    DomainOff,
    DomainStillWatching,
    DomainWatchReached,
    Fact,
    FallingReference,
    GainTooSmall,
    LastDaysBetter,
    LastKnown,
    LostEnough,
    MoodElevated,
    NoCounterfactual,
    NoGain,
    NoReportSinceInfusion,
    Reason,
    Recurs,
    ReferenceMissing,
    SmallGain,
    StillWatching,
    TooFewRecentDays,
    Totals,
    WatchReached,
)
from app.clinical.reference import Reference
from app.clinical.wording import capitalised, scale_name

HEADLINES: Final = {
    Level.CONSIDER_BOOSTER: ENGLISH.templates["consider_booster"],
    Level.WATCH: ENGLISH.templates["watch"],
    Level.STEADY: ENGLISH.templates["steady"],
    Level.UNKNOWN: ENGLISH.templates["unknown"],
    Level.NO_REFERENCE: ENGLISH.templates["no_reference"],
}
REVIEW: Final = ENGLISH.templates["review"]
_SHARES: Final = (BelowWatch, WatchReached, StillWatching, LostEnough)
_OF_DOMAIN: Final = (DomainLostEnough, DomainWatchReached, DomainStillWatching)


class PartCode(StrEnum):
    """What a part of an explanation speaks of."""

    HEADLINE = "headline"
    REPORTS = "reports"
    THEN_NOW = "then_now"
    FOR = "for"
    AGAINST = "against"
    TREATMENT = "treatment"
    DATA = "data"
    WOULD_CHANGE = "would_change"
    SMALL_PRINT = "small_print"


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its sentences, and the reasons and findings that its numbers come from."""

    code: PartCode
    text: str
    numbers: tuple[tuple[str, Fact], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside an answer and is said with it.

    Attributes:
        who: the patient's chart number; None where the reader knows.
        cautions: those that staff recorded and that are active; they decide nothing.
        raised: the day on which the signal was raised, and the share lost then.
        call_by: the clinic's limit for this signal.
        findings_closed: findings that staff have closed are not said.
    """

    who: str | None = None
    cautions: tuple[Caution, ...] = ()
    raised: tuple[date, float] | None = None
    call_by: date | None = None
    findings_closed: frozenset[FindingCode] = frozenset()


def explain(
    evaluation: Evaluation,
    *,
    cautions: Sequence[Caution] = (),
    locale: str = "en",
    beside: Beside | None = None,
) -> str:
    """The whole basis of an answer in one paragraph, for clinicians.

    Args:
        evaluation: the answer; every number in the text is one of its own, rounded.
        cautions: those that staff recorded and that are active; they are said and decide nothing.
        locale: English, or Spanish for any "es".
        beside: what else stands beside it.
    """
    return render(
        explanation_parts(evaluation, beside=beside or Beside(cautions=tuple(cautions)), locale=locale)
    )


def render(parts: Sequence[Part]) -> str:
    """The text of an explanation, each sentence once."""
    return " ".join(part.text for part in parts if part.text)


def headline(evaluation: Evaluation, *, beside: Beside | None = None, locale: str = "en") -> str:
    """The first part alone: the row on the worklist, a mail's subject and a page's first line."""
    language = language_of(locale)
    return " ".join(_headline(evaluation, beside or Beside(), language))


def explanation_parts(
    evaluation: Evaluation, *, beside: Beside | None = None, locale: str = "en"
) -> tuple[Part, ...]:
    """The parts of an explanation, in the order in which they are read."""
    language, said = language_of(locale), beside or Beside()
    made: tuple[tuple[PartCode, Callable[[], Iterator[str]]], ...] = (
        (PartCode.HEADLINE, lambda: _headline(evaluation, said, language)),
        (PartCode.REPORTS, lambda: _reports(evaluation, language)),
        (PartCode.THEN_NOW, lambda: _then_now(evaluation, language)),
        (PartCode.FOR, lambda: _for(evaluation, language)),
        (PartCode.AGAINST, lambda: _against_part(evaluation, language)),
        (PartCode.TREATMENT, lambda: _treatment(evaluation, said, language)),
        (PartCode.DATA, lambda: _data(evaluation, language)),
        (PartCode.WOULD_CHANGE, lambda: _would_change(evaluation, language)),
        (PartCode.SMALL_PRINT, lambda: _small_print(evaluation, language)),
    )
    parts = (Part(code, " ".join(dict.fromkeys(say())), _numbers(code, evaluation)) for code, say in made)
    return tuple(part for part in parts if part.text)


def what_would_have_changed_it(evaluation: Evaluation, *, locale: str = "en") -> str:
    """The explanation's sentence on that, by itself; empty where there is none."""
    return " ".join(_would_change(evaluation, language_of(locale)))


# The parts


def _headline(evaluation: Evaluation, beside: Beside, language: Language) -> Iterator[str]:
    """Findings first, in their order; then the level, how much is lost, what contradicts it, and by when."""
    on_page_only = beside.findings_closed | {FindingCode.BELOW_BEST}
    spoken = [one for one in evaluation.findings if one.code not in on_page_only]
    for finding in spoken:
        yield from _finding(finding, evaluation, language)
    yield from _was_elevated(evaluation, spoken, language)
    for note in evaluation.notes:
        if isinstance(note, BoosterDidNotHold) and evaluation.version.startswith("1."):
            days = language.count(note.days, "day")
            yield language.say(
                "did_not_hold", on=language.day(note.booster_on, evaluation.day.year), days=days
            )
    who = language.say("who", who=beside.who) if beside.who else ""
    told = {one.code for one in spoken}
    quiet = told & {FindingCode.WORSE_THAN_BEFORE, FindingCode.ELEVATED_MOOD}
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
        against = [one.rstrip(".") for one in _against(evaluation, language)]
        contradicts = (
            language.say("against", what="; ".join(against)) if against else language.say("nothing_against")
        )
    yield language.say(
        "lost", share=language.share(reason.smoothed), domain=domain, raised=raised, against=contradicts
    )


def _finding(finding: Finding, evaluation: Evaluation, language: Language) -> Iterator[str]:
    numbers, year = finding.numbers, evaluation.day.year
    if finding.code is FindingCode.SILENT_AFTER_LOW:
        yield language.say("silent")
    elif isinstance(numbers, Disagreement):
        scale = scale_name(numbers.scale)
        yield language.say("disagree", scale=scale, total=numbers.total, on=language.day(numbers.on, year))
        if numbers.waits_until is not None and numbers.waits_until >= evaluation.day:
            yield language.say("disagree_waits", until=language.day(numbers.waits_until, year))
        if numbers.quiet_until is not None and numbers.quiet_until >= evaluation.day:
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
                reports=", ".join(f"{report:g}" for report in one.reports),
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


_RHYTHMS: Final = (
    ("every_7", range(6, 9)),
    ("every_14", range(13, 16)),
    ("every_28", range(26, 33)),
)


def _was_elevated(evaluation: Evaluation, spoken: Sequence[Finding], language: Language) -> Iterator[str]:
    """For 60 days after elevated mood every signal says it first."""
    if evaluation.level is not Level.CONSIDER_BOOSTER:
        return
    if any(one.code is FindingCode.ELEVATED_MOOD for one in spoken):
        return
    for note in evaluation.notes:
        if isinstance(note, MoodElevated):
            yield language.say("was_elevated", on=language.day(note.on, evaluation.day.year))


def _reports(evaluation: Evaluation, language: Language) -> Iterator[str]:
    """The latest three check-in days since the infusion, as answered."""
    since = evaluation.exposure.last_on
    for one in evaluation.last_days:
        day = date.fromordinal(one.day)
        if since is not None and day < since:
            continue
        answers = [
            f"{language.say(domain.value)} {value:g}"
            for domain, value in zip(DOMAINS, one.values, strict=True)
            if value is not None
        ]
        if one.sleep_hours is not None:
            answers.append(language.say("report_hours", hours=one.sleep_hours))
        yield (
            language.say("report", on=language.day(day, evaluation.day.year), answers=", ".join(answers))
            + "."
        )


def _then_now(evaluation: Evaluation, language: Language) -> Iterator[str]:
    """Each domain now, after induction and before: as measured, one decimal."""
    reference = evaluation.reference
    if not isinstance(reference, Reference):
        return
    # Rule 1.0 said its smoothed levels; they are in no answer since.
    now = evaluation.smoothed_level if evaluation.version.startswith("1.") else evaluation.means_now
    if all(one is None for one in now):
        return
    said = []
    for domain, mean, after, before, n_after in zip(
        DOMAINS, now, reference.values, reference.baseline.values, reference.days, strict=True
    ):
        if mean is None or after is None:
            continue
        said.append(
            language.say(
                "then_now",
                domain=language.say(domain.value),
                now=f"{mean:.1f}",
                after=f"{after:.1f}",
                n_after=language.count(n_after, "day"),
                before=language.say("usual") if before is None else f"{before:.1f}",
            )
        )
    if said:
        yield capitalised("; ".join(said)) + "."


def _for(evaluation: Evaluation, language: Language) -> Iterator[str]:
    """What speaks for the level: shares by domain, the run of low days, other criteria, totals."""
    if evaluation.level in {Level.WATCH, Level.CONSIDER_BOOSTER}:
        shares = [
            language.say("domain_share", domain=language.say(domain.value), share=language.share(share))
            for domain, share in zip(DOMAINS, evaluation.smoothed_share, strict=True)
            if share is not None and share > 0
        ]
        if shares:
            yield language.say("domains_lost", what=", ".join(shares))
    for criterion in sorted(evaluation.criteria, key=lambda one: -one.level.rank):
        for reason in criterion.reasons:
            yield from _speaks(reason, evaluation, language)


def _speaks(reason: Reason, evaluation: Evaluation, language: Language) -> Iterator[str]:
    year = evaluation.day.year
    match reason:
        case LostEnough():
            yield language.say("threshold", threshold=language.share(reason.threshold))
        case WatchReached() | BelowWatch():
            yield language.say("watch_from", threshold=language.share(reason.threshold))
        case StillWatching():
            yield language.say("still_watching", threshold=language.share(reason.threshold))
        case DomainLostEnough() | DomainWatchReached() | DomainStillWatching():
            names = {
                DomainLostEnough: "domain_consider",
                DomainWatchReached: "domain_watch",
                DomainStillWatching: "domain_still",
            }
            yield capitalised(
                language.say(
                    names[type(reason)],
                    domain=language.say(reason.domain),
                    share=language.share(reason.smoothed),
                    threshold=language.share(reason.threshold),
                )
            )
        case AskScale():
            yield language.say("ask_scale", scale=scale_name(reason.scale))
        case Asked():
            yield language.say("asked", on=language.day(reason.on, year))
        case GainTooSmall():
            yield language.say("gain_too_small", gain=reason.mean_gain, least=reason.least)
        case Totals():
            if evaluation.level < Level.CONSIDER_BOOSTER or _total_speaks_for(reason):
                yield from _total(reason, year, language)
        case _:
            return


def _total_speaks_for(reason: Totals) -> bool:
    return reason.says not in {"below_threshold", "no_total_since"}


def _total(reason: Totals, year: int, language: Language) -> Iterator[str]:
    if language.has(reason.says):
        yield language.say(
            reason.says,
            scale=scale_name(reason.scale),
            total=reason.total or 0.0,
            threshold=reason.threshold or 0.0,
            on="" if reason.on is None else language.day(reason.on, year),
            count=reason.count,
            days="" if reason.days is None else language.count(reason.days, "day"),
        )


def _against_part(evaluation: Evaluation, language: Language) -> Iterator[str]:
    for one in _against(evaluation, language):
        yield capitalised(one) if one.endswith(".") else f"{capitalised(one)}."


def _against(evaluation: Evaluation, language: Language) -> Iterator[str]:
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
    told = [one.numbers.scale for one in evaluation.findings if isinstance(one.numbers, Disagreement)]
    for criterion in evaluation.criteria:
        for reason in criterion.reasons:
            if not isinstance(reason, Totals) or reason.says != "below_threshold" or reason.on is None:
                continue
            recent = (evaluation.day - reason.on).days <= _RECENT_TOTAL_DAYS
            if recent or reason.scale in told:
                scale, on = scale_name(reason.scale), language.day(reason.on, year)
                yield language.say("total_against", scale=scale, total=reason.total or 0.0, on=on)


_RECENT_TOTAL_DAYS: Final = 14


def _treatment(evaluation: Evaluation, beside: Beside, language: Language) -> Iterator[str]:
    exposure, year = evaluation.exposure, evaluation.day.year
    if exposure.last_on is not None and exposure.days_since_last is not None:
        on, days = language.day(exposure.last_on, year), language.count(exposure.days_since_last, "day")
        ago = (
            language.say("infusion_ago", days=days, on=on)
            if exposure.days_since_last
            else language.say("infusion_today", on=on)
        )
        counts = (
            language.say(
                "infusion_counts",
                nth=language.nth(exposure.in_365_days),
                month=exposure.in_30_days,
                quarter=exposure.in_90_days,
            )
            if exposure.in_365_days
            else ""
        )
        held = [str(days) for days in exposure.response_durations]
        earlier = language.say("earlier", held=language.listed(held)) if held else ""
        yield f"{ago}{counts}{earlier}."
    if beside.cautions:
        what = ", ".join(CAUTION_NAMES[caution] for caution in beside.cautions)
        yield language.say("precautions", what=what)


def _data(evaluation: Evaluation, language: Language) -> Iterator[str]:
    year = evaluation.day.year
    days = language.say(
        "days_in_10", days=language.count(evaluation.data_quality.days_in_last_10, "check-in day")
    )
    answered = evaluation.answered
    asked = ""
    if answered is not None and answered.recent.asked:
        asked = language.say("asked_answered", answered=answered.recent.answered, asked=answered.recent.asked)
    yield f"{days}{asked}."
    for note in evaluation.notes:
        yield from _about_data(note, language)
    for finding in evaluation.findings:
        if finding.code is FindingCode.BELOW_BEST:
            yield from _finding(finding, evaluation, language)
    if evaluation.level >= Level.WATCH and not any(
        one.name is CriterionName.SCALE_RELAPSE for one in evaluation.criteria
    ):
        for last in evaluation.last_totals:
            scale = scale_name(last.scale)
            yield language.say("not_asked_since", scale=scale, on=language.day(last.on, year))


def _about_data(note: Reason, language: Language) -> Iterator[str]:
    match note:
        case AnsweringFell():
            yield language.say(
                "answering_fell",
                answered=note.answered,
                asked=note.asked,
                before=note.answered_before,
                asked_before=note.asked_before,
            )
        case AssumedBaseline():
            yield language.say("assumed")
        case SmallGain():
            threshold = language.share(note.threshold)
            yield language.say("small_gain", gain=note.mean_gain, threshold=threshold)
        case FallingReference():
            yield language.say("falling", days=language.count(note.n_days, "day"))
        case DomainOff():
            yield language.say(
                "domain_off",
                domain=capitalised(language.say(note.domain)),
                n_days=language.count(note.n_days, "day"),
                needed=note.days_needed,
            )
        case _:
            return


def _would_change(evaluation: Evaluation, language: Language) -> Iterator[str]:
    for note in evaluation.notes:
        if isinstance(note, NoCounterfactual):
            yield language.say("no_counterfactual")
        elif isinstance(note, Counterfactual):
            yield language.say(
                "would_change",
                a=language.say(f"a_{note.domain}"),
                domain=language.say(f"{note.domain}_report"),
                report=note.report,
                days=language.say("last_day" if note.last_days == 1 else "either_day"),
            )


def _small_print(evaluation: Evaluation, language: Language) -> Iterator[str]:
    year, reference, said = evaluation.day.year, evaluation.reference, ""
    if isinstance(reference, Reference):
        said = language.say(
            "reference",
            span=language.span(reference.from_day, reference.to_day, year),
            days=language.count(reference.n_days, "day"),
            falling=language.say("falling_mark") if reference.falling else "",
            chosen=language.say("chosen_mark") if reference.chosen else "",
        )
    last_on = evaluation.data_quality.last_report_on
    last = language.say("last_report", on=language.day(last_on, year)) if last_on else ""
    rule = f"{evaluation.rule} {evaluation.version}"
    as_of = language.day(evaluation.day, year)
    yield language.say("small_print", rule=rule, reference=said, last=last, as_of=as_of)
    if evaluation.level >= Level.WATCH or evaluation.findings:
        yield language.say("review")


def _missing(reason: ReferenceMissing, year: int, language: Language) -> str:
    return language.say(
        f"missing_{reason.because}",
        until="" if reason.until is None else language.day(reason.until, year),
        n_days=language.count(reason.n_days, "day"),
        days_needed=reason.days_needed,
        taken_on="" if reason.until is None else language.day(reason.until, year),
    )


def _rounds_to_none(smoothed: float) -> bool:
    return round(max(0.0, smoothed) * 100) == 0


def _numbers(code: PartCode, evaluation: Evaluation) -> tuple[tuple[str, Fact], ...]:
    """The numbers of a part by name, as its reasons carry them."""
    reasons: Sequence[Reason] = ()
    if code in {PartCode.HEADLINE, PartCode.FOR}:
        reasons = [reason for criterion in evaluation.criteria for reason in criterion.reasons]
    elif code in {PartCode.DATA, PartCode.WOULD_CHANGE, PartCode.AGAINST}:
        reasons = evaluation.notes
    return tuple((f"{one.code.value}.{name}", value) for one in reasons for name, value in one.facts)


__all__ = [
    "HEADLINES",
    "Beside",
    "Domain",
    "Part",
    "PartCode",
    "explain",
    "explanation_parts",
    "headline",
    "render",
    "what_would_have_changed_it",
]
