"""Which PostgreSQL programs are used: what someone named, or the first of the usual places."""

import os
from pathlib import Path

import pytest

from app.storage.engine import binaries
from app.storage.engine.binaries import (
    NEEDED_PROGRAMS,
    SETTING_NAME,
    Binaries,
    ProgramsMissingError,
    ProgramsTooOldError,
    find_binaries,
)


def installation(folder: Path, says: str) -> Path:
    """A `bin` folder whose programs only know how to print their version."""
    folder.mkdir(parents=True)
    for name in NEEDED_PROGRAMS:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho '{says}'\n")
        program.chmod(0o755)
    return folder


def test_without_a_setting_the_wheel_is_used() -> None:
    found = find_binaries()
    assert (found.origin, found.major) == ("wheel", 18)
    assert found.folder.is_absolute()
    assert found.program("postgres").is_file()


def test_a_named_folder_wins_over_the_wheel(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)")
    assert find_binaries(folder) == Binaries(folder=folder, major=15, version="15.14", origin="setting")


def test_for_a_server_elsewhere_programs_of_its_own_version_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = installation(tmp_path / "15" / "bin", "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)")
    monkeypatch.setattr(binaries, "DEBIAN_FOLDER", tmp_path)
    assert find_binaries(major=15) == Binaries(folder=folder, major=15, version="15.20", origin="debian")
    # Without any of its own the usual ones have to do.
    assert find_binaries(major=16).origin == "wheel"


def test_the_folder_above_bin_may_be_named_as_well(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "postgres (PostgreSQL) 19beta1")
    assert find_binaries(tmp_path) == Binaries(folder=folder, major=19, version="19beta1", origin="setting")


def test_a_named_folder_without_programs_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ProgramsMissingError, match=f"{tmp_path}, named in {SETTING_NAME}, .* initdb"):
        find_binaries(tmp_path)


def test_a_named_folder_that_lacks_one_program_is_refused_naming_it(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "postgres (PostgreSQL) 18.6")
    (folder / "pg_dump").unlink()
    with pytest.raises(ProgramsMissingError, match="lacks a working pg_dump"):
        find_binaries(folder)


def test_programs_that_do_not_run_are_refused(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "something else entirely")
    with pytest.raises(ProgramsMissingError, match="lacks a working postgres"):
        find_binaries(folder)


def test_programs_below_the_floor_are_refused_naming_both_versions(tmp_path: Path) -> None:
    folder = installation(tmp_path / "bin", "postgres (PostgreSQL) 14.9")
    with pytest.raises(ProgramsTooOldError, match=r"are version 14\.9, .* oldest that serves is 15"):
        find_binaries(folder)


@pytest.mark.skipif(
    "AFTERGLOW_TEST_PG_BIN" not in os.environ, reason="`.ci/run` names Debian's programs in it"
)
def test_the_programs_that_the_other_tests_use_are_the_ones_named() -> None:
    named = Path(os.environ["AFTERGLOW_TEST_PG_BIN"])
    assert find_binaries(named).folder == named.resolve()
