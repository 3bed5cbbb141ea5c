"""The declared order of packages holds, and what breaks it is noticed: tried on copies of the tree."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.house.sources import CHECKOUT

pytestmark = pytest.mark.processes


# What breaks a contract: the module, what it may not import, and what the contract's name says.
UPWARDS_OR_SIDEWAYS: Final = (
    ("app.storage.engine.health", "app.web.problems", "declared order"),
    ("app.clinical.ewma", "app.storage.engine.rows", "declared order"),
    ("app.care.patients.commands", "app.care.alerts.signal_commands", "calls down the story"),
    ("app.care.alerts.signal_commands", "app.care.monitoring.commands", "calls down the story"),
    ("app.care.check_ins.commands", "app.care.treatment.commands", "calls down the story"),
    ("app.foundation.ids", "app.clinical.protocol", "declared order"),
    ("app.web.health", "app.access.clinics.queries", "declared order"),
    ("app.worker", "app.asgi", "declared order"),
)
EVERY_OTHER: Final = (
    ("app.clinical.ewma", "pydantic", "The clinical core is pure"),
    ("app.clinical.ewma", "app.foundation.clock", "The clinical core is pure"),
    ("app.care.patients.commands", "sqlalchemy", "Only storage knows SQLAlchemy"),
    ("app.cli.processes", "sqlalchemy", "Only storage knows SQLAlchemy"),
    ("app.notifications.webhooks.commands", "app.settings", "Only the processes read the settings"),
    ("app.care.assessments.commands", "fastapi", "know no HTTP framework"),
    ("app.storage.engine.health", "starlette.requests", "know no HTTP framework"),
    (
        "app.care.patients.commands",
        "app.storage.engine.embedded",
        "The embedded PostgreSQL is started only by the processes",
    ),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy that may be broken."""
    return copy_to(tmp_path)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says where all of them are broken at once: it names each module, and what that imports."""
    tree = copy_to(tmp_path_factory.mktemp("tree"))
    for module, imported, _ in UPWARDS_OR_SIDEWAYS + EVERY_OTHER:
        path = tree.joinpath(*module.split(".")).with_suffix(".py")
        path.write_text(f"{path.read_text()}\nimport {imported}\n")
    done = lint(tree)
    assert done.returncode != 0, done.stdout
    assert str(tree) not in done.stderr, done.stderr
    return done.stdout.split("Broken contracts")[1]


def copy_to(folder: Path) -> Path:
    shutil.copytree(CHECKOUT / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / ".importlinter", folder)
    (folder / "tests/house").mkdir(parents=True)
    shutil.copy(CHECKOUT / "tests/house/role_contract.py", folder / "tests/house")
    return folder


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


@pytest.mark.parametrize(("module", "imported", "contract"), UPWARDS_OR_SIDEWAYS)
def test_an_import_upwards_or_sideways_fails(broken: str, module: str, imported: str, contract: str) -> None:
    assert is_named(said_of(broken, contract), module, imported)


@pytest.mark.parametrize(("module", "imported", "contract"), EVERY_OTHER)
def test_every_other_contract_notices_what_it_is_for(
    broken: str, module: str, imported: str, contract: str
) -> None:
    assert is_named(said_of(broken, contract), module, imported)


def said_of(broken: str, contract: str) -> str:
    """What is said of one broken contract: its name, a line below it, and what it found until the next such line."""
    parts = re.split(r"^(.+)\n-+$", broken, flags=re.MULTILINE)
    (said,) = (said for name, said in zip(parts[1::2], parts[2::2], strict=True) if contract in name)
    return said


def is_named(said: str, module: str, imported: str) -> bool:
    """Whether it is said that this module imports that; another's package is called by its first name."""
    known = imported if imported.startswith("app.") else imported.partition(".")[0]
    return bool(re.search(rf"\b{re.escape(module)} (->|imports) {re.escape(known)}\b", said))


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
