"""Builders: a clinic's contacts, a clinic that has gone live, an audit log that is sealed."""

from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import update

from app.access.audit.seals import seal_clinic
from app.access.clinics.contact_tests import start_drill
from app.outbox import Wording
from app.storage import contact_tests
from app.storage.outgoing_messages import OutgoingMessage
from tests.support.people import ClinicClient
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import Service

SAFETY_CONTACT = {"name": "R. Ortega", "email": "ortega@clinic.example", "phone": "+1 555 0101"}
SECOND_CONTACT = {"name": "L. Brandt", "email": "brandt@clinic.example", "phone": None}


def change_clinic(clinic: ClinicClient, **change: object) -> httpx2.Response:
    """Change the clinic as it is now."""
    version = clinic.http.get("/v1/clinic").headers["etag"]
    return clinic.http.patch("/v1/clinic", json=change, headers={"if-match": version})


def name_contacts(clinic: ClinicClient) -> None:
    """Name both contacts."""
    reply = change_clinic(clinic, safety_contact=SAFETY_CONTACT, second_contact=SECOND_CONTACT)
    assert reply.status_code == 200, reply.text


def drilled(service: Service, clinic: ClinicClient) -> None:
    """Have both contacts answer a drill, without a mail: a test counts those that it asked for."""

    async def answer() -> None:
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            for one in await start_drill(work):
                await contact_tests.answer(work, one.id)
                work.audit("contact.answered", "contact_test", one.id)
            unsent = {"state": "cancelled", "address_sealed": None, "link_sealed": None}
            mine = OutgoingMessage.clinic_id == work.clinic_id, OutgoingMessage.wording == Wording.DRILL
            await work.execute(update(OutgoingMessage).where(*mine).values(unsent))

    service.run(answer())


def gone_live(service: Service, clinic: ClinicClient, receiver: Receiver) -> dict[str, Any]:
    """Take a clinic live, with both contacts, a drill and an endpoint that answered; gives the endpoint."""
    name_contacts(clinic)
    drilled(service, clinic)
    endpoint = clinic.add_endpoint(receiver.url)
    before = len(receiver.accepted("endpoint.test"))
    assert clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test").status_code == 202
    receiver.wait_for("endpoint.test", count=before + 1)
    # The answer is noted a moment after the receiver gave it.
    live = wait_until(lambda: clinic.http.post("/v1/clinic/go-live").status_code == 200, 20)
    assert live, clinic.http.post("/v1/clinic/go-live").text
    return endpoint


def seal_audit_log(service: Service, clinic_id: UUID | str, *, whole: bool = True) -> int:
    """Seal a clinic's audit log, as the worker's sweep does; gives how many events."""
    context, whose = service.context, UUID(str(clinic_id))
    return service.run(seal_clinic(context.database, context.vault, whose, whole=whole))
