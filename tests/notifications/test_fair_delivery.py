"""A clinic whose receiver hangs, with a backlog and a flood of disclosures, holds up no other clinic."""

from collections.abc import Iterator

import pytest

from app.foundation.ids import new_id
from app.notifications.dispatcher import LIMITS, Kind, Slots, kind_of
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.retry_schedule import (
    CIRCUIT_OPENS_AFTER,
    FIRST_PROBE_AFTER,
    LONGEST_PROBE_AFTER,
    circuit_opens,
)
from app.storage.due_work import Lane
from tests.bench.delivery import percentile
from tests.bench.fairness import measure
from tests.support.databases import Cluster, DatabaseUrls


@pytest.fixture
def own_place(cluster: Cluster) -> Iterator[DatabaseUrls]:
    """A separate database: no other clinic's work."""
    with cluster.database() as made:
        yield made


@pytest.mark.slow
def test_a_hanging_clinic_with_a_backlog_and_a_flood_holds_up_no_other_and_drains_afterwards(
    own_place: DatabaseUrls,
) -> None:
    # The ratios are for a quiet machine: `python -m tests.bench.fairness`.
    made = measure(own_place, backlog=300, flood=60, events=8, pause=0.1, speedup=20)

    limit = LIMITS[Kind.SAFETY_EVENT].lane + LIMITS[Kind.EVENT].lane
    assert 0 < made.most_in_flight <= limit, "a few at once, however much waits"
    for event in (EventType.SAFETY_REPORTED, EventType.SIGNAL_RAISED):
        assert percentile(made.beside[event], 99) < 10, "less than one attempt at the hanging receiver lasts"


def lane(clinic: int, *, endpoint: int | None = None, urgent: bool = False) -> Lane:
    ids = _IDS
    return Lane(
        clinic_id=ids[clinic],
        endpoint_id=None if endpoint is None else ids[endpoint],
        channel="email" if endpoint is None else None,
        urgent=urgent,
    )


_IDS = [new_id() for _ in range(100)]


def test_no_other_work_and_no_other_clinic_takes_a_safety_slot() -> None:
    slots = Slots()
    for clinic in range(50):
        for endpoint in range(20):
            slots.take(lane(clinic, endpoint=endpoint))
            slots.take(lane(clinic, endpoint=endpoint, urgent=True))
        slots.take(lane(clinic))
    limit = LIMITS[Kind.SAFETY_EVENT]
    assert slots.take(lane(99, endpoint=1, urgent=True)) == limit.lane
    assert slots.take(lane(99, endpoint=2, urgent=True)) == limit.clinic - limit.lane
    assert slots.take(lane(99, endpoint=3, urgent=True)) == 0, "of its own clinic only so many"
    assert slots.take(lane(99, urgent=True)) == LIMITS[Kind.URGENT_MESSAGE].lane


def test_ordinary_slots_are_shared_and_are_free_again_when_given_back() -> None:
    slots = Slots()
    total = LIMITS[Kind.EVENT].total
    assert total is not None
    taken = {one: slots.take(one) for one in (lane(number, endpoint=number) for number in range(40))}
    assert sum(taken.values()) == total
    assert slots.take(lane(98, endpoint=98)) == 0
    first = next(iter(taken))
    slots.give_back(first, taken[first])
    assert slots.take(lane(98, endpoint=98)) == taken[first]


def test_each_lane_uses_the_slots_of_its_kind() -> None:
    assert [
        kind_of(one)
        for one in (
            lane(0, endpoint=1, urgent=True),
            lane(0, endpoint=1),
            lane(0, urgent=True),
            lane(0),
        )
    ] == [Kind.SAFETY_EVENT, Kind.EVENT, Kind.URGENT_MESSAGE, Kind.MESSAGE]


def test_the_circuit_opens_after_a_few_attempts_without_an_answer_and_waits_longer_each_time() -> None:
    assert [circuit_opens(count) for count in range(CIRCUIT_OPENS_AFTER)] == [None] * CIRCUIT_OPENS_AFTER
    waits = [circuit_opens(CIRCUIT_OPENS_AFTER + more) for more in (0, 1, 2, 50, 10_000)]
    assert waits == [
        FIRST_PROBE_AFTER,
        2 * FIRST_PROBE_AFTER,
        4 * FIRST_PROBE_AFTER,
        LONGEST_PROBE_AFTER,
        LONGEST_PROBE_AFTER,
    ]
    assert circuit_opens(CIRCUIT_OPENS_AFTER, speedup=3) == FIRST_PROBE_AFTER / 3
