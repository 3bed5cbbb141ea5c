"""What all tests share: one real PostgreSQL server, one database and one service for each test process.

Row-level security keeps clinics apart, so a test makes its own clinic and not its own database. A file that needs a
database or a service to itself asks for ``own_database`` or ``own_service``.
"""

from collections.abc import Iterator
from io import StringIO
from typing import Final
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from app.access.staff import passwords
from app.foundation.logs import set_up_logs
from tests.support.databases import Cluster, DatabaseUrls, close_clinics, in_memory, running_cluster
from tests.support.months import wait_for_a_whole_month
from tests.support.people import ClinicClient, PatientClient, clinic_client, close_all
from tests.support.receiver import Receiver, running_receiver
from tests.support.service import NOW, Service, running_service

# Before any test changes it.
_IN_PRODUCTION: Final = passwords._HASHER


@pytest.fixture(scope="session", autouse=True)
def logs() -> None:
    """The same logs as in the processes: one of the things that must not leak."""
    set_up_logs()


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """A password costs no memory and little time here; `costly_passwords` gives a test what production has."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        yield


@pytest.fixture
def costly_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost what they cost in production."""
    monkeypatch.setattr(passwords, "_HASHER", _IN_PRODUCTION)


@pytest.fixture(scope="module", autouse=True)
def clients() -> Iterator[None]:
    """Whatever a file's tests leave open is closed with the file."""
    yield
    close_all()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster(in_memory()) as running:
        yield running


@pytest.fixture(scope="session")
def shared_database(cluster: Cluster) -> Iterator[DatabaseUrls]:
    """The process's database: each test has its own clinics in it."""
    with cluster.database() as made:
        yield made


@pytest.fixture(scope="session")
def process_service(shared_database: DatabaseUrls) -> Iterator[Service]:
    with running_service(shared_database.application_url) as running:
        yield running


@pytest.fixture(scope="module")
def shared_service(process_service: Service, shared_database: DatabaseUrls) -> Iterator[Service]:
    """The process's service, for a file. When the file ends, the worker has no more to do for its clinics."""
    process_service.clock.move_to(NOW)
    yield process_service
    close_clinics(shared_database)


@pytest.fixture(scope="module")
def own_database(cluster: Cluster) -> Iterator[DatabaseUrls]:
    """A file's own database: for what counts all rows, changes tables, or has its own service or worker."""
    with cluster.database() as made:
        yield made


@pytest.fixture(scope="module")
def own_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """A file's own service, on its own database."""
    with running_service(own_database.application_url) as running:
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
    service.left.append(UUID(client.clinic_id))


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


@pytest.fixture
def own_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What this process logs during a test."""
    written = StringIO()
    with monkeypatch.context() as patched:
        patched.setattr("sys.stderr", written)
        set_up_logs()
        yield written
    # The other tests' logs go to the real one again.
    set_up_logs()


@pytest.fixture
def within_a_month() -> None:
    """The month does not end during this test, which counts months by the machine's clock."""
    wait_for_a_whole_month()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
