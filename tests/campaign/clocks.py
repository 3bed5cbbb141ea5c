"""Clocks that jump, and a worker that is dead for days: what was said is sent and escalated, each once."""

import time
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
_URGENT_LIMIT = timedelta(minutes=31)


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

    def asked(self) -> Counter[str]:
        """The same of an ordinary event, that a patient asked about a booster."""
        return Counter(one.webhook_id for one in self.receiver.accepted("patient.asked_about_booster"))


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
    """Move the machine's clock by a day and a year, both ways, with disclosures at each; then set it right."""
    with _scene(work=True) as scene:
        said, began = 0, scene.service.clock.now()
        for jump in (timedelta(0), *_JUMPS):
            scene.service.clock.move_to(began + jump)
            phone = scene.phone()
            reply = phone.check_in(
                scene.service.clock.now(), self_harm_thoughts=True, asks_about_booster=True
            )
            said += reply.status_code == 201 and bool(reply.json().get("crisis_help"))
        # What a clock wrote that was ahead waits no longer once it is right again.
        scene.service.clock.move_to(began)
        set_right = time.monotonic()
        all_there = wait_until(lambda: min(len(scene.arrived()), len(scene.asked())) >= said, 60)
        seconds = time.monotonic() - set_right
        # Nobody acknowledges: each is escalated within the limit of an urgent event.
        scene.service.clock.move_to(began + _URGENT_LIMIT)
        escalated = wait_until(lambda: all(one["escalations"] > 0 for one in scene.events()), 60)
        kept, arrived, asked = len(scene.events()), scene.arrived(), scene.asked()
    doubled = sum(arrived.values()) - len(arrived) + sum(asked.values()) - len(asked)
    least = min(said, kept, len(arrived), len(asked))
    return Figures(
        lost=len(_JUMPS) + 1 - least + doubled + (not all_there) + (not escalated),
        said=f"a day and a year, forth and back: {said} of {len(_JUMPS) + 1} disclosures answered with help,"
        f" {kept} kept; {len(arrived)} and {len(asked)} ordinary events arrived, the last {seconds:.0f} s after the"
        f" clock was set right, {doubled} twice; all escalated within {_URGENT_LIMIT}: {escalated}",
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
        scene.service.sweep()
        with running_service(
            scene.place.application_url,
            clock=_moved_by(scene.service.clock.now() - began),
            mail=scene.mail.relay(),
            speedup=100,
        ):
            back = wait_until(lambda: len(scene.arrived()) >= said, 60)
            rest = wait_until(lambda: len(scene.asked()) >= said, 60)
        arrived, kept = scene.arrived(), len(scene.events())
        others = scene.asked()
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
