"""The database is away, slow, or holds a row: a disclosure is helped at once, kept in the end, and others go on."""

import os
import signal
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg

from tests.campaign.database import with_children
from tests.campaign.figures import Figures, Options
from tests.campaign.load import Load, Phone, disclosures_of, helps, load_of
from tests.support.databases import Cluster, DatabaseUrls, running_cluster
from tests.support.people import NO_TLS, ClinicClient, clinic_client
from tests.support.processes import wait_until
from tests.support.service import RunningClock, Service, running_service

_DISCLOSURES = 12
_LOCKED_SECONDS = 20.0
_SLOW_SECONDS = 20.0
# Of each tenth of a second the server's processes stand still for so long.
_STANDS_STILL = 0.08
_FAILED = (0, 500, 503)
_READY = "200"


@dataclass
class _Scene:
    """A service with two clinics: one patient who discloses, and others who go on."""

    cluster: Cluster
    place: DatabaseUrls
    service: Service
    clinic: ClinicClient
    phone: Phone
    others: Load

    def disclose(self, options: Options, *, within: float) -> int:
        """Say it so many times, spread over this time; gives how many were answered with help."""
        helped = 0
        for number in range(_DISCLOSURES):
            body = f'{{"self_harm_thoughts": true, "number": {options.seed * 1000 + number}}}'.encode()
            reply = self.phone.send("PUT", "/v1/check-ins/x", body, {})
            helped += reply is not None and helps(reply)
            time.sleep(within / _DISCLOSURES)
        return helped

    def ready(self) -> str:
        """What a balancer sees: the status of readiness, or what kept it from an answer."""
        try:
            return str(httpx2.get(f"{self.service.url}/health/ready", timeout=10, verify=NO_TLS).status_code)
        except httpx2.HTTPError as error:
            return type(error).__name__


@contextmanager
def _scene(options: Options) -> Iterator[_Scene]:
    with (
        running_cluster() as cluster,
        cluster.database() as place,
        tempfile.TemporaryDirectory() as spool,
        running_service(place.application_url, clock=RunningClock(), spool_dir=Path(spool)) as service,
    ):
        clinic, other = clinic_client(service, "Struck"), clinic_client(service, "Other")
        phone = Phone(clinic.enrol(clinic.patient(), service.url))
        others = load_of(other, service.url, phones=3, seed=options.seed)
        others.start()
        yield _Scene(cluster, place, service, clinic, phone, others)
        clinic.close()
        other.close()


def _figures(scene: _Scene, helped: int, ready: list[str], what: str) -> Figures:
    scene.others.stop()
    wait_until(
        lambda: disclosures_of(scene.clinic, scene.phone.device.patient_id) >= _DISCLOSURES, 300, pause=2
    )
    kept = disclosures_of(scene.clinic, scene.phone.device.patient_id)
    wait_until(lambda: scene.others.lost() == 0, 300, pause=2)
    lost, doubled = scene.others.lost(), scene.others.doubled()
    seconds = [one for phone in scene.others.phones for one in phone.seconds] or [0.0]
    failed = sum(phone.statuses[status] for phone in scene.others.phones for status in _FAILED)
    return Figures(
        lost=2 * _DISCLOSURES - helped - kept + lost + doubled,
        said=f"{what}: {_DISCLOSURES} disclosures, {helped} helped (at most {max(scene.phone.seconds):.1f} s),"
        f" {kept} kept; another clinic: {failed} of {len(seconds)} requests failed, median"
        f" {statistics.median(seconds) * 1000:.0f} ms, at most {max(seconds):.1f} s, {lost} lost;"
        f" ready {ready.count(_READY)} of {len(ready)} times"
        + "".join(f", {count} {seen}" for seen, count in sorted(Counter(ready).items()) if seen != _READY),
    )


def _watched(scene: _Scene, strike: Callable[[], int]) -> tuple[int, list[str]]:
    """Do something while readiness is looked at each second."""
    ready: list[str] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(1):
            ready.append(scene.ready())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        return strike(), ready
    finally:
        over.set()
        looking.join()


def database_away(options: Options) -> Figures:
    """End the database, and start it again after a while."""
    with _scene(options) as scene:

        def strike() -> int:
            scene.cluster.supervisor.stop()
            helped = scene.disclose(options, within=options.away)
            scene.cluster.supervisor.start()
            return helped

        helped, ready = _watched(scene, strike)
        return _figures(scene, helped, ready, f"away for {options.away:.0f} s")


def locked_row(options: Options) -> Figures:
    """Hold the patient's own row, which every report of theirs needs, for a while."""
    with _scene(options) as scene:

        def strike() -> int:
            with psycopg.connect(scene.place.superuser_url) as database:
                held = "SELECT FROM care.patient_states WHERE patient_id = %s FOR UPDATE"
                database.execute(held, [scene.phone.device.patient_id])
                return scene.disclose(options, within=_LOCKED_SECONDS)

        helped, ready = _watched(scene, strike)
        return _figures(scene, helped, ready, "the patient's row locked")


def slow_database(options: Options) -> Figures:
    """Let the server's processes stand still for most of the time."""
    with _scene(options) as scene:
        over = threading.Event()

        def slow_down() -> None:
            while not over.wait(0.1 - _STANDS_STILL):
                pids = _server_pids(scene.cluster)
                for signal_sent in (signal.SIGSTOP, signal.SIGCONT):
                    for pid in pids:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal_sent)
                    if signal_sent is signal.SIGSTOP:
                        time.sleep(_STANDS_STILL)

        slowing = threading.Thread(target=slow_down)
        slowing.start()
        try:
            helped, ready = _watched(scene, lambda: scene.disclose(options, within=_SLOW_SECONDS))
        finally:
            over.set()
            slowing.join()
        return _figures(
            scene, helped, ready, f"a database that stands still {_STANDS_STILL * 10:.0%} of the time"
        )


def _server_pids(cluster: Cluster) -> list[int]:
    (note,) = cluster.data_dir.glob("**/postmaster.pid")
    return with_children(int(note.read_text().split()[0]))
