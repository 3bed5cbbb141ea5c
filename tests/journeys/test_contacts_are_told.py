"""Who is written to, when, and what the letters say: that something waits and where, never what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.delivering import Outbox, deliver_due
from tests.support.clinics import SAFETY_CONTACT, SECOND_CONTACT, gone_live, name_contacts
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service, running_service

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SAFETY, SECOND = SAFETY_CONTACT["email"], SECOND_CONTACT["email"]
UNACKNOWLEDGED = "Urgent: Afterglow waits for you"
WAITING = "Afterglow waits for you"
CANNOT_REACH = "Afterglow cannot reach one of your systems"


@dataclass
class Road:
    """A service with a mail server, and a clinic in it."""

    own_database: DatabaseUrls
    service: Service
    mail: MailServer
    clinic: ClinicClient

    def sweep_at(self, since: timedelta) -> None:
        """Look at the clock so long after the beginning."""
        self.service.clock.move_to(NOW + since)
        self.service.sweep()

    def letters(self) -> list[tuple[str, str]]:
        """To whom and under which subject was written since the last look, once nothing waits any more."""
        assert wait_until(lambda: self._waiting() == 0, 30)
        with self.mail.changed:
            found = sorted((letter.to, str(letter.message["subject"])) for letter in self.mail.letters)
            self.mail.letters.clear()
        return found

    def _waiting(self) -> int:
        with psycopg.connect(self.own_database.superuser_url) as connection:
            found = connection.execute("SELECT FROM care.outgoing_messages WHERE state = 'pending'")
            return found.rowcount

    def say(self, *, live: bool = True) -> dict[str, Any]:
        """Have a patient say it; gives the safety event."""
        phone = self.clinic.enrol(self.clinic.patient(), self.service.url)
        assert phone.check_in(self.service.clock.now(), self_harm_thoughts=True).status_code == 201
        (event,) = self.clinic.http.get("/v1/safety-events").json()["items"]
        assert self.clinic.http.get(f"/v1/patients/{phone.patient_id}").json()["mode"] == (
            "live" if live else "test"
        )
        return dict(event)


@pytest.fixture(scope="module")
def shared_road(cluster: Cluster) -> Iterator[tuple[DatabaseUrls, Service, MailServer]]:
    with (
        cluster.database() as own_database,
        running_mail_server() as mail,
        running_service(own_database.application_url, mail=mail.relay()) as service,
    ):
        yield own_database, service, mail


@pytest.fixture
def road(shared_road: tuple[DatabaseUrls, Service, MailServer]) -> Iterator[Road]:
    own_database, service, mail = shared_road
    service.clock.move_to(NOW)
    mail.unknown.clear()
    client = clinic_client(service)
    one = Road(own_database, service, mail, client)
    one.letters()
    yield one
    # Nobody of this clinic waits any more in the next test.
    for event in client.http.get("/v1/safety-events").json()["items"]:
        client.http.post(f"/v1/safety-events/{event['id']}/acknowledge")
    client.close()


def test_the_first_contact_is_written_to_at_once_the_second_at_the_limit_then_both(
    road: Road, receiver: Receiver
) -> None:
    """Also while the clinic's systems take the event: a person reads a mail, a system may not be read by anybody."""
    gone_live(road.service, road.clinic, receiver)
    event = road.say()
    receiver.wait_for("safety.reported")
    assert road.letters() == [(SAFETY, UNACKNOWLEDGED)]
    road.sweep_at(29 * MINUTE)
    assert road.letters() == []

    road.sweep_at(30 * MINUTE)
    assert wait_until(lambda: len(road.mail.letters) == 1, 20)
    (letter,) = road.mail.letters
    assert f"https://afterglow.test/care/safety-events/{event['id']}" in letter.body, "a page, not the API"
    assert road.letters() == [(SECOND, UNACKNOWLEDGED)]
    road.sweep_at(59 * MINUTE)
    assert road.letters() == []
    road.sweep_at(60 * MINUTE)
    assert road.letters() == [(SECOND, UNACKNOWLEDGED), (SAFETY, UNACKNOWLEDGED)]

    road.clinic.http.post(f"/v1/safety-events/{event['id']}/acknowledge")
    road.sweep_at(90 * MINUTE)
    assert road.letters() == []


def test_where_a_contacts_mailbox_refuses_the_other_is_written_to_at_once_and_the_clinic_sees_it(
    road: Road,
) -> None:
    name_contacts(road.clinic)
    assert "safety_mail_refused" not in road.clinic.http.get("/v1/clinic").json()["attention"]
    road.mail.unknown = {str(SAFETY)}
    road.say(live=False)
    assert road.letters() == [(SECOND, f"[TEST] {UNACKNOWLEDGED}")]
    assert "safety_mail_refused" in road.clinic.http.get("/v1/clinic").json()["attention"]

    road.mail.unknown = {str(SAFETY), str(SECOND)}
    road.sweep_at(30 * MINUTE)
    assert road.letters() == [], "nobody is written to for ever"
    road.mail.unknown = set()
    road.sweep_at(60 * MINUTE)
    assert road.letters() == [(SECOND, f"[TEST] {UNACKNOWLEDGED}"), (SAFETY, f"[TEST] {UNACKNOWLEDGED}")]


