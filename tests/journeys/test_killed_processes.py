"""Again and again the API or the worker is killed under load: nothing that was acknowledged is lost or doubled."""

import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.foundation.ids import new_id
from tests.support.budget import budget
from tests.support.people import ClinicClient, PatientClient, entry, everything, kept_by
from tests.support.processes import Dev, running_dev, temporary_data_dir, wait_until
from tests.support.receiver import Received, Receiver

pytestmark = pytest.mark.processes

KILLS = budget(5, long=20)
FADING, STEADY = 5, 3
LOW_REPORTS = 18
ATTEMPTS_AFTERWARDS = 100
EVENTS_OF_THEIR_OWN = 20


@dataclass
class Phone:
    """A phone under load: what it was answered is kept, and what it said in it."""

    device: PatientClient
    fading: bool
    acknowledged: dict[str, bool] = field(default_factory=dict)
    unanswered: set[str] = field(default_factory=set)
    conflicts: int = 0
    tries: int = 0


@pytest.fixture
def dev() -> Iterator[Dev]:
    with temporary_data_dir() as data_dir, running_dev(data_dir, AFTERGLOW_RETRY_SPEEDUP="100") as running:
        yield running


def patient_with_history(clinic: ClinicClient, now: datetime) -> str:
    patient = clinic.patient()
    last = now - timedelta(days=20)
    clinic.treat(patient, last_infusion=last)
    clinic.import_days(patient, last - timedelta(days=22), [(3, 3, 3)] * 9)
    clinic.import_days(patient, last + timedelta(days=1), [(8, 8, 8)] * 15)
    return patient


def send_until_kept(phone: Phone, check_in_id: str, body: dict[str, Any], over: threading.Event) -> None:
    """As a phone does it: the same id again until there is an answer, also when no process is killed any more."""
    phone.unanswered.add(check_in_id)
    attempts_afterwards = 0
    while attempts_afterwards < ATTEMPTS_AFTERWARDS:
        attempts_afterwards += over.is_set()
        phone.tries += 1
        try:
            reply = phone.device.http.put(f"/v1/check-ins/{check_in_id}", json=body)
        except httpx2.HTTPError:
            status = 0
        else:
            status = reply.status_code
        if status in {200, 201}:
            phone.acknowledged[check_in_id] = bool(body.get("self_harm_thoughts"))
            phone.unanswered.discard(check_in_id)
            return
        phone.conflicts += status == 409
        if status == 409:
            return
        time.sleep(0.1)


