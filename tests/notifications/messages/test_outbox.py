"""A message is kept with what it is about, sent outside of any transaction, and what came of it is kept."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from app.notifications.messages.handing_over import channels_set_up
from app.notifications.messages.sending import CLAIM_LASTS, cancel_too_late
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import due_work, outgoing_messages
from tests.notifications.messages.conftest import LINK, Office
from tests.support.databases import DatabaseUrls
from tests.support.mail_server import MailServer

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
STAFF = [Wording.SAFETY_UNACKNOWLEDGED, Wording.SIGNAL_UNACKNOWLEDGED, Wording.SIGN_IN_LINK]


async def test_a_message_is_sent_once_and_then_its_address_and_link_are_gone(
    office: Office, mail_server: MailServer
) -> None:
    message_id = await office.queue()
    assert await office.send(message_id) == "sent"
    assert await office.send(message_id) is None
    kept = await office.read(message_id)
    assert (kept.state, kept.attempts, kept.sent_at) == ("sent", 1, office.clock.now())
    assert (kept.address_sealed, kept.link_sealed) == (None, None)
    assert [letter.to for letter in mail_server.letters] == ["maria@example.org"]
    assert LINK in mail_server.letters[0].body


async def test_what_is_undone_with_its_transaction_is_never_sent(
    office: Office, mail_server: MailServer
) -> None:
    now = office.clock.now()
    message = NewMessage(
        channel=Channel.EMAIL,
        to="maria@example.org",
        wording=Wording.SIGN_IN_LINK,
        locale="en",
        link=LINK,
        mode="live",
    )
    async with office.context.work(office.clinic_id) as work:
        message_id = await queue_message(work, message, now=now)
        await work.start_over()
    assert await office.send(message_id) is None
    assert mail_server.letters == []


async def test_many_hands_at_once_send_it_once(office: Office, mail_server: MailServer) -> None:
    message_id = await office.queue(Wording.SIGN_IN_LINK)
    endings = await asyncio.gather(*(office.send(message_id) for _ in range(8)))
    assert sorted(filter(None, endings)) == ["sent"]
    assert len(mail_server.letters) == 1


async def test_neither_address_nor_link_lies_open_in_the_database(
    office: Office, own_database: DatabaseUrls
) -> None:
    await office.queue()
    with psycopg.connect(own_database.superuser_url) as connection:
        rows = connection.execute("SELECT m::text FROM care.outgoing_messages m").fetchall()
    assert rows
    for secret in ("maria@example.org", LINK):
        assert not [row for (row,) in rows if secret in row or secret.encode().hex() in row]


async def test_without_a_mail_server_it_waits_and_goes_when_there_is_one(
    office: Office,
) -> None:
    message_id = await office.queue(Wording.SIGNAL_UNACKNOWLEDGED)
    assert await office.send(message_id, office.with_mail(None)) is None
    office.clock.move_to(office.clock.now() + 30 * DAY)
    kept = await office.read(message_id)
    assert (kept.state, kept.attempts) == ("pending", 0)
    assert await office.send(message_id) == "sent"


async def due(office: Office, *, mail: bool = True) -> list[tuple[str | None, bool]]:
    context = office.context if mail else office.with_mail(None).context
    async with context.work(None) as work:
        found = await due_work.due(work, now=work.now, channels=channels_set_up(context))
    return [(lane.channel, lane.urgent) for lane in found if lane.clinic_id == office.clinic_id]


async def test_what_is_due_is_found_unless_it_could_not_go(office: Office) -> None:
    assert await due(office) == []
    message_id = await office.queue()
    await office.queue(Wording.SIGN_IN_LINK)
    assert await due(office) == [("email", True), ("email", False)], "what someone waits for comes first"
    assert await due(office, mail=False) == []
    assert await office.send(message_id) == "sent"
    assert await due(office) == [("email", True)]


async def test_a_refused_address_is_not_tried_again(office: Office, mail_server: MailServer) -> None:
    mail_server.rcpt = "550 no such user"
    message_id = await office.queue()
    assert await office.send(message_id) == "refused"
    kept = await office.read(message_id)
    assert (kept.state, kept.trouble, kept.address_sealed) == ("failed", "recipient_refused", None)


async def live_through_failures(office: Office, wording: Wording) -> list[datetime]:
    """Let every attempt fail until nothing follows; gives when they were."""
    times, message_id = [], await office.queue(wording)
    while (kept := await office.read(message_id)).state == "pending":
        office.clock.move_to(kept.next_attempt_at)
        times.append(office.clock.now())
        assert await office.send(message_id) == "not_taken"
    assert (kept.state, kept.trouble) == ("failed", "mail_server")
    return times


async def test_a_mail_server_that_is_down_is_tried_for_a_day(office: Office, mail_server: MailServer) -> None:
    office.post = office.with_mail(replace(mail_server.relay(), port=9))
    times = await live_through_failures(office, Wording.SIGNAL_UNACKNOWLEDGED)
    assert len(times) == 10
    assert times[1] - times[0] == timedelta(minutes=1)
    assert timedelta(hours=23) < times[-1] - times[0] < timedelta(hours=25)


@pytest.mark.parametrize("wording", STAFF)
async def test_what_may_not_have_arrived_is_sent_again_under_the_same_message_id(
    office: Office, mail_server: MailServer, wording: Wording
) -> None:
    message_id = await office.queue(wording)
    mail_server.cut_after_data = True
    assert await office.send(message_id) == "unclear"
    mail_server.cut_after_data = False
    office.clock.move_to((await office.read(message_id)).next_attempt_at)
    assert await office.send(message_id) == "sent"
    first, second = mail_server.letters
    assert first.message["message-id"] == second.message["message-id"]


async def test_a_reminder_that_may_have_arrived_is_not_sent_again(
    office: Office, mail_server: MailServer
) -> None:
    message_id = await office.queue()
    mail_server.cut_after_data = True
    assert await office.send(message_id) == "unclear"
    office.clock.move_to(office.clock.now() + DAY)
    assert await office.send(message_id) is None
    assert (await office.read(message_id)).state == "failed"
    assert len(mail_server.letters) == 1


async def claimed_by_a_worker_that_died(office: Office, wording: Wording) -> UUID:
    message_id, now = await office.queue(wording), office.clock.now()
    async with office.context.work(office.clinic_id) as work:
        await outgoing_messages.claim(work, [message_id], now=now, until=now + CLAIM_LASTS)
        await work.commit()
    assert await office.send(message_id) is None
    office.clock.move_to(now + CLAIM_LASTS)
    return message_id


async def test_a_worker_that_died_while_sending_leaves_a_reminder_unsent(
    office: Office, mail_server: MailServer
) -> None:
    message_id = await claimed_by_a_worker_that_died(office, Wording.CHECK_IN_DUE)
    assert await office.send(message_id) is None
    kept = await office.read(message_id)
    assert (kept.state, kept.trouble) == ("failed", "worker_died")
    assert mail_server.letters == []


async def test_a_worker_that_died_while_sending_lets_go_of_all_else(office: Office) -> None:
    message_id = await claimed_by_a_worker_that_died(office, Wording.SAFETY_UNACKNOWLEDGED)
    assert await office.send(message_id) == "sent"


async def test_a_message_that_helps_nobody_any_more_is_cancelled_even_without_a_mail_server(
    office: Office, mail_server: MailServer
) -> None:
    message_id = await office.queue(not_after=office.clock.now() + timedelta(minutes=15))
    office.clock.move_to(office.clock.now() + timedelta(minutes=16))
    waiting_id = await office.queue()
    async with office.with_mail(None).context.work(office.clinic_id) as work:
        assert await cancel_too_late(work) == 1
    assert (await office.read(waiting_id)).state == "pending"
    assert await office.send(message_id, office.with_mail(None)) is None
    kept = await office.read(message_id)
    assert (kept.state, kept.trouble, kept.link_sealed) == ("cancelled", "too_late", None)
    assert mail_server.letters == []


async def test_just_before_sending_the_room_that_wrote_it_is_asked_again(
    office: Office, mail_server: MailServer
) -> None:
    async def answered_meanwhile(*_: object) -> Collection[UUID]:
        return ()

    message_id, other = await office.queue(), await office.queue(Wording.SIGN_IN_LINK)
    post = replace(office.post, still_wanted={Wording.CHECK_IN_DUE: answered_meanwhile})
    assert await office.send(message_id, post) is None
    assert (await office.read(message_id)).state == "cancelled"
    assert await office.send(other, post) == "sent"
    assert len(mail_server.letters) == 1


async def test_the_audit_log_names_each_step_by_ids_alone(office: Office, own_database: DatabaseUrls) -> None:
    message_id = await office.queue()
    await office.send(message_id)
    with psycopg.connect(own_database.superuser_url) as connection:
        recorded = connection.execute(
            "SELECT action FROM care.audit_events WHERE clinic_id = %s ORDER BY id", [office.clinic_id]
        ).fetchall()
    assert [action for (action,) in recorded][-2:] == ["message.queued", "message.sent"]
