"""A signal's life by the API: ETags, two at once, snoozing, closing, reopening, and who may; shown step by step."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.access.clinics.permissions import StaffRole
from app.foundation.ids import new_id
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service
from tests.support.staff import staff_client


@pytest.fixture
def signal(clinic: ClinicClient) -> dict[str, Any]:
    patient = treated(clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3))
    (raised,) = clinic.signals(patient)
    return raised


def path_of(signal: dict[str, Any]) -> str:
    return f"/v1/signals/{signal['id']}"


def event_of(service: Service, clinic: ClinicClient) -> str:
    phone = clinic.enrol(clinic.patient(), service.url)
    assert phone.check_in(NOW, (5, 5, 5), self_harm_thoughts=True).is_success
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    return f"/v1/safety-events/{event['id']}"


def test_a_change_based_on_what_was_read_before_is_refused_and_one_without_if_match_is_not(
    clinic: ClinicClient, signal: dict[str, Any]
) -> None:
    path = path_of(signal)
    read = clinic.http.get(path).headers["etag"]

    seen = clinic.http.post(f"{path}/acknowledge", headers={"if-match": read})

    assert seen.status_code == 200
    assert seen.headers["etag"] not in {"", read}
    for action, body in (
        ("acknowledge", None),
        ("snooze", {"until": (NOW + timedelta(days=1)).isoformat()}),
        ("close", {"disposition": "data_problem"}),
        ("reopen", {"reason": "a reason"}),
    ):
        for stale in (read, '"not a version"'):
            reply = clinic.http.post(f"{path}/{action}", json=body, headers={"if-match": stale})
            assert_problem(reply, 412, code="changed-meanwhile")
    assert clinic.http.get(path).headers["etag"] == seen.headers["etag"]
    closed = clinic.http.post(f"{path}/close", json={"disposition": "data_problem"})
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")


def test_of_two_who_close_at_once_with_what_they_read_one_reads_that_someone_else_changed_it(
    clinic: ClinicClient, signal: dict[str, Any], receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url)
    path = path_of(signal)
    read = clinic.http.get(path).headers["etag"]

    def close(disposition: str) -> int:
        reply = clinic.http.post(
            f"{path}/close", json={"disposition": disposition}, headers={"if-match": read}
        )
        return reply.status_code

    with ThreadPoolExecutor(2) as threads:
        statuses = sorted(threads.map(close, ("watchful_waiting", "not_a_relapse")))

    assert statuses == [200, 412]
    actions = [step["action"] for step in clinic.http.get(f"{path}/history").json()["items"]]
    assert actions.count("signal.closed") == 1


def test_a_safety_event_has_an_etag_too(service: Service, clinic: ClinicClient) -> None:
    path = event_of(service, clinic)
    read = clinic.http.get(path).headers["etag"]

    def close(outcome: str) -> int:
        body = {"outcome": outcome}
        return clinic.http.post(f"{path}/close", json=body, headers={"if-match": read}).status_code

    with ThreadPoolExecutor(2) as threads:
        statuses = sorted(threads.map(close, ("contact_made", "no_contact")))

    assert statuses == [200, 412]
    stale = clinic.http.post(f"{path}/acknowledge", headers={"if-match": read})
    assert_problem(stale, 412, code="changed-meanwhile")
    assert_problem(clinic.http.post(f"{path}/acknowledge"), 409, code="already-closed")


def test_an_acknowledgement_of_a_safety_event_is_taken_back_by_a_call_and_its_limit_starts_again(
    service: Service, clinic: ClinicClient
) -> None:
    path = event_of(service, clinic)
    back = f"{path}/unacknowledge"
    assert_problem(clinic.http.post(back), 409, code="not-acknowledged")
    assert clinic.http.post(f"{path}/acknowledge").status_code == 200
    service.clock.move_to(NOW + timedelta(minutes=20))
    read = clinic.http.get(path).headers["etag"]
    assert_problem(clinic.http.post(back, headers={"if-match": '"1"'}), 412, code="changed-meanwhile")

    reply = clinic.http.post(back, headers={"if-match": read})

    event = reply.json()
    assert (reply.status_code, event["state"], event["acknowledged_at"]) == (200, "open", None)
    assert event["escalate_at"] == (NOW + timedelta(minutes=50)).isoformat().replace("+00:00", "Z")
    steps = [one["action"] for one in clinic.http.get(f"{path}/history").json()["items"]]
    assert steps == ["safety.reported", "safety.acknowledged", "safety.acknowledgement_taken_back"]


@pytest.mark.parametrize("days", [-1, 0, 14.01])
def test_a_snooze_ends_in_the_future_and_within_14_days(
    clinic: ClinicClient, signal: dict[str, Any], days: float
) -> None:
    body = {"until": (NOW + timedelta(days=days)).isoformat(), "reason": "on holiday"}

    reply = clinic.http.post(f"{path_of(signal)}/snooze", json=body)

    assert_problem(reply, 422, code="snooze-not-possible")
    assert reply.json()["errors"][0]["pointer"] == "#/until"


def test_a_snooze_keeps_its_reason_and_can_do_without_for_clients_of_before(
    clinic: ClinicClient, signal: dict[str, Any]
) -> None:
    until, path = (NOW + timedelta(days=14)).isoformat(), path_of(signal)
    for body in ({"until": until}, {"until": until, "reason": "on holiday 🏝️"}):
        assert clinic.http.post(f"{path}/snooze", json=body).status_code == 200

    raised, *snoozed = clinic.http.get(f"{path}/history").json()["items"]

    assert (raised["action"], raised["by_kind"], raised["by"]) == ("signal.raised", "system", None)
    assert [one["words"] for one in snoozed] == [None, "on holiday 🏝️"]
    assert {(one["action"], one["by_kind"], one["until"]) for one in snoozed} == {
        ("signal.snoozed", "api_key", "2026-11-17T18:00:00Z")
    }


def test_a_closed_signal_is_reopened_with_a_reason_and_waits_to_be_acknowledged(
    service: Service, clinic: ClinicClient, signal: dict[str, Any], receiver: Receiver
) -> None:
    clinic.add_endpoint(receiver.url)
    path = path_of(signal)
    clinic.http.post(f"{path}/close", json={"disposition": "not_a_relapse", "note": "said so on the phone"})
    service.clock.move_to(NOW + timedelta(hours=2))

    again = clinic.http.post(f"{path}/reopen", json={"reason": "it was another patient"})

    assert again.status_code == 200, again.text
    body = again.json()
    assert (body["state"], body["closed_at"], body["disposition"]) == ("open", None, None)
    assert (body["acknowledged_at"], body["raised_at"]) == (None, signal["raised_at"])
    assert body["escalate_at"] == "2026-11-04T20:00:00Z"
    (received,) = receiver.wait_for("signal.reopened")
    assert received.event["data"]["signal_id"] == signal["id"]
    assert "reason" not in received.event["data"]
    steps = [(one["action"], one["disposition"], one["words"]) for one in history(clinic, signal)]
    assert steps == [
        ("signal.raised", None, None),
        ("signal.closed", "not_a_relapse", "said so on the phone"),
        ("signal.reopened", None, "it was another patient"),
    ]
    closed = clinic.http.post(f"{path}/close", json={"disposition": "watchful_waiting"})
    assert closed.json()["disposition"] == "watchful_waiting"
    recorded = clinic.http.get("/v1/audit-events", params={"patient_id": signal["patient_id"]}).json()[
        "items"
    ]
    assert "signal.reopened" in {line["action"] for line in recorded}


def history(clinic: ClinicClient, signal: dict[str, Any]) -> list[dict[str, Any]]:
    return list(clinic.http.get(f"{path_of(signal)}/history").json()["items"])


def test_after_reopening_it_escalates_anew(
    service: Service, clinic: ClinicClient, signal: dict[str, Any]
) -> None:
    path = path_of(signal)
    clinic.http.post(f"{path}/close", json={"disposition": "not_a_relapse"})
    clinic.http.post(f"{path}/reopen", json={"reason": "closed by mistake"})

    service.clock.move_to(NOW + timedelta(hours=24, minutes=1))
    service.sweep()

    assert clinic.http.get(path).json()["escalated_at"] == "2026-11-04T18:01:00Z"
    assert [one["action"] for one in history(clinic, signal)][-1] == "signal.escalated"


def test_what_is_not_closed_is_not_reopened_nor_what_a_withdrawal_closed(
    clinic: ClinicClient, signal: dict[str, Any]
) -> None:
    path, body = path_of(signal), {"reason": "a reason"}
    assert_problem(clinic.http.post(f"{path}/reopen", json=body), 409, code="reopening-not-possible")

    clinic.http.post(f"/v1/patients/{signal['patient_id']}/consent/withdraw", json={})

    assert clinic.http.get(path).json()["disposition"] == "consent_withdrawn"
    assert_problem(clinic.http.post(f"{path}/reopen", json=body), 409, code="reopening-not-possible")


def test_a_signal_closed_before_consent_was_withdrawn_is_not_reopened_after(
    clinic: ClinicClient, signal: dict[str, Any]
) -> None:
    path = path_of(signal)
    clinic.http.post(f"{path}/close", json={"disposition": "watchful_waiting"})
    clinic.http.post(f"/v1/patients/{signal['patient_id']}/consent/withdraw", json={})

    reply = clinic.http.post(f"{path}/reopen", json={"reason": "a reason"})

    assert_problem(reply, 409, code="consent-withdrawn")


def test_a_signal_is_not_reopened_beside_a_later_one(
    service: Service, clinic: ClinicClient, signal: dict[str, Any]
) -> None:
    clinic.http.post(f"{path_of(signal)}/close", json={"disposition": "watchful_waiting"})
    service.clock.move_to(NOW + timedelta(days=14))
    phone = clinic.enrol(signal["patient_id"], service.url)
    for days in (2, 1, 0):
        phone.check_in(service.clock.now() - timedelta(days=days), (3, 3, 3))
    assert len(clinic.signals(signal["patient_id"])) == 2

    reply = clinic.http.post(f"{path_of(signal)}/reopen", json={"reason": "a reason"})

    assert_problem(reply, 409, code="later-signal")


@pytest.mark.parametrize("reason", ["", "   ", None, 7])
def test_reopening_needs_a_reason(clinic: ClinicClient, signal: dict[str, Any], reason: object) -> None:
    clinic.http.post(f"{path_of(signal)}/close", json={"disposition": "watchful_waiting"})
    assert clinic.http.post(f"{path_of(signal)}/reopen", json={"reason": reason}).status_code == 422
    assert clinic.http.post(f"{path_of(signal)}/reopen", json={}).status_code == 422


ACTIONS = {
    "acknowledge": None,
    "snooze": {"until": (NOW + timedelta(days=1)).isoformat(), "reason": "a reason"},
    "close": {"disposition": "data_problem"},
    "reopen": {"reason": "a reason"},
}


@pytest.mark.parametrize(
    ("role", "refused"),
    [(StaffRole.READ_ONLY, set(ACTIONS)), (StaffRole.COORDINATOR, {"close", "reopen"})],
)
def test_a_role_without_the_right_changes_nothing(
    service: Service, clinic: ClinicClient, signal: dict[str, Any], role: StaffRole, refused: set[str]
) -> None:
    member = staff_client(service, clinic.clinic_id, role)

    replies = {one: member.post(f"{path_of(signal)}/{one}", json=ACTIONS[one]) for one in sorted(refused)}

    for reply in replies.values():
        assert_problem(reply, 403, code="role-may-not")
    assert [one["action"] for one in history(clinic, signal)] == ["signal.raised"]


@pytest.mark.parametrize("action", [*ACTIONS, "history"])
def test_another_clinics_signal_is_one_that_nobody_has(
    service: Service, signal: dict[str, Any], action: str
) -> None:
    other = clinic_client(service, "Other")
    method = "GET" if action == "history" else "POST"

    for signal_id in (UUID(signal["id"]), new_id()):
        reply = other.http.request(method, f"/v1/signals/{signal_id}/{action}", json=ACTIONS.get(action))
        assert_problem(reply, 404, code="not-found")


def test_members_are_named_by_their_ids_in_what_was_done(
    service: Service, clinic: ClinicClient, signal: dict[str, Any]
) -> None:
    member = staff_client(service, clinic.clinic_id, StaffRole.CLINICIAN)
    acknowledged = member.post(f"{path_of(signal)}/acknowledge").json()

    last = history(clinic, signal)[-1]

    assert (last["action"], last["by_kind"]) == ("signal.acknowledged", "staff")
    assert last["by"] == acknowledged["acknowledged_by"]
