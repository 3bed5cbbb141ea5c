"""A whole installation in one file: another one imports it, on another major version too, with nothing changed."""

import hashlib
import io
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.access.audit.seals import Head, verify
from app.access.clinics.commands import close_clinic
from app.context import AppContext
from app.foundation.audit import OPERATOR
from app.foundation.errors import RefusalError
from app.foundation.vault import Vault
from app.interop.archive.archive_file import ArchiveDamagedError, NotAnArchiveError
from app.interop.archive.audit_log import AuditKeyMissingError, AuditLogDiffersError, verify_with_seals
from app.interop.archive.installation import (
    ClinicImported,
    archive_of_installation,
    archives_in,
    import_installation,
    verify_installation,
)
from tests.cli.command_line import afterglow_here, new_clinic, server_of
from tests.interop.test_archive import evaluated, with_a_history
from tests.storage.catalogue import execute
from tests.storage.test_audit_archives import add_lines, with_context
from tests.storage.test_partitions import make_ahead, names, take_away
from tests.support.databases import Cluster, in_memory, open_folder, running_cluster
from tests.support.months import months_on
from tests.support.people import clinic_client
from tests.support.service import KEY, NOW, Service, opened_clinic, running_service

CLOSED_AT = NOW - timedelta(days=400)


@pytest.fixture(scope="module")
def installations(cluster: Cluster) -> Iterator[list[Service]]:
    """Three: the one that is left, one on another major version where the campaign names it, and one as the first."""
    other = os.environ.get("AFTERGLOW_TEST_OTHER_PG_BIN")
    with ExitStack() as running:
        there = running.enter_context(running_cluster(binaries=Path(other))) if other else cluster
        found = []
        for where in (cluster, there, cluster):
            database = running.enter_context(where.database())
            found.append(running.enter_context(running_service(database.application_url, work=False)))
            found[-1].clock.move_to(NOW)
        yield found


@pytest.fixture(scope="module")
def lived_in(installations: list[Service]) -> dict[str, str]:
    """Two clinics with a patient each, and one that is closed; the patients by clinic."""
    first = installations[0]
    made = [clinic_client(first, name) for name in ("Riverside", "Hillside", "Closed")]
    patients = {one.clinic_id: with_a_history(first, one) for one in made[:2]}

    async def closed() -> None:
        async with first.context.work(UUID(made[2].clinic_id), actor=OPERATOR) as work:
            await close_clinic(work, closed_at=CLOSED_AT)

    first.run(closed())
    return patients


def archive(service: Service) -> bytes:
    async def made() -> bytes:
        return b"".join([line async for line in archive_of_installation(service.context)])

    return service.run(made(), within=60)


def imported(service: Service, content: bytes) -> list[ClinicImported]:
    return service.run(imported_by(service.context, content), within=60)


async def imported_by(context: AppContext, content: bytes) -> list[ClinicImported]:
    return [one async for one in import_installation(context, lambda: io.BytesIO(content))]


def rows_of(content: bytes) -> list[dict[str, Any]]:
    """The records: heads and ends name times and checksums, and an import changes a clinic's own row once.

    Nor the audit logs: each installation goes on with them.
    """
    rows = [json.loads(line) for line in content.splitlines() if line.startswith(b'{"table":')]
    for one in rows:
        if one["table"] == "clinic_profiles":
            del one["row"]["version"]
    return [one for one in rows if one["table"] not in {"audit_seals", "audit_events"}]


def audit_logs_in(content: bytes) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Each clinic's seals and lines, in their order."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    clinic_id = ""
    for line in content.splitlines()[1:]:
        document = json.loads(line)
        clinic_id = document.get("clinic_id", clinic_id)
        if document.get("table") in {"audit_seals", "audit_events"}:
            tables = found.setdefault(clinic_id, {"audit_seals": [], "audit_events": []})
            tables[document["table"]].append(document["row"])
    return found


def head_of(seals: list[dict[str, Any]]) -> Head | None:
    if not seals:
        return None
    return Head(sequence=seals[-1]["sequence"], mac=bytes.fromhex(seals[-1]["mac"]))


def without_seals_of(content: bytes, clinics: frozenset[UUID]) -> bytes:
    clinic_id, kept = "", list[bytes]()
    for line in content.splitlines(keepends=True):
        clinic_id = json.loads(line).get("clinic_id", clinic_id)
        if not (line.startswith(b'{"table":"audit_seals"') and UUID(clinic_id) in clinics):
            kept.append(line)
    return with_new_checksums(kept)


