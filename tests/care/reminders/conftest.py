"""What the files of this folder share: a service with a mail server, and no worker but the tests' own hands."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from app.care.reminders.due_reminders import remind_due
from app.notifications.messages.sending import send_due
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from tests.support.databases import DatabaseUrls
from tests.support.dispatch import send_all
from tests.support.mail_server import Letter, MailServer, running_mail_server
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service, running_service

# 18:00 in Berlin, when patients are asked who chose nothing else.
EVENING = NOW.replace(hour=17)


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture(scope="module")
def shared_service(own_database: DatabaseUrls, mail_server: MailServer) -> Iterator[Service]:
    with running_service(own_database.application_url, work=False, mail=mail_server.relay()) as running:
        yield running


@dataclass
class Evening:
    """A clinic at the time when its patients are asked."""

    service: Service
    clinic: ClinicClient
    mail_server: MailServer

    def patient(self, *, days_since: int = 2, email: bool = True) -> str:
        """A patient whose induction ended so many days ago, and who is asked by mail."""
        patient = self.clinic.patient()
        self.clinic.treat(patient, last_infusion=EVENING - timedelta(days=days_since, hours=4))
        if email:
            version = self.clinic.http.get(f"/v1/patients/{patient}").headers["etag"]
            reply = self.clinic.http.patch(
                f"/v1/patients/{patient}",
                json={"email": f"{patient}@example.org"},
                headers={"if-match": version},
            )
            assert reply.status_code == 200, reply.text
        return patient

    def look(self, at: datetime = EVENING) -> int:
        """Look at whose time has come, as the sweep does."""
        self.service.clock.move_to(at)
        return self.service.run(remind_due(self.service.context, UUID(self.clinic.clinic_id)))

    def send(self, at: datetime | None = None) -> list[Letter]:
        """Send what waits, as the worker does; gives what arrived."""
        if at is not None:
            self.service.clock.move_to(at)
        self.mail_server.letters.clear()
        self.service.run(self._send())
        return list(self.mail_server.letters)

    def send_by_two_workers(self) -> tuple[list[int], list[Letter]]:
        """Let two workers send what waits at once; gives how many each attempted, and what arrived."""
        self.mail_server.letters.clear()
        return self.service.run(self._send_twice()), list(self.mail_server.letters)

    async def _send_twice(self) -> list[int]:
        allowed = AllowedNetworks.parse("127.0.0.0/8")
        async with guarded_client(allowed=allowed, http_allowed=True) as client:
            post, clinic_id = self.service.worker.post(client), UUID(self.clinic.clinic_id)
            both = [send_due(post, clinic_id, channel="email", urgent=False, limit=2) for _ in range(2)]
            return [len(attempted) for attempted in await asyncio.gather(*both)]

    async def _send(self) -> None:
        allowed = AllowedNetworks.parse("127.0.0.0/8")
        async with guarded_client(allowed=allowed, http_allowed=True) as client:
            await send_all(self.service.worker.post(client), UUID(self.clinic.clinic_id))


@pytest.fixture
def evening(service: Service, mail_server: MailServer) -> Iterator[Evening]:
    # A phone's token lasts a quarter of an hour.
    service.clock.move_to(EVENING - timedelta(minutes=10))
    clinic = clinic_client(service)
    yield Evening(service, clinic, mail_server)
    clinic.close()
