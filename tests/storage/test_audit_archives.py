"""Old months of the audit log lie in sealed files, and the log is as provable as before, with them and without."""

import asyncio
import json
import shutil
import signal
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.access.audit.archived_months import MonthLines
from app.access.audit.seals import Verified, seal_clinic, verify
from app.context import AppContext
from app.foundation.clock import SystemClock
from app.foundation.keyset import Keyset
from app.foundation.sealed_stream import MAGIC
from app.foundation.vault import Vault
from app.interop.archive import audit_months
from app.interop.archive.archive_file import ArchiveWriter
from app.interop.archive.installation import ClinicImported, archive_of_installation, import_installation
from app.storage.audit_archives import AuditArchive
from app.storage.engine.database import Database
from app.storage.engine.migrating import APPLICATION_ROLE, migrate
from app.storage.engine.migration_steps import MonthsArchivedError
from tests.cli.command_line import PROGRAM, afterglow_here, plain_environment
from tests.storage.catalogue import ask, execute
from tests.storage.test_partitions import (
    add_line,
    an_id_of,
    leave_until,
    make_ahead,
    move,
    names,
    places,
    take_away,
)
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.months import before, months_on, old
from tests.support.processes import wait_until
from tests.support.service import KEY, opened_clinic

pytestmark = pytest.mark.usefixtures("within_a_month")

OLD = (-8, -6, -5, -4)


@dataclass
class Log:
    """A database whose audit log has months: two clinics with lines in each, those of the first under one seal."""

    database: DatabaseUrls
    folder: Path
    clinics: list[UUID]

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database.application_url,
            "AFTERGLOW_OWNER_URL": self.database.owner_url,
            "AFTERGLOW_ENCRYPTION_KEY": b64encode(KEY).decode(),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return afterglow_here("audit", *words, more=self.environment)

    def done(self, *words: str) -> Any:  # noqa: ANN401 - whatever JSON holds
        ended = self.run(*words, "--json")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return json.loads(ended.stdout)

    def archive(self) -> list[dict[str, Any]]:
        return list(self.done("archive", "--before", before(), "--to", str(self.folder))["months"])

    def faults(self, *words: str) -> set[tuple[str, str | None, str | None]]:
        """What `audit verify` finds: kind, month and line."""
        ended = self.run("verify", "--json", *words)
        found = json.loads(ended.stdout)
        assert ended.returncode == (0 if found["intact"] else 1)
        return {
            (fault["kind"], fault["month"], fault["event_id"])
            for clinic in found["clinics"]
            for fault in clinic["faults"]
        }

    def with_files(self) -> set[tuple[str, str | None, str | None]]:
        return self.faults("--archives", str(self.folder))

    def months(self) -> list[str]:
        return [one for one in old() if one in names(self.database)]

    def lines(self) -> list[dict[str, Any]]:
        return ask(self.database.owner_url, "SELECT * FROM care.audit_events ORDER BY clinic_id, id")


def with_context(database: DatabaseUrls, do: Callable[[AppContext], Any]) -> Any:  # noqa: ANN401 - as `do`
    async def done() -> Any:  # noqa: ANN401 - same
        context = AppContext(
            database=Database(database.application_url),
            vault=Vault(KEY),
            clock=SystemClock(),
            public_url="https://afterglow.test",
        )
        try:
            return await do(context)
        finally:
            await context.database.close()

    return asyncio.run(done())


def add_lines(database: DatabaseUrls, clinic_id: UUID, month: int, count: int = 3) -> None:
    with psycopg.connect(database.owner_url) as connection:
        for number in range(count):
            connection.execute(
                "INSERT INTO care.audit_events (clinic_id, id, at, actor_kind, action, subject_kind, subject_id)"
                " VALUES (%(clinic)s, %(id)s, %(at)s, 'system', 'test.happened', 'test', %(id)s)",
                {
                    "clinic": clinic_id,
                    "id": an_id_of(months_on(month) + timedelta(days=3, hours=number)),
                    "at": months_on(month) + timedelta(days=3, hours=number),
                },
            )


