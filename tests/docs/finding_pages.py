"""A page for each finding: what it says, its rule, its numbers, when it ends, what is done, and where it comes from."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.clinical import findings, long_exposure, notes, signs
from app.clinical.protocol_versions import numbers_of
from app.studies.reports import Table


@dataclass(frozen=True)
class FindingPage:
    """What a page says beside the rule's own docstring.

    Attributes:
        rules: the functions that decide, each with its docstring on the page.
        numbers: the beginnings of the names of the numbers that it uses.
    """

    code: str
    title: str
    says: str
    rules: Sequence[Callable[..., object]]
    numbers: Sequence[str]
    ends: str
    done: str
    figures: str
    sources: str


_IN_SIMULATION: Final = "See [how often findings are seen](../accuracy-findings.md)."
PAGES: Final = (
    FindingPage(
        code="worse_than_before",
        title="Worse than before treatment",
        says="Worse than before treatment: mood 0, 0, 0; 5.0 before. Not a booster question: call today.",
        rules=(findings.worse_than_before, signs.is_worse),
        numbers=("worse_",),
        ends="When staff close it, or when the smoothed level is back above on 5 check-in days in a row.",
        done="Call today. It needs a measured baseline, but no reference, no gain and no signal; the taper holds.",
        figures=_IN_SIMULATION,
        sources="The margins are a choice, checked by simulation: someone who only lost the gain should not be called worse.",
    ),
    FindingPage(
        code="elevated_mood",
        title="Elevated mood",
        says="Elevated mood with 3 h of sleep on Apr 22 (mood 10, energy 10): assess; not a booster question.",
        rules=(findings.elevated_mood, signs.is_elevated),
        numbers=("elevated_", "usual_sleep_hours"),
        ends="When staff close it, or after 7 days without such a day.",
        done=(
            "Assess for hypomania. No booster signal is raised until 3 days after the last such day, and for 60 days after "
            "every signal says it first. Hours of sleep are asked for whenever the patient has answered them before, and "
            "always with a bipolar profile or the precaution mania."
        ),
        figures=_IN_SIMULATION,
        sources=(
            "DSM-5: hypomania lasts four days with less need for sleep. A change of more than 3 hours may announce an "
            "episode (Bauer 2009). A switch under ketamine has been reported (Wilkowska 2020)."
        ),
    ),
    FindingPage(
        code="silent_after_low",
        title="Two low days, then silence",
        says="Two low days, then silence: call.",
        rules=(findings.silent_after_low, findings.fell_before_silence),
        numbers=("silent_", "consider_each_day"),
        ends="With the next check-in, or when staff close it. Once per silence.",
        done="Call. Silence is neither a loss nor a recovery.",
        figures="Specification: .2 a year in stable patients.",
        sources="A choice: people who feel worse answer less.",
    ),
    FindingPage(
        code="check_ins_and_scale_disagree",
        title="Check-ins and a questionnaire disagree",
        says="Check-ins and PHQ-9 disagree: PHQ-9 3 on Apr 10.",
        rules=(findings.scale_disagrees,),
        numbers=("disagree_",),
        ends=(
            "When the loss is steady again, the total is too old to speak, or staff close it. After a repeat in remission "
            "no signal is raised for 28 days."
        ),
        done=(
            "Repeat the questionnaire; the signal waits for it, at most until it is next due. If both agree that the "
            "patient is well, the reference may be set again from the last 14 days."
        ),
        figures="A choice; no simulation speaks about totals.",
        sources="A choice. A total asks about two weeks, a check-in about a day: both can be right.",
    ),
    FindingPage(
        code="boosters_not_holding",
        title="Boosters do not hold",
        says="Weekly boosters have held 4, 5 and 4 days: review the plan rather than repeat.",
        rules=(findings.boosters_not_holding,),
        numbers=("not_held_", "not_holding_", "held_", "carried_most"),
        ends=(
            "When staff close it (the next crossing within 14 days of a booster raises it again), after two stretches in a "
            "row that held, or when the patient is steady and has had no booster for 28 days."
        ),
        done="Review the plan rather than repeat. One open signal; further infusions add a line and do not close it. "
        "The taper never says shorten or lengthen meanwhile.",
        figures="See [across boosters](../accuracy-boosters.md): notices a year.",
        sources="Simulation: one signal a week is read by nobody.",
    ),
    FindingPage(
        code="below_best",
        title="Below the best",
        says="3 points below the best (8.0 in April).",
        rules=(findings.below_best,),
        numbers=("best_", "below_best_"),
        ends="When the mean of the last two weeks is near the best again.",
        done="A line on the page: no event, no row on the worklist, no signal.",
        figures="A choice.",
        sources="A choice: what was reached later than the reference is not known to the gain.",
    ),
    FindingPage(
        code="recurs",
        title="Losses that come back and go",
        says="Two earlier losses recovered in 5 to 8 days, 28 days apart.",
        rules=(notes._recurs,),
        numbers=("recurs_",),
        ends="It stands with each signal as long as the patient remembers such losses.",
        done="It is said against a signal and holds nothing back: look whether the loss follows a cycle.",
        figures="A choice.",
        sources="Premenstrual worsening is the pattern it was made for.",
    ),
    FindingPage(
        code="long_exposure",
        title="An answer about long-term use",
        says="Bladder, memory. 12 infusions in 90 days, 31 in 365.",
        rules=(long_exposure.items_that_stand_out, long_exposure.long_exposure_due_on),
        numbers=(),
        ends="When staff close it. A form that was entered in error takes its finding along.",
        done="Talk about it, with the exposure beside it. The wording is ours; it is no validated scale and never a "
        "diagnosis. A clinic switches the monthly form on (`asks_long_exposure`). While it is open no learned interval is "
        "offered.",
        figures="None: nobody has measured this form.",
        sources=inspect.getdoc(long_exposure) or "",
    ),
)


def finding_page(one: FindingPage, table: Callable[[Table], str]) -> str:
    """One page; `table` writes its numbers."""
    rows = [
        (
            f"[`{number.name}`](../numbers.md#{number.name})",
            f"{number.value:g}",
            number.unit,
            number.reason,
            number.source,
        )
        for number in numbers_of()
        if one.numbers and number.name.startswith(tuple(one.numbers))
    ]
    parts = [
        f"# {one.title}",
        f"`{one.code}`. For review by a clinician, never a booster question.",
        f"> {one.says}",
        "## The rule",
        *(_rule(each) for each in one.rules),
    ]
    if rows:
        parts += ["## Its numbers", table([("number", "value", "unit", "why", "source"), *rows])]
    parts += [
        "## When it ends",
        one.ends,
        "## What is done",
        one.done,
        "## How often",
        one.figures,
        "## Where it comes from",
        one.sources,
    ]
    return "\n\n".join(parts)


def _rule(rule: Callable[..., object]) -> str:
    said = " ".join((inspect.getdoc(rule) or "").partition("\n\nArgs:")[0].split())
    module = rule.__module__.removeprefix("app.clinical.").replace(".", "/")
    name = getattr(rule, "__name__", "")
    return f"{said} ([`{module}.{name}`](../../../app/clinical/{module}.py))"


def index_page(table: Callable[[Table], str]) -> str:
    """All findings at a glance."""
    rows = [("finding", "code", "what it says")]
    rows += [(f"[{one.title}]({one.code}.md)", f"`{one.code}`", one.says) for one in PAGES]
    about = (
        "What is for review by a clinician and never a booster question. Each is a coded finding with its numbers, a row of "
        "the worklist with one life cycle (except *below the best* and *losses that come back*, which are said and raise "
        "nothing), and comes first in every explanation."
    )
    return "\n\n".join(["# Findings", about, table(rows)])
