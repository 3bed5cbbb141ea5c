"""The worklist's API: every kind of row with whose it is, who takes care of it, and what was tried."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from app.access.clinics.permissions import StaffRole
from app.care.alerts.escalation import escalate_due
from app.foundation.ids import new_id
from app.notifications.messages.wording import text_of
from app.outbox import Channel, NewMessage, Wording, queue_message
from app.storage.worklist import KINDS
from tests.support.care_browser import fading
from tests.support.clinics import change_clinic
from tests.support.people import ClinicClient
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service
from tests.support.staff import joined


def rows(clinic: ClinicClient, **params: str | list[str]) -> list[dict[str, object]]:
    reply = clinic.http.get("/v1/worklist", params=params)
    assert reply.status_code == 200, reply.text
    return list(reply.json()["items"])


def test_each_row_names_kind_patient_since_due_assignee_state_link_and_etag(
    service: Service, clinic: ClinicClient
) -> None:
    signal = fading(clinic, "P-1042")
    said = clinic.enrol(clinic.patient("P-safe"), service.url)
    assert said.check_in(NOW, (5, 5, 5), self_harm_thoughts=True).is_success
    assert said.check_in(NOW + timedelta(minutes=1), (5, 5, 5), note="please call").is_success

    found = rows(clinic)

    assert [(one["kind"], one["lane"]) for one in found] == [
        ("safety", "now"),
        ("signal", "decide"),
        ("note", "reach_out"),
    ]
    (own,) = [one for one in found if one["kind"] == "signal"]
    assert own | {"facts": {}} == {
        "id": signal["id"],
        "kind": "signal",
        "lane": "decide",
        "patient": {"id": signal["patient_id"], "external_ref": "P-1042", "mode": "test"},
        "state": "open",
        "since": "2026-11-03T18:00:00Z",
        "due": "2026-11-04T18:00:00Z",
        "acknowledged_at": None,
        "assignee": None,
        "snoozed_until": None,
        "link": f"https://afterglow.test/care/signals/{signal['id']}",
        "etag": '"1"',
        "facts": {},
    }
    assert {one["kind"] for one in rows(clinic, kind=["note", "safety"])} == {"note", "safety"}
    assert rows(clinic, patient_id=signal["patient_id"]) == [own]


def test_pages_follow_one_another_without_gap_or_repeat(service: Service, clinic: ClinicClient) -> None:
    for number in range(5):
        phone = clinic.enrol(clinic.patient(f"P-{number}"), service.url)
        assert phone.check_in(NOW, (5, 5, 5), note="a note", self_harm_thoughts=number == 3).is_success
    whole, paged, url = rows(clinic), [], "/v1/worklist?limit=2"
    while url:
        reply = clinic.http.get(url)
        paged += reply.json()["items"]
        url = reply.links.get("next", {}).get("url", "")
    assert paged == whole
    assert len(whole) == 6


def test_a_row_is_assigned_to_a_member_and_to_nobody_again(service: Service, clinic: ClinicClient) -> None:
    signal = fading(clinic)
    member = joined(service, clinic, StaffRole.CLINICIAN)
    path = f"/v1/worklist/{signal['id']}/assign"

    reply = clinic.http.post(path, json={"member": member.id}, headers={"if-match": '"1"'})
    assert (reply.status_code, reply.headers["etag"]) == (200, '"2"'), reply.text
    (row,) = rows(clinic, assignee=member.id)
    assert row["assignee"] == {"id": member.id, "name": "Robin Example"}
    assert row["state"] == "open", "assigning acknowledges nothing"
    assert clinic.http.post(path, json={"member": None}, headers={"if-match": '"1"'}).status_code == 412
    assert clinic.http.post(path, json={"member": None}).json()["assignee_id"] is None
    refused = clinic.http.post(path, json={"member": str(new_id())})
    assert refused.status_code == 422
    assert refused.json()["type"].endswith("member-not-here")
    assert clinic.http.post(f"/v1/worklist/{new_id()}/assign", json={"member": None}).status_code == 404


def test_reaching_out_is_kept_and_ends_what_it_was_all_about(service: Service, clinic: ClinicClient) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    assert phone.check_in(NOW, (5, 5, 5), asks_about_booster=True).is_success
    (asked,) = rows(clinic)
    path = f"/v1/worklist/{asked['id']}/outreach"

    tried = clinic.http.post(path, json={"channel": "phone", "outcome": "no_answer", "note": "again at noon"})
    assert tried.json()["state"] == "acknowledged"
    reached = clinic.http.post(path, json={"channel": "phone", "outcome": "reached"})
    assert reached.json()["state"] == "closed"

    history = clinic.http.get(f"/v1/findings/{asked['id']}/history").json()["items"]
    assert [(one["action"], one["channel"], one["disposition"], one["words"]) for one in history] == [
        ("finding.raised", None, None, None),
        ("finding.acknowledged", None, None, None),
        ("finding.reached_out", "phone", "no_answer", "again at noon"),
        ("finding.reached_out", "phone", "reached", None),
        ("finding.closed", None, "contacted", None),
    ]
    assert rows(clinic) == []
    assert clinic.http.post(path, json={"channel": "phone", "outcome": "reached"}).status_code == 409


def test_a_patient_is_answered_with_a_fixed_text_that_says_nothing_clinical(
    service: Service, clinic: ClinicClient
) -> None:
    patient = clinic.patient()
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, (5, 5, 5), note="Please let me know when to come").is_success
    (note,) = rows(clinic)
    path = f"/v1/worklist/{note['id']}/answer"

    unreached = clinic.http.post(path, json={"text": "will_call"})
    assert unreached.status_code == 409
    assert unreached.json()["type"].endswith("patient-not-reached")
    assert rows(clinic)[0]["state"] == "open", "what was not sent acknowledges nothing"
    known = clinic.http.get(f"/v1/patients/{patient}")
    address = {"email": "someone@patient.example"}
    etag = {"if-match": known.headers["etag"]}
    assert clinic.http.patch(f"/v1/patients/{patient}", json=address, headers=etag).is_success

    sent = clinic.http.post(path, json={"text": "will_call"})
    assert sent.json()["state"] == "acknowledged", sent.text
    messages = clinic.http.get(f"/v1/patients/{patient}/export").json()["messages"]
    assert [(one["channel"], one["wording"]) for one in messages] == [("email", "clinic_will_call")]
    history = clinic.http.get(f"/v1/findings/{note['id']}/history").json()["items"]
    assert (history[-1]["channel"], history[-1]["disposition"]) == ("message", "left_message")
    for wording in Wording:
        if wording.value.startswith("clinic_"):
            text = text_of(wording, locale="en-US", mode="live")
            assert not re.search(r"ketamine|infusion|booster|treatment|mood", f"{text}", re.IGNORECASE)


@pytest.mark.parametrize("channel", ["email", "push", "gateway"])
def test_nothing_more_is_sent_to_who_died_on_any_channel_also_not_what_was_answered_before(
    service: Service, clinic: ClinicClient, channel: str
) -> None:
    patient = clinic.patient()
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW, (5, 5, 5), note="Please let me know when to come").is_success
    (note,) = rows(clinic)

    async def waits() -> None:
        """What an answer queues, on a channel that this clinic may not have."""
        async with service.context.work(UUID(clinic.clinic_id)) as work:
            message = NewMessage(
                channel=Channel(channel),
                to="someone@patient.example",
                wording=Wording.CLINIC_WILL_CALL,
                locale="en",
                link="https://afterglow.test/p/check-in",
                mode="live",
                patient_id=UUID(patient),
            )
            # After the test: the worker passes by until then.
            await queue_message(work, message, now=NOW + timedelta(days=365))
            work.audit("message.queued", "patient", UUID(patient), patient_id=UUID(patient))

    def messages() -> list[tuple[str, str]]:
        found = clinic.http.get(f"/v1/patients/{patient}/export").json()["messages"]
        return [(one["channel"], one["state"]) for one in found]

    service.run(waits())
    assert messages() == [(channel, "pending")]
    archived = clinic.http.post(f"/v1/patients/{patient}/archive", json={"reason": "deceased"})
    assert archived.status_code == 200, archived.text
    assert messages() == [(channel, "cancelled")]
    refused = clinic.http.post(f"/v1/worklist/{note['id']}/answer", json={"text": "will_call"})
    assert_problem(refused, 409, code="archived")
    assert messages() == [(channel, "cancelled")]


@pytest.mark.parametrize(
    "body",
    [{}, {"channel": "smoke", "outcome": "reached"}, {"channel": "phone", "outcome": "reached", "x": 1}],
)
def test_an_outreach_that_says_too_little_is_refused(clinic: ClinicClient, body: dict[str, object]) -> None:
    signal = fading(clinic)
    assert clinic.http.post(f"/v1/worklist/{signal['id']}/outreach", json=body).status_code == 422


def test_a_note_that_was_corrected_or_taken_back_is_no_row_any_more(
    service: Service, clinic: ClinicClient
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    first, second = str(new_id()), str(new_id())
    assert phone.check_in(NOW, (5, 5, 5), check_in_id=first, note="one").is_success
    again = phone.check_in(NOW, (5, 5, 5), check_in_id=second, note="two", supersedes=first)
    assert again.is_success, again.text
    assert len(rows(clinic)) == 1
    assert phone.http.delete(f"/v1/check-ins/{second}").is_success
    assert rows(clinic) == []


def test_a_note_that_nobody_reads_escalates_within_the_clinics_limit_and_one_that_is_read_does_not(
    service: Service, clinic: ClinicClient
) -> None:
    change_clinic(clinic, limits={"signal_hours": 4})
    for _ in range(2):
        phone = clinic.enrol(clinic.patient(), service.url)
        assert phone.check_in(NOW, (5, 5, 5), note="I do not feel well at all.").is_success
    left, read = (f"/v1/findings/{one['id']}" for one in rows(clinic))
    assert clinic.http.post(f"{read}/acknowledge").is_success
    for hours, escalated in ((3, False), (4, True)):
        service.clock.move_to(NOW + timedelta(hours=hours))
        service.run(escalate_due(service.context, UUID(clinic.clinic_id)))
        assert bool(clinic.http.get(left).json()["escalated_at"]) is escalated
    assert clinic.http.get(read).json()["escalated_at"] is None


def test_the_wish_to_talk_is_a_row_again_after_the_first_was_answered(
    service: Service, clinic: ClinicClient
) -> None:
    phone = clinic.enrol(clinic.patient(), service.url)
    for minutes in (0, 1):
        sent = phone.check_in(NOW + timedelta(minutes=minutes), (5, 5, 5), asks_about_booster=True)
        assert sent.is_success
    (asked,) = rows(clinic)
    closed = clinic.http.post(f"/v1/findings/{asked['id']}/close", json={"outcome": "contacted"})
    assert closed.json()["state"] == "closed"
    assert rows(clinic) == []
    assert phone.check_in(NOW + timedelta(minutes=2), (5, 5, 5), asks_about_booster=True).is_success
    assert [one["kind"] for one in rows(clinic)] == ["asked"]


def test_every_kind_of_the_documented_list_has_its_lane() -> None:
    assert list(KINDS) == [
        "safety", "undelivered", "worse_than_before", "elevated_mood", "check_ins_and_scale_disagree",
        "boosters_not_holding", "signal", "long_exposure", "score_due", "asked", "note", "silent_after_low",
        "unknown", "overdue", "review_due", "no_reference", "erasure_request",
    ]  # fmt: skip
