"""The declared order of packages holds, and what breaks it is noticed: tried on copies of the tree."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import CHECKOUT

pytestmark = pytest.mark.processes


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy that may be broken."""
    shutil.copytree(CHECKOUT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / ".importlinter", tmp_path)
    (tmp_path / "tests/house").mkdir(parents=True)
    shutil.copy(CHECKOUT / "tests/house/role_contract.py", tmp_path / "tests/house")
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def broken_by(tree: Path, module: str, line: str) -> str:
    """Add one line to a module; gives what the linter says, which must be that something is broken."""
    path = tree / module
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text() if path.exists() else '"""Made up."""\n'
    path.write_text(f"{before}\n{line}\n")
    done = lint(tree)
    assert done.returncode != 0, done.stdout
    assert str(tree) not in done.stderr, done.stderr
    return done.stdout


def test_the_contracts_are_kept(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout


def test_a_package_that_is_not_in_the_declared_order_fails(tree: Path) -> None:
    assert "newpackage" in broken_by(tree, "app/newpackage/__init__.py", "")


def test_a_new_module_at_the_top_fails_too(tree: Path) -> None:
    assert "loose" in broken_by(tree, "app/loose.py", "")


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("app/storage/engine/health.py", "import app.web.problems"),
        ("app/clinical/ewma.py", "import app.storage.engine.rows"),
        ("app/care/patients/commands.py", "import app.care.alerts.signal_commands"),
        ("app/care/alerts/signal_commands.py", "import app.care.monitoring.commands"),
        ("app/care/check_ins/commands.py", "import app.care.treatment.commands"),
        ("app/foundation/ids.py", "import app.clinical.protocol"),
        ("app/web/health.py", "import app.access.clinics.queries"),
        ("app/worker.py", "import app.asgi"),
    ],
)
def test_an_import_upwards_or_sideways_fails(tree: Path, module: str, line: str) -> None:
    said = broken_by(tree, module, line)
    assert "declared order" in said or "calls down the story" in said.split("Broken contracts")[1]


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("app/clinical/ewma.py", "import pydantic", "The clinical core is pure"),
        ("app/clinical/ewma.py", "import app.foundation.clock", "The clinical core is pure"),
        ("app/care/patients/commands.py", "import sqlalchemy", "Only storage knows SQLAlchemy"),
        ("app/cli/processes.py", "import sqlalchemy", "Only storage knows SQLAlchemy"),
        (
            "app/notifications/webhooks/commands.py",
            "import app.settings",
            "Only the processes read the settings",
        ),
        (
            "app/care/assessments/commands.py",
            "import fastapi",
            "know no HTTP framework",
        ),
        (
            "app/storage/engine/health.py",
            "import starlette.requests",
            "know no HTTP framework",
        ),
        (
            "app/care/patients/commands.py",
            "import app.storage.engine.embedded",
            "The embedded PostgreSQL is started only by the processes",
        ),
    ],
)
def test_every_other_contract_notices_what_it_is_for(
    tree: Path, module: str, line: str, contract: str
) -> None:
    said = broken_by(tree, module, line)
    assert contract in said.split("Broken contracts")[1], said


def test_a_web_framework_in_any_command_or_query_fails_by_its_name(tree: Path) -> None:
    """No list of modules is kept anywhere: whatever is called so is held to it."""
    planted = [
        path
        for path in sorted((tree / "app").rglob("*.py"))
        if path.stem.rpartition("_")[2] in {"commands", "queries"}
    ]
    for name in ("commands", "queries", "snooze_commands", "worklist_queries"):
        new = tree / "app/care/alerts" / f"{name}.py"
        if new not in planted:
            new.write_text('"""Made up."""\n')
            planted.append(new)
    for path in planted:
        path.write_text(f"{path.read_text()}\nfrom fastapi import Request\n")

    done = lint(tree)

    assert done.returncode != 0
    names = [".".join(path.relative_to(tree).with_suffix("").parts) for path in planted]
    assert len(names) >= 8
    assert [name for name in names if f"{name} imports fastapi" not in done.stdout] == []


def test_two_modules_of_one_package_that_need_each_other_fail(tree: Path) -> None:
    (tree / "app/foundation/vault.py").write_text('"""Vault."""\n\nimport app.foundation.tokens\n')
    said = broken_by(tree, "app/foundation/tokens.py", "import app.foundation.vault")
    assert "No cycles inside any package" in said.split("Broken contracts")[1]