@pytest.fixture
def log(cluster: Cluster, tmp_path: Path) -> Iterator[Log]:
    async def live(context: AppContext) -> list[UUID]:
        clinics = sorted([(await opened_clinic(context)).clinic_id for _ in range(2)])
        for month in OLD:
            for clinic_id in clinics:
                add_lines(database, clinic_id, month)
            # The other's lines are sealed all at once.
            await seal_clinic(context.database, context.vault, clinics[1], whole=True)
        await seal_clinic(context.database, context.vault, clinics[0], whole=True)
        return clinics

    with cluster.database() as database:
        leave_until(database, months_on(-6))
        make_ahead(database)
        yield Log(database, tmp_path, with_context(database, live))


def test_old_months_lie_in_sealed_files_and_the_log_is_verified_with_them_and_across_them(log: Log) -> None:
    before = log.lines()
    done = log.archive()
    assert [(one["name"], one["lines"], one["clinics"]) for one in done] == [(one, 6, 2) for one in old()]
    assert log.months() == []
    for one in done:
        content = Path(one["file"]).read_bytes()
        assert content.startswith(MAGIC)
        assert b"test.happened" not in content
        assert Path(one["file"]).stat().st_mode & 0o777 == 0o600
    said = [one for one in log.lines() if one["action"] == "audit_log.archived"]
    assert [(one["clinic_id"], one["actor_kind"]) for one in said] == [
        (clinic_id, "operator") for clinic_id in log.clinics for _ in old()
    ]
    assert len(log.lines()) == len(before) - 18 + 6
    assert log.faults() == log.with_files() == set()
    across, whole = log.run("verify").stdout, log.run("verify", "--archives", str(log.folder)).stdout
    assert f"  {old()[1].replace('_', '-')}: 3 lines in an archive, not read" in across
    assert f"  {old()[1].replace('_', '-')}: 3 lines in an archive, read" in whole
    # Under a seal whose other lines lie in files, one that is here is still held against it.
    (living,) = [
        one["id"]
        for one in log.lines()
        if one["clinic_id"] == log.clinics[0] and one["at"] == months_on(-4) + timedelta(days=3)
    ]
    changing = f"UPDATE care.audit_events SET action = 'other' WHERE id = '{living}'"  # noqa: S608 - the test's own
    execute(log.database.superuser_url, changing)
    assert log.faults() == log.with_files() == {("changed", None, str(living))}
    assert log.archive() == []


def test_a_month_that_is_missing_swapped_cut_or_written_again_is_named(log: Log) -> None:
    log.archive()
    second, third = (audit_months.file_of(log.folder, one) for one in old()[1:])
    month = old()[1].replace("_", "-")
    whole = second.read_bytes()

    second.unlink()
    assert log.with_files() == {("archive_missing", month, None)}
    shutil.copy(third, second)
    assert log.with_files() == {("archive_differs", month, None)}
    second.write_bytes(whole[:-100])
    assert log.with_files() == {("archive_differs", month, None)}
    second.write_bytes(whole)
    assert log.with_files() == set()

    lines = list(audit_months._lines_in(second, Keyset.of_one(KEY)))
    first, following, *_, last = [at for at, line in enumerate(lines) if b'"audit_events"' in line]
    changed, removed, reordered = list(lines), list(lines), list(lines)
    changed[first] = lines[first].replace(b"happened", b"appeared")
    del removed[last]
    reordered[first], reordered[following] = lines[following], lines[first]
    for made, kind, place in (
        (changed, "changed", first),
        (removed, "event_removed", last),
        (reordered, None, first),
    ):
        written_again(second, made)
        fault = (kind, None, str(json.loads(lines[place])["row"]["id"]))
        assert log.with_files() == {("archive_differs", month, None), *([fault] if kind else [])}
    second.write_bytes(whole)

    superuser = log.database.superuser_url
    for clinic_id, seals in ((log.clinics[0], 1), (log.clinics[1], 1)):
        where = f"clinic_id = '{clinic_id}' AND name = '{old()[1]}'"
        execute(superuser, f"UPDATE care.audit_archives SET lines = lines + {seals} WHERE {where}")  # noqa: S608 - the test's own
    assert log.faults() == {("archive_record_changed", month, None)}
    execute(superuser, f"UPDATE care.audit_archives SET lines = lines - 1 WHERE name = '{old()[1]}'")  # noqa: S608 - same
    assert log.faults() == set()
    # A whole month that went without its file is what it was: lines that someone took away.
    execute(superuser, f"DELETE FROM care.audit_archives WHERE name = '{old()[1]}'")  # noqa: S608 - same
    assert {kind for kind, _, _ in log.faults()} == {"event_removed"}
    assert len(log.faults()) == 6


