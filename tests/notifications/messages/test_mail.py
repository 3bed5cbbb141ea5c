"""Mail leaves as it should, through a real mail server, whatever that does."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from app.foundation.relays import MailRelay, MailSettingsError, Tls, read_mail_relay
from app.notifications.messages.mail import Mail, send_mail
from app.notifications.messages.outcomes import Ending
from app.notifications.messages.wording import text_of
from app.outbox import Wording
from tests.support.certificates import certificate_for
from tests.support.mail_server import running_mail_server

pytestmark = pytest.mark.anyio

ID = UUID("019a48d1-5c4e-7b60-9f0a-2f6f1e0b7c11")
NOW = datetime(2026, 11, 3, 18, tzinfo=UTC)
PASSWORD = "open sesame"  # noqa: S105 - made up
LINK = "https://afterglow.test/i/" + "Ab3_-" * 30


def mail(to: str = "maria@example.org", *, locale: str = "en-US", unsubscribe: str | None = None) -> Mail:
    text = text_of(Wording.CHECK_IN_DUE, locale=locale, mode="live")
    return Mail(id=ID, to=to, text=text, link=LINK, sent_at=NOW, unsubscribe=unsubscribe)


async def test_a_mail_arrives_with_its_text_and_its_link_in_one_piece() -> None:
    with running_mail_server() as server:
        outcome = await send_mail(server.relay(), mail(locale="es-MX"))
    (letter,) = server.letters
    assert outcome.ending is Ending.SENT
    assert (letter.sender, letter.to) == ("afterglow@clinic.example", "maria@example.org")
    assert letter.message["subject"] == "Tiene un mensaje de su clínica"
    assert "formulario breve" in letter.body
    assert LINK in letter.body.split()


async def test_its_headers_say_who_sent_it_when_and_that_nobody_waits_for_an_answer() -> None:
    with running_mail_server() as server:
        await send_mail(server.relay(), mail(unsubscribe="https://afterglow.test/stop"))
    message = server.letters[0].message
    assert message["message-id"] == f"<{ID}@clinic.example>"
    assert message["auto-submitted"] == "auto-generated"
    assert message["date"].datetime == NOW
    assert message["list-unsubscribe"] == "<https://afterglow.test/stop>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"


async def test_a_mail_that_cannot_be_stopped_offers_no_way_to_stop_it() -> None:
    with running_mail_server() as server:
        await send_mail(server.relay(), mail())
    assert server.letters[0].message["list-unsubscribe"] is None


async def test_user_and_password_travel_over_starttls(tmp_path: Path) -> None:
    server_side, believing = certificate_for(tmp_path, "localhost")
    with running_mail_server(server_side, password=PASSWORD) as server:
        relay = MailRelay(
            host="localhost",
            port=server.port,
            tls=Tls.STARTTLS,
            sender="afterglow@clinic.example",
            user="us",
            password=PASSWORD,
            trust=believing,
        )
        outcome = await send_mail(relay, mail())
    assert outcome.ending is Ending.SENT
    assert (server.letters[0].over_tls, server.letters[0].user) == (True, "us")


async def test_without_starttls_nothing_is_said_to_a_server_that_should_have_it() -> None:
    with running_mail_server() as server:
        outcome = await send_mail(server.relay(Tls.STARTTLS), mail())
    assert outcome.ending is Ending.NOT_TAKEN
    assert server.letters == []


@pytest.mark.parametrize(
    ("rcpt", "data", "ending", "trouble"),
    [
        ("550 no such user", "250 OK", Ending.REFUSED, "recipient_refused"),
        ("450 try later", "250 OK", Ending.NOT_TAKEN, "recipient_refused"),
        ("250 OK", "554 spam", Ending.REFUSED, "mail_refused"),
        ("250 OK", "451 full", Ending.NOT_TAKEN, "mail_refused"),
    ],
)
async def test_what_the_server_answers_decides_whether_it_is_tried_again(
    rcpt: str, data: str, ending: Ending, trouble: str
) -> None:
    with running_mail_server() as server:
        server.rcpt, server.data = rcpt, data
        outcome = await send_mail(server.relay(), mail())
    assert (outcome.ending, outcome.trouble) == (ending, trouble)


async def test_a_line_cut_before_the_answer_leaves_it_unclear() -> None:
    with running_mail_server() as server:
        server.cut_after_data = True
        outcome = await send_mail(server.relay(), mail())
    assert outcome.ending is Ending.UNCLEAR
    assert len(server.letters) == 1


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with running_mail_server() as server:
        relay = server.relay()
    assert (await send_mail(relay, mail())).ending is Ending.NOT_TAKEN


@pytest.mark.parametrize(
    "to", ["", "maria", "a@b\r\nBcc: c@d", "maria@", "a@b, c@d", "ma ria@example.org", "josé@example.org"]
)
async def test_an_address_that_is_none_is_refused_before_anything_is_said(to: str) -> None:
    with running_mail_server() as server:
        outcome = await send_mail(server.relay(), mail(to))
    assert (outcome.ending, outcome.trouble) == (Ending.REFUSED, "address")
    assert server.letters == []


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://mail.example", 587, Tls.STARTTLS),
        ("smtps://us:p%40ss@mail.example", 465, Tls.FROM_THE_START),
        ("smtp://127.0.0.1:25", 25, Tls.NONE),
        ("smtp://[::1]:25", 25, Tls.NONE),
        ("smtp://localhost", 587, Tls.NONE),
        ("smtp://10.0.0.5:25?tls=off", 25, Tls.NONE),
    ],
)
def test_tls_is_required_unless_the_server_is_here_or_the_operator_says_so(
    url: str, port: int, tls: Tls
) -> None:
    relay = read_mail_relay(url, "a@clinic.example")
    assert relay is not None
    assert (relay.port, relay.tls) == (port, tls)
    assert relay.password == ("p@ss" if "p%40ss" in url else None)


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("smtp://mail.example", None),
        (None, "a@clinic.example"),
        ("http://mail.example", "a@clinic.example"),
        ("smtp://mail.example?tls=maybe", "a@clinic.example"),
        ("smtp://mail.example:99999", "a@clinic.example"),
        ("smtp://", "a@clinic.example"),
        ("smtp://mail.example/path", "a@clinic.example"),
        ("smtp://mail.example", "clinic"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_at_the_start(url: str | None, sender: str | None) -> None:
    with pytest.raises(MailSettingsError):
        read_mail_relay(url, sender)


def test_no_settings_mean_no_mail() -> None:
    assert read_mail_relay(None, None) is None


def test_a_password_shows_in_no_text_of_the_relay() -> None:
    assert "hush" not in repr(read_mail_relay("smtp://us:hush@mail.example", "a@clinic.example"))
