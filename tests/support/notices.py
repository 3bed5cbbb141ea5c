"""A clinic with channels for its care team, a worker's hands without the worker, and what came where."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from app.foundation.ids import new_id
from app.notifications.messages.sending import send_message
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notifying import About, notify_of_patient
from tests.support.databases import DatabaseUrls
from tests.support.dispatch import deliver_all
from tests.support.mail_server import MailServer
from tests.support.people import ClinicClient, clinic_client
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service

TEAM = "team@clinic.example"
LINK = "https://afterglow.test/care"
LOOK = "Afterglow: someone on your worklist needs a look."
NOW_PLEASE = "Afterglow: someone on your worklist needs a look now."
MORE = " And more."
WAITS = "Your clinic's Afterglow cannot deliver to one of your systems. Nothing is lost; it waits there."


@dataclass
class CareTeam:
    """What is sent is sent by the test's own hands, as the worker would."""

    database: DatabaseUrls
    service: Service
    clinic: ClinicClient
    chat: Receiver
    mail: MailServer

    @property
    def clinic_id(self) -> UUID:
        """The clinic."""
        return UUID(self.clinic.clinic_id)

    def add(self, kind: str = "slack", address: str | None = None, **more: object) -> dict[str, Any]:
        """Add a channel: a chat's posts come to the receiver under the channel's kind."""
        address = address or (TEAM if kind == "email" else f"{self.chat.url}/{kind}")
        body = {"kind": kind, "address": address, **more}
        reply = self.clinic.http.post("/v1/notice-channels", json=body)
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    def channels(self) -> list[dict[str, Any]]:
        """The clinic's channels."""
        return list(self.clinic.http.get("/v1/notice-channels").json()["items"])

    def happens(self, event: EventType, *, mode: str = "live", patient: str | None = None) -> None:
        """Have something happen to a patient."""
        self.service.run(self._happens(event, mode, UUID(patient or self.clinic.patient())))

    async def _happens(self, event: EventType, mode: str, patient_id: UUID) -> None:
        about = About(
            patient_id=patient_id, mode=mode, subject="signal", subject_id=new_id(), url="https://x.test"
        )
        async with self.service.context.work(self.clinic_id) as work:
            await notify_of_patient(work, event, about, now=self.service.clock.now())

    def later(self, by: timedelta) -> None:
        """Let time pass."""
        self.service.clock.move_to(self.service.clock.now() + by)

    def send(self, *, hands: int = 1) -> list[str]:
        """Send what is due, by so many hands at once; gives what came into the chat, by text."""
        before = len(self.chat.requests)
        self.service.run(self._send(hands), within=60)
        return [text_in(one.event) for one in self.chat.requests[before:]]

    def deliver(self) -> None:
        """Deliver what is due to endpoints."""
        self.service.run(deliver_all(self.service.context, self.clinic_id), within=60)

    def letters(self) -> list[tuple[str, str]]:
        """To whom was written since the last look, and the first line of what."""
        found = sorted((one.to, one.body.splitlines()[0]) for one in self.mail.letters)
        self.mail.letters.clear()
        return found

    def rows(self, columns: str, table: str = "outgoing_messages") -> list[tuple[Any, ...]]:
        """Read the clinic's rows as the superuser sees them."""
        with psycopg.connect(self.database.superuser_url) as connection:
            return connection.execute(
                f"SELECT {columns} FROM care.{table} WHERE clinic_id = %s ORDER BY id",  # noqa: S608 - the test's own names
                [self.clinic_id],
            ).fetchall()

    async def _send(self, hands: int) -> None:
        ids = [
            one
            for (one, at, state) in self.rows("id, next_attempt_at, state")
            if state == "pending" and at <= self.service.clock.now()
        ]
        allowed = AllowedNetworks.parse("127.0.0.0/8")
        async with guarded_client(allowed=allowed, http_allowed=True) as client:
            post = self.service.worker.post(client)
            if hands == 1:
                for message_id in ids:
                    await send_message(post, self.clinic_id, message_id)
            else:
                both = (send_message(post, self.clinic_id, one) for one in ids for _ in range(hands))
                await asyncio.gather(*both)


def text_in(form: dict[str, Any]) -> str:
    """The text of a post as people read it, without its link."""
    if "text" in form:
        text, _, link = str(form["text"]).rpartition(" <")
        assert link == f"{LINK}>"
        return text
    (attachment,) = form["attachments"]
    (block,) = attachment["content"]["body"]
    (button,) = attachment["content"]["actions"]
    assert button["url"] == LINK
    return str(block["text"])


@contextmanager
def care_team(
    database: DatabaseUrls, service: Service, chat: Receiver, mail: MailServer
) -> Iterator[CareTeam]:
    """A new clinic of a service that has a mail server and no worker."""
    service.clock.move_to(NOW)
    mail.letters.clear()
    client = clinic_client(service)
    yield CareTeam(database, service, client, chat, mail)
    client.close()