def written_again(file: Path, lines: list[bytes]) -> None:
    """As whoever has the key would write it: the checksums fit what is there."""
    with file.open("wb") as out:
        writer, archive = audit_months._Writer(out, Keyset.of_one(KEY)), ArchiveWriter()
        for line in lines:
            document = json.loads(line)
            if "end" in document:
                writer.write(archive.end())
                archive = ArchiveWriter()
            elif "table" in document:
                writer.write(archive.row(document["table"], document["row"]))
            elif "scope" in document:
                archive._hash.update(line)
                writer.write(line)
            else:
                writer.write(line)
        writer.finish()


def test_a_seal_of_lines_that_lie_in_a_file_cannot_be_changed_unseen(log: Log) -> None:
    log.archive()
    month = old()[2].replace("_", "-")
    execute(
        log.database.superuser_url,
        "UPDATE care.audit_seals s SET marks = set_byte(marks, 0, 255 - get_byte(marks, 0))"  # noqa: S608 - the test's own
        " FROM care.audit_archives a WHERE a.clinic_id = s.clinic_id AND a.last_sequence = s.sequence"
        f" AND a.clinic_id = '{log.clinics[1]}' AND a.name = '{old()[2]}'",
    )
    # Also of closed clinics: their logs stay.
    execute(log.database.superuser_url, "UPDATE front_desk.clinics SET state = 'closed', closed_at = now()")
    assert log.faults() == {("archive_record_changed", month, None)}


def test_a_month_comes_back_as_it_was_and_can_be_archived_again(log: Log) -> None:
    before = log.lines()
    log.archive()
    file = audit_months.file_of(log.folder, old()[1])
    # A line of that time that comes meanwhile goes into the default partition, and then into its month.
    add_lines(log.database, log.clinics[0], -6, 1)
    # Meanwhile lines of a month that was not made are on their way into it.
    taken, early = take_away(log.database, 3), an_id_of(months_on(3))
    add_line(log.database, early)
    assert move(log.database) == 2
    for name in old():
        back = log.done("restore", "--from", str(audit_months.file_of(log.folder, name)))
        assert back == {"name": name, "lines": 6, "other_clinics": 0}
    ended = log.run("restore", "--from", str(file))
    assert ended.returncode == 1
    assert "This file holds no archived month" in ended.stderr
    assert log.months() == old()
    assert [move(log.database) for _ in range(2)] == [1, 0]
    assert places(log.database)[early] == taken[0]
    kept = {one["id"]: one for one in log.lines()}
    assert [kept[one["id"]] for one in before] == before
    assert log.faults() == set()
    assert [one["lines"] for one in log.archive()] == [6, 7, 6]
    assert log.with_files() == set()


def test_a_file_with_lines_of_another_installation_is_to_be_kept_when_its_month_is_back(log: Log) -> None:
    log.archive()
    # As where only one of its clinics moved to this installation.
    execute(
        log.database.superuser_url,
        f"DELETE FROM care.audit_archives WHERE clinic_id = '{log.clinics[1]}'",  # noqa: S608 - the test's own
    )
    files = [str(audit_months.file_of(log.folder, name)) for name in old()]
    assert log.done("restore", "--from", files[1]) == {"name": old()[1], "lines": 3, "other_clinics": 1}
    said = log.run("restore", "--from", files[2]).stdout
    assert "Keep it: lines of 1 other clinic are in it" in said


def test_a_month_that_becomes_a_file_while_the_log_is_verified_is_not_called_removed(log: Log) -> None:
    log.done("archive", "--before", f"{months_on(-6):%Y-%m}", "--to", str(log.folder))
    assert log.months() == old()[1:]

    async def verified(context: AppContext) -> list[Verified]:
        files = audit_months.MonthFiles(log.folder, Keyset.of_one(KEY))

        def open_month(clinic_id: UUID, archive: AuditArchive) -> tuple[MonthLines, bool]:
            if log.months():
                # Another loop than this one's.
                with ThreadPoolExecutor(1) as elsewhere:
                    elsewhere.submit(log.archive).result()
            return files.open(clinic_id, archive)

        clinics = [log.clinics[0], log.clinics[1]]
        return [await verify(context.database, context.vault, one, open_month=open_month) for one in clinics]

    for found in with_context(log.database, verified):
        assert (found.faults, [one.name for one in found.archived]) == ([], old())


