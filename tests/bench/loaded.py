"""The two databases of ``make bench-large``: a million patients in 1,000 clinics, and 1,000 patients in one.

The first clinic's first two patients are treated and judged by the service itself, one who fades and one who is
steady; the others' rows are copies of theirs, by ``INSERT … SELECT`` (one in 25 fades and waits for something), with
ids of each row's time and keys that open, written clinic after clinic and in the order of time; clinics are opened
as an operator opens them. Each patient has a device. Of three days each check-in has its line in the audit log.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg

from app.storage.engine.migrating import APPLICATION_ROLE, migrate
from tests.bench.check_in_bytes import number_of
from tests.bench.sweep import open_clinics
from tests.bench.worklist import Sized, enrolled, fill, make_id_function, sized_clinic, token_of
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.service import running_service

SMALL = 1_000
# Odd, so that one client comes to all of them.
_SAMPLED = 20_001
_LINES = """
    INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, actor_id, action, subject_kind, subject_id,
         patient_id)
    SELECT clinic_id, pg_temp.id_of(recorded_at), recorded_at, 'device', patient_id, 'check_in.recorded',
           'check_in', id, patient_id
      FROM care.check_ins WHERE clinic_id = %s AND recorded_at > now() - interval '3 days' ORDER BY recorded_at
"""
# The names of devices are not sealed here, so that the page of a patient who has one does not open.
_PATIENTS = "SELECT clinic_id, id FROM care.patients WHERE clinic_id = %s AND id <> ALL(%s::uuid[])"
# While the rows are written, so that they are not written a second time at a checkpoint; then as it was.
_LOADING = {"max_wal_size": "12GB", "checkpoint_timeout": "30min", "autovacuum": "off"}
_LOADERS = 2


@dataclass
class Filled:
    """A database of some size: one of its clinics, and tokens of patients of all of them, in random order."""

    place: DatabaseUrls
    clinic: Sized
    tokens: list[str]


def loaded(cluster: Cluster, clinics: int, patients: int, kept: Path | None) -> tuple[Filled, Filled, bool]:
    """Fill both databases, or take those that a run before left in this folder; gives whether they are new.

    Each run's tokens are of patients whom no run before has asked for.
    """
    places = [cluster.kept_database(name) for name in ("many", "few")]
    note = None if kept is None else kept / "loaded.json"
    before = json.loads(note.read_text()) if note is not None and note.exists() else None
    if before is not None:
        made = [Sized(**one | {"clinic_id": UUID(one["clinic_id"])}) for one in before["clinics"]]
    else:
        _refuse_half_loaded(places[0])
        with _made_for_loading(cluster):
            sizes = ((clinics, patients), (1, SMALL))
            made = [_filled(place, *size) for place, size in zip(places, sizes, strict=True)]
    runs = before["runs"] if before else 0
    if note is not None:
        content = {"runs": runs + 1, "clinics": [asdict(one) for one in made]}
        note.write_text(json.dumps(content, default=str))
    many, few = (
        Filled(place, one, _tokens(place, one, runs)) for place, one in zip(places, made, strict=True)
    )
    return many, few, before is None


def newly_small(place: DatabaseUrls) -> Filled:
    """Fill a database with 1,000 patients, none of whom has reported since."""
    # The server may be of a run with other tables.
    migrate(place.owner_url, application_role=APPLICATION_ROLE)
    one = _filled(place, 1, SMALL)
    tokens = _tokens(place, one, 0)
    return Filled(place, one, tokens[: (len(tokens) - 1) | 1])  # odd, so that one client comes to all of them


def _refuse_half_loaded(place: DatabaseUrls) -> None:
    with psycopg.connect(place.superuser_url) as connection:
        if number_of(connection, "SELECT count(*) FROM front_desk.clinics"):
            sys.exit("A run that was broken off left these databases half loaded: remove the folder.")


@contextmanager
def _made_for_loading(cluster: Cluster) -> Iterator[None]:
    """Set the server up for writing much, and for what is measured as it was before."""
    with psycopg.connect(cluster.address.url(), autocommit=True) as admin:
        for name, value in _LOADING.items():
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        admin.execute("SELECT pg_reload_conf()")
        yield
        for name in _LOADING:
            admin.execute(f"ALTER SYSTEM RESET {name}".encode())
        admin.execute("SELECT pg_reload_conf()")
        admin.execute("CHECKPOINT")


def _filled(place: DatabaseUrls, clinics: int, patients: int) -> Sized:
    """Fill a database; two patients are treated and judged by the service, the others are like one of them."""
    began, now = time.monotonic(), datetime.now(UTC)
    waiting = max(2, patients // 25)
    first = sized_clinic(place, patients=patients, waiting=waiting, with_steady=True)
    with running_service(place.application_url, now=now, work=False) as service:
        opened = service.run(open_clinics(service.context, clinics - 1), within=3600)

    def load(clinic: UUID) -> None:
        with psycopg.connect(place.superuser_url, autocommit=True) as connection:
            # No trigger checks that a patient is there whom the statement before wrote.
            connection.execute("SET session_replication_role = replica")
            if clinic != first.clinic_id:
                fill(
                    connection,
                    clinic,
                    UUID(first.first),
                    patients=patients,
                    waiting=waiting,
                    now=now,
                    from_clinic=first.clinic_id,
                    steady=first.steady,
                )
            make_id_function(connection)
            connection.execute(_LINES, [clinic])
            whose = connection.execute(_PATIENTS, [clinic, [first.first, first.steady]]).fetchall()
            enrolled(connection, whose, now)

    with ThreadPoolExecutor(_LOADERS) as loaders:
        for number, _ in enumerate(loaders.map(load, [first.clinic_id, *opened])):
            sys.stderr.write(f"\r{number + 1} of {clinics} clinics, {time.monotonic() - began:.0f} s ")
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        size = number_of(connection, "SELECT pg_database_size(current_database())")
        count = number_of(connection, "SELECT count(*) FROM care.patients")
        rows = number_of(connection, "SELECT count(*) FROM care.check_ins")
    print(  # noqa: T201 - its report
        f"{count:,.0f} patients in {clinics:,} clinics, {rows:,.0f} check-ins, {size / 1e9:.1f} GB, loaded in"
        f" {(time.monotonic() - began) / 60:.1f} minutes",
        flush=True,
    )
    return first


def _tokens(place: DatabaseUrls, one: Sized, runs: int) -> list[str]:
    """Give tokens of some patients in random order, others for each run as far as there are any."""
    with psycopg.connect(place.superuser_url) as connection:
        every = connection.execute(
            "SELECT clinic_id, id FROM care.patients WHERE id <> ALL(%s::uuid[]) ORDER BY id",
            [[one.first, one.steady]],
        ).fetchall()
    random.Random(1).shuffle(every)  # noqa: S311 - the same each time
    begin = runs * _SAMPLED % len(every)
    return [token_of(*patient) for patient in (every[begin:] + every[:begin])[:_SAMPLED]]
