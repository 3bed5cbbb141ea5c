"""The embedded database as its user meets it: it starts, keeps data, reveals nothing, and stops."""

import contextlib
import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.storage.engine.binaries import Binaries
from app.storage.engine.embedded.errors import AlreadySupervisedError, NotStartedError
from app.storage.engine.embedded.folders import Address, default_data_dir
from app.storage.engine.embedded.supervisor import Supervisor, connect_or_start, find_running
from tests.storage.embedded_folders import (
    AS_ROOT,
    ask,
    execute,
    open_folder,
    processes_naming,
    server_pid,
    wait_until,
)

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder / "data"


@pytest.fixture
def supervisor(data_dir: Path, programs: Binaries) -> Iterator[Supervisor]:
    with Supervisor(data_dir, programs) as running:
        yield running


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_data_survives_a_restart(data_dir: Path, programs: Binaries) -> None:
    with Supervisor(data_dir, programs) as first:
        execute(first.address.conninfo(), "CREATE TABLE kept AS SELECT 'still here' AS words")
    with Supervisor(data_dir, programs) as second:
        assert ask(second.address.conninfo(), "SELECT words FROM kept") == "still here"


def test_the_server_runs_with_the_settings_we_promise(supervisor: Supervisor) -> None:
    promised = {
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "fsync": "on",
        "TimeZone": "UTC",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
        "log_error_verbosity": "terse",
    }
    conninfo = supervisor.address.conninfo()
    assert {name: ask(conninfo, f"SHOW {name}") for name in promised} == promised


def test_the_write_ahead_log_is_compressed_where_that_costs_nothing(supervisor: Supervisor) -> None:
    conninfo = supervisor.address.conninfo()
    possible = str(ask(conninfo, "SELECT enumvals::text FROM pg_settings WHERE name = 'wal_compression'"))
    best = next((one for one in ("lz4", "zstd") if one in possible), "off")
    assert ask(conninfo, "SHOW wal_compression") == best


def test_text_sorts_by_code_point(supervisor: Supervisor) -> None:
    question = "SELECT datcollate FROM pg_database WHERE datname = current_database()"
    assert ask(supervisor.address.conninfo(), question) == "C"


def test_only_the_server_account_may_enter_the_cluster_and_the_socket_folder(
    supervisor: Supervisor, data_dir: Path
) -> None:
    assert mode(data_dir / "postgres") == 0o700
    assert mode(supervisor.address.socket_folder) == 0o700
    assert mode(data_dir / "postgres.log") == 0o600
    assert mode(data_dir) == (0o711 if AS_ROOT else 0o700)
    assert data_dir.stat().st_uid == os.geteuid()
    assert (data_dir / "postgres").stat().st_uid != 0


def test_a_running_server_is_found_and_a_stopped_one_is_not(data_dir: Path, programs: Binaries) -> None:
    assert find_running(data_dir) is None
    with Supervisor(data_dir, programs) as running:
        assert find_running(data_dir) == running.address
        note = (data_dir / "postgres" / "postmaster.pid").read_text()
    assert find_running(data_dir) is None
    (data_dir / "postgres" / "postmaster.pid").write_text(note)
    assert find_running(data_dir) is None


def test_connect_or_start_uses_the_server_that_runs(
    supervisor: Supervisor, data_dir: Path, programs: Binaries
) -> None:
    assert connect_or_start(data_dir, programs) == (supervisor.address, None)


def test_a_second_supervisor_of_the_same_folder_is_refused(
    supervisor: Supervisor, data_dir: Path, programs: Binaries
) -> None:
    with pytest.raises(AlreadySupervisedError, match=str(data_dir)):
        Supervisor(data_dir, programs).start()
    assert supervisor.alive


def test_starting_and_stopping_again_changes_nothing(data_dir: Path, programs: Binaries) -> None:
    supervisor = Supervisor(data_dir, programs)
    assert supervisor.start() == supervisor.start()
    supervisor.stop()
    supervisor.stop()
    assert not supervisor.alive
    with pytest.raises(NotStartedError):
        _ = supervisor.address


