"""A clinic with one patient's phone, as the tests of the intake need them."""

import pytest

from tests.support.people import ClinicClient, PatientClient
from tests.support.service import Service


@pytest.fixture
def phone(service: Service, one_clinic: ClinicClient) -> PatientClient:
    return one_clinic.enrol(one_clinic.patient(), service.url)
