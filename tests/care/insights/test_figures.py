"""The forms of the numbers, each worked out by hand."""

import csv
import io

import pytest

from app.care.insights.figures import Share, Times, median_survival, rate, times_of
from app.care.insights.queries import csv_of


def test_a_share_of_nothing_is_not_zero() -> None:
    assert Share(0, 0).share is None
    assert Share(0, 3).share == 0
    assert Share(2, 3).share == 0.6667
    assert rate(4, 0) is None


# values                      median   ninetieth percentile
TIMES = [
    ([], None, None),
    ([7.0], 7.0, 7.0),
    ([1.0, 2.0], 1.5, 2.0),
    ([30.0, 1.0, 2.0], 2.0, 30.0),
    ([float(number) for number in range(1, 11)], 5.5, 9.0),
    ([float(number) for number in range(1, 12)], 6.0, 10.0),
]


@pytest.mark.parametrize(("values", "median", "ninetieth"), TIMES)
def test_the_middle_and_what_nine_of_ten_did_not_exceed(
    values: list[float], median: float | None, ninetieth: float | None
) -> None:
    assert times_of(values) == Times(count=len(values), median=median, ninetieth_percentile=ninetieth)


# ended            censored         median   because
SURVIVAL = [
    ([], [], None, "nothing began"),
    ([], [10, 20], None, "nothing ended"),
    ([10, 20, 30, 40], [], 20, "half had ended by then"),
    ([10, 20, 30], [], 20, "1 - 1/3 is more than half; after 20 a third is left"),
    ([10], [10], 10, "one as long counts as still going on: 1 of 2 ended"),
    ([10], [5, 50, 60], None, "1 of 3 at risk ended: two thirds go on"),
    ([24, 24, 24], [15, 20, 20, 40], 24, "3 of the 4 that were left ended"),
    ([10, 30], [20, 20, 40], 30, "4/5, then 1 of 2: 0.4"),
]


@pytest.mark.parametrize(("ended", "censored", "median", "because"), SURVIVAL)
def test_the_median_counts_what_still_goes_on(
    ended: list[int], censored: list[int], median: int | None, because: str
) -> None:
    assert median_survival(ended, censored) == median, because


HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_the_table_begins_a_formula(text: str) -> None:
    written = csv_of({text: 1, "mode": text, "scales": [{"scale": text, "ended": None}]})

    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows == [
        ["figure", "value"],
        [f"'{text}", "1"],
        ["mode", f"'{text}"],
        [f"scales.{text}.ended", ""],
    ]
