"""The list of commands: it is what the commands say of themselves, and takes no time."""

import subprocess
import sys

import pytest

from app.cli.commands import COMMANDS, command_of
from tests.cli.command_line import ROOT, afterglow, plain_environment

# What takes long to import, and what a list of commands has no use for.
HEAVY = ("sqlalchemy", "psycopg", "alembic", "procrastinate", "fastapi", "uvicorn", "httpx2", "app.storage")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_listed_by_its_own_line(name: str) -> None:
    assert command_of(name).help == COMMANDS[name][1]


@pytest.mark.processes
def test_every_command_is_listed() -> None:
    listed = afterglow("--help")
    assert listed.returncode == 0
    lines = [line.strip(" │\n").split() for line in listed.stdout.splitlines()]
    assert {words[0] for words in lines if words} >= set(COMMANDS)


@pytest.mark.processes
def test_an_unknown_command_is_refused_with_the_nearest_name() -> None:
    refused = afterglow("cliniq")
    assert refused.returncode == 2
    assert "Did you mean 'clinic'?" in refused.stderr


@pytest.mark.processes
@pytest.mark.parametrize("words", [("--help",), ("--version",), ("cliniq",)])
def test_the_list_imports_no_command(words: tuple[str, ...]) -> None:
    program = "import sys\nfrom app.cli import main\ntry: main()\nfinally: print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    imported = ended.stdout.splitlines()[-1].split()
    assert "app.cli.commands" in imported
    assert not [name for name in imported if name.startswith(HEAVY)]
    assert [name for name in imported if name.startswith("app.cli.")] == ["app.cli.commands"]


@pytest.mark.processes
@pytest.mark.parametrize(
    ("modules", "others"),
    [
        (
            {f"app.cli.{one}_commands" for one in ("clinic", "staff", "audit", "encryption")},
            {"fastapi", "starlette", "uvicorn", "alembic"},
        ),
        # These know who speaks by a request's headers, and nothing else of the framework.
        (
            {"app.cli.status_command", "app.care.intake.spool", "app.worker"},
            {"fastapi", "uvicorn", "app.imports.commands"},
        ),
    ],
)
def test_what_runs_no_server_and_changes_no_tables_imports_nothing_that_does(
    modules: set[str], others: set[str]
) -> None:
    program = f"import sys, {', '.join(sorted(modules))}; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=plain_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(ended.stdout.split())
    assert modules <= imported
    assert not others & imported
