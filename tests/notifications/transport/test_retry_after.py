"""What strangers write into ``Retry-After`` is read, or counts as absent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.transport.guarded_transport import read_retry_after

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("0", timedelta(0)),
        (" 120 ", timedelta(seconds=120)),
        ("86401", timedelta(hours=24)),
        ("9999999999", timedelta(hours=24)),
        ("9" * 5000, None),
        ("-5", None),
        ("1.5", None),
        ("١٢", None),
        ("soon", None),
        ("Sun, 01 Mar 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("Sunday, 01-Mar-26 12:05:00 GMT", timedelta(minutes=5)),
        ("Sun Mar  1 12:05:00 2026", timedelta(minutes=5)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(hours=24)),
        ("Sun, 99 Mar 2026 12:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, wait: timedelta | None) -> None:
    assert read_retry_after(header, answered_at=START) == wait


@given(st.text(max_size=70))
def test_no_retry_after_header_is_too_strange_to_be_read(header: str) -> None:
    wait = read_retry_after(header, answered_at=START)
    assert wait is None or timedelta(0) <= wait <= timedelta(hours=24)
