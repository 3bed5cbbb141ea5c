"""A clinic with one patient's phone, as the tests of the intake need them."""

from collections.abc import Iterator

import pytest

from tests.support.people import ClinicClient, PatientClient, clinic_client
from tests.support.service import Service


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    client = clinic_client(shared_service)
    yield client
    client.close()


@pytest.fixture
def phone(service: Service, one_clinic: ClinicClient) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)
