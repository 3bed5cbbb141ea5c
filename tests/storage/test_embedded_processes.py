"""The embedded database when processes die, race, or run as someone else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.storage.engine.binaries import Binaries
from app.storage.engine.embedded.account import Account
from app.storage.engine.embedded.supervisor import Supervisor, find_running
from tests.storage.embedded_folders import (
    AS_ROOT,
    BECOME_PROGRAM,
    ROOT_ONLY,
    SupervisorProcess,
    ask,
    execute,
    nobody,
    processes_naming,
    server_pid,
    wait_until,
)

pytestmark = pytest.mark.processes

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")


def runs(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return state.stdout.strip() != "" and not state.stdout.startswith("Z")


def account_of(pid: int) -> int:
    listed = subprocess.run(["ps", "-o", "uid=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(listed.stdout)


def own_folder(base: Path, account: Account | None) -> Path:
    data_dir = base / "data"
    data_dir.mkdir(mode=0o700)
    if account is not None:
        os.chown(data_dir, account.uid, account.gid)
    return data_dir


def kill_supervisor_and_start_again(data_dir: Path, programs: Binaries, account: Account | None) -> None:
    killed = SupervisorProcess(data_dir, programs, account)
    word, conninfo = killed.ready()
    assert word == "started"
    execute(conninfo, "CREATE TABLE committed AS SELECT 7 AS number")
    server = server_pid(data_dir)
    killed.kill()
    # At once, while the old server is still leaving.
    following = SupervisorProcess(data_dir, programs, account)
    word, conninfo = following.ready()
    assert (word, ask(conninfo, "SELECT number FROM committed")) == ("started", "7")
    assert not runs(server)
    assert following.close() == 0


@LINUX_ONLY
def test_killing_the_supervisor_ends_its_server_within_seconds(base: Path, programs: Binaries) -> None:
    supervisor = SupervisorProcess(base / "data", programs)
    supervisor.ready()
    server = server_pid(base / "data")
    assert runs(server)
    supervisor.kill()
    assert wait_until(lambda: not runs(server), 5)
    assert find_running(base / "data") is None
    assert wait_until(lambda: processes_naming(base) == [], 5)


@LINUX_ONLY
def test_the_next_start_after_a_killed_supervisor_finds_everything_committed(
    base: Path, programs: Binaries
) -> None:
    kill_supervisor_and_start_again(base / "data", programs, None)


@LINUX_ONLY
@ROOT_ONLY
def test_an_ordinary_user_gets_the_same_without_changing_account(base: Path, programs: Binaries) -> None:
    account = nobody()
    data_dir = own_folder(base, account)
    supervisor = SupervisorProcess(data_dir, programs, account)
    supervisor.ready()
    assert account_of(supervisor.pid) == account_of(server_pid(data_dir)) == account.uid
    assert supervisor.close() == 0
    kill_supervisor_and_start_again(data_dir, programs, account)


@ROOT_ONLY
def test_root_runs_the_server_as_the_owner_of_the_data_folder(base: Path, programs: Binaries) -> None:
    data_dir = own_folder(base, nobody())
    with Supervisor(data_dir, programs):
        assert account_of(server_pid(data_dir)) == nobody().uid


def test_of_two_processes_that_start_at_once_one_starts_and_the_other_finds(
    base: Path, programs: Binaries
) -> None:
    rivals = [SupervisorProcess(base / "data", programs) for _ in range(2)]
    answers = [rival.ready() for rival in rivals]
    assert sorted(word for word, _ in answers) == ["found", "started"]
    assert len({ask(conninfo, "SELECT pg_postmaster_start_time()") for _, conninfo in answers}) == 1
    # The one who found it leaves first, and the server stays.
    finder = next(rival for rival, answer in zip(rivals, answers, strict=True) if answer[0] == "found")
    assert finder.close() == 0
    assert find_running(base / "data") is not None
    assert sum(rival.close() for rival in rivals if rival is not finder) == 0
    assert find_running(base / "data") is None


@LINUX_ONLY
def test_the_next_start_recovers_when_everything_was_killed_at_once(base: Path, programs: Binaries) -> None:
    data_dir = base / "data"
    supervisor = SupervisorProcess(data_dir, programs)
    _, conninfo = supervisor.ready()
    execute(conninfo, "CREATE TABLE committed AS SELECT 7 AS number")
    server = server_pid(data_dir)
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(server)], capture_output=True, check=True)
    os.kill(server, signal.SIGSTOP)  # so that it cannot act between the two kills
    supervisor.kill()
    for pid in [server, *map(int, children.stdout.split())]:
        os.kill(pid, signal.SIGKILL)
    assert (data_dir / "postgres" / "postmaster.pid").exists()
    with Supervisor(data_dir, programs) as following:
        assert ask(following.address.conninfo(), "SELECT number FROM committed") == "7"


@LINUX_ONLY
def test_a_stale_note_whose_number_belongs_to_another_process_does_not_stop_the_start(
    base: Path, programs: Binaries
) -> None:
    data_dir = base / "data"
    with Supervisor(data_dir, programs) as running:
        socket_note = running.address.socket_folder / ".s.PGSQL.5432.lock"
        notes = {path: path.read_text() for path in (data_dir / "postgres" / "postmaster.pid", socket_note)}
    owner = (data_dir / "postgres").stat().st_uid
    # `postgres` would not start while a process of the same account has the number in the note.
    bystander = subprocess.Popen(["sleep", "60"], user=owner if AS_ROOT else None)
    try:
        for path, text in notes.items():
            path.write_text(text.replace(text.split()[0], str(bystander.pid), 1))
            os.chown(path, owner, -1)
        with Supervisor(data_dir, programs) as following:
            assert ask(following.address.conninfo(), "SELECT 1") == "1"
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_an_interrupted_first_start_leaves_no_half_database(base: Path, programs: Binaries) -> None:
    data_dir = base / "data"
    interrupted = SupervisorProcess(data_dir, programs)
    assert wait_until(lambda: any(data_dir.glob("postgres.new-*/base/*")), 10)
    interrupted.kill()
    assert not (data_dir / "postgres").exists()
    with Supervisor(data_dir, programs) as following:
        assert ask(following.address.conninfo(), "SELECT 1") == "1"
    with Supervisor(data_dir, programs):
        assert list(data_dir.glob("postgres.new-*")) == []


@LINUX_ONLY
def test_the_server_is_given_nothing_of_our_environment(base: Path, programs: Binaries) -> None:
    supervisor = SupervisorProcess(base / "data", programs)
    supervisor.ready()
    environment = Path(f"/proc/{server_pid(base / 'data')}/environ").read_bytes()
    assert b"LC_ALL=C" in environment
    assert b"SECRET" not in environment
    assert b"PGPORT" not in environment
    supervisor.close()


@LINUX_ONLY
def test_a_program_whose_parent_is_already_gone_is_never_started(base: Path) -> None:
    someone_else = "1" if os.getpid() != 1 else "2"
    trace = base / "started"
    command = [
        sys.executable,
        "-I",
        "-S",
        str(BECOME_PROGRAM),
        someone_else,
        "-",
        "-",
        "/usr/bin/touch",
        str(trace),
    ]
    assert subprocess.run(command, check=False).returncode == 3
    assert not trace.exists()
