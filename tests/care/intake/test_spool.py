"""A disclosure that the database does not take is answered with help, put by sealed, and stored later, once."""

import asyncio
import errno
import json
import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.care.alerts.safety_reports import SafetySource
from app.care.intake import spool as spool_module
from app.care.intake.reporting import Pending, Report
from app.care.intake.spool import Spool, replay
from app.clinical.safety import OWN_STATEMENT
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, TokenReference, read_token
from app.foundation.vault import Vault
from tests.support.databases import Cluster, DatabaseUrls, in_memory, running_cluster
from tests.support.people import ZONE, ClinicClient, PatientClient, clinic_client, entry
from tests.support.problems import CANARY
from tests.support.processes import wait_until
from tests.support.service import Service, running_service

# Databases that are taken away, each a server to itself.
pytestmark = pytest.mark.processes
JSON = {"content-type": "application/json"}


@pytest.fixture
def spool_dir(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@contextmanager
def own_clinic(
    spool_dir: Path, *, work: bool = False
) -> Iterator[tuple[Cluster, Service, ClinicClient, PatientClient]]:
    """A clinic with a patient's phone, on a service whose database server can be stopped."""
    with (
        running_cluster(in_memory()) as cluster,
        cluster.database() as own_database,
        running_service(own_database.application_url, work=work, spool_dir=spool_dir) as service,
    ):
        clinic = clinic_client(service)
        yield cluster, service, clinic, clinic.enrol(clinic.patient(), service.url)
        clinic.close()


def test_what_cannot_be_stored_is_put_by_sealed_and_replayed_exactly_once(
    spool_dir: Path, tmp_path: Path
) -> None:
    with own_clinic(spool_dir) as (cluster, service, clinic, phone):
        spool = Spool(spool_dir, service.context.vault)
        cluster.supervisor.stop()

        kept = str(new_id())
        replies = [
            phone.check_in(service.clock.now(), self_harm_thoughts=True, note=CANARY, check_in_id=kept),
            phone.http.put(f"/v1/check-ins/{new_id()}", json={"selfHarmThoughts": "yes", "note": CANARY}),
            phone.http.put(f"/v1/check-ins/{new_id()}", json={"mood": 11}),
        ]
        waiting = spool.waiting()
        probe = phone.http.get("/health/safety")

        cluster.supervisor.start()
        assert [reply.status_code for reply in replies] == [503, 422, 422]
        assert [bool(reply.json().get("crisis_help")) for reply in replies] == [True, True, False]
        assert (probe.status_code, probe.json()["database_takes_writes"]) == (503, False)
        assert len(waiting) == 2
        for path in waiting:
            assert CANARY.encode() not in path.read_bytes()
            assert phone.patient_id.encode() not in path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0

        copies = shutil.copytree(spool_dir, tmp_path / "again")
        replayed = [
            service.run(replay(service.context, Spool(folder, service.context.vault)))
            for folder in (spool_dir, copies)
        ]

        assert replayed == [2, 2]
        assert spool.waiting() == []
        stays = spool_dir / "one.aside"
        stays.write_bytes(b"")
        assert "disclosure-waits" not in phone.http.get("/health/safety").json()["reasons"]
        os.utime(stays, (time.time() - 61,) * 2)
        assert "disclosure-waits" in phone.http.get("/health/safety").json()["reasons"]
        found = clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]
        # The phone sends the first again, so that it is known by its own id; the other is refused for good.
        assert [event["source"] for event in found] == ["check_in", "refused_check_in"]
        assert found[0]["source_id"] == kept
        assert {event["patient_id"] for event in found} == {phone.patient_id}


def test_a_worker_replays_by_itself(spool_dir: Path) -> None:
    with own_clinic(spool_dir, work=True) as (cluster, _, clinic, phone):
        cluster.supervisor.stop()
        assert phone.http.put("/v1/check-ins/x", json={"self_harm_thoughts": True}).json()["crisis_help"]
        cluster.supervisor.start()

        def stored() -> bool:
            return len(clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]) == 1

        assert wait_until(stored, 40)