def test_a_test_clinic_is_written_to_as_a_test_and_not_at_all_while_nobody_is_named(
    road: Road, receiver: Receiver
) -> None:
    road.clinic.add_endpoint(receiver.url)
    road.say(live=False)
    road.sweep_at(30 * MINUTE)
    assert road.letters() == []

    name_contacts(road.clinic)
    road.sweep_at(60 * MINUTE)

    assert road.letters() == [(SECOND, f"[TEST] {UNACKNOWLEDGED}"), (SAFETY, f"[TEST] {UNACKNOWLEDGED}")]


def test_a_note_and_a_wish_to_talk_reach_a_person_of_a_clinic_without_webhooks(road: Road) -> None:
    name_contacts(road.clinic)
    phone = road.clinic.enrol(road.clinic.patient(), road.service.url)
    assert phone.check_in(NOW, note="please call me", asks_about_booster=True).is_success

    assert road.letters() == [(SAFETY, "[TEST] Afterglow: please look at your worklist")]
    road.sweep_at(24 * HOUR)
    assert road.letters() == [(SECOND, f"[TEST] {WAITING}"), (SECOND, f"[TEST] {WAITING}")]
    road.sweep_at(48 * HOUR)
    assert road.letters() == []


def test_the_second_contact_hears_of_a_signal_once(road: Road, receiver: Receiver) -> None:
    gone_live(road.service, road.clinic, receiver)
    treated(road.clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (4, 4, 4))

    for hours in (23, 24, 48):
        road.sweep_at(hours * HOUR)

    assert road.letters() == [(SECOND, "Afterglow waits for you")]


def test_where_no_endpoint_can_be_notified_the_safety_contact_is_at_once(road: Road) -> None:
    name_contacts(road.clinic)
    road.say(live=False)

    assert road.letters() == [(SAFETY, f"[TEST] {UNACKNOWLEDGED}")]


def test_both_hear_of_each_endpoint_that_is_disabled_and_of_safety_once_none_is_left(
    road: Road, receiver: Receiver
) -> None:
    first = road.clinic.add_endpoint(receiver.url + "/first")
    last = gone_live(road.service, road.clinic, receiver)
    receiver.answer_path = lambda _path: 410

    for count, endpoint in enumerate((first, last), 1):
        road.clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
        assert wait_until(partial(has_disabled, road.clinic, count), 20)
        assert road.letters() == [(SECOND, CANNOT_REACH), (SAFETY, CANNOT_REACH)]

    assert road.clinic.http.get("/v1/clinic").json()["attention"][0] == "no_enabled_endpoint"
    road.say()
    assert road.letters() == [(SAFETY, UNACKNOWLEDGED)]


def has_disabled(clinic: ClinicClient, count: int) -> bool:
    found = clinic.http.get("/v1/webhook-endpoints").json()["items"]
    return [one["state"] for one in found].count("disabled") == count


def test_both_hear_when_a_safety_event_did_not_get_through_for_a_day(
    cluster: Cluster, receiver: Receiver
) -> None:
    receiver.answer = lambda _sent: 503
    with (
        cluster.database() as own_database,
        running_mail_server() as mail,
        running_service(own_database.application_url, work=False, mail=mail.relay()) as service,
    ):
        road = Road(own_database, service, mail, clinic_client(service))
        name_contacts(road.clinic)
        endpoint = road.clinic.add_endpoint(receiver.url)
        road.say(live=False)
        path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries"
        assert len(road.clinic.http.get(path).json()["items"]) == 1

        attempts = service.run(try_for_a_day(road, UUID(endpoint["id"])), within=120)

        # It was due each half minute of an hour, and given up a day later.
        assert attempts == [*(NOW + number * MINUTE / 2 for number in range(121)), NOW + 26 * HOUR]
        (given_up,) = road.clinic.http.get(path).json()["items"]
        assert (given_up["state"], given_up["next_attempt_at"]) == ("exhausted", None)
        with psycopg.connect(own_database.superuser_url) as connection:
            wordings = connection.execute("SELECT wording FROM care.outgoing_messages").fetchall()
        assert sorted(wordings) == [("endpoint_down",)] * 2 + [("safety_unacknowledged",)]
        road.clinic.close()


async def try_for_a_day(road: Road, endpoint_id: UUID) -> list[datetime]:
    """Attempt the endpoint's one delivery whenever it is due; gives the times."""
    service, clinic_id = road.service, UUID(road.clinic.clinic_id)
    allowed = AllowedNetworks.parse("127.0.0.0/8")
    times = []
    async with guarded_client(allowed=allowed, http_allowed=True) as client:
        outbox = Outbox(context=service.context, client=client)
        while await deliver_due(outbox, clinic_id, endpoint_id, safety=True, limit=1):
            times.append(service.clock.now())
            # Each half minute for an hour; of the day that follows only its beginning and its end.
            wait = timedelta(seconds=30) if len(times) < 121 else 25 * HOUR
            service.clock.move_to(times[-1] + wait)
    return times
