"""Backups are sealed, kept, and tried; an upgrade takes one first; going down asks before anything is lost."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from app.foundation.sealed_stream import MAGIC
from app.storage.engine.migrating import check_schema, losses, migrate, newest_revision, revision_of
from tests.cli.command_line import afterglow, afterglow_here, new_clinic, server_of
from tests.storage.catalogue import ask
from tests.support.databases import Cluster, DatabaseUrls, in_memory, open_folder

pytestmark = pytest.mark.processes

BEFORE = "0042"


@dataclass(frozen=True)
class Installation:
    """An embedded database with one clinic, and a folder for backups."""

    folder: Path
    clinic_id: str

    def run(self, *words: str, data_dir: str = "data") -> subprocess.CompletedProcess[str]:
        return afterglow_here(*words, "--data-dir", str(self.folder / data_dir))

    def done(self, *words: str, data_dir: str = "data") -> str:
        ended = self.run(*words, data_dir=data_dir)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    @property
    def backups(self) -> list[Path]:
        return sorted((self.folder / "backups").iterdir())


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    with open_folder(in_memory()) as folder:
        (folder / "backups").mkdir()
        made = Installation(folder, new_clinic(folder / "data")["clinic_id"])
        with server_of(folder / "data"):
            yield made


def test_a_backup_is_sealed_tried_and_shown_and_only_the_newest_are_kept(installation: Installation) -> None:
    to = str(installation.folder / "backups")
    for _ in range(2):
        installation.done("backup", "--to", to, "--keep", "1")
    (file,) = installation.backups
    assert file.read_bytes().startswith(MAGIC)
    assert b"front_desk" not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600

    tried = json.loads(installation.done("verify-backup", "--from", to, "--json"))
    assert (tried["tables"], tried["clinics"], tried["faults"]) == (newest_revision(), 1, 0)
    said = json.loads(installation.run("status", "--json").stdout)["backups"]
    assert said["last_file"] == file.name
    assert said["last_made_seconds"] < 600
    assert said["last_verified_seconds"] < 600


def test_a_backup_that_was_cut_short_or_is_of_another_key_is_refused_before_anything_is_written(
    installation: Installation,
) -> None:
    whole = installation.folder / "whole.backup"
    installation.done("backup", "--to", str(whole))
    cut = installation.folder / "cut.backup"
    cut.write_bytes(whole.read_bytes()[:-100])
    for words in (("verify-backup", "--from"), ("restore", "--from")):
        ended = installation.run(*words, str(cut), data_dir="fresh-key")
        assert ended.returncode == 1
        assert "is not among those given" in ended.stderr
    (installation.folder / "elsewhere").mkdir()
    key = (installation.folder / "data" / "encryption.key").read_text()
    place = installation.folder / "elsewhere" / "encryption.key"
    place.write_text(key)
    place.chmod(0o600)
    ended = installation.run("restore", "--from", str(cut), data_dir="elsewhere")
    assert ended.returncode == 1
    assert "was cut short or changed" in ended.stderr

    # Into the same folder, still empty, the whole one goes.
    installation.done("restore", "--from", str(whole), data_dir="elsewhere")
    listed = json.loads(installation.done("clinic", "list", "--json", data_dir="elsewhere"))
    assert [one["id"] for one in listed["clinics"]] == [installation.clinic_id]
    # Over a living database nothing is restored.
    again = installation.run("restore", "--from", str(whole), data_dir="elsewhere")
    assert again.returncode == 1
    assert "only goes into an empty database" in again.stderr


def test_a_backup_is_tried_while_the_database_is_away(installation: Installation) -> None:
    file = installation.folder / "away.backup"
    installation.done("backup", "--to", str(file))
    key = (installation.folder / "data" / "encryption.key").read_text().strip()
    there = "postgresql://{}@127.0.0.1:9/away"
    away = {
        "DATABASE_URL": there.format("afterglow_app"),
        "AFTERGLOW_OWNER_URL": there.format("afterglow_owner"),
        "AFTERGLOW_ENCRYPTION_KEY": key,
    }
    ended = afterglow_here("verify-backup", "--from", str(file), "--json", more=away)
    assert ended.returncode == 0, ended.stderr
    tried = json.loads(ended.stdout)
    assert (tried["tables"], tried["clinics"], tried["faults"]) == (newest_revision(), 1, 0)
    assert tried["noted"] is False


@contextmanager
def older_tables(cluster: Cluster) -> Iterator[DatabaseUrls]:
    """A database of the version before the last, with a clinic."""
    with cluster.database(migrated=False) as urls:
        migrate(urls.owner_url, application_role="afterglow_app", to=BEFORE)
        with psycopg.connect(urls.owner_url) as connection:
            connection.execute(
                "INSERT INTO front_desk.clinics (id, state, created_at)"
                " VALUES ('01900000-0000-7000-8000-000000000001', 'open', now())"
            )
        yield urls


def test_an_upgrade_takes_a_backup_brings_the_tables_up_and_checks(cluster: Cluster, tmp_path: Path) -> None:
    with older_tables(cluster) as urls:
        where = {
            "DATABASE_URL": urls.application_url,
            "AFTERGLOW_OWNER_URL": urls.owner_url,
            "AFTERGLOW_ENCRYPTION_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        }
        with psycopg.connect(urls.application_url):
            ended = afterglow_here("upgrade", "--backup-to", str(tmp_path), more=where)
            assert ended.returncode == 1
            assert "stop them first, or say --while-running" in ended.stderr
        assert list(tmp_path.iterdir()) == []
        assert revision_of(urls.owner_url) == BEFORE

        ended = afterglow_here("upgrade", "--backup-to", str(tmp_path), more=where)
        assert ended.returncode == 0, ended.stderr
        assert f"The tables are at {BEFORE}; this version's are {newest_revision()}." in ended.stdout
        (file,) = tmp_path.iterdir()
        assert file.read_bytes().startswith(MAGIC)
        check_schema(urls.application_url)
        # It is noted where the version before had no place for that, and tried as a restore would use it.
        noted = "SELECT file_name AS file, verified_at IS NOT NULL AS verified FROM front_desk.backups"
        assert ask(urls.owner_url, noted) == [{"file": file.name, "verified": False}]
        ended = afterglow_here("verify-backup", "--from", str(tmp_path), "--json", more=where)
        assert ended.returncode == 0, ended.stderr
        tried = json.loads(ended.stdout)
        assert (tried["tables"], tried["clinics"], tried["faults"]) == (BEFORE, 1, 0)
        assert ask(urls.owner_url, noted) == [{"file": file.name, "verified": True}]

        # Once more there is nothing to do, and nothing to take a backup for.
        with psycopg.connect(urls.application_url):
            assert afterglow_here("upgrade", "--backup-to", str(tmp_path), more=where).returncode == 0
        assert list(tmp_path.iterdir()) == [file]


def test_going_down_says_what_would_be_lost_and_changes_nothing_until_someone_says_yes(
    cluster: Cluster,
) -> None:
    with cluster.database() as urls:
        with psycopg.connect(urls.owner_url) as connection:
            connection.execute(
                "INSERT INTO front_desk.backups (id, made_at, file_name, size, sha256)"
                " VALUES ('01900000-0000-7000-8000-000000000001', now(), 'a', 1, '')"
            )
        (lost,) = losses(urls.owner_url, application_role="afterglow_app", to=BEFORE)
        assert (lost.what, lost.number, lost.is_table) == ("front_desk.backups", 1, True)
        assert revision_of(urls.owner_url) == newest_revision()
        # What only gets another name is not lost.
        assert losses(urls.owner_url, application_role="afterglow_app", to="head") == []

        where = {
            "DATABASE_URL": urls.application_url,
            "AFTERGLOW_OWNER_URL": urls.owner_url,
            "AFTERGLOW_ENCRYPTION_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        }
        ended = afterglow("migrate", "--to", BEFORE, more=where)
        assert ended.returncode == 1
        assert "front_desk.backups: 1 rows" in ended.stdout
        assert "nothing was changed" in ended.stderr
        assert revision_of(urls.owner_url) == newest_revision()
        assert afterglow_here("migrate", "--to", BEFORE, "--yes", more=where).returncode == 0
        assert revision_of(urls.owner_url) == BEFORE
