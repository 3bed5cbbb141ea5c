"""Ids: UUIDv7, in the order of their birth."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

from app.foundation.ids import new_id


def test_an_id_is_a_uuid_of_version_7_of_the_standard_library() -> None:
    made = new_id()
    assert type(made) is UUID
    assert (made.version, made.variant) == (7, RFC_4122)


def test_ids_sort_by_their_birth_also_within_a_millisecond() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_holds_the_millisecond_in_which_it_was_made() -> None:
    born = datetime.fromtimestamp((new_id().int >> 80) / 1000, UTC)
    assert abs(datetime.now(UTC) - born) < timedelta(seconds=5)


def test_threads_never_get_the_same_id() -> None:
    made: list[UUID] = []

    def many() -> None:
        made.extend([new_id() for _ in range(5_000)])

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 20_000
