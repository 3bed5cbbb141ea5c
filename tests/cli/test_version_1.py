"""A clinic of version 1, with something in each table, is upgraded by one command: all is there and says the same."""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from app.foundation.ids import new_id
from app.foundation.vault import Vault
from app.storage.engine.migrating import check_schema, migrate, revision_of
from tests.cli.command_line import afterglow_here
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.people import NO_TLS, entry
from tests.support.service import KEY, NOW, Service, running_service

pytestmark = pytest.mark.processes

FIRST = "0019"
"""The last step of version 1's tables."""
HERE = Path(__file__).parent


@dataclass
class Upgraded:
    """The installation after the upgrade, what the command said, and what version 1 said before it."""

    urls: DatabaseUrls
    printed: str
    before: dict[str, Any]
    counted: dict[str, int]


@pytest.fixture(scope="module")
def upgraded(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """Version 1's rows, as its `lively_clinic` made them, in version 1's tables; then the upgrade."""
    before = json.loads((HERE / "version_1.json").read_text())
    with cluster.database(migrated=False) as urls:
        migrate(urls.owner_url, application_role="afterglow_app", to=FIRST)
        with psycopg.connect(urls.superuser_url) as connection:
            connection.execute(gzip.decompress((HERE / "version_1.sql.gz").read_bytes()))
        counted = rows_in(urls)
        where = {
            "DATABASE_URL": urls.application_url,
            "AFTERGLOW_OWNER_URL": urls.owner_url,
            "AFTERGLOW_ENCRYPTION_KEY": b64encode(KEY).decode(),
        }
        backups = tmp_path_factory.mktemp("backups")
        ended = afterglow_here("upgrade", "--backup-to", str(backups), more=where)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert len(list(backups.iterdir())) == 1
        assert afterglow_here("audit", "verify", more=where).returncode == 0
        yield Upgraded(urls, ended.stdout, before, counted)


@pytest.fixture(scope="module")
def after(upgraded: Upgraded) -> Iterator[Service]:
    key = Vault(KEY).tenant_key
    with running_service(upgraded.urls.application_url, now=NOW, work=False, tenant_key=key) as service:
        yield service


@pytest.fixture(scope="module")
def clinic(after: Service, upgraded: Upgraded) -> Iterator[httpx2.Client]:
    """The clinic's systems, with the key that version 1 made."""
    headers = {"authorization": f"Bearer {upgraded.before['api_key']}"}
    with httpx2.Client(base_url=after.url, headers=headers, verify=NO_TLS, timeout=30) as client:
        yield client


def rows_in(urls: DatabaseUrls) -> dict[str, int]:
    """How many rows each table of `care` has, as a superuser counts them."""
    tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'care'::regnamespace AND relkind IN ('r', 'p')"
    with psycopg.connect(urls.superuser_url) as connection:
        names = [str(name) for (name,) in connection.execute(tables).fetchall()]
        counts = [
            connection.execute(SQL("SELECT count(*) FROM care.{}").format(Identifier(name))).fetchone()
            for name in names
        ]
    return {name: int(count[0]) for name, count in zip(names, counts, strict=True) if count}


def test_no_row_of_a_patients_record_is_lost(upgraded: Upgraded) -> None:
    assert f"The tables are at {FIRST}" in upgraded.printed
    check_schema(upgraded.urls.application_url)
    now = rows_in(upgraded.urls)
    record = ["patients", "courses", "infusions", "check_ins", "assessments", "signals", "safety_events"]
    record += [
        "audit_events",
        "deliveries",
        "chosen_references",
        "consents",
        "reminder_plans",
        "staff_members",
    ]
    assert {name: now[name] for name in record if now[name] < upgraded.counted[name]} == {}
    assert all(upgraded.counted[name] for name in record)


def test_the_seals_of_version_1_vouch_for_its_lines(upgraded: Upgraded) -> None:
    """Each is of one line, without marks, as seals of before the sixty-eighth step are."""
    with psycopg.connect(upgraded.urls.superuser_url) as connection:
        (seals,) = connection.execute(
            "SELECT count(*) FROM care.audit_seals WHERE marks IS NULL AND event_ids IS NULL"
        ).fetchone() or (0,)
        (sealed,) = connection.execute(
            "SELECT clinic_id, event_id FROM care.audit_seals ORDER BY clinic_id, sequence LIMIT 1"
        ).fetchall()
        assert seals >= upgraded.counted["audit_seals"] > 0
        where = {
            "DATABASE_URL": upgraded.urls.application_url,
            "AFTERGLOW_ENCRYPTION_KEY": b64encode(KEY).decode(),
        }
        assert afterglow_here("audit", "verify", more=where).returncode == 0
        change = "UPDATE care.audit_events SET action = %s WHERE clinic_id = %s AND id = %s RETURNING action"
        (before,) = connection.execute(
            "SELECT action FROM care.audit_events WHERE clinic_id = %s AND id = %s", sealed
        ).fetchone() or ("",)
        connection.execute(change, ["another", *sealed])
        connection.commit()
        changed = afterglow_here("audit", "verify", more=where)
        assert (changed.returncode, changed.stdout.count("was changed")) == (1, 1)
        connection.execute(change, [before, *sealed])


def test_each_patient_has_the_level_that_version_1_said(clinic: httpx2.Client, upgraded: Upgraded) -> None:
    levels = {
        patient: clinic.get(f"/v1/patients/{patient}/evaluation").json().get("level")
        for patient in upgraded.before["levels"]
    }
    assert levels == upgraded.before["levels"]


def test_open_signals_and_safety_events_are_open(clinic: httpx2.Client, upgraded: Upgraded) -> None:
    signals = clinic.get("/v1/signals?state=all").json()["items"]
    assert {one["id"]: [one["state"], one["patient_id"]] for one in signals} == upgraded.before["signals"]
    events = clinic.get("/v1/safety-events?state=open").json()["items"]
    assert {one["id"]: one["state"] for one in events} == upgraded.before["safety_events"]


def test_a_stored_decision_of_version_1_is_made_again_the_same(upgraded: Upgraded) -> None:
    (signal,) = upgraded.before["signals"]
    where = {
        "DATABASE_URL": upgraded.urls.application_url,
        "AFTERGLOW_ENCRYPTION_KEY": b64encode(KEY).decode(),
    }
    ended = afterglow_here("replay", signal, more=where)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_phone_that_was_enrolled_before_goes_on_reporting(after: Service, upgraded: Upgraded) -> None:
    headers = {"authorization": f"Bearer {upgraded.before['access_token']}"}
    with httpx2.Client(base_url=after.url, headers=headers, verify=NO_TLS, timeout=30) as phone:
        reply = phone.put(f"/v1/check-ins/{new_id()}", json=entry(NOW, (3, 3, 3)))
        assert reply.status_code == 201, reply.text


def test_it_stays_at_the_newest_step(upgraded: Upgraded) -> None:
    assert revision_of(upgraded.urls.owner_url) != FIRST