def test_stopping_cuts_off_clients_and_leaves_no_process(data_dir: Path, programs: Binaries) -> None:
    supervisor = Supervisor(data_dir, programs)
    client = psycopg.connect(supervisor.start().conninfo())
    client.execute("SELECT 1")
    begun = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begun < 5
    assert processes_naming(data_dir) == []
    assert list((data_dir / "run").iterdir()) == []
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")
    client.close()


def test_the_server_outlives_the_thread_that_started_it(data_dir: Path, programs: Binaries) -> None:
    supervisor = Supervisor(data_dir, programs)
    starter = threading.Thread(target=supervisor.start)
    starter.start()
    starter.join()
    time.sleep(0.3)  # the death signal of a thread comes at once, when it comes
    assert ask(supervisor.address.conninfo(), "SELECT 1") == "1"
    supervisor.stop()


def test_a_relative_data_folder_means_the_folder_one_stood_in(
    data_dir: Path, programs: Binaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data_dir.parent)
    with Supervisor(Path("data"), programs) as running:
        assert running.address.socket_folder == data_dir / "run"


def test_no_value_of_a_patient_reaches_the_log(supervisor: Supervisor, data_dir: Path) -> None:
    disclosed = "suicidal-thoughts-9"
    execute(
        supervisor.address.conninfo(),
        f"CREATE TABLE answers (words text PRIMARY KEY CHECK (words <> 'x{disclosed}'))",
    )
    failing: list[tuple[str, list[object]]] = [
        ("INSERT INTO answers VALUES (%s), (%s)", [disclosed, disclosed]),
        ("INSERT INTO answers VALUES (%s)", ["x" + disclosed]),
        ("SELECT %s::text::int", [disclosed]),
        (f"SELECT '{disclosed}'::int", []),
        (f"SELECT 1 AS a ORDER BY '{disclosed}'::regclass", []),
        (f"DO $$ BEGIN RAISE WARNING '{disclosed}'; RAISE EXCEPTION '{disclosed}'; END $$", []),
    ]
    with psycopg.connect(supervisor.address.conninfo(), autocommit=True) as connection:
        for statement, values in failing:
            with contextlib.suppress(psycopg.Error):
                connection.execute(statement.encode(), values)
        pid = connection.info.backend_pid
        # A crash makes the server name the statement that ran, and recover.
        threading.Timer(0.3, os.kill, [pid, signal.SIGKILL]).start()
        with pytest.raises(psycopg.OperationalError):
            connection.execute(f"SELECT pg_sleep(5), '{disclosed}'".encode())
    # It may accept one more connection before it notices.
    assert wait_until(lambda: str(pid) in (data_dir / "postgres.log").read_text(), 10)
    assert wait_until(supervisor.address.accepts_connections, 10)
    log = (data_dir / "postgres.log").read_text()
    assert disclosed not in log


def test_a_supervisor_starts_again_after_its_server_was_killed(data_dir: Path, programs: Binaries) -> None:
    supervisor = Supervisor(data_dir, programs)
    execute(supervisor.start().conninfo(), "CREATE TABLE committed AS SELECT 7 AS number")
    os.kill(server_pid(data_dir), signal.SIGKILL)
    assert wait_until(lambda: not supervisor.alive, 5)
    assert ask(supervisor.start().conninfo(), "SELECT number FROM committed") == "7"
    supervisor.stop()


def test_an_address_with_awkward_names_reads_back_as_it_was() -> None:
    address = Address(socket_folder=Path("/tmp/a b,c'd\"&e%"), port=5432)  # noqa: S108 - never opened
    expected = {"host": str(address.socket_folder), "port": "5432", "user": "o'r @", "dbname": "d/b&c"}
    assert conninfo_to_dict(address.url("o'r @", "d/b&c")) == expected
    assert conninfo_to_dict(address.conninfo("o'r @", "d/b&c")) == expected


def test_an_address_is_written_the_way_everybody_expects() -> None:
    address = Address(socket_folder=Path("/var/lib/afterglow/run"), port=5432)
    assert address.url("owner", "afterglow") == (
        "postgresql://owner@/afterglow?host=/var/lib/afterglow/run&port=5432"
    )


def test_the_default_data_folder_follows_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/data")
    expected = Path("/var/lib/afterglow") if AS_ROOT else Path("/somewhere/data/afterglow")
    assert default_data_dir() == expected