def test_what_a_hold_or_something_open_needs_stays_and_what_is_young_is_refused(log: Log) -> None:
    superuser, clinic_id = log.database.superuser_url, log.clinics[1]
    execute(
        superuser,
        "INSERT INTO care.legal_holds (clinic_id, id, reason_sealed, placed_at)"  # noqa: S608 - the test's own
        f" VALUES ('{clinic_id}', gen_random_uuid(), '', now())",
    )
    kept = log.archive()
    assert [(one["name"], one["kept_for"]) for one in kept] == [(one, ["legal-hold"]) for one in old()]
    assert log.months() == old()
    assert list(log.folder.iterdir()) == []
    execute(superuser, "UPDATE care.legal_holds SET lifted_at = now()")
    (line,) = [
        one["subject_id"]
        for one in log.lines()
        if one["clinic_id"] == clinic_id and one["at"] == months_on(-6) + timedelta(days=3)
    ]
    execute(
        superuser,
        "SET session_replication_role = replica;"  # noqa: S608 - same
        " INSERT INTO care.erasure_requests (clinic_id, id, patient_id, actor_kind, state, version, requested_at)"
        f" VALUES ('{clinic_id}', '{line}', gen_random_uuid(), 'staff', 'open', 1, now())",
    )
    assert [(one["name"], one["kept_for"]) for one in log.archive()] == [
        (old()[0], []),
        (old()[1], ["open-record"]),
        (old()[2], []),
    ]
    said = log.run("archive", "--before", before(), "--to", str(log.folder)).stdout
    assert said.startswith(f"{old()[1].replace('_', '-')} stays: a safety event, signal, finding, ")
    for month, sentence in ((f"{months_on(-1):%Y-%m}", "over 90 days ago"), ("May", "YYYY-MM")):
        ended = log.run("archive", "--before", month, "--to", str(log.folder))
        assert (ended.returncode, ended.stdout) == (1, "")
        assert sentence in ended.stderr
    assert log.with_files() == set()


def test_nothing_is_taken_out_of_a_log_that_does_not_fit_its_seals_or_is_in_use(log: Log) -> None:
    with psycopg.connect(log.database.owner_url) as reader:
        reader.execute("SELECT count(*) FROM care.audit_events")
        ended = log.run("archive", "--before", before(), "--to", str(log.folder))
        assert "for longer than two seconds" in ended.stderr
    assert log.months() == old()
    execute(
        log.database.superuser_url,
        f"UPDATE care.audit_events SET action = 'other' WHERE at = '{months_on(-6) + timedelta(days=3)}'",  # noqa: S608 - the test's own
    )
    ended = log.run("archive", "--before", before(), "--to", str(log.folder))
    assert "does not fit its seals" in ended.stderr
    assert log.months() == old()


@pytest.mark.parametrize(("table", "is_written"), [("care.audit_seals", False), ("care.audit_events", True)])
def test_archiving_that_is_killed_leaves_the_month_or_its_verified_file(
    log: Log, table: str, *, is_written: bool
) -> None:
    """Held up while it reads the seals for the file, and when it takes the month out."""
    words = [str(PROGRAM), "audit", "archive", "--before", before(), "--to", str(log.folder)]
    mode = "ACCESS EXCLUSIVE" if not is_written else "ACCESS SHARE"
    with psycopg.connect(log.database.superuser_url) as other:
        other.execute(f"LOCK TABLE {table} IN {mode} MODE")
        waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        process = subprocess.Popen(words, env=plain_environment(log.environment))
        assert wait_until(lambda: bool(ask(log.database.superuser_url, waits)), 30)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert wait_until(lambda: not ask(log.database.superuser_url, waits), 10)
    assert log.months() == old()
    assert audit_months.file_of(log.folder, old()[0]).exists() == is_written
    assert [one["lines"] for one in log.archive()] == [6, 6, 6]
    assert log.with_files() == set()


