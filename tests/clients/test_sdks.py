"""The SDKs on a running service: enroll, check-ins without a network, sync, signal, with the test clock."""

import json
import subprocess
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from afterglow_sdk import Clinic, NetworkAwayError, OfflineQueue, Phone, ProblemError, Tokens, new_id

from tests.support.node import NODE
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import Service

pytestmark = pytest.mark.processes

SDK: Final = Path(__file__).parents[2] / "sdk"
NOWHERE: Final = "http://127.0.0.1:9"


@pytest.fixture
def opened(service: Service) -> ClinicClient:
    return clinic_client(service, "Clinic of an integrator")


@pytest.fixture
def api(service: Service, opened: ClinicClient) -> Clinic:
    return Clinic(service.url, opened.key)


@pytest.fixture
def queue(tmp_path: Path) -> OfflineQueue:
    return OfflineQueue(tmp_path / "check-ins.json")


def enrolled(api: Clinic, opened: ClinicClient, service: Service) -> tuple[str, Phone]:
    patient = opened.patient()
    code = api.request("POST", f"/v1/patients/{patient}/enrolment-codes")["code"]
    return patient, Phone.enroll(service.url, code=code, device_name="phone")


def report(queue: OfflineQueue, now: str, values: list[int]) -> list[str]:
    last = datetime.fromisoformat(now)
    return [
        queue.add(
            {
                "recorded_at": (last - timedelta(days=len(values) - 1 - day)).isoformat(),
                "time_zone": "Europe/Berlin",
                "mood": value,
                "energy": value,
                "sleep_quality": value,
            }
        )
        for day, value in enumerate(values)
    ]


def live_to_a_signal(
    api: Clinic, patient: str, report: Callable[[str, int, int], Sequence[str]]
) -> tuple[list[str], list[Any]]:
    """Two weeks before treatment, induction, a good level, and its loss, on the test clock.

    The phone reports one value on so many days up to now, and gives the ids of what it sent. Gives all of them, and
    the signals that are open at the end.
    """
    now = api.advance_test_clock(days=14)
    made = [*report(now, 14, 3)]
    course = {"protocol": "standard", "planned_infusions": 6, "started_on": now[:10]}
    api.request("POST", f"/v1/patients/{patient}/courses", course)
    for number in range(6):
        given = {"given_at": now, "phase": "induction"}
        api.request("POST", f"/v1/patients/{patient}/infusions", given)
        now = api.advance_test_clock(days=2 if number < 5 else 10)
    made += report(now, 9, 8)
    now = api.advance_test_clock(days=8)
    made += report(now, 8, 4)
    return made, api.request("GET", f"/v1/signals?state=open&patient_id={patient}")["items"]


def test_python_enroll_offline_check_ins_sync_and_signal(
    service: Service, opened: ClinicClient, api: Clinic, tmp_path: Path
) -> None:
    patient, phone = enrolled(api, opened, service)
    away = Phone(NOWHERE, phone.tokens)

    def reported(now: str, days: int, value: int) -> list[str]:
        ids = report(OfflineQueue(tmp_path / "queue.json"), now, [value] * days)
        # As after each restart: what waits is in the file, under the same ids.
        assert away.sync(OfflineQueue(tmp_path / "queue.json")).waiting == days
        sent = phone.sync(OfflineQueue(tmp_path / "queue.json"))
        assert (sent.kept, sent.refused, sent.waiting) == (ids, [], 0)
        return ids

    made, signals = live_to_a_signal(api, patient, reported)

    assert [one["level"] for one in signals] == ["consider_booster"]
    assert [one["id"] for one in phone.request("GET", "/v1/check-ins")["items"]] == made


