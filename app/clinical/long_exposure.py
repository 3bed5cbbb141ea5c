"""Too much for too long: a short monthly form about what long use of ketamine can do, for review by a clinician.

It asks about the bladder, craving or use outside the clinic, and memory. It is no validated scale and no
diagnosis: an answer that stands out is something to talk about, beside how much was given. The wording is ours.
Why these three: the sources' warning against too much for too long [Reset Ketamine]; the consensus statement on
ketamine for mood disorders asks to assess cognition, urinary discomfort and substance use under repeated
treatment (Sanacora 2017 [lit]); the label of esketamine names ulcerative or interstitial cystitis, long-term
cognitive impairment, abuse and misuse [lit].
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from app.clinical.scales import STANDARD_SCALES, Scale

LONG_EXPOSURE: Final = Scale(
    key="long-exposure",
    name="Long-term use",
    minimum=0,
    maximum=15,
    groups=tuple((item,) for item in range(1, 6)),
    highest_answer=3,
    recall_days=28,
)
"""No validated scale: single answers are for review, its total means nothing and decides nothing."""
KNOWN_FORMS: Final[Mapping[str, Scale]] = {**STANDARD_SCALES, LONG_EXPOSURE.key: LONG_EXPOSURE}
"""Every form whose items are known: the validated scales, and this one."""
STANDS_OUT_FROM: Final[Mapping[int, int]] = {1: 2, 2: 1, 3: 2, 4: 1, 5: 2}
"""By item the lowest answer (0 not at all, 1 once or twice, 2 several times, 3 most days) that is for review.

Pain or blood, and any use outside the clinic, from the first time; what everybody knows now and then (having to go
often, wanting it, forgetting) from several times on [choice].
"""
EVERY_DAYS: Final = 28
"""Monthly, from so many days after the first infusion on: before that there is no long exposure [choice]."""
TOPICS: Final[Mapping[int, str]] = {1: "bladder", 2: "bladder", 3: "craving", 4: "use_outside", 5: "memory"}


def scale_name(key: str) -> str:
    """The name of a scale as it is said: a validated one by its letters, "PHQ-9"; a clinic's own by its key."""
    if key in STANDARD_SCALES:
        return key.upper()
    return LONG_EXPOSURE.name if key == LONG_EXPOSURE.key else key


def items_that_stand_out(answers: Mapping[int, int | None]) -> tuple[int, ...]:
    """The items whose answer is for review, in order; one that was not answered says nothing."""
    return tuple(
        item
        for item, least in STANDS_OUT_FROM.items()
        if (answer := answers.get(item)) is not None and answer >= least
    )


def long_exposure_due_on(*, first_infusion_on: date | None, last_answered_on: date | None) -> date | None:
    """The day from which the form is due again: 28 days after the last one, or after the first infusion.

    None before any infusion.
    """
    if first_infusion_on is None:
        return None
    since = first_infusion_on if last_answered_on is None else max(first_infusion_on, last_answered_on)
    return since + timedelta(days=EVERY_DAYS)
