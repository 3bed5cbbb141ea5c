"""What a check-in writes and stores: each patient once, in random order, after a checkpoint, so as dear as can be."""

import asyncio
import random
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from app.storage.engine.binaries import find_binaries
from tests.bench.goals import Goal, judged
from tests.bench.load import requests_of
from tests.bench.processes import server
from tests.support.databases import Cluster, DatabaseUrls, programs
from tests.support.service import running_service

_CHANGED = 2_000
_RECORD = re.compile(r"rmgr: .*?len \(rec/tot\): +(?P<length>\d+)/")
_IMAGE = re.compile(
    r"blkref #\d+: rel \d+/\d+/(?P<node>\d+) .*\(FPW\); hole: offset: \d+, length: (?P<hole>\d+)"
)
_PAGE = 8192
_STORED = """
    SELECT relname::text, CASE relkind WHEN 'r' THEN pg_table_size(oid) ELSE pg_relation_size(oid) END
      FROM pg_class
     WHERE relnamespace IN ('care'::regnamespace, 'partitions'::regnamespace) AND relkind IN ('r', 'i')
"""


def bytes_of_a_check_in(cluster: Cluster, place: DatabaseUrls, tokens: list[str], patients: str) -> list[str]:
    """What a check-in of each patient in turn writes after a checkpoint, and stores; gives the goals missed."""
    count = min(len(tokens), _CHANGED)
    with (
        psycopg.connect(cluster.address.url(), autocommit=True) as admin,
        psycopg.connect(place.superuser_url, autocommit=True) as database,
        server("app", place, {}) as one,
    ):
        request = requests_of(random.Random(2).sample(tokens, count))  # noqa: S311 - the same each time
        # What the first two change is over: a signal, and rows that moved to where their space is used again.
        for _ in range(2):
            asyncio.run(each_once(one.port, request, count))
        _seal(place)
        database.execute("VACUUM")
        admin.execute("CHECKPOINT")
        before, began = _sizes(database), _text(admin, "SELECT pg_current_wal_insert_lsn()")
        done = asyncio.run(each_once(one.port, request, count))
        # Writes out what commits did not wait for, so that it can be read.
        admin.execute("SELECT pg_logical_emit_message(true, 'bench', '')")
        ended = _text(admin, "SELECT pg_current_wal_flush_lsn()")
        records = wal_by_relation(database, began, ended)
        wal = number_of(admin, f"SELECT '{ended}'::pg_lsn - '{began}'::pg_lsn") / done
        _seal(place)
        after = _sizes(database)
    stored = {name: (size - before[name]) / done for name, size in after.items()}
    print(  # noqa: T201 - its report
        f"{wal / 1e3:.1f} kB of WAL a check-in: "
        + ", ".join(f"{name} {size / done / 1e3:.2f}" for name, size in records.items() if size / done >= 50)
        + f"\n{sum(stored.values()):.0f} bytes stored a check-in: "
        + ", ".join(f"{name} {size:.0f}" for name, size in sorted(stored.items()) if size >= 1),
        flush=True,
    )
    return judged(
        [
            Goal(f"WAL of a check-in after a checkpoint, kB, {patients} patients", wal / 1e3, most=20),
            Goal(f"bytes stored a check-in, {patients} patients", sum(stored.values()), most=600),
        ]
    )


def wal_by_relation(database: psycopg.Connection, began: str, ended: str) -> dict[str, int]:
    """Add up the WAL between two places: the records, and the images of whole pages by relation.

    A page's image is written by the first change after a checkpoint; as the server keeps checksums, a mark that a
    row is old enough to be seen by all ("hint") is such a change, too.
    """
    nodes = database.execute(
        "SELECT pg_relation_filenode(oid), relname FROM pg_class WHERE relkind IN ('r', 'i', 't') AND relfilenode > 0"
    )
    names = {str(node): str(name) for node, name in nodes}
    folder = _text(database, "SELECT current_setting('data_directory') || '/pg_wal'")
    dump = find_binaries(programs()).program("pg_waldump")
    shown = subprocess.run(
        [dump, "--bkp-details", "--path", folder, "--start", began, "--end", ended],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    sums: Counter[str] = Counter()
    marked = ""
    for line in shown.splitlines():
        if record := _RECORD.match(line):
            sums["records"] += int(record["length"])
            marked = " (hints)" if "FPI_FOR_HINT" in line else ""
        elif image := _IMAGE.search(line):
            sums[names.get(image["node"], "others") + marked] += _PAGE - int(image["hole"])
    return dict(sums.most_common())


def _seal(place: DatabaseUrls) -> None:
    with running_service(place.application_url, now=datetime.now(UTC), work=False) as service:
        service.sweep(within=600)


async def each_once(port: int, request: Callable[[int], bytes], count: int) -> int:
    """Send so many check-ins one after the other."""
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


def number_of(connection: psycopg.Connection, question: str) -> float:
    row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return float(row[0])


def _text(connection: psycopg.Connection, question: str) -> str:
    row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return str(row[0])
