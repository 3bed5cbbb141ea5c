"""What staff read about patients is on the audit log, call by call; what patients read of themselves is not."""

from collections.abc import Iterator

import pytest

from tests.storage.catalogue import ask
from tests.support.databases import DatabaseUrls
from tests.support.lively import LivelyClinic, lively_clinic
from tests.support.receiver import running_receiver
from tests.support.service import Service
from tests.support.the_api import document

READS = {
    path: next(iter((operations["get"].get("security") or [{"": []}])[0]))
    for path, operations in document()["paths"].items()
    if "get" in operations
}
STAFF = sorted(path for path, scheme in READS.items() if scheme == "ClinicKey")
OWN = sorted(path for path, scheme in READS.items() if scheme == "DeviceToken")
# What staff read that is about no patient. A new call is about patients until it has a line here.
ABOUT_NO_PATIENT = {
    "/v1/api-keys": "the clinic's keys",
    "/v1/clinic": "the clinic itself",
    "/v1/test-clock": "the clock of a clinic in test mode",
    "/v1/clinic/policy": "the clinic's numbers",
    "/v1/clinic/days-without-reminders": "days of the calendar",
    "/v1/clinic/retention": "how long what is kept",
    "/v1/scales": "what scales there are",
    "/v1/undelivered": "how much waits for which of the clinic's systems",
    "/v1/notice-channels": "addresses of the care team",
    "/v1/protocol-templates": "how the clinic treats, of nobody",
    "/v1/clinic/contact-tests": "addresses of the clinic's own people",
    "/v1/staff": "the clinic's own people",
    "/v1/staff/{staff_id}": "one of the clinic's own people",
    "/v1/webhook-endpoints": "addresses of the clinic's systems",
    "/v1/webhook-endpoints/{endpoint_id}": "an address of the clinic's systems",
    "/v1/deliveries/{delivery_id}": "ids, states and times of a message to the clinic's systems",
    "/v1/webhook-endpoints/{endpoint_id}/deliveries": "ids, states and times of messages to the clinic's systems",
}
OTHERWISE_NAMED = {"patient.exported"}
ONE_PATIENTS = ("{patient_id}", "{signal_id}", "{event_id}", "{finding_id}")


@pytest.fixture(scope="module")
def lively(shared_service: Service) -> Iterator[LivelyClinic]:
    with running_receiver() as receiver:
        made = lively_clinic(shared_service, receiver, "Lively")
        booking = {"on": "2026-11-20"}
        path = f"/v1/patients/{made.ids['patient_id']}/booked-booster"
        assert made.client.http.put(path, json=booking).is_success
        yield made
    made.client.close()


def recorded(shared_database: DatabaseUrls, clinic_id: str) -> list[dict[str, object]]:
    """The readings on the audit log, in their order."""
    return [
        row
        for row in ask(
            shared_database.superuser_url,
            "SELECT action, actor_kind, patient_id::text, subject_kind FROM care.audit_events"
            " WHERE clinic_id = %(clinic_id)s ORDER BY id",
            clinic_id=clinic_id,
        )
        if row["action"].endswith(".read") or row["action"] in OTHERWISE_NAMED
    ]


def test_there_are_calls_to_walk() -> None:
    assert len(STAFF) > 15
    assert len(OWN) > 5
    assert set(ABOUT_NO_PATIENT) <= set(STAFF)


@pytest.mark.parametrize("path", STAFF)
def test_each_call_by_which_staff_read_about_patients_adds_one_line(
    shared_database: DatabaseUrls, lively: LivelyClinic, path: str
) -> None:
    before = recorded(shared_database, lively.client.clinic_id)

    reply = lively.client.http.get(path.format(**lively.ids))

    assert reply.status_code == 200, reply.text
    new = recorded(shared_database, lively.client.clinic_id)[len(before) :]
    if path in ABOUT_NO_PATIENT:
        assert new == []
        return
    (line,) = new
    assert line["actor_kind"] == "api_key"
    one = any(name in path for name in ONE_PATIENTS)
    assert line["patient_id"] == (lively.ids["patient_id"] if one else None)


@pytest.mark.parametrize("path", ["/v1/signals", "/v1/safety-events", "/v1/audit-events"])
def test_a_list_asked_for_one_patient_names_the_patient(
    shared_database: DatabaseUrls, lively: LivelyClinic, path: str
) -> None:
    lively.client.http.get(path, params={"patient_id": lively.ids["patient_id"]})
    last = recorded(shared_database, lively.client.clinic_id)[-1]
    assert (last["subject_kind"], last["patient_id"]) == ("patient", lively.ids["patient_id"])


def test_what_is_not_found_was_not_read(shared_database: DatabaseUrls, lively: LivelyClinic) -> None:
    before = recorded(shared_database, lively.client.clinic_id)
    for path in ("/v1/patients/{}", "/v1/patients/{}/evaluation", "/v1/signals/{}", "/v1/safety-events/{}"):
        reply = lively.client.http.get(path.format(lively.ids["endpoint_id"]))
        assert reply.status_code == 404
    assert recorded(shared_database, lively.client.clinic_id) == before


@pytest.mark.parametrize("path", OWN)
def test_patients_who_read_what_is_their_own_add_no_line(
    shared_database: DatabaseUrls, lively: LivelyClinic, path: str
) -> None:
    before = recorded(shared_database, lively.client.clinic_id)
    reply = lively.phone.http.get(path.format(**lively.ids, key="phq-9"))
    assert reply.status_code == 200, reply.text
    new = {line["action"] for line in recorded(shared_database, lively.client.clinic_id)[len(before) :]}
    # A copy leaves our hands, so that it was made is recorded whoever made it.
    assert new == ({"patient.exported"} if path == "/v1/me/export" else set())
