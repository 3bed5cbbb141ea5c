"""One episode, one signal: however many reports cross the line, and whoever sends them at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service


def fading(clinic: ClinicClient, *, low_from: int = 17, until: int = 24) -> str:
    return treated(
        clinic,
        NOW,
        days_since=24,
        level=lambda day: (8, 8, 8) if day < low_from else (3, 3, 3),
        until=until,
    )


def types(receiver: Receiver) -> list[str]:
    return sorted(one.type for one in receiver.accepted())


def test_twenty_reports_that_cross_the_line_at_once_raise_one_signal(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    patient = fading(clinic, low_from=20, until=22)
    phone = clinic.enrol(patient, service.url)
    assert phone.check_in(NOW - timedelta(days=1), (3, 3, 3)).status_code == 201
    assert clinic.signals(patient) == []

    with ThreadPoolExecutor(20) as threads:
        replies = list(
            threads.map(lambda minute: phone.check_in(NOW - timedelta(minutes=minute), (2, 2, 2)), range(20))
        )

    assert {reply.status_code for reply in replies} == {201}
    (signal,) = clinic.signals(patient)
    (event,) = receiver.wait_for("signal.raised")
    clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
    receiver.wait_for("endpoint.test")
    assert types(receiver).count("signal.raised") == 1
    assert event.event["data"]["signal_id"] == signal["id"]
    assert (
        clinic.http.get(f"/v1/signals/{signal['id']}").json()["explanation"].startswith("Consider a booster")
    )


def test_evidence_is_added_in_place_and_not_sent_again(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    endpoint = clinic.add_endpoint(receiver.url)
    patient = fading(clinic, until=22)
    phone = clinic.enrol(patient, service.url)
    (before,) = clinic.signals(patient)

    for hours in (30, 20, 10, 0):
        phone.check_in(NOW - timedelta(hours=hours), (0, 0, 0), asks_about_booster=True)

    (after,) = clinic.signals(patient)
    assert after["id"] == before["id"]
    assert after["decision"] == before["decision"]
    assert after["latest"]["smoothed"] > before["latest"]["smoothed"]
    assert set(after["criteria"]) > set(before["criteria"])
    clinic.http.post(f"/v1/webhook-endpoints/{endpoint['id']}/test")
    receiver.wait_for("endpoint.test")
    assert types(receiver).count("signal.raised") == 1
    assert types(receiver).count("patient.asked_about_booster") == 1


def test_an_infusion_closes_the_signal_as_booster_given_and_reports_it(
    service: Service, clinic: ClinicClient, receiver: Receiver
) -> None:
    receiver.secret = clinic.add_endpoint(receiver.url)["secret"]
    patient = fading(clinic)
    (signal,) = clinic.signals(patient)
    service.clock.move_to(NOW + timedelta(hours=20))
    given = {"given_at": (NOW + timedelta(hours=19)).isoformat(), "phase": "booster"}

    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201

    (closed,) = clinic.signals(patient)
    assert (closed["state"], closed["disposition"]) == ("closed", "booster_given")
    (received,) = receiver.wait_for("signal.closed")
    assert received.verified
    assert received.event["data"]["signal_id"] == signal["id"]
    assert received.event["data"]["disposition"] == "booster_given"
    raised = receiver.accepted("signal.raised")[0].event["data"]["sequence"]
    assert received.event["data"]["sequence"] > raised
    assert clinic.signals(patient, "open") == []
    # Until the next report the level is that before the infusion, and says so.
    now = clinic.evaluation(patient)
    assert now["level"] == "consider_booster"
    reasons = [reason["code"] for criterion in now["criteria"] for reason in criterion["reasons"]]
    assert "no_report_since_infusion" in reasons


def test_an_earlier_infusion_that_comes_to_light_closes_nothing(clinic: ClinicClient) -> None:
    patient = fading(clinic)
    given = {"given_at": (NOW - timedelta(days=24, hours=5)).isoformat(), "phase": "induction"}

    assert clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED).status_code == 201

    assert [one["state"] for one in clinic.signals(patient)] == ["open"]


def test_a_signal_is_acknowledged_snoozed_and_closed(service: Service, clinic: ClinicClient) -> None:
    patient = fading(clinic)
    (signal,) = clinic.signals(patient)
    path = f"/v1/signals/{signal['id']}"

    service.clock.move_to(NOW + timedelta(minutes=3))
    seen = clinic.http.post(f"{path}/acknowledge").json()
    service.clock.move_to(NOW + timedelta(minutes=9))
    again = clinic.http.post(f"{path}/acknowledge").json()
    until = (NOW + timedelta(days=7)).isoformat()
    snoozed = clinic.http.post(f"{path}/snooze", json={"until": until}).json()
    closing = {"disposition": "Watchful waiting", "note": "is on holiday 🏝️"}
    closed = clinic.http.post(f"{path}/close", json=closing).json()

    assert (seen["state"], seen["acknowledged_at"]) == ("acknowledged", "2026-11-03T18:03:00Z")
    assert again["acknowledged_at"] == seen["acknowledged_at"]
    assert (snoozed["state"], snoozed["snoozed_until"]) == ("snoozed", "2026-11-10T18:00:00Z")
    assert (closed["state"], closed["disposition"]) == ("closed", "watchful_waiting")
    assert (closed["note"], closed["closed_at"]) == ("is on holiday 🏝️", "2026-11-03T18:09:00Z")
    for action, body in (
        ("acknowledge", None),
        ("snooze", {"until": until}),
        ("close", {"disposition": "booster_given"}),
    ):
        assert_problem(clinic.http.post(f"{path}/{action}", json=body), 409, code="signal-closed")
    assert clinic.http.get(path).json() == closed


def test_of_ten_who_close_at_once_one_has_closed(clinic: ClinicClient, receiver: Receiver) -> None:
    clinic.add_endpoint(receiver.url)
    (signal,) = clinic.signals(fading(clinic))

    def close(_: int) -> int:
        body = {"disposition": "booster given"}
        return clinic.http.post(f"/v1/signals/{signal['id']}/close", json=body).status_code

    with ThreadPoolExecutor(10) as threads:
        statuses = sorted(threads.map(close, range(10)))

    assert statuses == [200] + [409] * 9
    (received,) = receiver.wait_for("signal.closed")
    assert received.event["data"]["disposition"] == "booster_given"


def test_a_closed_episode_may_raise_again_after_two_weeks(service: Service, clinic: ClinicClient) -> None:
    patient = fading(clinic)
    (signal,) = clinic.signals(patient)
    clinic.http.post(f"/v1/signals/{signal['id']}/close", json={"disposition": "watchful_waiting"})

    for day in range(1, 17):
        service.clock.move_to(NOW + timedelta(days=day))
        assert clinic.enrol(patient, service.url).check_in(service.clock.now(), (3, 3, 3)).status_code == 201
        expected = 1 if day < 14 else 2
        assert len(clinic.signals(patient)) == expected, f"day {day}"


def test_a_snooze_hides_a_signal_until_it_returns(service: Service, clinic: ClinicClient) -> None:
    patient = fading(clinic)
    (signal,) = clinic.signals(patient)
    until = (NOW + timedelta(days=2)).isoformat()
    clinic.http.post(f"/v1/signals/{signal['id']}/snooze", json={"until": until})

    service.clock.move_to(NOW + timedelta(days=1))
    clinic.enrol(patient, service.url).check_in(service.clock.now(), (3, 3, 3))

    assert [one["state"] for one in clinic.signals(patient)] == ["snoozed"]
