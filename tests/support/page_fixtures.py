"""Fixtures that the tests of pages share with those in a real browser: who is signed in, without scripts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, agree, new_patient
from tests.support.care_browser import CareBrowser
from tests.support.people import ClinicClient
from tests.support.service import Service


@pytest.fixture
def patient(service: Service, one_clinic: ClinicClient) -> str:
    """A patient who has agreed already."""
    made = new_patient(one_clinic)
    agree(one_clinic, made, service.url)
    return made


@pytest.fixture
def plain(service: Service, one_clinic: ClinicClient, patient: str) -> Iterator[PlainBrowser]:
    """A signed-in patient's browser without scripts."""
    plain = PlainBrowser(service.url)
    plain.sign_in(one_clinic, patient)
    yield plain
    plain.http.close()


@pytest.fixture
def as_role(service: Service, one_clinic: ClinicClient) -> Iterator[Callable[[StaffRole], CareBrowser]]:
    """Gives a browser without scripts, signed in as a member with a role; all are closed afterwards."""
    with ExitStack() as opened:

        def open_one(role: StaffRole) -> CareBrowser:
            plain = CareBrowser(service, one_clinic.clinic_id, role)
            opened.callback(plain.http.close)
            return plain

        yield open_one


@pytest.fixture
def clinician(as_role: Callable[[StaffRole], CareBrowser]) -> CareBrowser:
    return as_role(StaffRole.CLINICIAN)


@pytest.fixture
def kim(service: Service, clinic: ClinicClient) -> CareBrowser:
    return CareBrowser(service, clinic.clinic_id, name="Kim Example")


@pytest.fixture
def lee(service: Service, clinic: ClinicClient) -> CareBrowser:
    return CareBrowser(service, clinic.clinic_id, name="Lee Example")