def test_what_failed_in_a_spelling_that_no_schema_reads_is_one_event_when_it_is_refused_afterwards(
    spool_dir: Path,
) -> None:
    with own_clinic(spool_dir) as (cluster, service, clinic, phone):
        now, ids = service.clock.now(), [new_id() for _ in range(3)]
        twice = (
            json.dumps(entry(now, (4, 4, 4)))[:-1]
            + ', "self_harm_thoughts": true, "self_harm_thoughts": false}'
        )
        form = {"scale": "phq-9", "taken_at": now.isoformat(), "time_zone": ZONE, "items": {"9": 2}}

        def send_all() -> list[int]:
            replies = [
                phone.http.put(f"/v1/check-ins/{ids[0]}", content=twice.encode(), headers=JSON),
                phone.http.put(f"/v1/assessments/{ids[1]}", json=form),
                phone.http.patch(f"/v1/check-ins/{ids[2]}", json={"selfHarmThoughts": "yes"}),
            ]
            assert all(reply.json()["crisis_help"] for reply in replies)
            return [reply.status_code for reply in replies]

        cluster.supervisor.stop()
        assert send_all() == [503, 503, 405]
        cluster.supervisor.start()
        assert send_all() == [201, 422, 405]
        assert service.run(replay(service.context, Spool(spool_dir, service.context.vault))) == 3
        assert send_all() == [200, 422, 405]
        found = clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]
        assert len(found) == 3


@pytest.mark.parametrize("sent_again_first", [True, False], ids=["sent again first", "replayed first"])
def test_what_was_put_by_and_is_sent_again_by_the_phone_is_one_event(
    spool_dir: Path, *, sent_again_first: bool
) -> None:
    with own_clinic(spool_dir) as (cluster, service, clinic, phone):
        now, ids = service.clock.now(), [str(new_id()) for _ in range(5)]
        form = {"scale": "phq-9", "taken_at": now.isoformat(), "time_zone": ZONE, "items": [0] * 8 + [2]}
        batch = {
            "items": [{"id": one, "self_harm_thoughts": True, **entry(now, (4, 4, 4))} for one in ids[2:]]
        }

        def send_all() -> list[int]:
            return [
                phone.check_in(now, self_harm_thoughts=True, check_in_id=ids[0]).status_code,
                phone.http.put(f"/v1/assessments/{ids[1]}", json=form).status_code,
                phone.http.post("/v1/check-ins/batch", json=batch).status_code,
            ]

        cluster.supervisor.stop()
        assert send_all() == [503] * 3
        cluster.supervisor.start()

        if sent_again_first:
            assert send_all() == [201, 201, 200]
        assert service.run(replay(service.context, Spool(spool_dir, service.context.vault))) == 3
        if not sent_again_first:
            assert send_all() == [201, 201, 200]

        found = clinic.http.get("/v1/safety-events", params={"state": "all"}).json()["items"]
        assert {(event["source"], event["source_id"]) for event in found} == {
            ("assessment" if one == ids[1] else "check_in", one) for one in ids
        }
        assert len(found) == len(ids)


@dataclass
class Folder:
    """A spool beside the shared service, and what one sender after the other discloses into it."""

    spool: Spool
    service: Service

    def disclose(self, token: str, *named: str, received_at: datetime | None = None) -> Path:
        """Put by what the owner of a token disclosed, for each of these patients or the owner; gives the file."""
        before = set(self.spool.waiting())
        assert self.spool.keep(self.said(token, *named, received_at=received_at))
        (file,) = set(self.spool.waiting()) - before
        return file

    def said(self, token: str, *named: str, received_at: datetime | None = None) -> Pending:
        """What the owner of a token disclosed, for each of these patients or the owner."""
        whose: list[tuple[str, ...]] = [(one,) for one in named]
        reports = tuple(
            Report(
                source=SafetySource.REFUSED_CHECK_IN,
                source_id=new_id(),
                trigger=OWN_STATEMENT,
                taken_at=None,
                named=one,
            )
            for one in whose or [()]
        )
        at = received_at or self.service.context.clock.now()
        return Pending(credentials=(_reference(token),), reports=reports, received_at=at)

    def replay(self) -> int:
        return self.service.run(replay(self.service.context, self.spool))


def _reference(token: str) -> TokenReference:
    return read_token(token, TokenKind.DEVICE_ACCESS, TokenKind.API_KEY)


@pytest.fixture
def folder(service: Service, spool_dir: Path) -> Folder:
    return Folder(Spool(spool_dir, service.context.vault), service)


def events_of(clinic: ClinicClient, patient_id: str) -> list[dict[str, Any]]:
    params = {"state": "all", "patient_id": patient_id}
    return list(clinic.http.get("/v1/safety-events", params=params).json()["items"])


