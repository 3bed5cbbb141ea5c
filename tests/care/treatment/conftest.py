"""What the tests of treatment share: a patient to whom what is refused changes nothing."""

import pytest

from tests.support.people import ClinicClient, treated
from tests.support.service import NOW, Service


@pytest.fixture(scope="module")
def _made_once(shared_service: Service, one_clinic: ClinicClient) -> str:
    shared_service.clock.move_to(NOW)
    return treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=20)


@pytest.fixture
def unchanged(service: Service, _made_once: str) -> str:  # noqa: ARG001 - sets the clock
    """One patient for all of a file's tests in which nothing is entered: making one takes a fifth of a second."""
    return _made_once
