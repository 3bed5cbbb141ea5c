"""The sentences for a taper suggestion, made from its coded reasons and nothing else."""

from typing import Final

from app.clinical.english_formats import counted, listed
from app.clinical.explanation_words import Language
from app.clinical.interval import ResponseDuration
from app.clinical.taper import PlannedDate, TaperCode, TaperMove, TaperReason, TaperSuggestion

_SENTENCES: Final = {
    TaperCode.STEP_HELD: "{held} of {wanted} intervals of {interval} in a row were held.",
    TaperCode.STEP_NOT_COMPLETE: "{held} of {wanted} intervals of this length were held so far.",
    TaperCode.LONGEST_INTERVAL_HELD: "{held} of {wanted} intervals of {interval}, the plan's longest, were held.",
    TaperCode.NO_REFERENCE: "There is no reference, so nothing can be said of how intervals went.",
    TaperCode.NOT_OBSERVED: "Too few of the asked days were answered to say how the interval went.",
    TaperCode.FINDING_OPEN: "Findings are open for review: {held}.",
    TaperCode.BEING_WATCHED: "The patient is not steady now.",
    TaperCode.LOST_ONCE: "The benefit was lost within the interval once, after {days} days.",
    TaperCode.LOST_IN_A_ROW: "The benefit was lost within the interval in a row, after {days} days.",
    TaperCode.BOOSTER_DID_NOT_HOLD: "The last booster's benefit lasted {days} days: review rather than repeat.",
    TaperCode.FREQUENCY_ALREADY_RISING: "Boosters grow more frequent: {held} lately, {wanted} in as long before.",
    TaperCode.CAUTION_OPEN: "Cautions are open: {held}.",
    TaperCode.NO_SHORTER_STEP: "The plan has no shorter step.",
}
_MOVES: Final = {
    TaperMove.LENGTHEN: "Consider lengthening the interval to {interval}.",
    TaperMove.HOLD: "Hold the interval of {interval}.",
    TaperMove.SHORTEN: "Consider shortening the interval to {interval}.",
}
_BENEFITS_SAID: Final = 4
"""So many of the latest benefits are said with a planned date."""
_AS_NEEDED: Final = "Consider boosters as needed, without a fixed interval."


def suggestion_sentence(suggestion: TaperSuggestion) -> str:
    """What is suggested, in one sentence; a clinician decides."""
    if suggestion.interval_days is None:
        return _AS_NEEDED
    return _MOVES[suggestion.move].format(interval=counted(suggestion.interval_days, "day"))


def reasons_said(suggestion: TaperSuggestion) -> tuple[str, ...]:
    """Why, a sentence for each reason."""
    return tuple(_reason(one) for one in suggestion.reasons)


def planned_said(planned: PlannedDate, language: Language, year: int) -> str:
    """The planned date and how it was reached: the interval, the plan's step, the benefits at it so far."""
    benefits = [_benefit(one, language, year) for one in planned.benefits[-_BENEFITS_SAID:]]
    return language.say(
        "planned",
        on=language.day(planned.on, year),
        days=language.count(planned.interval_days, "day"),
        since=language.day(planned.since, year),
        step=language.say("planned_step", step=planned.step, steps=planned.steps) if planned.step else "",
        benefits=language.say("planned_benefits", what=language.listed(benefits)) if benefits else "",
    )


def _benefit(one: ResponseDuration, language: Language, year: int) -> str:
    on = language.day(one.from_day, year)
    if not one.observed:
        return language.say("planned_unseen", on=on)
    if not one.lost:
        return language.say("planned_held", days=language.count(one.outlasted_days, "day"), on=on)
    most = one.days if one.at_most_days is None else one.at_most_days
    ranged = most - one.days > 1
    least = language.say("held_range", least=one.days, most=most) if ranged else f"{one.days}"
    return language.say("planned_lost", held=least, days=language.count(most, "day").partition(" ")[2], on=on)


def _reason(reason: TaperReason) -> str:
    held, wanted = (*reason.counts, 0, 0)[:2]
    return _SENTENCES[reason.code].format(
        held=held,
        wanted=wanted,
        interval=counted(reason.interval_days or 0, "day"),
        days=listed([str(days) for days in reason.days]) if reason.days else "",
    )
