"""What the files of this folder share: a care team with a mail server, and no worker but the tests' own hands."""

from collections.abc import Iterator

import pytest

from tests.support.databases import DatabaseUrls
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.notices import CareTeam, care_team
from tests.support.receiver import Receiver
from tests.support.service import Service, running_service


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def idle_service(own_database: DatabaseUrls, mail_server: MailServer) -> Iterator[Service]:
    with running_service(
        own_database.application_url, work=False, mail=mail_server.relay(), speedup=1
    ) as running:
        yield running


@pytest.fixture
def team(
    own_database: DatabaseUrls, idle_service: Service, receiver: Receiver, mail_server: MailServer
) -> Iterator[CareTeam]:
    with care_team(own_database, idle_service, receiver, mail_server) as made:
        yield made
