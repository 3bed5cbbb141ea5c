"""A patient with a phone that texts, and the gateway between it and the clinic."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx2

from app.care.patients.reaching import write_to_patient
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.notifications.transport import signing
from app.notifications.transport.addresses import AllowedNetworks
from app.notifications.transport.guarded_transport import guarded_client
from app.outbox import Wording
from tests.support.dispatch import send_all
from tests.support.people import NO_TLS, ClinicClient, PatientClient
from tests.support.receiver import Receiver
from tests.support.service import Service

SECRET = signing.new_secret()
NUMBERS = (f"+1415555{number:04}" for number in range(100, 1000))


@dataclass
class Texter:
    """A patient of the clinic, their phone, and the gateway between them."""

    service: Service
    clinic: ClinicClient
    gateway: Receiver
    patient: str
    phone: PatientClient
    number: str

    @property
    def state(self) -> str:
        return str(self.phone.http.get("/v1/me").json()["reminders"]["sms_number_state"])

    def give_number(self, number: str | None = None) -> None:
        self.number = number or self.number
        chosen = {"reminders": {"sms_number": self.number, "channels": ["gateway"]}}
        assert self.phone.http.patch("/v1/me", json=chosen).status_code == 200

    def ask(self) -> httpx2.Response:
        return self.phone.http.post("/v1/me/sms-number/codes")

    def try_code(self, code: str) -> httpx2.Response:
        return self.phone.http.post("/v1/me/sms-number/confirmation", json={"code": code})

    def sent(self) -> list[dict[str, Any]]:
        """Send what waits, as the worker does; gives what the gateway got."""
        self.gateway.requests.clear()

        async def send() -> None:
            allowed = AllowedNetworks.parse("127.0.0.0/8")
            async with guarded_client(allowed=allowed, http_allowed=True) as client:
                await send_all(self.service.worker.post(client), UUID(self.clinic.clinic_id))

        self.service.run(send())
        assert all(one.verified for one in self.gateway.requests)
        return [one.event for one in self.gateway.requests]

    def code(self) -> str:
        """Have a code sent; gives it as the text has it."""
        assert self.ask().status_code == 204
        (text,) = self.sent()
        assert text["to"] == self.number
        code = text["link"].partition("#")[2]
        assert f"your code is {code}." in text["text"]
        return str(code)

    def confirm(self) -> "Texter":
        self.give_number()
        assert self.try_code(self.code()).status_code == 204
        return self

    def text(self, text: str, **more: str) -> str | None:
        """Text back; gives the answer."""
        reply = post_text(self.service, self.clinic.clinic_id, {"from": self.number, "text": text} | more)
        assert reply.status_code == 200, reply.text
        answer: str | None = reply.json()["reply"]
        return answer

    def write(self) -> str:
        """Have the clinic write one of its fixed texts; gives over which channel."""

        async def write() -> str:
            async with self.service.context.work(UUID(self.clinic.clinic_id), actor=OPERATOR) as work:
                return await write_to_patient(work, UUID(self.patient), Wording.CLINIC_ASKS_TO_CALL)

        return self.service.run(write())

    def rows(self, kind: str = "note") -> list[dict[str, Any]]:
        """The worklist's rows of a kind about this patient."""
        params = {"kind": kind, "patient_id": self.patient}
        return list(self.clinic.http.get("/v1/worklist", params=params).json()["items"])

    def kept(self) -> list[dict[str, Any]]:
        return list(self.clinic.http.get(f"/v1/patients/{self.patient}/text-messages").json()["items"])


def post_text(
    service: Service,
    clinic_id: str,
    body: dict[str, str],
    *,
    secret: str = SECRET,
    sent_at: datetime | None = None,
    signed: dict[str, str] | None = None,
) -> httpx2.Response:
    """Post what came in, as the gateway does."""
    raw = json.dumps({"id": str(new_id()), "kind": "sms"} | body).encode()
    headers = signing.headers("msg-1", sent_at or service.clock.now(), raw, [secret])
    with httpx2.Client(base_url=service.url, verify=NO_TLS, timeout=30) as http:
        return http.post(
            f"/v1/text-messages/{clinic_id}", content=raw, headers=headers if signed is None else signed
        )


def new_texter(service: Service, clinic: ClinicClient, gateway: Receiver) -> Texter:
    patient = clinic.patient()
    phone = clinic.enrol(patient, service.url)
    return Texter(service, clinic, gateway, patient, phone, next(NUMBERS))