def walked(walk: Path, *given: str) -> dict[str, Any]:
    """Run a walk in TypeScript; gives what it saw."""
    done = subprocess.run([NODE, walk, *given], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_typescript_enroll_offline_check_ins_sync_and_signal(service: Service, opened: ClinicClient) -> None:
    seen = walked(SDK / "typescript" / "test" / "journey.ts", service.url, opened.key)
    assert seen["known"] == seen["ids"]
    assert len(seen["ids"]) == 31
    assert [one["level"] for one in seen["signals"]] == ["consider_booster"]
    assert seen["unreachable"] is True


def test_the_sample_apps_logic_keeps_sends_and_shows_help(service: Service, opened: ClinicClient) -> None:
    code = opened.http.post(f"/v1/patients/{opened.patient()}/enrolment-codes").json()["code"]
    walk = SDK / "sample-app" / "test" / "session.ts"
    seen = walked(walk, service.url, code, service.clock.now().isoformat())
    assert seen["screens"] == ["enroll", "check-in", "waiting", "thanks", "help"]
    assert seen["help"]["lines"]


def test_what_was_sent_and_whose_reply_was_lost_is_one_report(
    service: Service, opened: ClinicClient, api: Clinic, queue: OfflineQueue, tmp_path: Path
) -> None:
    _, phone = enrolled(api, opened, service)
    report(queue, service.clock.now().isoformat(), [5, 6])
    before = (tmp_path / "check-ins.json").read_bytes()
    assert len(phone.sync(queue).kept) == 2
    (tmp_path / "check-ins.json").write_bytes(before)
    assert len(phone.sync(OfflineQueue(tmp_path / "check-ins.json")).kept) == 2
    assert len(phone.request("GET", "/v1/check-ins")["items"]) == 2


def test_a_night_is_kept_once_and_only_after_the_patient_said_so(
    service: Service, opened: ClinicClient, api: Clinic
) -> None:
    _, phone = enrolled(api, opened, service)
    woke = service.clock.now() - timedelta(hours=3)
    night = {
        "started_at": (woke - timedelta(hours=8)).isoformat(),
        "ended_at": woke.isoformat(),
        "time_zone": "Europe/Berlin",
        "asleep_minutes": 430,
        "source": "health_connect",
        "app": "com.example.sleep",
    }
    with pytest.raises(ProblemError) as refused:
        phone.send_night(new_id(), night)
    assert refused.value.code == "sleep-import-off"
    phone.import_nights(on=True)
    night_id = new_id()
    assert phone.send_night(night_id, night) == phone.send_night(night_id, night)
    assert [one["id"] for one in phone.request("GET", "/v1/me/sleep-nights")["items"]] == [night_id]


def test_a_refused_report_leaves_the_queue_and_is_given_back_with_its_problem(
    service: Service, opened: ClinicClient, api: Clinic, queue: OfflineQueue
) -> None:
    _, phone = enrolled(api, opened, service)
    future = (service.clock.now() + timedelta(days=1)).isoformat()
    report(queue, future, [5])
    good = report(queue, service.clock.now().isoformat(), [6])
    sent = phone.sync(queue)
    assert (sent.kept, sent.waiting) == (good, 0)
    assert [one["problem"]["type"] for one in sent.refused] == ["/problems/check-in-in-future"]


def test_help_comes_back_with_a_disclosure_and_tokens_are_renewed(
    service: Service, opened: ClinicClient, api: Clinic, queue: OfflineQueue
) -> None:
    _, phone = enrolled(api, opened, service)
    kept: list[Tokens] = []
    phone = Phone(service.url, Tokens("agp_wrong", phone.tokens.refresh), on_tokens=kept.append)
    queue.add(
        {
            "recorded_at": service.clock.now().isoformat(),
            "time_zone": "Europe/Berlin",
            "mood": 2,
            "self_harm_thoughts": True,
        }
    )
    sent = phone.sync(queue)
    assert sent.crisis_help is not None
    assert sent.crisis_help["lines"]
    assert [one.access for one in kept] == [phone.tokens.access]


def test_problems_have_a_code_and_no_network_has_a_name(api: Clinic) -> None:
    with pytest.raises(ProblemError) as refused:
        api.request("POST", "/v1/patients", {"external_ref": "P-1"})
    assert (refused.value.status, refused.value.code) == (422, "invalid-request")
    assert {one["pointer"] for one in refused.value.errors} >= {"#/time_zone"}
    with pytest.raises(NetworkAwayError):
        Clinic(NOWHERE, "agk_none").request("GET", "/v1/clinic")


def test_ids_are_version_7_and_in_order() -> None:
    ids = [new_id() for _ in range(50)]
    assert all(one[14] == "7" and one[19] in "89ab" for one in ids)
    assert [one[:13] for one in ids] == sorted(one[:13] for one in ids)
