"""A clinic with something of everything, for whoever opens all pages: each kind of signal, of patient, of form."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from app.access.clinics.permissions import StaffRole
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.storage import contact_tests
from app.storage.contact_tests import ContactTest
from tests.support.browser import agree, new_patient
from tests.support.care_browser import fading
from tests.support.every_page import Who
from tests.support.lively import lively_clinic, send_a_night
from tests.support.people import ClinicClient, treated
from tests.support.receiver import running_receiver
from tests.support.service import NOW, Service

ROLES: Final = {
    Who.OWNER: StaffRole.OWNER,
    Who.COORDINATOR: StaffRole.COORDINATOR,
    Who.AT_THE_TABLET: StaffRole.CLINICIAN,
}


@contextmanager
def with_something_of_everything(shared_service: Service) -> Iterator[tuple[ClinicClient, dict[str, str]]]:
    """Make a clinic with something of everything; gives what fills the addresses of its pages, too."""
    shared_service.clock.move_to(NOW)
    with running_receiver() as receiver:
        clinic = lively_clinic(shared_service, receiver, "Riverbend Clinic")
        http, ids = clinic.client.http, dict(clinic.ids)
    version = http.get("/v1/clinic").headers["etag"]
    changed = {"crisis_phone": "+1 555 0100", "asks_long_exposure": True}
    assert http.patch("/v1/clinic", json=changed, headers={"if-match": version}).is_success
    ids["clinic_id"] = clinic.client.clinic_id
    add_signals(clinic.client, shared_service, ids)
    add_patients(clinic.client, shared_service, ids)
    yield clinic.client, ids
    clinic.client.close()


def add_signals(clinic: ClinicClient, service: Service, ids: dict[str, str]) -> None:
    """Raise a signal of every kind: open, beside a safety event, snoozed, closed."""
    signals = [fading(clinic, f"P-{number}") for number in range(4)]
    paths = [f"/v1/signals/{signal['id']}" for signal in signals]
    factors = f"/v1/patients/{signals[0]['patient_id']}/factors"
    known = {"cautions": ["mania", "pregnancy"]}
    assert clinic.http.put(factors, json=known, headers={"if-match": '"0"'}).is_success
    until = (NOW + timedelta(days=5)).isoformat()
    assert clinic.http.post(f"{paths[2]}/snooze", json={"until": until, "reason": "on holiday"}).is_success
    closing = {"disposition": "watchful_waiting", "note": "wait a week"}
    assert clinic.http.post(f"{paths[3]}/close", json=closing).is_success
    phone = clinic.enrol(signals[1]["patient_id"], service.url)
    assert phone.check_in(NOW, (3, 3, 3), self_harm_thoughts=True).is_success
    names = ("signal_id", "signal_beside_id", "snoozed_id", "closed_id")
    ids |= {name: signal["id"] for name, signal in zip(names, signals, strict=True)}
    ids["beside_id"] = signals[1]["patient_id"]


def add_patients(clinic: ClinicClient, service: Service, ids: dict[str, str]) -> None:
    """Add patients: who lost much of the gain and is followed closely, who answers, who is new."""
    faded = treated(clinic, NOW, days_since=34, level=lambda _day: (8, 7, 8), until=26)
    before, after = NOW - timedelta(days=46), NOW - timedelta(days=33)
    for at, scale, total in ((before, "phq-9", 19), (after, "phq-9", 6), (before, "madrs", 31)):
        form = {"scale": scale, "taken_at": at.isoformat(), "total": total}
        assert clinic.http.post(f"/v1/patients/{faded}/assessments", json=form).is_success
    phone = clinic.enrol(faded, service.url)
    for ago in range(7, 0, -1):
        assert phone.check_in(NOW - timedelta(days=ago), (4, 4, 5)).is_success
    assert phone.check_in(NOW - timedelta(hours=1), (3, 3, 4), self_harm_thoughts=True).is_success
    version = clinic.http.get(f"/v1/patients/{faded}/factors").headers["etag"]
    known = {"profile": "severe_or_chronic", "cautions": ["urinary_symptoms"]}
    done = clinic.http.put(f"/v1/patients/{faded}/factors", json=known, headers={"if-match": version})
    assert done.is_success
    answering = treated(
        clinic, NOW, days_since=24, level=lambda day: (8, 7, None if day % 6 == 0 else 8), until=23
    )
    agree(clinic, answering, service.url)
    send_a_night(clinic.enrol(answering, service.url))
    reports = clinic.http.get(f"/v1/patients/{ids['patient_id']}/check-ins").json()["items"]
    ids |= {
        "faded_id": faded,
        "answering_id": answering,
        "new_id": new_patient(clinic),
        "report_id": next(one["id"] for one in reports if one["id"] != ids["check_in_id"]),
    }


def contact_test(service: Service, clinic_id: str) -> str:
    """Send a test message to a contact; gives what its link ends in."""
    token, reference = new_token(TokenKind.CONTACT_TEST, UUID(clinic_id))

    async def send() -> None:
        async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
            test_id, cell = new_id(), {"table": "contact_tests", "column": "email_sealed"}
            sealed = work.vault.seal(
                "ortega@clinic.example", clinic_id=work.clinic_id, row_id=test_id, **cell
            )
            sent = ContactTest(
                id=test_id,
                email_sealed=sealed,
                address_digest=os.urandom(32),
                digest=reference.digest,
                sent_at=work.real_now,
                answered_at=None,
            )
            await contact_tests.add(work, sent)
            work.audit("contact.tested", "contact_test", test_id)

    service.run(send())
    return token
