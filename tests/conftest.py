"""What all tests share: one real PostgreSQL server, a database and a service for each file that wants them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from app.foundation.logs import set_up_logs
from tests.support.ground import Cluster, Place, running_cluster
from tests.support.people import ClinicClient, PatientClient, clinic_client, close_all
from tests.support.receiver import Receiver, running_receiver
from tests.support.service import NOW, Service, running_service

# The folders whose files wait for processes, browsers and clocks. They go first: several run at a time, and the
# longest must not come last.
_LONG_FIRST: Final = ("browser", "pages", "journeys", "docs", "cli", "clients", "storage", "studies")
_HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take long first; within them nothing moves."""
    items.sort(key=lambda item: item.path.relative_to(_HERE).parts[0] not in _LONG_FIRST)


@pytest.fixture(scope="session", autouse=True)
def logs() -> None:
    """The same logs as in the processes: one of the things that must not leak."""
    set_up_logs()


@pytest.fixture(scope="module", autouse=True)
def clients() -> Iterator[None]:
    """Whatever a file's tests leave open is closed with the file."""
    yield
    close_all()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="module")
def place(cluster: Cluster) -> Iterator[Place]:
    with cluster.database() as made:
        yield made


@pytest.fixture(scope="module")
def shared_service(place: Place) -> Iterator[Service]:
    with running_service(place.application_url) as running:
        yield running


@pytest.fixture
def service(shared_service: Service) -> Service:
    shared_service.clock.move_to(NOW)
    return shared_service


@pytest.fixture
def clinic(service: Service) -> Iterator[ClinicClient]:
    client = clinic_client(service)
    yield client
    client.close()


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """One clinic for a whole file."""
    client = clinic_client(shared_service)
    yield client
    client.close()


@pytest.fixture(scope="module")
def phone(shared_service: Service, one_clinic: ClinicClient) -> PatientClient:
    """One phone of one patient for a whole file."""
    return one_clinic.enrol(one_clinic.patient(), shared_service.url)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running
