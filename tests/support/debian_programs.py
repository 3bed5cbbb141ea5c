"""Programs of Debian's packages that some tests run: those of this machine, else unpacked into `build/debian`.

They are never left out in silence: where a package cannot be had, the test fails and says so.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

_BELOW = Path(__file__).parents[2] / "build" / "debian"
_PLACES = ("usr/bin", "usr/sbin")


def debian_program(package: str, name: str, *libraries: str) -> Path:
    """Find a program, or fetch its package (and those of the libraries that it needs) by `apt-get download`."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
    if found:
        return Path(found)
    for one in (package, *libraries):
        _fetch(one)
    for place in _PLACES:
        if (program := _BELOW / package / place / name).exists():
            return program
    pytest.fail(f"Debian's {package} has no {name}")


def library_folders(*packages: str) -> str:
    """Give the fetched libraries' folders, as LD_LIBRARY_PATH wants them."""
    return ":".join(str(folder) for one in packages for folder in (_BELOW / one).glob("usr/lib/*-linux-gnu"))


def _fetch(package: str) -> None:
    target = _BELOW / package
    if target.exists():
        return
    _BELOW.mkdir(parents=True, exist_ok=True)
    got = subprocess.run(
        ["apt-get", "download", package], cwd=_BELOW, capture_output=True, text=True, check=False
    )
    files = sorted(_BELOW.glob(f"{package}_*.deb"))
    if not files:
        pytest.fail(f"Debian's package {package} is needed and could not be fetched: {got.stderr.strip()}")
    scratch = target.with_name(target.name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", files[0], scratch], check=True)
    scratch.rename(target)
