"""The database hangs, or its disk is full: a disclosure is helped at once, and kept in the end."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.campaign.figures import Figures, Options
from tests.campaign.load import Phone, disclosures_of, helps
from tests.support.people import ClinicClient
from tests.support.processes import Dev, running_dev, temporary_data_dir, wait_until

_DISCLOSURES = 8
_TMPFS = "220m"


def hanging_database(options: Options) -> Figures:
    """Stop every process of PostgreSQL for a while, without ending it."""
    with temporary_data_dir() as data_dir, running_dev(data_dir) as dev:
        clinic = dev.clinic()
        phone = Phone(clinic.enrol(clinic.patient(), dev.url))
        pids = with_children(dev.server_pid())
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        helped = _say(phone, options)
        for pid in reversed(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return _kept(dev, clinic, phone, helped, "hanging")


def full_disk(options: Options) -> Figures:
    """Fill the volume of the database to the last byte; the spool is on another."""
    with tempfile.TemporaryDirectory() as spool:
        return _full_disk(options, AFTERGLOW_SPOOL_DIR=spool)


def full_disk_of_both(options: Options) -> Figures:
    """The same where the spool is on that volume, as it is by default: what was made ahead takes what is said."""
    return _full_disk(options)


def _full_disk(options: Options, **spool: str) -> Figures:
    with _small_volume() as folder:
        if folder is None:
            return Figures(skipped=True, said="skipped: no small volume can be mounted here (needs root)")
        with running_dev(folder / "data", **spool) as dev:
            clinic = dev.clinic()
            phone = Phone(clinic.enrol(clinic.patient(), dev.url))
            filling = folder / "filling"
            _fill(filling)
            helped = _say(phone, options)
            probe = phone.device.http.get("/health/safety").status_code
            ready = phone.device.http.get("/health/ready").status_code
            filling.unlink()
            found = _kept(dev, clinic, phone, helped, f"full; /health/safety {probe}, /health/ready {ready}")
    seen = probe != 200
    return Figures(lost=found.lost + (not seen), said=found.said)


def _say(phone: Phone, options: Options) -> int:
    helped = 0
    for number in range(_DISCLOSURES):
        body = f'{{"self_harm_thoughts": true, "number": {options.seed * 1000 + number}}}'.encode()
        reply = phone.send("PUT", "/v1/check-ins/x", body, {})
        helped += reply is not None and helps(reply)
    return helped


def _kept(dev: Dev, clinic: ClinicClient, phone: Phone, helped: int, said: str) -> Figures:
    dev.wait_ready(120)
    wait_until(lambda: disclosures_of(clinic, phone.device.patient_id) >= _DISCLOSURES, 90, pause=2)
    kept = disclosures_of(clinic, phone.device.patient_id)
    clinic.close()
    return Figures(
        lost=2 * _DISCLOSURES - helped - min(kept, _DISCLOSURES) + max(0, kept - _DISCLOSURES),
        said=f"{_DISCLOSURES} disclosures while {said}: {helped} helped (at most {max(phone.seconds):.1f} s),"
        f" {kept} kept afterwards",
    )


@contextmanager
def _small_volume() -> Iterator[Path | None]:
    folder = Path(tempfile.mkdtemp(prefix="afterglow-small-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_TMPFS},mode=755", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    try:
        yield folder if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            time.sleep(1)
            subprocess.run(["umount", "-l", str(folder)], capture_output=True, check=False)
        folder.rmdir()


def _fill(path: Path) -> None:
    with path.open("wb") as file, suppress(OSError):
        while True:
            file.write(b"x" * 65_536)
            file.flush()


def with_children(postmaster: int) -> list[int]:
    """Give a process and its children."""
    found = [postmaster]
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == postmaster:
                found.append(int(entry.name))
    return found
