"""The page of real data: what the rule says of people who were asked every day in life, and of whom it knows nothing."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

from app.clinical.check_ins import CheckIn
from app.clinical.course import Course, Infusion, InfusionPhase
from app.clinical.history import History
from app.clinical.protocol import PUBLISHED, Protocol
from app.clinical.reference import ReferenceKind
from app.clinical.state.patient_state import advance
from app.clinical.state.timeline import replay
from app.studies.backtest import PatientResult, backtested
from app.studies.measures import DAYS_A_YEAR
from app.studies.patients import StudyPatient
from app.studies.reports import Table
from app.studies.simulated_patient import DAY_ZERO, ZONE

DATA = Path(__file__).parents[2] / "docs" / "clinical" / "data" / "digibp.csv"
DEPRESSION_AT_0, MANIA_AT_10 = 42.0, 15.0
"""The depression total that reads as a mood of 0, and the mania total that reads as 10."""
SHORT_NIGHT, FULL = 5.5, 8.0


@dataclass(frozen=True)
class PersonDay:
    """One person's day: totals are None where not answered."""

    day: int
    depression: float | None
    mania: float | None
    sleep: float | None


def people() -> dict[str, list[PersonDay]]:
    """Every person's days, in order."""
    found: dict[str, list[PersonDay]] = defaultdict(list)
    with DATA.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            d, m, sleep = (float(row[name]) if row[name] else None for name in ("d", "m", "sleep"))
            found[row["user_name"]].append(PersonDay(int(row["day"]), d, m, sleep))
    return {name: sorted(days, key=lambda one: one.day) for name, days in found.items()}


def history_of(name: str, days: Sequence[PersonDay], *, mania: bool) -> History:
    """Their days as if an infusion had been given on the day before: mood from one total, or both from mania."""
    return History(
        time_zone=ZONE,
        course=Course(id=name, protocol="standard", planned_infusions=1, started_on=DAY_ZERO.date()),
        infusions=(Infusion(id="1", given_at=_at(0, 10), phase=InfusionPhase.INDUCTION, time_zone=ZONE),),
        check_ins=tuple(_check_in(one, mania=mania) for one in days if one.depression is not None),
    )


def _at(day: int, hour: int) -> datetime:
    return DAY_ZERO + timedelta(days=day, hours=hour)


def _check_in(one: PersonDay, *, mania: bool) -> CheckIn:
    mood = max(0.0, 10 - 10 * (one.depression or 0) / DEPRESSION_AT_0)
    high = min(10.0, 10 * (one.mania or 0) / MANIA_AT_10)
    return CheckIn(
        id=f"{one.day}",
        recorded_at=_at(one.day, 20),
        time_zone=ZONE,
        mood=round(high if mania else mood),
        energy=round(high) if mania else None,
        sleep_quality=None,
        sleep_hours=None if one.sleep is None else min(24.0, round(one.sleep * 4) / 4),
    )


def elevated_days(history: History) -> list[int]:
    """The days on which elevated mood was found to begin."""
    state = replay(history, as_of=history.infusions[0].given_at)
    found = []
    for check_in in history.check_ins:
        after = advance(state, check_in) or state
        if after.signs.elevated_since is not None and state.signs.elevated_since is None:
            found.append((check_in.recorded_at - DAY_ZERO).days)
        state = after
    return found