def live(phone: Phone, now: datetime, chance: random.Random, over: threading.Event) -> None:
    """Report every few moments; a fading patient's reports of the last four days get low one day after another."""
    count = 0
    # However slow it all was: whoever fades has faded in the end.
    while not over.is_set() or (phone.fading and len(phone.acknowledged) < LOW_REPORTS):
        count += 1
        days_back = max(0, 4 - count // 3) if phone.fading else chance.randrange(5)
        at = now - timedelta(days=days_back, minutes=chance.randrange(200))
        level = 2 if phone.fading else 8
        more = {"self_harm_thoughts": chance.random() < 0.3, "asks_about_booster": chance.random() < 0.05}
        send_until_kept(phone, str(new_id()), entry(at, (level, level, level)) | more, over)
        time.sleep(chance.uniform(0.05, 0.4))


def test_nothing_acknowledged_is_lost_or_doubled_by_killed_processes(dev: Dev, receiver: Receiver) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    chance = random.Random(seed)  # noqa: S311 - repeatable
    now = datetime.now(UTC)
    clinic = dev.clinic()
    endpoint = clinic.add_endpoint(receiver.url)
    receiver.secret = endpoint["secret"]
    receiver.answer = lambda _sent: 503 if chance.random() < 0.2 else 204
    # Slow enough that workers are killed in the middle of sending.
    receiver.pause = lambda: chance.uniform(0, 0.6)
    phones = [
        Phone(clinic.enrol(patient_with_history(clinic, now), dev.url), number < FADING)
        for number in range(FADING + STEADY)
    ]
    over = threading.Event()
    threads = [
        threading.Thread(target=live, args=(phone, now, random.Random(seed + number), over))  # noqa: S311 - same
        for number, phone in enumerate(phones)
    ]
    for thread in threads:
        thread.start()
    kills: dict[str, int] = defaultdict(int)
    both = chance.sample(["serve", "worker"], 2)
    while sum(kills.values()) < KILLS:
        time.sleep(chance.uniform(0.3, 2.2))
        # Each at least once, then whichever.
        name = next((one for one in both if not kills[one]), chance.choice(both))
        kills[name] += dev.kill(name)
    dev.wait_ready()
    over.set()
    for thread in threads:
        thread.join()
    dev.wait_ready()

    delivered = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries?limit=200"
    settled = wait_until(
        lambda: {one["state"] for one in everything(clinic, delivered)} == {"delivered"}, 110, pause=1
    )
    states: dict[str, int] = defaultdict(int)
    for one in everything(clinic, delivered):
        states[one["state"]] += 1
    print(dict(kills), dict(states), sum(len(phone.acknowledged) for phone in phones))  # noqa: T201 - same
    assert settled, dict(states)

    check_in_ids_are_kept_once(phones)
    check_each_event_has_one_webhook_id(clinic, phones, receiver.accepted())
    check_safety_came_first(receiver.accepted())
    assert {one.verified for one in receiver.requests} == {True}
    print(len(receiver.requests), len(receiver.accepted()))  # noqa: T201 - same
    for phone in phones:
        phone.device.http.close()
    clinic.http.close()


def check_in_ids_are_kept_once(phones: list[Phone]) -> None:
    for phone in phones:
        assert phone.conflicts == 0
        assert not phone.unanswered
        assert phone.acknowledged, "the load was real"
        kept = kept_by(phone.device)
        assert len(kept) == len(set(kept))
        assert set(phone.acknowledged) <= set(kept)
    assert sum(phone.tries for phone in phones) > sum(len(phone.acknowledged) for phone in phones)


def check_each_event_has_one_webhook_id(
    clinic: ClinicClient, phones: list[Phone], accepted: list[Received]
) -> None:
    by_subject: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in accepted:
        data = one.event["data"]
        subject = (
            data.get("signal_id") or data.get("safety_event_id") or f"{data['patient_id']} {data['sequence']}"
        )
        by_subject[one.type, str(subject)].add(one.webhook_id)
    assert {len(ids) for ids in by_subject.values()} == {1}

    signals = everything(clinic, "/v1/signals?state=all&limit=200")
    assert {signal["patient_id"] for signal in signals} == {
        phone.device.patient_id for phone in phones if phone.fading
    }
    assert len(signals) == FADING
    assert {subject for kind, subject in by_subject if kind == "signal.raised"} == {
        signal["id"] for signal in signals
    }
    events = everything(clinic, "/v1/safety-events?state=all&limit=200")
    check_each_disclosure_counts_once(phones, events)
    assert {subject for kind, subject in by_subject if kind == "safety.reported"} == {
        event["id"] for event in events
    }


def check_each_disclosure_counts_once(phones: list[Phone], events: list[dict[str, Any]]) -> None:
    """Each is an event, from the 21st within an hour on counted into one: neither lost nor doubled."""
    assert any(stated for phone in phones for stated in phone.acknowledged.values())
    for phone in phones:
        said = {one for one, stated in phone.acknowledged.items() if stated}
        own = [event for event in events if event["patient_id"] == phone.device.patient_id]
        assert {event["source_id"] for event in own} <= said
        assert len(own) >= min(len(said), EVENTS_OF_THEIR_OWN)
        assert len(own) + sum(event["further_reports"] for event in own) == len(said)


def check_safety_came_first(accepted: list[Received]) -> None:
    """One patient's events are written one after another: so none may overtake a statement written before it."""
    first: dict[str, Received] = {}
    for one in accepted:
        first.setdefault(one.webhook_id, one)
    of_patient: dict[str, list[Received]] = defaultdict(list)
    for one in first.values():
        of_patient[one.event["data"]["patient_id"]].append(one)
    for events in of_patient.values():
        for safety in (one for one in events if one.type == "safety.reported"):
            for other in events:
                sent_later = other.event["data"]["sequence"] > safety.event["data"]["sequence"]
                sent_with = other.event["timestamp"] == safety.event["timestamp"]
                if other.type != "safety.reported" and (sent_later or sent_with):
                    assert other.at > safety.at, (other.event, safety.event)
