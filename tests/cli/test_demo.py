"""`afterglow demo` as a person meets it; its `--once` is tested with the wheel (tests/docs/test_wheel.py)."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from app.access.clinics.permissions import Scope
from app.cli.runtime import Runtime, open_runtime
from app.settings import Settings
from tests.cli.command_line import PROGRAM, TIMEOUT_SECONDS, afterglow, afterglow_here, plain_environment
from tests.storage.catalogue import ask
from tests.support.databases import open_folder
from tests.support.people import NO_TLS, key_with
from tests.support.service import running_service

pytestmark = pytest.mark.processes

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


def test_without_programs_it_says_so_in_one_sentence() -> None:
    with open_folder() as folder:
        ended = afterglow(
            "demo", "--once", more={"AFTERGLOW_POSTGRES_BIN": str(folder), "TMPDIR": str(folder)}
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"afterglow: The folder {folder}, named in AFTERGLOW_POSTGRES_BIN, lacks")
    assert "Traceback" not in ended.stderr


@dataclass
class Terminal:
    """A process on a separate terminal, and what it showed."""

    process: subprocess.Popen[bytes]
    handle: int
    # Where it keeps what goes when it ends.
    temporary: Path
    shown: str = ""

    def read_until(self, text: str) -> str:
        """Read until this was shown; gives everything so far, without colours."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.handle], [], [], 1)[0]:
                self.shown += _ESCAPES.sub("", os.read(self.handle, 65536).decode("utf-8", "replace"))
        return self.shown

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.handle, keys.encode())


@pytest.fixture(scope="module")
def demo() -> Iterator[Terminal]:
    """The demo on a terminal, which has shown everything; the last test ends it as a person does."""
    with open_folder() as folder, on_terminal(folder, "demo") as terminal:
        terminal.read_until("Ctrl-C ends it.")
        yield terminal


def test_every_signal_that_the_demo_made_is_the_same_again_also_after_a_policy_change(
    demo: Terminal,
) -> None:
    (data_dir,) = demo.temporary.iterdir()
    with open_runtime(Settings(data_dir=data_dir)) as runtime:
        made = ask(runtime.owner(), "SELECT id::text, clinic_id::text FROM care.signals")
        assert made
        for number in (1, 2):
            for signal in made:
                again = afterglow_here("replay", signal["id"], "--data-dir", str(data_dir))
                assert (again.returncode, again.stderr) == (0, "")
                assert again.stdout.startswith(f"same: signal {signal['id']}, raised ")
            if number == 1:
                change_policy(runtime, signal["clinic_id"])


def change_policy(runtime: Runtime, clinic_id: str) -> None:
    """Activate stricter numbers, as the clinic's own engineer does."""
    with running_service(
        runtime.application_url, work=False, now=datetime.now(UTC), tenant_key=runtime.vault().tenant_key
    ) as service:
        key = key_with(service, clinic_id, Scope.CLINIC)
        headers = {"authorization": f"Bearer {key}", "if-match": '"0"'}
        numbers = {"consider_at": 0.9, "consider_at_assumed": 0.9, "smoothing_days": 9}
        url = f"{service.url}/v1/clinic/policy"
        changed = httpx2.put(
            url, json={"numbers": numbers}, headers=headers, trust_env=False, timeout=30, verify=NO_TLS
        )
        assert changed.json()["rule"].startswith("gain-lost 2.0, consider_at=0.9")


def test_a_person_can_try_the_printed_lines_see_events_and_end_it(demo: Terminal) -> None:
    key = found(r"KEY=(agk_\S+)", demo.shown)
    url = found(r"(http://127\.0\.0\.1:\d+)/v1/signals$", demo.shown)
    with httpx2.Client(
        base_url=url,
        headers={"authorization": f"Bearer {key}"},
        trust_env=False,
        timeout=30,
        verify=NO_TLS,
    ) as http:
        (signal,) = http.get("/v1/signals").json()["items"]
        closing = {"disposition": found(r'"disposition": "(\w+)"', demo.shown)}
        closed = http.post(found(r"(/v1/signals/\S+/close)", demo.shown), json=closing)
        assert closed.status_code == 200
        assert closed.json()["id"] == signal["id"]
        joining = http.get(found(r"(/care/join/agi_\S+)", demo.shown)).text
        assert "Join Lakeside Ketamine Clinic (demo)" in joining
    demo.read_until("signal.closed  verified")
    (data_dir,) = demo.temporary.iterdir()
    assert (data_dir / "demo.log").stat().st_mode & 0o077 == 0
    demo.type("\x03\x03")
    demo.read_until("Stopped.")
    assert demo.process.wait(60) == 0
    assert list(demo.temporary.iterdir()) == []


def found(pattern: str, text: str) -> str:
    """The first group of the first match."""
    match = re.search(pattern, text, re.MULTILINE)
    assert match is not None, f"{pattern} is not in:\n{text}"
    return match[1]


@contextmanager
def on_terminal(folder: Path, *arguments: str) -> Iterator[Terminal]:
    """Run a command on a wide terminal."""
    (folder / "tmp").mkdir(mode=0o755)
    handle, far_end = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        cwd=folder,
        env=plain_environment({"COLUMNS": "200", "TERM": "xterm-256color", "TMPDIR": str(folder / "tmp")}),
        stdin=far_end,
        stdout=far_end,
        stderr=far_end,
        start_new_session=True,
        # The terminal has to be the session's own, or Ctrl-C on it reaches nobody.
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # noqa: PLW1509 - no threads here
    )
    os.close(far_end)
    try:
        yield Terminal(process, handle, folder / "tmp")
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        os.close(handle)