def real_data_page(table: Callable[[Table], str]) -> str:
    """The whole page."""
    everyone = people()
    return "\n\n".join(
        [
            "# Real data",
            (
                "Simulated patients are made by those who made the rule. Real series are not; few are public, and none "
                "is of people treated with ketamine who were asked about mood, energy and sleep every day."
            ),
            "## 43 people with bipolar disorder, 42 days",
            (
                "Daily self-reports with a depression and a mania total and hours of sleep from a wristband ([the "
                "data and their license](data/README.md)). Nobody was treated here; for the rule an infusion is put on the day "
                "before, so that the first eight days are the reference, the baseline is assumed, and whatever is raised "
                f"is a false alarm or a real change of mood that has nothing to do with it. Mood is 10 less the depression "
                f"total, {DEPRESSION_AT_0:g} as 0, in whole numbers; energy and quality of sleep were not asked. Too short for relapse."
            ),
            "### How people answer",
            table(_answering(everyone)),
            "### Signals of both rules",
            (
                "One domain alone, an assumed baseline, and moods that swing by nature: harder than a clinic's patients. It "
                "shows what the rule costs where its assumptions do not hold."
            ),
            table(_signals(everyone)),
            "### Elevated mood",
            (
                f"Mood and energy are both read from the mania total ({MANIA_AT_10:g} as 10), hours of sleep are "
                f"those of the wristband. A high day has {FULL:g} or more by that scale."
            ),
            table(_elevated(everyone)),
            "## Series of others",
            (
                "ENRICHD and Kossakowski (2017) were looked at when the rule was specified. Neither file is or ever was in "
                "this repository: the one is given on request only, the other by its authors (osf.io/c6xt4). What the "
                "specification took from real series stays as it gives it; none of it is made again here, and whoever has "
                "such files runs `afterglow backtest` on them as on a clinic's own."
            ),
            table(
                [
                    ("what was seen", "what it decided"),
                    (
                        "weekly totals of 418 responders: 44% of single crossings were confirmed by the next",
                        "criterion B asks for two totals beyond the threshold; one is watch and asks for a repeat",
                    ),
                    (
                        (
                            "one person over 239 days who stopped an antidepressant (Kossakowski 2017): mood and "
                            "sleep fell while tiredness improved"
                        ),
                        "criterion C: mood alone may raise a signal",
                    ),
                ]
            ),
        ]
    )


def _answering(everyone: dict[str, list[PersonDay]]) -> Table:
    shares, gaps = [], []
    for days in everyone.values():
        answered = [one.day for one in days if one.depression is not None]
        shares.append(len(answered) / len(days))
        gaps.append(max((after - before for before, after in pairwise(answered)), default=0))
    return [
        ("what", "value"),
        ("people", str(len(everyone))),
        ("days answered, median person", f"{median(shares):.0%}"),
        ("answered on fewer than half of the days", f"{sum(share < 0.5 for share in shares)} people"),
        ("longest gap, median person", f"{median(gaps):g} days"),
        ("longest gap of more than 7 days", f"{sum(gap > 7 for gap in gaps)} people"),
    ]


def _signals(everyone: dict[str, list[PersonDay]]) -> Table:
    rows: list[Sequence[str]] = [
        (
            "rule",
            "people with a reference",
            "with any signal",
            "signals a person-year",
            "rises to watch a person-year",
        )
    ]
    for rule in PUBLISHED:
        results = list(_backtests(everyone, rule))
        on = [one for one in results if one.reference is not ReferenceKind.NONE]
        years = sum(one.days_watched for one in on) / DAYS_A_YEAR
        rows.append(
            (
                rule.name,
                str(len(on)),
                str(sum(bool(one.signals) for one in on)),
                f"{sum(len(one.signals) for one in on) / years:.2f}",
                f"{sum(len(one.watches) for one in on) / years:.2f}",
            )
        )
    return rows


def _backtests(everyone: dict[str, list[PersonDay]], rule: Protocol) -> Iterator[PatientResult]:
    for name, days in everyone.items():
        patient = StudyPatient(name=name, history=history_of(name, days, mania=False), ends_at=_at(42, 20))
        yield backtested(patient, protocol=rule)


def _elevated(everyone: dict[str, list[PersonDay]]) -> Table:
    high_days = short = with_found = found = 0
    for name, days in everyone.items():
        high = [one for one in days if one.mania is not None and 10 * one.mania / MANIA_AT_10 >= FULL]
        high_days += len(high)
        short += sum(one.sleep is not None and one.sleep <= SHORT_NIGHT for one in high)
        began = elevated_days(history_of(name, days, mania=True))
        found, with_found = found + len(began), with_found + bool(began)
    return [
        ("what", "value"),
        ("high days", str(high_days)),
        (f"of these after {SHORT_NIGHT:g} h of sleep or less", str(short)),
        ("findings of elevated mood", f"{found}, in {with_found} people"),
    ]