def with_new_checksums(lines: list[bytes]) -> bytes:
    """An archive as whoever changed it would finish it: each clinic's end fits what is there."""
    done, checksum, rows = lines[:1], hashlib.sha256(), 0
    for line in lines[1:]:
        document = json.loads(line)
        if "end" in document:
            document |= {"rows": rows, "sha256": checksum.hexdigest()}
            done.append(json.dumps(document).encode() + b"\n")
            checksum, rows = hashlib.sha256(), 0
            continue
        checksum.update(line)
        rows += "table" in document
        done.append(line)
    return b"".join(done)


@pytest.mark.slow
def test_an_installation_moves_to_another_and_from_that_to_a_third_with_the_same_evaluations_and_rows(
    installations: list[Service], lived_in: dict[str, str]
) -> None:
    first, *others = installations
    content = archive(first)
    head, found = verify_installation(io.BytesIO(content))
    assert (head.clinics, list(head.closed.values())) == (3, [CLOSED_AT])
    assert sum(counts.get("patients", 0) for _, counts in found) == 2
    # The closed clinic's lines have no seal yet: they get theirs where they come to.
    content = without_seals_of(content, frozenset(head.closed))
    rows, logs = rows_of(content), audit_logs_in(content)
    assert {"signals", "assessments", "check_ins"} <= {one["table"] for one in rows}
    assert [len(one["audit_seals"]) > 0 for one in logs.values()].count(True) == 2
    for there in others:
        done = imported(there, content)
        assert [one.patients for one in done] == [1, 1, 0]
        for clinic_id, patient in lived_in.items():
            assert evaluated(there, clinic_id, patient) == evaluated(first, clinic_id, patient)
        content = archive(there)
        assert rows_of(content) == rows
        assert verify_installation(io.BytesIO(content))[0].closed == head.closed
        before, logs = logs, audit_logs_in(content)
        for clinic_id, tables in before.items():
            for table, kept in tables.items():
                assert logs[clinic_id][table][: len(kept)] == kept, "what it adds itself comes behind"
            added = [one["action"] for one in logs[clinic_id]["audit_events"][len(tables["audit_events"]) :]]
            assert "archive.imported" in added
            verified = there.run(
                verify(
                    there.context.database,
                    there.context.vault,
                    UUID(clinic_id),
                    kept=head_of(tables["audit_seals"]),
                )
            )
            assert (verified.faults, verified.head) == ([], head_of(logs[clinic_id]["audit_seals"]))
            assert verified.head is not None
    again = imported(others[-1], content)
    assert [one.opened for one in again] == [None] * 3, "what is there already is left as it is"
    assert rows_of(archive(others[-1])) == rows


def test_an_audit_log_that_was_changed_in_the_archive_is_refused_by_name_whatever_its_checksum_says(
    installations: list[Service],
    lived_in: dict[str, str],  # noqa: ARG001 - has clinics
) -> None:
    lines, there = archive(installations[0]).splitlines(keepends=True), installations[1]
    event, seal, head = b'{"table":"audit_events"', b'{"table":"audit_seals"', b'"scope":"clinic"'
    changes: list[tuple[bytes, bytes, bytes, type[RefusalError]]] = [
        (event, b'"action":"', b'"action":"not.', AuditLogDiffersError),
        (event, b"", b"", AuditLogDiffersError),
        (event, b'"at":"', b'"on":"', ArchiveDamagedError),
        (seal, b'"mac":"', b'"mac":"00', AuditLogDiffersError),
        (seal, b'"sequence":', b'"sequence":9', AuditLogDiffersError),
        (seal, b'"event_id":"', b'"event_id":"x', ArchiveDamagedError),
        (head, b'"audit_key":', b'"no_key":', ArchiveDamagedError),
        (head, b'"audit_key":"', b'"audit_key":"0', AuditKeyMissingError),
    ]
    before = archive(there)
    for marker, old, new, refusal in changes:
        # In the last clinic: the ones before it are not imported either.
        place = max(place for place, line in enumerate(lines) if marker in line)
        changed = [lines[place].replace(old, new, 1)] if old else []
        content = with_new_checksums([*lines[:place], *changed, *lines[place + 1 :]])
        with pytest.raises(refusal):
            imported(there, content)
    other, content = replace(there.context, vault=Vault(bytes(32))), b"".join(lines)
    with pytest.raises(AuditKeyMissingError):
        there.run(imported_by(other, content))
    assert rows_of(archive(there)) == rows_of(before)


