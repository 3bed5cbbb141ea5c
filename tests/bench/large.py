"""``make bench-large``: a database of 1,000 clinics and a million patients against one of 1,000 patients.

``ARGS="--clinics 10 --patients 1000"`` (a clinic) makes it smaller. Both databases are on one server and take turns.
Bytes of WAL are those after a checkpoint, each patient once, in random order: the dearest there are.
"""

import argparse
import asyncio
import json
import logging
import random
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from app.foundation.ids import new_id
from app.foundation.logs import set_up_logs
from app.foundation.tokens import TokenKind, new_token
from tests.bench.__main__ import server
from tests.bench.goals import Goal, judged
from tests.bench.load import Outcome, run_load
from tests.bench.pages import measure_page
from tests.bench.worklist import Sized, sized_clinic
from tests.support.databases import Cluster, DatabaseUrls, running_cluster
from tests.support.service import running_service

_SMALL = 1_000
_SAMPLED = 20_000
_DEVICES = "COPY care.devices (clinic_id, id, patient_id, name_sealed, enrolled_at) FROM STDIN"
_TOKENS = "COPY care.device_tokens (clinic_id, id, device_id, kind, digest, issued_at, expires_at) FROM STDIN"
_LOOKS = {"worklist": "/care/", "patient page": "/care/patients/{first}", "signals": "/v1/signals?state=open"}
_STORED = """
    SELECT relname::text, CASE relkind WHEN 'r' THEN pg_table_size(oid) ELSE pg_relation_size(oid) END
      FROM pg_class
     WHERE relnamespace IN ('care'::regnamespace, 'partitions'::regnamespace) AND relkind IN ('r', 'i')
"""


@dataclass
class Filled:
    """A database of some size: its clinics, and tokens of patients of all of them, in random order."""

    place: DatabaseUrls
    clinics: list[Sized]
    tokens: list[str]


@dataclass(frozen=True, slots=True)
class Bytes:
    """What a check-in writes and stores."""

    wal: float
    stored: dict[str, float]


def main() -> int:
    """Measure and print; exit status 1 when a goal is missed."""
    asked = argparse.ArgumentParser(prog="make bench-large", description=__doc__)
    asked.add_argument("--clinics", type=int, default=1_000)
    asked.add_argument("--patients", type=int, default=1_000, help="of each clinic")
    asked.add_argument("--slices", type=int, default=6)
    asked.add_argument("--seconds", type=float, default=5.0)
    asked.add_argument("--rate", type=float, default=40.0, help="check-ins a second")
    options = asked.parse_args()
    set_up_logs(level=logging.ERROR)
    with running_cluster() as cluster, cluster.database() as many, cluster.database() as few:
        large = _filled(many, options.clinics, options.patients)
        small = _filled(few, 1, _SMALL)
        found = _latencies(large, small, options.slices, options.seconds, options.rate)
        found |= _looks(large, small, options.slices, options.seconds)
        written = _bytes_of(cluster, large)
        print(  # noqa: T201 - its report
            f"{options.clinics * options.patients:,} patients: {written.wal / 1e3:.1f} kB of WAL and"
            f" {sum(written.stored.values()):.0f} bytes stored a check-in ("
            + ", ".join(f"{name} {size:.0f}" for name, size in sorted(written.stored.items()) if size >= 1)
            + ")"
        )
    goals = [
        Goal("check-in p99, many patients ÷ 1,000, at one rate", found["check-in"], most=1.5),
        *(Goal(f"{page}, many ÷ 1,000", found[page], most=1.25) for page in _LOOKS),
        Goal("WAL of a check-in after a checkpoint, kB", written.wal / 1e3, most=20),
        Goal("bytes stored a check-in", sum(written.stored.values()), most=600),
    ]
    return 1 if judged(goals) else 0


