"""The files around the code say the same as the code: versions, checks, license, and what runs where."""

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from tests.house.sources import CHECKOUT

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
MAKEFILE = (CHECKOUT / "Makefile").read_text()
WORKFLOWS = sorted((CHECKOUT / ".github/workflows").glob("*.yml"))


def steps_of(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))


def test_the_license_is_apache_2_in_full_and_named_in_the_package() -> None:
    text = (CHECKOUT / "LICENSE").read_text()
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert PROJECT["project"]["license-files"] == ["LICENSE"]


def test_the_package_says_that_it_is_typed() -> None:
    assert (CHECKOUT / "app/py.typed").read_text() == ""
    assert "Typing :: Typed" in PROJECT["project"]["classifiers"]


def test_the_oldest_python_is_the_same_everywhere() -> None:
    oldest = (CHECKOUT / ".python-version").read_text().strip()
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["mypy"]["python_version"] == oldest
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"Programming Language :: Python :: {oldest}" in PROJECT["project"]["classifiers"]


def test_every_check_of_make_lint_is_a_hook_before_a_commit() -> None:
    (repository,) = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"]
    hooks = " ".join(hook["entry"] for hook in repository["hooks"])
    lint = "\n".join(re.findall(r"^lint[a-z-]*:.*?\n\n", MAKEFILE, re.MULTILINE | re.DOTALL))
    checks = re.findall(r"\$\(RUN\) (\S+(?: (?:check|format))?)", lint)
    assert len(checks) >= 4
    assert [check for check in checks if f".venv/bin/{check}" not in hooks] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.name for path in WORKFLOWS])
def test_hosted_runs_do_only_what_anybody_can_do_here(path: Any) -> None:  # noqa: ANN401 - a Path, as pytest gives it
    for step in steps_of(yaml.safe_load(path.read_text())):
        command = step.get("run", "")
        if command.startswith("make "):
            assert {one for one in command.split()[1:] if "=" not in one} <= targets(), command


def test_the_hosted_run_is_the_local_one() -> None:
    workflow = yaml.safe_load((CHECKOUT / ".github/workflows/ci.yml").read_text())
    assert [step["run"] for step in steps_of(workflow) if step.get("run", "").startswith(".ci/")] == [
        ".ci/run"
    ]


def test_the_devcontainer_is_made_by_make() -> None:
    container = json.loads((CHECKOUT / ".devcontainer/devcontainer.json").read_text())
    made = re.search(r"make (install[a-z ]*)$", container["postCreateCommand"])
    assert made
    assert set(made[1].split()) <= targets()


def test_forms_for_issues_ask_for_something() -> None:
    for path in (CHECKOUT / ".github/ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text())
        assert path.name == "config.yml" or any(part["type"] == "textarea" for part in form["body"]), path


def test_make_help_names_every_target() -> None:
    documented = set(re.findall(r"^([a-z0-9-]+):.*## \S", MAKEFILE, re.MULTILINE))
    assert targets() - documented == set()
