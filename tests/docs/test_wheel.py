"""The wheel, built and installed by the Dockerfile's own steps in a clean folder, does the main job from anywhere.

No container engine is needed: the steps are read from the Dockerfile, and only the image's folders are put below a
temporary one.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command_line import ROOT, TIMEOUT_SECONDS, afterglow, plain_environment
from tests.docs.test_sessions import free_port, wait_until_ready
from tests.support.databases import open_folder

pytestmark = pytest.mark.processes

DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
# Steps that prepare the image itself; here uv is already installed, and nobody adds accounts.
OF_THE_IMAGE = ('pip install --no-cache-dir "uv>=0.9"', "useradd ")
KEPT_BELOW = ROOT / "build/wheel-stands-on"


@dataclass(frozen=True)
class Image:
    """The folders of the image, below a temporary one."""

    folder: Path

    @property
    def program(self) -> Path:
        return self.folder / "opt/afterglow/bin/afterglow"

    def here(self, text: str) -> str:
        """Put the image's absolute paths below the folder."""
        return re.sub(r"(?<![\w.])/(?=(?:wheels|opt|src)\b)", f"{self.folder}/", text)

    def environment(self) -> dict[str, str]:
        """The second stage's ENV, and the test's own data folder."""
        (line,) = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
        variables = dict(word.split("=", 1) for word in shlex.split(line))
        path = self.here(variables["PATH"]).replace("$PATH", os.environ["PATH"])
        return plain_environment(variables | {"PATH": path, "AFTERGLOW_DATA_DIR": str(self.folder / "data")})


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.MULTILINE)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with open_folder() as folder:
        for name in ("src", "opt", "wheels"):
            (folder / name).mkdir(mode=0o755)
        copy_sources(folder / "src")
        made = Image(folder)
        steps = [step for step in instructions("RUN") if not step.startswith(OF_THE_IMAGE)]
        locked = next(number for number, step in enumerate(steps) if "--require-hashes" in step)
        *before, environment = steps[:locked]
        for step in before:
            run(step, made)
        take_dependencies(made, (environment, steps[locked]))
        for step in steps[locked + 1 :]:
            run(step, made)
        shutil.rmtree(folder / "src")
        yield made


def take_dependencies(made: Image, steps: Sequence[str]) -> None:
    """Have the environment that the wheel is installed into: made by the steps once for each lock, then copied.

    Installing and compiling what is the same as in the last run takes twelve seconds of a processor.
    """
    # Its first line says where it was written.
    requirements = re.sub(
        "^#.*\n", "", (made.folder / "wheels/requirements.txt").read_text(), flags=re.MULTILINE
    )
    of_these = hashlib.sha256("\n".join((*steps, requirements, sys.version, sys.base_prefix)).encode())
    kept = KEPT_BELOW / of_these.hexdigest()
    if not kept.exists():
        for step in steps:
            run(step, made)
        # Those of earlier locks are large, and never taken again.
        shutil.rmtree(KEPT_BELOW, ignore_errors=True)
        KEPT_BELOW.mkdir(parents=True)
        # Under another name until it is whole.
        subprocess.run(["cp", "-a", made.folder / "opt/afterglow", KEPT_BELOW / "part"], check=True)
        (KEPT_BELOW / "part").rename(kept)
        return
    subprocess.run(["cp", "-a", kept, made.folder / "opt/afterglow"], check=True)


def run(step: str, made: Image) -> None:
    ended = subprocess.run(
        ["sh", "-eu", "-c", made.here(step)],
        cwd=made.folder / "src",
        env=plain_environment({"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"{step}\n{ended.stdout}\n{ended.stderr}"


def copy_sources(target: Path) -> None:
    """What the first stage's COPY steps name, and nothing else."""
    for step in instructions("COPY"):
        if step.startswith("--from=build "):
            continue
        *sources, destination = step.split()
        for source in sources:
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, target / destination, ignore=ignored)
            else:
                shutil.copy(ROOT / source, target / destination)


def test_nothing_is_copied_that_dockerignore_keeps_out() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for step in instructions("COPY") if "--from" not in step for source in step.split()[:-1]}
    assert copied == kept


def test_the_wheel_has_its_license_and_says_that_it_is_typed(image: Image) -> None:
    installed = image.folder / "opt/afterglow/lib"
    assert len(list(installed.rglob("site-packages/app/py.typed"))) == 1
    (license_text,) = installed.rglob("site-packages/afterglow-*.dist-info/licenses/LICENSE")
    assert license_text.read_text() == (ROOT / "LICENSE").read_text()


def test_the_main_job_runs_from_the_wheel_in_any_folder_and_leaves_nothing(image: Image) -> None:
    assert "Notifies a ketamine clinic" in afterglow("--help", program=image.program).stdout
    with open_folder() as folder:
        # A file that could be taken for our package, and settings that point at someone's real database.
        (folder / "app.py").write_text("raise SystemExit('the wrong app')\n")
        (folder / "tmp").mkdir(mode=0o755)
        foreign = {
            "DATABASE_URL": "postgresql://nobody@/nothing?host=/nowhere",
            "AFTERGLOW_DATA_DIR": str(folder / "real"),
            "AFTERGLOW_WEBHOOK_ALLOW": "",
            "TMPDIR": str(folder / "tmp"),
        }
        ended = afterglow("demo", "--once", cwd=folder, more=foreign, program=image.program)

        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ended.stderr == ""
        assert list((folder / "tmp").iterdir()) == []
        assert not (folder / "real").exists()
    shown = ended.stdout
    for level in ("steady", "watch", "no reference", "consider booster"):
        assert re.search(rf"\b{level}\b", shown)
    assert "signal.raised · signature verified" in shown
    assert "Consider a booster." in shown
    assert "988" in shown
    assert re.search(r"safety\.reported arrived after \d", shown)
    assert '"event":' not in shown, "the service's own logs belong into the log file"


def test_the_images_command_serves_and_its_health_check_shows_whether_it_does(image: Image) -> None:
    (command,), (check,) = (
        [json.loads(step[step.index("[") :]) for step in instructions(name)]
        for name in ("CMD", "HEALTHCHECK")
    )
    port = free_port()
    environment = image.environment() | {"AFTERGLOW_PORT": str(port)}

    def healthy() -> bool:
        return subprocess.run(check, env=environment, capture_output=True, check=False).returncode == 0

    assert not healthy()
    with subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.DEVNULL) as process:
        try:
            wait_until_ready(f"http://127.0.0.1:{port}")
            assert healthy()
        finally:
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            process.wait(60)
    assert time.monotonic() - began < 10, "docker stop waits ten seconds"
    assert not healthy()
