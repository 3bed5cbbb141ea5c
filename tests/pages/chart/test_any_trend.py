"""Whatever the trend, the chart is XML, small, and within its picture."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.chart.description import trend_rows, trend_table
from app.chart.drawing import draw_trend
from app.chart.layout import Width
from app.chart.trend import Band, InfusionMark, LevelSpan, Reader, TotalMark, Trend, TrendDay
from app.chart.wording import chart_words
from app.clinical.check_ins import CheckInDay
from app.clinical.course import InfusionPhase
from app.clinical.domains import PerDomain
from app.clinical.levels import Level
from tests.support.pictures import Picture
from tests.support.trends import LAST

REPORTS = st.none() | st.floats(0, 10, allow_nan=False)
VALUES = st.builds(PerDomain, REPORTS, REPORTS, REPORTS)
BANDS = st.none() | st.builds(
    Band,
    values=VALUES,
    spread=st.builds(PerDomain, *[st.floats(0.5, 6)] * 3),
    days=st.builds(PerDomain, *[st.integers(0, 28)] * 3),
    from_day=st.none(),
    to_day=st.none(),
)


@st.composite
def trends(draw: st.DrawFn) -> Trend:
    """Any trend: from a day to six years, with check-ins, infusions, levels and totals anywhere in it."""
    length = draw(st.sampled_from([1, 2, 31, 92, 200, 201, 400, 2200]))
    first = LAST - timedelta(days=length - 1)
    ago = st.integers(0, length - 1)
    days = sorted(draw(st.sets(ago, max_size=60)) | set(draw(st.sampled_from([(), range(0, length, 2)]))))
    same = draw(VALUES)
    infusions = sorted(draw(st.lists(ago, max_size=30)) + draw(st.sampled_from([[], list(range(length))])))
    spans = sorted(draw(st.sets(ago, max_size=20)))
    names = draw(st.lists(st.text(max_size=60), min_size=1, max_size=8))
    return Trend(
        first_day=first,
        last_day=LAST,
        days=[
            TrendDay(
                means=CheckInDay(
                    day=first + timedelta(days=one), values=same if number % 3 else draw(VALUES)
                ),
                acute=number % 5 == 0,
                late=number % 7 == 0,
            )
            for number, one in enumerate(days[:200])
        ]
        + [TrendDay(means=CheckInDay(day=first + timedelta(days=one), values=same)) for one in days[200:]],
        baseline=draw(BANDS),
        reference=draw(BANDS),
        infusions=[
            InfusionMark(day=first + timedelta(days=one), phase=list(InfusionPhase)[one % 2])
            for one in infusions
        ],
        levels=[
            LevelSpan(
                first_day=first + timedelta(days=one),
                last_day=first + timedelta(days=end - 1),
                level=draw(st.sampled_from(Level)),
            )
            for one, end in zip(spans, [*spans[1:], length], strict=False)
        ],
        totals=[
            TotalMark(day=first + timedelta(days=one), scale=names[number % len(names)], total=one / 4)
            for number, one in enumerate(draw(st.lists(ago, max_size=30)))
        ],
    )


@given(
    one=trends(),
    width=st.sampled_from(Width),
    reader=st.sampled_from(Reader),
    locale=st.sampled_from(["en", "es-MX", "fr"]),
)
def test_any_trend_is_a_small_and_valid_picture(
    one: Trend, width: Width, reader: Reader, locale: str
) -> None:
    svg = draw_trend(one, chart_words(locale), width=width, reader=reader)

    assert len(svg.encode()) < 50_000
    picture = Picture(svg)
    _, _, right, bottom = map(float, (picture.root.get("viewBox") or "").split())
    for domain in range(3):
        for line in picture.lines(domain):
            assert all(0 <= x <= right and 0 <= y <= bottom for x, y in line)
    answered = [sum(day.values[domain] is not None for day in one.days) for domain in range(3)]
    assert [bool(picture.lines(domain)) for domain in range(3)] == [bool(count) for count in answered]


@given(one=trends())
def test_the_table_has_every_day_of_the_chart_once(one: Trend) -> None:
    rows = trend_rows(one)
    assert [row.reported.day for row in rows] == sorted(
        {day.day for day in one.days} | {mark.day for mark in one.infusions}
    )
    days = {day.day: day.values for day in one.days}
    assert {row.reported.day: row.reported.values for row in rows if row.reported.day in days} == days
    table = trend_table(one, chart_words("en"))
    assert all(len(row) == len(table.columns) for row in table.rows)
