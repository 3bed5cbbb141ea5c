"""A device says where its pushes go; a push reaches the browser, and only it can read it."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from app.foundation.ids import new_id
from app.foundation.relays import GatewayRelay
from app.foundation.vault import Vault
from app.notifications.messages.sending import Post, send_message
from app.notifications.messages.web_push import AppAddress, NoGatewayError, public_push_key, subscribe
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.notifications.transport.signing import new_secret
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage import outgoing_messages, push_subscriptions
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, PatientClient
from tests.support.problems import assert_problem
from tests.support.push_service import PushService, running_push_service
from tests.support.receiver import Receiver
from tests.support.service import Service, running_service

LINK = "https://afterglow.test/i/secret-part"


@pytest.fixture(scope="module")
def shared_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """Without a worker: these tests send with their own hands."""
    gateway = GatewayRelay(url="http://127.0.0.1:9/nobody", secret=new_secret())
    with running_service(own_database.application_url, work=False, gateway=gateway) as running:
        yield running


@pytest.fixture
def browser() -> Iterator[PushService]:
    with running_push_service() as running:
        yield running


@pytest.fixture
def own_phone(service: Service, clinic: ClinicClient) -> PatientClient:
    return clinic.enrol(clinic.patient(), service.url)


def subscriptions(service: Service, clinic: ClinicClient, phone: PatientClient) -> list[UUID]:
    async def read() -> list[UUID]:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            found = await push_subscriptions.ids_of_patients(work, [UUID(phone.patient_id)])
        return found.get(UUID(phone.patient_id), [])

    return service.run(read())


def push(
    service: Service,
    clinic: ClinicClient,
    subscription_id: UUID,
    *,
    wording: Wording = Wording.CHECK_IN_DUE,
    gateway: GatewayRelay | None = None,
) -> tuple[str | None, str]:
    """Queue a push to this subscription and send it; gives how the attempt ended and the message's state."""
    clinic_id = UUID(clinic.clinic_id)
    context = replace(service.context, gateway=gateway)

    async def send() -> tuple[str | None, str]:
        now = context.clock.now()
        message = NewMessage(
            channel=Channel.PUSH,
            to=str(subscription_id),
            wording=wording,
            locale="en-US",
            link=LINK,
            mode="live",
            not_after=now + timedelta(hours=3),
        )
        async with context.work(clinic_id) as work:
            message_id = await queue_message(work, message, now=now)
            work.audit("message.queued", "clinic", clinic_id)
        allowed = AllowedNetworks.parse("127.0.0.0/8")
        async with guarded_client(allowed=allowed, http_allowed=True) as client:
            attempted = await send_message(Post(context=context, client=client), clinic_id, message_id)
        async with context.work(clinic_id) as work:
            kept = await outgoing_messages.lock(work, message_id)
        assert kept is not None
        return (attempted.outcome.ending.value if attempted else None), kept.state

    return service.run(send())


def test_a_push_reaches_the_browser_and_says_text_and_link_and_nothing_else(
    service: Service, clinic: ClinicClient, own_phone: PatientClient, browser: PushService
) -> None:
    assert own_phone.http.put("/v1/me/push-subscription", json=browser.subscription).status_code == 204
    (subscription_id,) = subscriptions(service, clinic, own_phone)
    assert push(service, clinic, subscription_id) == ("sent", "sent")
    (came,) = browser.pushes
    assert set(came.shown) == {"title", "body", "link", "tag"}
    assert (came.shown["title"], came.shown["link"]) == ("You have a message from your clinic", LINK)
    # Not even encrypted: no id of the patient, the clinic or the device.
    for secret in (own_phone.patient_id, clinic.clinic_id, str(subscription_id)):
        assert secret not in str(came)


def test_a_push_proves_who_sends_it_and_says_how_long_it_is_worth_keeping(
    service: Service, clinic: ClinicClient, own_phone: PatientClient, browser: PushService
) -> None:
    own_phone.http.put("/v1/me/push-subscription", json=browser.subscription)
    (subscription_id,) = subscriptions(service, clinic, own_phone)
    push(service, clinic, subscription_id)
    push(service, clinic, subscription_id, wording=Wording.SAFETY_UNACKNOWLEDGED)
    came, urgent = browser.pushes
    assert came.proven
    assert came.headers["authorization"].endswith(public_push_key(service.context.vault))
    assert came.claims["aud"] == browser.url.removesuffix("/p/a-browser")
    assert came.claims["sub"] == "https://afterglow.test"
    assert came.claims["exp"] - service.clock.now().timestamp() == 12 * 3600
    assert (came.headers["ttl"], came.headers["urgency"]) == ("10800", "normal")
    assert (came.headers["content-encoding"], urgent.headers["urgency"]) == ("aes128gcm", "high")


