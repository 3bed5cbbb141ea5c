"""A sign-in link by mail: sent to the address on record, in the patient's language, and again when it is too old."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.care.patients import magic_links
from app.care.patients.magic_links import LinkState
from tests.support.databases import Cluster
from tests.support.mail_server import Letter, MailServer, running_mail_server
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service, running_service


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def mailing_service(cluster: Cluster, mail_server: MailServer) -> Iterator[Service]:
    with (
        cluster.database() as own_database,
        running_service(own_database.application_url, mail=mail_server.relay()) as running,
    ):
        yield running


@pytest.fixture
def service(mailing_service: Service, mail_server: MailServer) -> Service:
    mailing_service.clock.move_to(NOW)
    mail_server.letters.clear()
    return mailing_service


@pytest.fixture
def clinic(service: Service) -> Iterator[ClinicClient]:
    made = clinic_client(service)
    yield made
    made.close()


def register(clinic: ClinicClient, email: str | None, locale: str = "es-US") -> str:
    body = {"external_ref": "P-1", "time_zone": "America/New_York", "locale": locale, "email": email}
    return str(clinic.http.post("/v1/patients", json=body).json()["id"])


def token_in(letter: Letter) -> str:
    found = re.search(r"https://afterglow\.test/p/link/(\S+)", letter.body)
    assert found, letter.body
    return found.group(1)


def test_the_clinic_has_a_link_sent_and_the_patient_is_in(
    service: Service, clinic: ClinicClient, mail_server: MailServer
) -> None:
    patient = register(clinic, "maria@example.org")

    made = clinic.http.post(f"/v1/patients/{patient}/sign-in-links").json()

    assert made["sent"] is True
    (letter,) = mail_server.wait_for(1)
    assert letter.to == "maria@example.org"
    assert str(letter.message["subject"]) == "[PRUEBA] Su enlace para entrar"
    assert made["url"].endswith(token_in(letter))
    opened = service.run(magic_links.spend(service.context, token_in(letter), browser_name="Firefox"))
    assert str(opened.caller.patient_id) == patient


def test_without_an_address_nothing_is_sent_and_the_clinic_reads_so(clinic: ClinicClient) -> None:
    made = clinic.http.post(f"/v1/patients/{register(clinic, None)}/sign-in-links").json()
    assert made["sent"] is False


def test_the_page_of_an_old_link_has_a_fresh_one_sent_to_the_same_address(
    service: Service, clinic: ClinicClient, mail_server: MailServer
) -> None:
    clinic.http.post(f"/v1/patients/{register(clinic, 'maria@example.org')}/sign-in-links")
    old = token_in(mail_server.wait_for(1)[0])
    service.clock.move_to(NOW + timedelta(days=2))
    assert service.run(magic_links.look_at(service.context, old)).state is LinkState.EXPIRED

    service.run(magic_links.send_again(service.context, old, address="192.0.2.1"))

    fresh = mail_server.wait_for(2)[1]
    assert fresh.to == "maria@example.org"
    assert service.run(magic_links.look_at(service.context, token_in(fresh))).state is LinkState.VALID


def test_a_patient_gets_five_links_a_day_at_most_however_many_ask(
    service: Service, clinic: ClinicClient, mail_server: MailServer
) -> None:
    made = clinic.http.post(f"/v1/patients/{register(clinic, 'maria@example.org')}/sign-in-links").json()
    old = made["url"].rpartition("/")[2]
    for number in range(12):
        service.run(magic_links.send_again(service.context, old, address=f"192.0.2.{100 + number}"))
    letters = mail_server.wait_for(5)

    # Whoever comes next proves that nothing else was on its way.
    clinic.http.post(f"/v1/patients/{clinic.patient()}/sign-in-links")
    service.clock.move_to(NOW + timedelta(hours=25))
    service.run(magic_links.send_again(service.context, old, address="192.0.2.200"))
    letters = mail_server.wait_for(6)
    assert len(letters) == 6
    assert len({token_in(letter) for letter in letters}) == 6