def test_what_is_of_nobody_who_is_found_is_set_aside_and_tried_again_after_a_restart(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    spool = folder.spool
    unknown = folder.disclose(f"{phone.access_token[:-8]}AAAAAAAA")
    partly = folder.disclose(one_clinic.key, phone.patient_id, "nobody's chart number")
    folder.disclose(one_clinic.key, phone.patient_id)

    assert folder.replay() == 1
    assert (spool.waiting(), len(events_of(one_clinic, phone.patient_id))) == ([], 2)
    assert {one.stem for one in spool.set_aside()} == {unknown.stem, partly.stem}

    # The patient is registered under that chart number now; of the other nobody knows more than before.
    later = one_clinic.patient("nobody's chart number")
    spool.bring_back()
    assert folder.replay() == 1
    assert len(events_of(one_clinic, phone.patient_id)) == 2
    assert len(events_of(one_clinic, later)) == 1
    assert [one.stem for one in spool.set_aside()] == [unknown.stem]


def test_a_device_that_was_revoked_since_still_says_whose_disclosure_it_is(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    folder.disclose(phone.access_token)
    devices = phone.http.get("/v1/me/devices").json()["items"]
    assert phone.http.delete(f"/v1/me/devices/{devices[0]['id']}").status_code in {200, 204}
    assert folder.replay() == 1
    assert len(events_of(one_clinic, phone.patient_id)) == 1


def test_files_of_another_key_or_not_whole_are_set_aside_and_keep_no_other_from_being_stored(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    spool = folder.spool
    Folder(Spool(spool.folder, Vault(bytes(32))), folder.service).disclose(phone.access_token)
    cut = folder.disclose(phone.access_token)
    cut.write_bytes(cut.read_bytes()[:-9])
    (spool.folder / "by somebody else.disclosure").write_text("no file of ours")
    folder.disclose(phone.access_token)

    assert folder.replay() == 1
    assert (spool.waiting(), len(spool.set_aside())) == ([], 3)
    assert len(events_of(one_clinic, phone.patient_id)) == 1


def test_a_file_that_a_process_wrote_and_could_not_name_before_it_ended_is_stored(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    left, being_written = (folder.disclose(phone.access_token) for _ in range(2))
    for one in (left, being_written):
        one.rename(one.with_name(f".{one.name}"))
    an_hour_ago = time.time() - 3600
    os.utime(left.with_name(f".{left.name}"), (an_hour_ago, an_hour_ago))

    folder.spool.bring_back()
    assert folder.spool.waiting() == [left]
    assert folder.replay() == 1
    assert len(events_of(one_clinic, phone.patient_id)) == 1


def test_replays_at_once_take_turns_and_where_a_volume_has_no_locks_still_store_each_once(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient, tmp_path: Path
) -> None:
    for _ in range(5):
        folder.disclose(phone.access_token)
    # Another folder with the same files is what two see that cannot lock each other out.
    copies = Spool(shutil.copytree(folder.spool.folder, tmp_path / "copies"), folder.service.context.vault)
    context, again = folder.service.context, Spool(folder.spool.folder, folder.service.context.vault)

    async def at_once() -> list[int]:
        return list(await asyncio.gather(*(replay(context, one) for one in (folder.spool, again, copies))))

    assert folder.service.run(at_once()) == [5, 0, 5]
    assert len(events_of(one_clinic, phone.patient_id)) == 5


def test_a_patient_whose_row_is_locked_keeps_no_other_patient_waiting(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient, shared_database: DatabaseUrls
) -> None:
    other = one_clinic.enrol(one_clinic.patient(), folder.service.url)
    for token in (phone.access_token, phone.access_token, other.access_token, other.access_token):
        folder.disclose(token)

    with ThreadPoolExecutor() as beside, psycopg.connect(shared_database.superuser_url) as database:
        row = "SELECT FROM care.patients WHERE id = %s FOR UPDATE"
        database.execute(row, [phone.patient_id])
        replaying = beside.submit(folder.replay)
        assert wait_until(lambda: len(events_of(one_clinic, other.patient_id)) == 2, 4, pause=0.05)
        assert not replaying.done()
        database.rollback()
        assert replaying.result() == 4
    assert len(events_of(one_clinic, phone.patient_id)) == 2


def test_what_was_put_by_while_the_clock_was_ahead_is_escalated_from_now_on(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    now = folder.service.context.clock.now()
    folder.disclose(phone.access_token, received_at=now + timedelta(days=365))
    assert folder.replay() == 1
    (event,) = events_of(one_clinic, phone.patient_id)
    assert datetime.fromisoformat(event["received_at"]) == now


def test_what_is_said_again_while_it_waits_is_the_same_file_and_as_old_as_at_first(
    folder: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    spool, now = folder.spool, folder.service.context.clock.now()
    said = folder.said(phone.access_token, received_at=now - timedelta(minutes=5))
    for later in range(3):
        again = replace(said, received_at=said.received_at + timedelta(minutes=later), language=f"e{later}")
        assert spool.keep(again)
    # Another process that sees the folder knows it, too; another disclosure is another file.
    assert Spool(spool.folder, folder.service.context.vault).keep(said)
    assert len(spool.waiting()) == 1
    folder.disclose(phone.access_token)

    assert folder.replay() == 2
    times = [datetime.fromisoformat(one["received_at"]) for one in events_of(one_clinic, phone.patient_id)]
    assert sorted(times) == [said.received_at, now]
    # It was stored, so that the same again is put by again, and is the same event.
    assert spool.keep(said)
    assert folder.replay() == 1
    assert len(events_of(one_clinic, phone.patient_id)) == 2


def made_up_token(like: str) -> str:
    """A token of the right form that is nobody's."""
    return like[:-12] + new_id().hex[-12:]


@pytest.fixture
def little_room(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A spool that has room in its reserve of eight, and nowhere else."""
    monkeypatch.setattr(spool_module, "_RESERVED_FILES", 8)
    folder.spool.make_reserve()
    assert folder.spool.room() > 8
    monkeypatch.setattr(spool_module, "_LEFT_FREE_BYTES", 2**60)
    monkeypatch.setattr(spool_module, "_LEFT_FREE_PART", 1)
    assert folder.spool.room() == 8
    return folder


def test_a_flood_leaves_the_disk_free_and_room_for_the_others_and_nothing_put_by_is_lost(
    little_room: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    spool, token = little_room.spool, phone.access_token
    blocks = sum(one.stat().st_blocks for one in spool.folder.iterdir())

    flood = [spool.keep(little_room.said(made_up_token(token)), network="192.0.2.1") for _ in range(20)]
    assert flood == [True] * 4 + [False] * 16
    assert spool.keep(little_room.said(token), network="192.0.2.2")
    # What reserved files are overwritten with takes no more of the disk.
    assert sum(one.stat().st_blocks for one in spool.folder.iterdir()) <= blocks
    assert (len(spool.waiting()), spool.room(), spool.has_little_room()) == (5, 3, True)
    # While something waits, what is left free is left free.
    spool.make_reserve()
    assert spool.room() == 3

    assert little_room.replay() == 1
    assert len(events_of(one_clinic, phone.patient_id)) == 1
    assert (spool.waiting(), len(spool.set_aside())) == ([], 4)
    spool.make_reserve()
    spool.make_reserve()
    assert spool.room() == 8
    assert spool.keep(little_room.said(token), network="192.0.2.1"), "each has a new share of a new reserve"


def test_a_long_batch_takes_as_much_of_the_reserve_as_it_needs(
    little_room: Folder, one_clinic: ClinicClient, phone: PatientClient
) -> None:
    batch = little_room.said(one_clinic.key, *[phone.patient_id] * 20)
    assert little_room.spool.keep(batch)
    (file,) = little_room.spool.waiting()
    assert little_room.spool.room() == 8 - -(-file.stat().st_size // 4096)
    assert little_room.replay() == 1
    assert len(events_of(one_clinic, phone.patient_id)) == 20


@pytest.mark.parametrize(("refused", "kept", "left"), [(0, True, 7), (3, True, 4), (99, False, 4)])
def test_a_full_disk_that_has_no_room_for_a_name_gets_some_from_the_reserve(
    little_room: Folder,
    phone: PatientClient,
    monkeypatch: pytest.MonkeyPatch,
    refused: int,
    kept: bool,
    left: int,
) -> None:
    """As ext4 does: a list of names that grows takes a block, of which a full disk has none."""
    answers, rename = iter([True] * refused), Path.rename

    def rename_where_there_is_room(path: Path, target: Path) -> Path:
        if next(answers, False):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", rename_where_there_is_room)
    assert little_room.spool.keep(little_room.said(phone.access_token)) is kept
    assert little_room.spool.room() == left
    monkeypatch.undo()
    assert little_room.replay() == int(kept)


def test_who_finds_no_room_is_helped_all_the_same_and_the_alarm_says_so(
    spool_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_RESERVED_FILES", 0)
    monkeypatch.setattr(spool_module, "_LEFT_FREE_BYTES", 2**60)
    monkeypatch.setattr(spool_module, "_LEFT_FREE_PART", 1)
    with own_clinic(spool_dir) as (cluster, _, _, phone):
        cluster.supervisor.stop()
        said = phone.http.put("/v1/check-ins/x", json={"self_harm_thoughts": True})
        assert said.json()["crisis_help"]
        assert "little-room-for-disclosures" in phone.http.get("/health/safety").json()["reasons"]
        cluster.supervisor.start()