@pytest.mark.parametrize(
    ("status", "ending", "state", "remain"),
    [
        (404, "gone", "cancelled", 0),
        (410, "gone", "cancelled", 0),
        (413, "refused", "failed", 1),
        (429, "not_taken", "pending", 1),
        (503, "not_taken", "pending", 1),
        (302, "not_taken", "pending", 1),
    ],
)
def test_what_the_push_service_answers_decides_what_becomes_of_push_and_subscription(
    service: Service,
    clinic: ClinicClient,
    own_phone: PatientClient,
    browser: PushService,
    status: int,
    ending: str,
    state: str,
    remain: int,
) -> None:
    own_phone.http.put("/v1/me/push-subscription", json=browser.subscription)
    (subscription_id,) = subscriptions(service, clinic, own_phone)
    browser.status = status
    assert push(service, clinic, subscription_id) == (ending, state)
    assert len(subscriptions(service, clinic, own_phone)) == remain


def test_a_device_has_one_subscription_and_may_end_it(
    service: Service, clinic: ClinicClient, own_phone: PatientClient, browser: PushService
) -> None:
    for _ in range(2):
        own_phone.http.put("/v1/me/push-subscription", json=browser.subscription)
    (subscription_id,) = subscriptions(service, clinic, own_phone)
    for _ in range(2):
        assert own_phone.http.delete("/v1/me/push-subscription").status_code == 204
    assert subscriptions(service, clinic, own_phone) == []
    assert push(service, clinic, subscription_id) == (None, "cancelled")
    assert browser.pushes == []


def test_an_app_is_pushed_to_by_the_gateway(
    service: Service, clinic: ClinicClient, own_phone: PatientClient, receiver: Receiver
) -> None:
    receiver.secret = new_secret()
    gateway = GatewayRelay(url=receiver.url, secret=receiver.secret)
    assert own_phone.http.put("/v1/me/app-push-token", json={"token": "fcm:a-token"}).status_code == 204
    (subscription_id,) = subscriptions(service, clinic, own_phone)
    assert push(service, clinic, subscription_id, gateway=gateway) == ("sent", "sent")
    (call,) = receiver.requests
    assert call.verified
    assert call.event == {
        "id": call.webhook_id,
        "kind": "push",
        "to": "fcm:a-token",
        "text": "Your clinic's Afterglow has a short form for you.",
        "link": LINK,
    }
    receiver.answer = lambda _count: 410
    assert push(service, clinic, subscription_id, gateway=gateway) == ("gone", "cancelled")
    assert subscriptions(service, clinic, own_phone) == []


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"endpoint": "https://push.example.net/x#y"}, "#/endpoint", "push-address-refused"),
        ({"endpoint": "https://10.0.0.1/x"}, "#/endpoint", "push-address-refused"),
        ({"endpoint": "https://169.254.169.254/latest"}, "#/endpoint", "push-address-refused"),
        ({"p256dh": "AAAA"}, "#/p256dh", "push-keys-not-usable"),
        ({"p256dh": "!"}, "#/p256dh", "push-keys-not-usable"),
        ({"auth": "!"}, "#/auth", "push-keys-not-usable"),
        ({"auth": "AAAA"}, "#/auth", "push-keys-not-usable"),
        ({"patient_id": "x"}, None, None),
    ],
)
def test_what_is_no_subscription_is_refused(
    own_phone: PatientClient,
    browser: PushService,
    change: dict[str, Any],
    pointer: str | None,
    code: str | None,
) -> None:
    reply = own_phone.http.put("/v1/me/push-subscription", json=browser.subscription | change)
    assert_problem(reply, 422, pointer=pointer, code=code)


def test_an_app_without_a_gateway_is_answered_so(service: Service, own_phone: PatientClient) -> None:
    context = replace(service.context, gateway=None)
    whose = {"patient_id": UUID(own_phone.patient_id), "device_id": UUID(own_phone.patient_id)}

    async def ask() -> None:
        async with context.work(new_id()) as work:
            await subscribe(work, AppAddress(token="fcm:a"), **whose)  # noqa: S106 - made up

    with pytest.raises(NoGatewayError):
        service.run(ask())


def test_the_push_key_is_public_and_always_the_same_for_one_master_key(
    service: Service, own_phone: PatientClient
) -> None:
    shown = own_phone.http.get("/v1/push-key", headers={"authorization": ""}).json()["public_key"]
    point = base64.urlsafe_b64decode(shown + "=")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    assert shown == public_push_key(service.context.vault)
    assert shown != public_push_key(Vault(bytes(32)))