def _filled(place: DatabaseUrls, clinics: int, patients: int) -> Filled:
    """Fill a database; a clinic's first patient is treated and judged by the service, the others are alike."""
    sized = [sized_clinic(place, patients=patients, waiting=max(2, patients // 25)) for _ in range(clinics)]
    now = datetime.now(UTC)
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        every = connection.execute(
            # The names of devices are not sealed here, so that the page of a patient who has one does not open.
            "SELECT clinic_id, id FROM care.patients WHERE NOT id::text = ANY(%s)",
            ([one.first for one in sized],),
        ).fetchall()
        some = random.Random(1).sample(every, min(len(every), _SAMPLED))  # noqa: S311 - the same each time
        tokens = _enrolled(connection, some, now)
        connection.execute("VACUUM ANALYZE")
    return Filled(place, sized, tokens)


def _enrolled(connection: psycopg.Connection, patients: list[tuple[UUID, UUID]], now: datetime) -> list[str]:
    """Give each a device with a token."""
    made = [
        (clinic, patient, new_id(), new_token(TokenKind.DEVICE_ACCESS, clinic))
        for clinic, patient in patients
    ]
    with connection.cursor() as cursor:
        with cursor.copy(_DEVICES) as copy:
            for clinic, patient, device, _ in made:
                copy.write_row((clinic, device, patient, b"-", now))
        with cursor.copy(_TOKENS) as copy:
            for clinic, _, device, (_, reference) in made:
                expires = now + timedelta(days=1)
                copy.write_row((clinic, new_id(), device, "access", reference.digest, now, expires))
    return [text for *_, (text, _) in made]


def _reporting(tokens: list[str]) -> Callable[[int], bytes]:
    """Make a check-in of the next patient."""
    each = iter(tokens * 100)

    def make(_number: int) -> bytes:
        answers = {"mood": 8, "energy": 8, "sleep_quality": 8}
        at = {"recorded_at": datetime.now(UTC).isoformat(), "time_zone": "Europe/Berlin"}
        body = json.dumps(at | answers).encode()
        return (
            f"PUT /v1/check-ins/{new_id()} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {next(each)}\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body

    return make


def _at_a_rate(make: Callable[[int], bytes], rate: float) -> Callable[[int], bytes]:
    """Give requests no faster than so many a second."""
    began, count = time.perf_counter(), 0

    def paced(number: int) -> bytes:
        nonlocal count
        count += 1
        time.sleep(max(0.0, began + count / rate - time.perf_counter()))
        return make(number)

    return paced


def _latencies(large: Filled, small: Filled, slices: int, seconds: float, rate: float) -> dict[str, float]:
    """The 99th percentile of a check-in in the large database against the small one, in turns."""
    ratios = []
    with server("app", large.place, {}) as many, server("app", small.place, {}) as few:
        makers = [_reporting(large.tokens), _reporting(small.tokens)]
        for number in range(slices + 1):
            slow: list[Outcome] = [
                asyncio.run(run_load(one.port, 1, seconds, _at_a_rate(make, rate)))
                for one, make in zip((many, few), makers, strict=True)
            ]
            assert all(set(one.statuses) == {201} for one in slow), [one.statuses for one in slow]
            if number:  # the first is a warm-up
                ratios.append(slow[0].percentile(0.99) / slow[1].percentile(0.99))
    return {"check-in": statistics.median(ratios)}


def _looks(large: Filled, small: Filled, slices: int, seconds: float) -> dict[str, float]:
    """What a look costs in a clinic among many clinics against one that is alone, in turns."""
    ratios: dict[str, list[float]] = {page: [] for page in _LOOKS}
    with server("app", large.place, {}) as many, server("app", small.place, {}) as few:
        for number in range(slices + 1):
            for page, path in _LOOKS.items():
                costs = [
                    measure_page(
                        one.place,
                        running.process.pid,
                        running.port,
                        _looking(path, one.clinics[0]),
                        seconds,
                    ).cost
                    for one, running in ((large, many), (small, few))
                ]
                if number:
                    ratios[page].append(costs[0] / costs[1])
    return {page: statistics.median(each) for page, each in ratios.items()}


def _looking(path: str, clinic: Sized) -> Callable[[int], bytes]:
    """Make the request: pages go by the cookie, the API by the key."""
    request = (
        f"GET {path.format(first=clinic.first)} HTTP/1.1\r\nhost: bench\r\ncookie: {clinic.cookie}\r\n"
        f"authorization: Bearer {clinic.key}\r\n\r\n"
    ).encode()
    return lambda _number: request


def _bytes_of(cluster: Cluster, filled: Filled) -> Bytes:
    """What a check-in of each patient in turn writes after a checkpoint, and what it stores."""
    count = min(len(filled.tokens), 5_000)
    with (
        psycopg.connect(cluster.address.url(), autocommit=True) as admin,
        psycopg.connect(filled.place.superuser_url, autocommit=True) as database,
        server("app", filled.place, {}) as one,
    ):
        request = _reporting(random.Random(2).sample(filled.tokens, count))  # noqa: S311 - the same each time
        # What the first two change is over: a signal, and rows that moved to where their space is used again.
        for _ in range(2):
            asyncio.run(_each_once(one.port, request, count))
        _seal(filled.place)
        database.execute("VACUUM")
        admin.execute("CHECKPOINT")
        before, wal = _sizes(database), _number(admin, "SELECT pg_current_wal_insert_lsn() - '0/0'")
        done = asyncio.run(_each_once(one.port, request, count))
        wal = _number(admin, "SELECT pg_current_wal_insert_lsn() - '0/0'") - wal
        _seal(filled.place)
        after = _sizes(database)
    return Bytes(wal=wal / done, stored={name: (size - before[name]) / done for name, size in after.items()})


def _seal(place: DatabaseUrls) -> None:
    with running_service(place.application_url, now=datetime.now(UTC), work=False) as service:
        service.run(service.worker.sweep(), within=600)


async def _each_once(port: int, request: Callable[[int], bytes], count: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in range(count):
        writer.write(request(number))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head[9:12] == b"201", head
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        await reader.readexactly(int(length[15:]))
    writer.close()
    await writer.wait_closed()
    return count


def _sizes(connection: psycopg.Connection) -> dict[str, int]:
    return {str(name): int(size) for name, size in connection.execute(_STORED)}


def _number(connection: psycopg.Connection, question: str) -> float:
    row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return float(row[0])


if __name__ == "__main__":
    sys.exit(main())
