"""Running `afterglow` as a person does: a separate process, in a separate folder, with nothing set."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("afterglow")
TIMEOUT_SECONDS = 240


def plain_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This machine's environment without our own settings, and with compiled code kept, which saves seconds."""
    dropped = ("AFTERGLOW_", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | dict(more or {})


def afterglow(
    *arguments: str,
    cwd: Path | None = None,
    more: Mapping[str, str] | None = None,
    program: Path = PROGRAM,
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [program, *arguments],
        cwd=cwd or "/",
        env=plain_environment(more),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def new_clinic(data_dir: Path) -> dict[str, str]:
    """Make a clinic in a data folder, which makes the database too."""
    made = afterglow("clinic", "create", "--name", "Clinic", "--json", "--data-dir", str(data_dir))
    assert made.returncode == 0, made.stderr
    return dict(json.loads(made.stdout))


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account can pass through (root's PostgreSQL runs as another account)."""
    with tempfile.TemporaryDirectory(prefix="ag-cli-", dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)
