"""Programs of Debian's packages that some tests run: those of this machine, else unpacked into `build/debian`.

Where a package cannot be had (no Debian, no way to its archive), the test is skipped and the run's summary says why.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

_BELOW = Path(__file__).parents[2] / "build" / "debian"
_PLACES = ("usr/bin", "usr/sbin")
_OWN_LISTS = ("-o", f"Dir::State::lists={_BELOW / 'lists'}", "-o", f"Dir::Cache={_BELOW / 'cache'}")


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
    pytest.skip(f"Debian's {package} has no {name}")


def library_folders(*packages: str) -> str:
    """Give the fetched libraries' folders, as LD_LIBRARY_PATH wants them."""
    return ":".join(str(folder) for one in packages for folder in (_BELOW / one).glob("usr/lib/*-linux-gnu"))


def _fetch(package: str) -> None:
    target = _BELOW / package
    if target.exists():
        return
    if shutil.which("apt-get") is None:
        pytest.skip(f"Debian's package {package} is needed, and this is no Debian")
    for folder in (_BELOW / "lists/partial", _BELOW / "cache/archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    got = _downloaded(package)
    if got.returncode:
        # A fresh machine has no lists of packages: they come into a folder of ours, which needs no root.
        subprocess.run(["apt-get", *_OWN_LISTS, "-qq", "update"], capture_output=True, check=False)
        got = _downloaded(package, *_OWN_LISTS)
    files = sorted(_BELOW.glob(f"{package}_*.deb"))
    if not files:
        pytest.skip(f"Debian's package {package} could not be fetched: {got.stderr.strip()}")
    scratch = target.with_name(target.name + ".part")
    shutil.rmtree(scratch, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", files[0], scratch], check=True)
    scratch.rename(target)


def _downloaded(package: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["apt-get", *options, "download", package], cwd=_BELOW, capture_output=True, text=True, check=False
    )


def python_modules(*packages: str) -> str:
    """Give the fetched Python packages' folders, as PYTHONPATH wants them for Debian's own Python."""
    return ":".join(str(_BELOW / one / "usr/lib/python3/dist-packages") for one in packages)
