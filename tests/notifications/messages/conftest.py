"""What the files of this folder share: a clinic with its context, no HTTP; a mail server."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import pytest

from app.context import AppContext
from app.foundation.relays import MailRelay
from app.foundation.vault import Vault
from app.notifications.messages.sending import Post, send_message
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import outgoing_messages
from app.storage.engine.database import Database
from app.storage.outgoing_messages import OutgoingMessage
from tests.support.clock import SettableClock
from tests.support.databases import DatabaseUrls
from tests.support.mail_server import MailServer, running_mail_server
from tests.support.service import KEY, NOW, opened_clinic

LINK = "https://afterglow.test/i/secret-part"


@dataclass
class Office:
    """A clinic's outbox, and a worker's hands without the worker."""

    context: AppContext
    clock: SettableClock
    clinic_id: UUID
    post: Post

    async def queue(
        self,
        wording: Wording = Wording.CHECK_IN_DUE,
        *,
        channel: Channel = Channel.EMAIL,
        to: str = "maria@example.org",
        not_after: datetime | None = None,
        patient_id: UUID | None = None,
    ) -> UUID:
        """Put a message to Maria into the outbox."""
        now = self.clock.now()
        message = NewMessage(
            channel=channel,
            to=to,
            wording=wording,
            locale="en-US",
            link=LINK,
            mode="live",
            patient_id=patient_id,
            not_after=not_after,
        )
        async with self.context.work(self.clinic_id) as work:
            message_id = await queue_message(work, message, now=now)
            work.audit("message.queued", "clinic", self.clinic_id)
        return message_id

    async def send(self, message_id: UUID, post: Post | None = None) -> str | None:
        """Send as the worker does; gives how it ended."""
        attempted = await send_message(post or self.post, self.clinic_id, message_id)
        return attempted.outcome.ending.value if attempted else None

    async def read(self, message_id: UUID) -> OutgoingMessage:
        """Read a message as stored."""
        async with self.context.work(self.clinic_id) as work:
            message = await outgoing_messages.lock(work, message_id)
        assert message is not None
        return message

    def with_mail(self, relay: MailRelay | None) -> Post:
        """The same hands with another mail server, or none."""
        return replace(self.post, context=replace(self.context, mail=relay))


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture
async def office(own_database: DatabaseUrls, mail_server: MailServer) -> AsyncIterator[Office]:
    clock = SettableClock(NOW)
    context = AppContext(
        database=Database(own_database.application_url),
        vault=Vault(KEY),
        clock=clock,
        public_url="https://afterglow.test",
        webhook_allow="127.0.0.0/8",
        mail=mail_server.relay(),
    )
    opened = await opened_clinic(context)
    async with guarded_client(allowed=AllowedNetworks.parse("127.0.0.0/8"), http_allowed=True) as client:
        yield Office(context, clock, opened.clinic_id, Post(context=context, client=client))
    await context.database.close()
