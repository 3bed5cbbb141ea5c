"""The version is asked for as of any command."""

import tomllib

import pytest

from tests.cli.command_line import ROOT, afterglow

pytestmark = pytest.mark.processes


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ended = afterglow("--version")
    assert (ended.returncode, ended.stdout) == (0, f"afterglow {project['version']}\n")
