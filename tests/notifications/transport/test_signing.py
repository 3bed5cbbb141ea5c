"""Signatures as a receiver with the public Standard Webhooks library sees them."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.notifications.transport import signing

BODY = '{"type":"signal.raised","note":"ä"}'.encode()


def test_a_secret_is_32_random_bytes_in_base64_behind_its_prefix() -> None:
    first, second = signing.new_secret(), signing.new_secret()
    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


def test_the_headers_say_what_the_standard_asks_for() -> None:
    sent_at = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    headers = signing.headers("msg_1", sent_at, BODY, [signing.new_secret()])
    assert headers.pop("webhook-signature").startswith("v1,")
    assert headers == {
        "content-type": "application/json",
        "user-agent": "Afterglow-Webhooks/1",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(sent_at.timestamp())),
    }


def test_the_signature_is_that_of_the_standards_published_example() -> None:
    headers = signing.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1_614_265_330, tz=UTC),
        b'{"test": 2432232314}',
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_verifies_what_was_sent_and_nothing_else() -> None:
    secret = signing.new_secret()
    headers = signing.headers("msg_1", datetime.now(UTC), BODY, [secret])
    assert Webhook(secret).verify(BODY, headers)["type"] == "signal.raised"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers | {"webhook-id": "msg_2"})
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, headers)


def test_while_secrets_rotate_both_the_old_and_the_new_one_verify() -> None:
    new, old = signing.new_secret(), signing.new_secret()
    headers = signing.headers("msg_1", datetime.now(UTC), BODY, [new, old])
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (new, old):
        Webhook(secret).verify(BODY, headers)


def test_the_same_moment_given_in_another_time_zone_gives_the_same_signature() -> None:
    secret = signing.new_secret()
    moment = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-8)))
    assert signing.headers("m", moment, BODY, [secret]) == signing.headers("m", elsewhere, BODY, [secret])


def test_a_message_without_a_secret_or_with_a_naive_time_is_not_signed() -> None:
    with pytest.raises(signing.NoSigningSecretError, match="at least one secret"):
        signing.headers("msg_1", datetime.now(UTC), BODY, [])
    naive = datetime.now(UTC).replace(tzinfo=None)
    with pytest.raises(signing.NaiveSendingTimeError, match="offset"):
        signing.headers("msg_1", naive, BODY, [signing.new_secret()])
