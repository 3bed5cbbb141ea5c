"""Clocks that jump, and a worker that is dead for days: what was said is sent and escalated, each once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.campaign.figures import Figures, Options
from tests.support.clinics import name_contacts
from tests.support.databases import DatabaseUrls, running_cluster
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.people import ClinicClient, PatientClient, clinic_client
from tests.support.processes import wait_until
from tests.support.receiver import Receiver, running_receiver
from tests.support.service import RunningClock, Service, running_service

_DAY, _YEAR = timedelta(days=1), timedelta(days=365)
_JUMPS = (_DAY, -_DAY, _YEAR, -_YEAR)


@dataclass
class _Scene:
    """A service on a clock that can be moved, with a receiver and a mail server."""

    place: DatabaseUrls
    service: Service
    clinic: ClinicClient
    receiver: Receiver
    mail: MailServer

    def phone(self) -> PatientClient:
        """Enroll a patient at the clock's present time."""
        return self.clinic.enrol(self.clinic.patient(), self.service.url)

    def events(self) -> list[dict[str, Any]]:
        """All safety events of the clinic."""
        return list(self.clinic.http.get("/v1/safety-events?state=all&limit=200").json()["items"])

    def arrived(self) -> Counter[str]:
        """How often each safety event arrived, by its webhook's id."""
        return Counter(one.webhook_id for one in self.receiver.accepted("safety.reported"))


@contextmanager
def _scene(*, work: bool) -> Iterator[_Scene]:
    with (
        running_cluster() as cluster,
        cluster.database() as place,
        running_mail_server() as mail,
        running_receiver() as receiver,
        running_service(
            place.application_url, clock=RunningClock(), work=work, mail=mail.relay(), speedup=100
        ) as service,
    ):
        clinic = clinic_client(service)
        name_contacts(clinic)
        receiver.secret = clinic.add_endpoint(receiver.url)["secret"]
        yield _Scene(place, service, clinic, receiver, mail)
        clinic.close()


def clock_jumps(_options: Options) -> Figures:
    """Move the machine's clock by a day and a year, both ways, while disclosures wait and are made."""
    with _scene(work=True) as scene:
        said, began = 0, scene.service.clock.now()
        for jump in (timedelta(0), *_JUMPS):
            scene.service.clock.move_to(began + jump)
            phone = scene.phone()
            reply = phone.check_in(scene.service.clock.now(), self_harm_thoughts=True)
            said += reply.status_code == 201 and bool(reply.json().get("crisis_help"))
        all_there = wait_until(lambda: len(scene.arrived()) >= said, 60)
        # Nobody acknowledges: from now on, by the clock as it is now, each is escalated.
        scene.service.clock.move_to(began + _YEAR + _DAY)
        escalated = wait_until(lambda: all(one["escalations"] > 0 for one in scene.events()), 60)
        kept, arrived = len(scene.events()), scene.arrived()
    doubled = sum(arrived.values()) - len(arrived)
    lost = len(_JUMPS) + 1 - min(said, kept, len(arrived)) + doubled + (not all_there) + (not escalated)
    return Figures(
        lost=lost,
        said=f"a day and a year, forth and back: {said} of {len(_JUMPS) + 1} disclosures answered with help,"
        f" {kept} kept, {len(arrived)} arrived, {doubled} twice; all escalated afterwards: {escalated}",
    )


def dead_worker(options: Options) -> Figures:
    """No worker for three days: one that comes back makes up for all of it, each once."""
    with _scene(work=False) as scene:
        began: datetime = scene.service.clock.now()
        said = 0
        for day in range(4):
            scene.service.clock.move_to(began + day * _DAY)
            phone = scene.phone()
            reply = phone.check_in(
                scene.service.clock.now(), self_harm_thoughts=True, asks_about_booster=True
            )
            said += reply.status_code == 201
        seen = scene.clinic.http.get("/health/safety").status_code == 503
        scene.service.run(scene.service.worker.sweep())
        with running_service(
            scene.place.application_url,
            clock=_moved_by(scene.service.clock.now() - began),
            mail=scene.mail.relay(),
            speedup=100,
        ):
            back = wait_until(lambda: len(scene.arrived()) >= said, 60)
            asked = "patient.asked_about_booster"
            rest = wait_until(lambda: len(scene.receiver.accepted(asked)) >= said, 60)
        arrived, kept = scene.arrived(), len(scene.events())
        others = Counter(one.webhook_id for one in scene.receiver.accepted(asked))
        escalations = [one["escalations"] for one in scene.events()]
    doubled = sum(arrived.values()) - len(arrived) + sum(others.values()) - len(others)
    return Figures(
        lost=said - min(kept, len(arrived), len(others)) + doubled + (not seen) + (not back) + (not rest),
        said=f"three days without a worker: {said} disclosures, {kept} kept, {len(arrived)} arrived,"
        f" {len(others)} of {said} ordinary events too, {doubled} twice; /health/safety saw it: {seen};"
        f" escalated {min(escalations)} to {max(escalations)} times (seed {options.seed})",
    )


def _moved_by(how_far: timedelta) -> RunningClock:
    clock = RunningClock()
    clock.move_to(clock.now() + how_far)
    return clock
