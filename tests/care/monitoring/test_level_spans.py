"""Through which days a level stood, as a chart shows it to clinicians."""

import pytest

from app.care.monitoring.trend import level_spans
from app.chart.trend import InfusionMark
from app.clinical.course import InfusionPhase
from app.clinical.levels import Level
from tests.support.trends import on, trend

STEADY, WATCH, CONSIDER = Level.STEADY, Level.WATCH, Level.CONSIDER_BOOSTER

# what                          level from so many days ago      booster   spans: from, to (days ago), level
SPANS = [
    ("nothing was ever answered", {}, None, []),
    ("one level", {9: STEADY}, None, [(9, 0, STEADY)]),
    ("two levels", {9: STEADY, 3: WATCH}, None, [(9, 4, STEADY), (3, 0, WATCH)]),
    ("it began before the chart does", {40: STEADY, 3: WATCH}, None, [(29, 4, STEADY), (3, 0, WATCH)]),
    ("a day's last answer counts", {3: CONSIDER, 0: STEADY}, None, [(3, 1, CONSIDER), (0, 0, STEADY)]),
    ("an infusion ends it", {9: CONSIDER, 3: STEADY}, 6, [(9, 7, CONSIDER), (3, 0, STEADY)]),
    ("an infusion on the same day", {9: CONSIDER, 3: STEADY}, 3, [(9, 4, CONSIDER), (3, 0, STEADY)]),
    ("an infusion and no answer since", {9: CONSIDER}, 6, [(9, 7, CONSIDER)]),
    ("it ended before the chart begins", {60: CONSIDER, 40: STEADY, -3: WATCH}, None, [(29, 0, STEADY)]),
]


@pytest.mark.parametrize(
    ("levels", "booster", "spans"), [row[1:] for row in SPANS], ids=[row[0] for row in SPANS]
)
def test_a_level_stands_until_the_next_answer_or_infusion(
    levels: dict[int, Level], booster: int | None, spans: list[tuple[int, int, Level]]
) -> None:
    given = [] if booster is None else [InfusionMark(day=on(booster), phase=InfusionPhase.BOOSTER)]
    found = level_spans(
        trend(30, infusions=given), {on(ago): level for ago, level in levels.items()}, today=on(0)
    )
    assert [(one.first_day, one.last_day, one.level) for one in found] == [
        (on(first), on(last), level) for first, last, level in spans
    ]
