"""The demo's receiver proves something only if it refuses what is not signed with its secret."""

import json
from datetime import UTC, datetime
from http import HTTPStatus

import pytest

from app.cli.demo_receiver import DemoReceiver, EventMissingError
from app.notifications.transport import signing

SECRET = signing.new_secret()
BODY = json.dumps({"type": "signal.raised", "data": {"patient_id": "p"}}).encode()


def signed(webhook_id: str = "w1", secret: str = SECRET) -> dict[str, str]:
    return signing.headers(webhook_id, datetime.now(UTC), BODY, [secret])


@pytest.fixture
def receiver() -> DemoReceiver:
    made = DemoReceiver("http://127.0.0.1:1/webhooks")
    made.trust(SECRET)
    return made


def test_a_repetition_is_answered_well_and_kept_once(receiver: DemoReceiver) -> None:
    assert [receiver.take(signed(), BODY) for _ in range(2)] == [HTTPStatus.NO_CONTENT] * 2
    assert [arrived.event["type"] for arrived in receiver.events()] == ["signal.raised"]


@pytest.mark.parametrize(
    "headers",
    [
        signed(secret=signing.new_secret()),
        signed() | {"webhook-signature": "v1"},
        signed() | {"webhook-signature": "v1,!"},
        signed() | {"webhook-timestamp": "0"},
        signed("w1") | {"webhook-id": "w2"},
        {},
    ],
)
def test_what_does_not_verify_is_refused_and_counts_as_not_come(
    receiver: DemoReceiver, headers: dict[str, str]
) -> None:
    assert receiver.take(headers, BODY) == HTTPStatus.UNAUTHORIZED
    with pytest.raises(
        EventMissingError, match=r"^No verified signal\.raised came to the receiver within 0 seconds\.$"
    ):
        receiver.wait_for("signal.raised", patient_id="p", within=0.05)


def test_an_event_about_someone_else_is_not_the_one_waited_for(receiver: DemoReceiver) -> None:
    receiver.take(signed(), BODY)
    assert receiver.wait_for("signal.raised", patient_id="p", within=0).event["data"] == {"patient_id": "p"}
    with pytest.raises(EventMissingError):
        receiver.wait_for("signal.raised", patient_id="q", within=0)