def test_an_archive_of_an_installation_that_is_not_whole_imports_nothing(
    installations: list[Service],
    lived_in: dict[str, str],  # noqa: ARG001 - has clinics
) -> None:
    content = archive(installations[0])
    lines = content.splitlines(keepends=True)
    ends = [place for place, line in enumerate(lines) if line.startswith(b'{"end":')]
    broken = [
        b"".join(lines[:-1]),
        b"".join(lines[: ends[0] + 1]),
        content + lines[-1],
        content.replace(b'"dose_mg_per_kg":0.5', b'"dose_mg_per_kg":5.0', 1),
    ]
    there = installations[1]
    before = archive(there)
    for one in broken:
        with pytest.raises(ArchiveDamagedError):
            imported(there, one)
    with pytest.raises(NotAnArchiveError):
        imported(there, b"".join(lines[1:]))
    assert rows_of(archive(there)) == rows_of(before)


def test_an_import_that_fails_midway_has_shown_the_key_of_each_clinic_that_is_there(
    installations: list[Service],
    lived_in: dict[str, str],  # noqa: ARG001 - has clinics
    cluster: Cluster,
    tmp_path: Path,
) -> None:
    file = tmp_path / "all.ndjson"
    file.write_bytes(archive(installations[0]))
    *_, last = (
        one["clinic_id"] for one in map(json.loads, file.read_bytes().splitlines()) if "clinic_id" in one
    )
    with cluster.database() as database:
        settings = {
            "DATABASE_URL": database.application_url,
            "AFTERGLOW_ENCRYPTION_KEY": b64encode(KEY).decode(),
        }
        execute(
            database.superuser_url,
            f"ALTER TABLE care.clinic_profiles ADD CONSTRAINT in_the_way CHECK (clinic_id <> '{last}')",
        )
        ended = afterglow_here("archive", "import", str(file), "--json", more=settings)
        assert ended.returncode == 1
        found = json.loads(ended.stdout)["clinics"]
        assert len(found) == 2
        assert all(one["api_key"] for one in found)
        execute(database.superuser_url, "ALTER TABLE care.clinic_profiles DROP CONSTRAINT in_the_way")
        said = afterglow_here("archive", "import", str(file), more=settings).stdout.splitlines()
        assert [line.partition(": ")[2] for line in said[:2]] == ["was here already."] * 2
        assert said[2].startswith(f"{last}: 0 patients. Its first API key, shown this once: ")


@pytest.mark.processes
def test_an_operator_moves_a_clinic_and_an_installation_by_the_command_line() -> None:
    with ExitStack() as running:
        here, there = (running.enter_context(open_folder(in_memory())) for _ in range(2))
        ours, theirs = here / "data", there / "data"
        clinics = [new_clinic(one)["clinic_id"] for one in (ours, ours, theirs)]
        for one in (ours, theirs):
            running.enter_context(server_of(one))
        file, one_file = str(here / "all.ndjson"), str(here / "one.ndjson")

        def run(*arguments: str, fails: bool = False) -> str:
            done = afterglow_here("archive", *arguments)
            assert (done.returncode != 0) == fails, done.stderr
            return done.stdout + done.stderr

        run("export", file, "--data-dir", str(ours), fails=True)
        run("export", file, "--all", "--data-dir", str(ours))
        run("export", one_file, "--clinic", clinics[0], "--data-dir", str(ours))
        assert "2 clinics" in run("verify", file)
        alone = json.loads(run("import", one_file, "--json", "--data-dir", str(theirs)))
        assert alone["clinic_id"] == clinics[0]
        assert alone["api_key"]
        # As if `ours` had another encryption key.
        lines = Path(file).read_bytes().replace(b'"audit_key":"', b'"audit_key":"0').splitlines(keepends=True)
        Path(file).write_bytes(with_new_checksums(lines))
        assert "with another encryption key" in run("import", file, "--data-dir", str(theirs), fails=True)
        rest = json.loads(run("import", file, "--without-audit-log", "--json", "--data-dir", str(theirs)))[
            "clinics"
        ]
        assert {one["clinic_id"]: one["api_key"] is None for one in rest} == {
            clinics[0]: True,
            clinics[1]: False,
        }
        run("import", one_file, "--data-dir", str(theirs), fails=True)


@pytest.mark.usefixtures("within_a_month")
def test_an_export_has_every_line_though_partitions_are_made_meanwhile(cluster: Cluster) -> None:
    with cluster.database() as database:
        take_away(database, 3)

        async def exported(context: AppContext) -> list[bytes]:
            add_lines(database, (await opened_clinic(context)).clinic_id, 3)
            lines: list[bytes] = []
            async for line in archive_of_installation(context):
                lines.append(line)
                # The installation's head, the clinic's, and the first row of what is read at one moment.
                if len(lines) == 3:
                    with pytest.raises(psycopg.errors.LockNotAvailable):
                        make_ahead(database)
            return lines

        lines = iter(with_context(database, exported))
        next(lines)
        for clinic in archives_in(lines, 1):
            verify_with_seals(Vault(KEY), clinic)
        make_ahead(database)
        assert f"{months_on(3):%Y_%m}" in names(database)
