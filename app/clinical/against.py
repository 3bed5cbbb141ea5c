"""What speaks against a level: it stands in the first line, and as a separate part."""

from collections.abc import Iterator
from typing import Final

from app.clinical.answer import Evaluation
from app.clinical.explanation_words import Language
from app.clinical.findings import (
    Disagreement,
)
from app.clinical.levels import Level
from app.clinical.long_exposure import scale_name
from app.clinical.reasons import (
    LastDaysBetter,
    Recurs,
    TooFewRecentDays,
    Totals,
)

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
