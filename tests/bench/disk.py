"""What lies in memory of a server's files: to forget all of it, to read in what is wanted, to count what is read."""

import os
from collections import Counter
from pathlib import Path

import psycopg

from app.storage.engine.embedded.folders import Folders
from tests.support.databases import Cluster

# What holds a row or the end of a list of each patient. Of what else a check-in reads and writes there is one place
# for a clinic or for all: where the latest check-ins and lines of the audit log are.
_OF_EACH_PATIENT = (
    *("device_tokens", "uq_device_tokens_clinic_id_digest", "devices", "pk_devices"),
    *("patients", "pk_patients", "patient_states", "pk_patient_states", "patient_keys", "pk_patient_keys"),
    *("ix_courses_latest", "ix_signals_latest"),
    *(
        "ix_chosen_references_patient",
        "uq_findings_one_open",
        "ix_check_ins_day_sync",
        "ix_audit_events_patient",
    ),
)
_EACH_DAY = """
    SELECT sum({each}) FROM unnest(%s::text[]) AS named (name), to_regclass('care.' || name) AS whole,
           LATERAL (SELECT relid FROM pg_partition_tree(whole) WHERE isleaf
                     UNION SELECT oid FROM pg_class WHERE oid = whole AND relkind IN ('r', 'i')) AS parts (part)
"""
_MISSED = """
    SELECT relname, heap_blks_read FROM pg_statio_user_tables WHERE heap_blks_read > 0
     UNION ALL SELECT indexrelname, idx_blks_read FROM pg_statio_user_indexes WHERE idx_blks_read > 0
"""


def restart_with_nothing_in_memory(cluster: Cluster) -> None:
    """Restart the server, and let the machine forget its files, as if the machine itself had been restarted."""
    address = cluster.address
    cluster.supervisor.stop()
    for folder, _, files in os.walk(Folders(cluster.data_dir).cluster):
        for name in files:
            handle = os.open(Path(folder) / name, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(handle)
    assert cluster.supervisor.start() == address


def read_from_disk(superuser_url: str) -> int:
    """Bytes that connections have had to fetch from the disk so far, as Linux counts them."""
    with psycopg.connect(superuser_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchall()
    counts = [Path(f"/proc/{pid}/io").read_text() for (pid,) in rows if Path(f"/proc/{pid}/io").exists()]
    return sum(
        int(line[12:]) for one in counts for line in one.splitlines() if line.startswith("read_bytes: ")
    )


def missed_pages(superuser_url: str) -> Counter[str]:
    """How many pages of each relation were not among the server's buffers so far."""
    with psycopg.connect(superuser_url) as connection:
        return Counter({str(name): int(pages) for name, pages in connection.execute(_MISSED)})


def bytes_of_a_day(superuser_url: str) -> int:
    """How large what a day's check-ins read is, where each patient sends one."""
    return _each_day(superuser_url, "pg_relation_size(part)")


def read_in(superuser_url: str) -> None:
    """Read what a check-in of each patient reads into the server's buffers, as a day's check-ins have."""
    _each_day(superuser_url, "pg_prewarm(part)")


def _each_day(superuser_url: str, each: str) -> int:
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        row = connection.execute(_EACH_DAY.format(each=each).encode(), [list(_OF_EACH_PATIENT)]).fetchone()
    assert row is not None
    return int(row[0])
