"""What client makers need: a folder to work in, the tools on its path, and nothing written to anybody's home.

What the tools fetch and compile stays in `build/clients`, so that the next run has it.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.node import NODE, NODE_HOME
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service

ROOT = Path(__file__).parents[2]
_HOW = "`make install` brings uv and Node.js; both fetch packages from the public registries or their mirrors"
_LONGEST_SECONDS = 300
_KEPT = ROOT / "build" / "clients"
# What a client maker made on some machine before is no part of the project.
_MADE = shutil.ignore_patterns("node_modules", "afterglow_client", "schema.d.ts", "__pycache__")


@dataclass(frozen=True)
class Workshop:
    """A copy of the document and of the clients' folders, where blocks of the pages are run as written."""

    folder: Path
    environment: dict[str, str]

    def run(self, commands: str, *, at: str = ".") -> str:
        """Run shell commands to their end; gives what they print.

        Raises:
            AssertionError: one of them failed, with what it said and how to get what may be missing.
        """
        done = subprocess.run(
            ["/bin/sh", "-euc", commands],
            cwd=self.folder / at,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}\n{_HOW}"
        return done.stdout


def new_workshop(folder: Path) -> Workshop:
    """Lay out a workshop in an empty folder."""
    for part in ("openapi", "tests/clients"):
        shutil.copytree(ROOT / part, folder / part, ignore=_MADE)
    tools = folder / "tools"
    tools.mkdir()
    _put_tools(tools)
    variables = {
        "PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin",
        "npm_config_cache": str(_KEPT / "npm"),
        "npm_config_update_notifier": "false",
        "npm_config_ignore_scripts": "true",
        "UV_PYTHON": sys.executable,
        "UV_TOOL_DIR": str(folder / "uv-tools"),
        "UV_CACHE_DIR": str(_KEPT / "uv"),
        "MYPY_CACHE_DIR": str(_KEPT / "mypy"),
    }
    return Workshop(folder, {**os.environ, **variables})


def _put_tools(tools: Path) -> None:
    """Put uv and Node.js on the path; the wheel's own npm and npx are copies of links, and find nothing."""
    beside = Path(sys.executable).parent
    programs = {"uv": beside / "uv", "uvx": beside / "uvx", "node": NODE}
    for name, program in programs.items():
        assert program.exists(), f"{name} is missing: {_HOW}"
        (tools / name).symlink_to(program)
    for name in ("npm", "npx"):
        script = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / f"{name}-cli.js"
        assert script.exists(), f"{name} is missing: {_HOW}"
        (tools / name).write_text(f'#!/bin/sh\nexec "{NODE}" "{script}" "$@"\n')
        (tools / name).chmod(0o755)


def enrolment_code(clinic: ClinicClient) -> tuple[str, str]:
    """A new patient, and a code for a phone of theirs."""
    patient = clinic.patient()
    return patient, str(clinic.http.post(f"/v1/patients/{patient}/enrolment-codes").json()["code"])


def assert_round_trip(seen: dict[str, Any], patient: str, clinic: ClinicClient, service: Service) -> None:
    """What a client saw is what was made, and what the service sends another phone of the same patient."""
    made, right = seen["made"], seen["right"]
    assert (seen["first"], seen["again"]) == ([201] * 5, [200] * 5)
    assert seen["patient"] == patient
    assert seen["pages"] == [3, 2], "five check-ins by two, then two changes and a new one"
    assert seen["withdrawal"] == 204
    assert seen["refused"]["type"] == "/problems/check-in-in-future"
    assert (seen["refused"]["status"], seen["refused"]["pointers"]) == (422, ["#/recorded_at"])
    assert _moment(seen["refused"]["server_time"]) == NOW

    known = {one["id"]: one for one in seen["known"]}
    assert set(known) == {*made, right}
    assert [known[one]["mood"] for one in made] == [1, 2, 3, 4, 5]
    assert (known[made[1]]["superseded_by"], known[right]["supersedes"]) == (right, made[1])
    assert _moment(known[made[3]]["withdrawn_at"]) == NOW
    assert [known[one]["note"] for one in made] == ["héllo"] * 5
    kept = clinic.enrol(patient, service.url).http.get("/v1/check-ins").json()["items"]
    assert {one["id"]: _plain(one) for one in kept} == {key: _plain(one) for key, one in known.items()}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _plain(check_in: dict[str, Any]) -> dict[str, Any]:
    """A check-in with its times as moments, however a language writes them."""
    return {
        name: _moment(value) if name.endswith("_at") and value else value for name, value in check_in.items()
    }
