"""The words for the care team, made from coded reasons and nothing else; nothing is computed here.

An explanation has parts, each coded and with its numbers; one renderer makes the text of the page, the e-mail, the
record and the row on the worklist, in English and in Spanish. No probability, no reassurance, no instruction:
"consider", with what it rests on and what would have changed it. Patients never see it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.clinical.answer import Evaluation
from app.clinical.domains import DOMAINS
from app.clinical.english_formats import capitalised
from app.clinical.explanation_numbers import PartCode, numbers_of
from app.clinical.explanation_words import Language, language_of
from app.clinical.headline import (
    Beside,
    finding_sentences,
    headline_sentences,
    sentences_against,
    steady_without_infusion,
)
from app.clinical.levels import CriterionName, FindingCode, Level
from app.clinical.long_exposure import scale_name
from app.clinical.profiles import Caution
from app.clinical.reasons import (
    AnsweringFell,
    Asked,
    AskScale,
    AssumedBaseline,
    BelowWatch,
    Counterfactual,
    DomainLostEnough,
    DomainOff,
    DomainStillWatching,
    DomainWatchReached,
    Fact,
    FallingReference,
    GainTooSmall,
    LostEnough,
    NoCounterfactual,
    Reason,
    SmallGain,
    StillWatching,
    Totals,
    WatchReached,
)
from app.clinical.reference import Reference
from app.clinical.taper import planned_said

SAFETY_BANNER: Final = "A safety report is open: see to it first."
_SENTENCES_END: Final = re.compile(r"(?<=\.) (?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its sentences, and by name the numbers that they may say, from reasons, findings and reports."""

    code: PartCode
    text: str
    numbers: tuple[tuple[str, Fact], ...] = ()


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
    return " ".join(headline_sentences(evaluation, beside or Beside(), language))


def explanation_parts(
    evaluation: Evaluation, *, beside: Beside | None = None, locale: str = "en"
) -> tuple[Part, ...]:
    """The parts of an explanation, in the order in which they are read."""
    language, said = language_of(locale), beside or Beside()
    made: tuple[tuple[PartCode, Callable[[], Iterator[str]]], ...] = (
        (PartCode.HEADLINE, lambda: headline_sentences(evaluation, said, language)),
        (PartCode.REPORTS, lambda: _reports(evaluation, language)),
        (PartCode.THEN_NOW, lambda: _then_now(evaluation, language)),
        (PartCode.FOR, lambda: _for(evaluation, language)),
        (PartCode.AGAINST, lambda: _against_part(evaluation, language)),
        (PartCode.TREATMENT, lambda: _treatment(evaluation, said, language)),
        (PartCode.DATA, lambda: _data(evaluation, language)),
        (PartCode.WOULD_CHANGE, lambda: _would_change(evaluation, language)),
        (PartCode.SMALL_PRINT, lambda: _small_print(evaluation, language)),
    )
    parts = (
        Part(code, " ".join(dict.fromkeys(say())), numbers_of(code, evaluation, said)) for code, say in made
    )
    return tuple(part for part in parts if part.text)


def counterfactual_sentence(evaluation: Evaluation, *, locale: str = "en") -> str:
    """The explanation's sentence on that, by itself; empty where there is none."""
    return " ".join(_would_change(evaluation, language_of(locale)))


# The parts


def _reports(evaluation: Evaluation, language: Language) -> Iterator[str]:
    """The latest three check-in days since the infusion, as answered."""
    since = evaluation.exposure.last_on
    for one in evaluation.last_days:
        day = date.fromordinal(one.day)
        if since is not None and day < since:
            continue
        answers = [
            f"{language.say(domain.value)} {language.number(value)}"
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
                now=language.number(mean, ".1f"),
                after=language.number(after, ".1f"),
                n_after=language.count(n_after, "day"),
                before=language.say("usual") if before is None else language.number(before, ".1f"),
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
    for one in sentences_against(evaluation, language):
        yield capitalised(one) if one.endswith(".") else f"{capitalised(one)}."


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
        about = language.say("about", count=exposure.about) if exposure.about else ""
        yield f"{ago}{counts}{earlier}{about}."
    if steady_without_infusion(evaluation, beside) and beside.raised is not None:
        yield language.say("steady_without_infusion", on=language.day(beside.raised[0], year))
    if beside.planned is not None:
        yield planned_said(beside.planned, language, year)
    if beside.cautions:
        what = ", ".join(language.caution(caution) for caution in beside.cautions)
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
            yield from finding_sentences(finding.code, finding.numbers, evaluation.day, language)
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


def sentences_of(explanation: str) -> list[str]:
    """The sentences of an explanation, as it was written."""
    return _SENTENCES_END.split(explanation.strip())


def with_safety_first(explanation: str) -> str:
    """The sentences of a patient whose safety event is open: that comes before everything."""
    return f"{SAFETY_BANNER} {explanation}"