def test_others_use_the_log_until_all_but_the_detaching_is_done(log: Log) -> None:
    words = [str(PROGRAM), "audit", "archive", "--before", before(), "--to", str(log.folder)]
    waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(log.database.superuser_url) as other:
        # Holds up the lines that say what was archived: they go into this month.
        other.execute(f"LOCK TABLE partitions.audit_events_{months_on(0):%Y_%m} IN SHARE MODE")
        process = subprocess.Popen(words, env=plain_environment(log.environment), stderr=subprocess.PIPE)
        assert wait_until(lambda: bool(ask(log.database.superuser_url, waits)), 30)
        with psycopg.connect(log.database.owner_url, options="-c lock_timeout=500") as reader:
            assert reader.execute("SELECT count(*) FROM care.audit_events").fetchone()
        said = process.communicate()[1]
    assert b"for longer than two seconds" in said
    assert log.months() == old()


def test_another_installation_takes_the_log_with_its_gaps_and_reads_the_same_files(
    log: Log, cluster: Cluster
) -> None:
    log.archive()

    async def written(context: AppContext) -> bytes:
        return b"".join([line async for line in archive_of_installation(context)])

    content = with_context(log.database, written)

    async def imported(context: AppContext) -> list[ClinicImported]:
        return [one async for one in import_installation(context, lambda: BytesIO(content))]

    with cluster.database() as elsewhere:
        there = Log(elsewhere, log.folder, log.clinics)
        with_context(elsewhere, imported)
        assert there.faults() == there.with_files() == set()
        for name in old():
            there.done("restore", "--from", str(audit_months.file_of(log.folder, name)))
        assert there.faults() == set()
        assert there.months() == old()[:1]

        async def sealed(context: AppContext) -> int:
            return (await verify(context.database, context.vault, log.clinics[0])).sealed

        assert with_context(elsewhere, sealed) >= with_context(log.database, sealed)


def test_the_version_before_is_not_gone_back_to_while_months_lie_in_files(log: Log) -> None:
    log.archive()
    with pytest.raises(MonthsArchivedError, match="afterglow audit restore"):
        migrate(log.database.owner_url, application_role=APPLICATION_ROLE, to="0086")
    for name in old():
        log.done("restore", "--from", str(audit_months.file_of(log.folder, name)))
    migrate(log.database.owner_url, application_role=APPLICATION_ROLE, to="0086")


def test_a_file_with_other_lines_is_never_replaced_and_one_command_archives_at_a_time(
    log: Log, cluster: Cluster
) -> None:
    first = audit_months.file_of(log.folder, old()[0])
    with psycopg.connect(log.database.owner_url) as other:
        other.execute("SELECT pg_advisory_lock(7032021)")
        for words in (
            ["archive", "--before", before(), "--to", str(log.folder)],
            ["restore", "--from", str(first)],
        ):
            assert "Another command archives or restores" in log.run(*words).stderr
    log.archive()
    content = {one: one.read_bytes() for one in log.folder.iterdir()}

    async def written(context: AppContext) -> bytes:
        return b"".join([line async for line in archive_of_installation(context)])

    archived = with_context(log.database, written)

    async def imported(context: AppContext) -> None:
        async for one in import_installation(context, lambda: BytesIO(archived)):
            add_lines(elsewhere, one.clinic_id, -8)
            await seal_clinic(context.database, context.vault, one.clinic_id, whole=True)

    with cluster.database() as elsewhere, cluster.database() as strange:
        for one in (elsewhere, strange):
            leave_until(one, months_on(-6))
            make_ahead(one)
        # Its months are called as those that lie in the files it goes on with.
        with_context(elsewhere, imported)
        there = Log(elsewhere, log.folder, log.clinics)
        done = there.archive()
        assert [(one["name"], one["lines"]) for one in done] == [
            (f"{old()[0]}_2", 6),
            (f"{old()[1]}_2", 0),
            (f"{old()[2]}_2", 0),
        ]
        assert there.faults() == there.with_files() == set()
        assert log.with_files() == set()

        async def opened(context: AppContext) -> UUID:
            clinic_id = (await opened_clinic(context)).clinic_id
            add_lines(strange, clinic_id, -8)
            return clinic_id

        # Another installation into the same folder.
        clinic_id = with_context(strange, opened)
        ended = Log(strange, log.folder, [clinic_id]).run(
            "archive", "--before", before(), "--to", str(log.folder)
        )
        assert ended.returncode == 1
        assert "has a file of this name with other lines" in ended.stderr
        assert old()[0] in names(strange)
    assert {one: one.read_bytes() for one in content} == content
