"""What the tests of the pages share: one browser, and for each file one clinic."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import PlainBrowser, agree, new_patient, running_browser
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    client = clinic_client(shared_service)
    yield client
    client.close()


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    """A patient who has agreed already."""
    made = new_patient(one_clinic)
    agree(one_clinic, made, service.url)
    return made


@pytest.fixture
def plain(service: Service, one_clinic: ClinicClient, patient: str) -> Iterator[PlainBrowser]:
    """A signed-in browser without scripts."""
    plain = PlainBrowser(service.url)
    plain.sign_in(one_clinic, patient)
    yield plain
    plain.http.close()
