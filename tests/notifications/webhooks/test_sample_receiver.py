"""The sample receivers that we hand out, against messages that our own sender signed and sent."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from app.notifications.transport import signing
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.webhooks.delivering import OutgoingMessage, send
from tests.notifications.webhooks.samples import FAILING_ONCE, PROGRAMS, Sample, judged, running_sample

pytestmark = pytest.mark.processes

VECTORS = {path.stem: path for path in sorted((Path(__file__).parent / "vectors").glob("*.json"))}
SECRET = signing.new_secret()
BODY = '{"type":"endpoint.test","note":"ä"}'.encode()


@pytest.fixture(params=PROGRAMS, scope="module")
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def sample(language: str) -> Iterator[Sample]:
    with running_sample(PROGRAMS[language], SECRET) as running:
        yield running


def signed(webhook_id: str = "msg_1", *, age: timedelta = timedelta(0), body: bytes = BODY) -> dict[str, str]:
    return signing.headers(webhook_id, datetime.now(UTC) - age, body, [SECRET])


async def deliver(port: int, webhook_id: str, secrets: Sequence[str] = (SECRET,)) -> int | None:
    async with guarded_client(allowed=AllowedNetworks.parse("127.0.0.0/8"), http_allowed=True) as client:
        url = f"http://127.0.0.1:{port}/hook"
        message = OutgoingMessage(url=url, webhook_id=webhook_id, body=BODY, secrets=secrets)
        return (await send(client, message, datetime.now(UTC))).status


def vector(name: str) -> dict[str, Any]:
    return dict(json.loads(VECTORS[name].read_text()))


def test_recorded_messages_are_judged_as_they_should_be(language: str) -> None:
    verified = judged(language, list(VECTORS.values()))
    assert verified == {
        name: one["headers"]["webhook-id"] if one["accepted"] else None
        for name, one in ((name, vector(name)) for name in VECTORS)
    }


def test_the_records_hold_every_case_and_say_what_it_is() -> None:
    assert set(VECTORS) >= {
        "good",
        "two-signatures-new-secret",
        "two-signatures-old-secret",
        "malformed-before-good",
        "wrong-secret",
        "old-timestamp",
        "changed-body",
    }
    assert all(vector(name)["says"].endswith(".") for name in VECTORS)


@pytest.mark.parametrize("name", ["good", "body-beyond-ascii"])
def test_the_records_are_what_we_send(name: str) -> None:
    one = vector(name)
    sent_at = datetime.fromtimestamp(int(one["headers"]["webhook-timestamp"]), UTC)
    ours = signing.headers(one["headers"]["webhook-id"], sent_at, one["body"].encode(), one["secrets"])
    assert {header: ours[header] for header in one["headers"]} == one["headers"]


@pytest.mark.parametrize("malformed", ["v1,abc", "v1,a"])
def test_the_public_library_for_python_needs_the_care_that_our_page_asks_for(malformed: str) -> None:
    headers = signed()
    headers["webhook-signature"] = f"{malformed} {headers['webhook-signature']}"
    # binascii.Error is a ValueError.
    with pytest.raises(ValueError, match=r"base64|padding"):
        Webhook(SECRET).verify(BODY, headers)


@pytest.mark.anyio
async def test_what_our_sender_sends_is_taken_once_however_often_it_comes(language: str) -> None:
    with running_sample(PROGRAMS[language], SECRET) as sample:
        for webhook_id in ("msg_1", "msg_1", "msg_2"):
            assert await deliver(sample.port, webhook_id) == 204
        assert sample.has_taken(2)
    assert sample.taken == [{"type": "endpoint.test", "note": "ä"}] * 2


@pytest.mark.anyio
async def test_while_secrets_rotate_a_receiver_with_either_secret_goes_on(language: str) -> None:
    new = signing.new_secret()
    for known in ([SECRET], [new], [new, SECRET]):
        with running_sample(PROGRAMS[language], *known) as sample:
            assert await deliver(sample.port, "msg_1", [new, SECRET]) == 204
            assert await deliver(sample.port, "msg_1", [signing.new_secret()]) == 401


@pytest.mark.parametrize(
    "malformed", ["v1", "v1,", "v1,!", "v1,a", "v1,ä", "v1a,AAAA", ",", "", "v1,a,b", "x" * 500]
)
@pytest.mark.parametrize("first", [True, False])
def test_a_malformed_signature_does_not_hide_the_good_one_beside_it(
    sample: Sample, malformed: str, *, first: bool
) -> None:
    headers = signed()
    good = headers["webhook-signature"]
    for entries, status in ([malformed, good] if first else [good, malformed], 204), ([malformed], 401):
        assert sample.post(headers | {"webhook-signature": " ".join(entries)}, BODY) == status


@pytest.mark.parametrize(
    ("changed", "statuses"),
    [
        ({"webhook-id": "msg_2"}, {401}),
        ({"webhook-id": ""}, {401}),
        ({"webhook-timestamp": "0"}, {401}),
        ({"webhook-timestamp": "soon"}, {401}),
        ({"webhook-timestamp": "1e9"}, {401}),
        ({"webhook-timestamp": "9" * 400}, {401}),
        ({"webhook-signature": ""}, {401}),
        ({"content-length": "70000"}, {413}),
        ({"content-length": "-1"}, {400, 411}),
    ],
)
def test_changed_headers_are_refused(sample: Sample, changed: dict[str, str], statuses: set[int]) -> None:
    taken = len(sample.taken)
    assert sample.post(signed(str(uuid4())) | changed, BODY) in statuses
    assert sample.post(signed(str(uuid4())), BODY.replace(b"t", b"T")) == 401
    assert len(sample.taken) == taken


def test_missing_headers_are_refused(sample: Sample) -> None:
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        assert sample.post({key: value for key, value in signed().items() if key != name}, BODY) == 401


def test_a_message_played_back_after_five_minutes_is_refused(sample: Sample) -> None:
    for minutes, status in ((4, 204), (-4, 204), (6, 401), (-6, 401)):
        assert sample.post(signed(f"msg_{minutes}", age=timedelta(minutes=minutes)), BODY) == status


def test_a_message_that_could_not_be_worked_on_is_taken_when_it_comes_again(language: str) -> None:
    with running_sample(FAILING_ONCE[language], SECRET) as sample:
        assert [sample.post(signed(), BODY) for _ in range(3)] == [500, 204, 204]
        assert sample.has_taken(1)


def test_a_good_signature_over_what_is_no_json_is_not_taken(sample: Sample) -> None:
    body = b"no json"
    assert sample.post(signed(str(uuid4()), body=body), body) == 500
