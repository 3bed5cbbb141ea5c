"""An event reaches its receiver soon after its transaction: measured as ``make bench`` does, with a generous bound.

Fewer events than there (5 a second, not 20), so that it is the way of an event that is timed and not the queue for a
processor; and the index is read for what is sent now, not for what was sent long ago.
"""

import psycopg
import pytest

from tests.bench.delivery import latencies, percentile
from tests.support.databases import DatabaseUrls

pytestmark = pytest.mark.measurement


def test_nine_of_ten_events_reach_their_receiver_within_two_seconds(own_database: DatabaseUrls) -> None:
    taken = latencies(own_database, seconds=10, rate=5)

    assert len(taken) == 50
    assert percentile(taken, 90) < 2.0, sorted(taken)[-20:]
    # A few for each, while plans are made for a table of one page; all that was sent before would be many times that.
    assert read_again(own_database) < 10 * len(taken), (
        "what was sent long ago is not read for what is sent now"
    )


def read_again(own_database: DatabaseUrls) -> int:
    """How many of the endpoint's deliveries its index was read for, in all; the workers reported it when they ended.

    Not counted is what PostgreSQL reads row by row, as it may while the table is this small.
    """
    with psycopg.connect(own_database.superuser_url) as connection:
        row = connection.execute(
            "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'ix_deliveries_endpoint'"
        ).fetchone()
    assert row is not None
    return int(row[0])
