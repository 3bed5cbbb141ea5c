"""Phones under load: each remembers what it was answered, so that afterwards nothing may be missing."""

import json
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2

from app.foundation.ids import new_id
from tests.support.disclosures import disclosing
from tests.support.people import ClinicClient, PatientClient, entry, everything, kept_by

_ANSWERED = {400, 401, 404, 405, 409, 413, 415, 422, 500, 503}


@dataclass
class Phone:
    """One patient's phone, and what it was answered."""

    device: PatientClient
    kept: dict[str, bool] = field(default_factory=dict)
    # Disclosures in requests that cannot be kept, whose answer held help: an event each.
    helped: int = 0
    unhelped: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def live(self, dice: random.Random, over: threading.Event) -> None:
        """Send check-ins, some with a statement, and damaged disclosures, until it is over."""
        while not over.is_set():
            if dice.random() < 0.5:
                self._check_in(dice)
            else:
                self._damaged(dice)
            time.sleep(dice.uniform(0.02, 0.2))

    def _check_in(self, dice: random.Random) -> None:
        check_in_id, said = str(new_id()), dice.random() < 0.2
        at = datetime.now(UTC) - timedelta(minutes=dice.randrange(500))
        body = entry(at, (5, 5, 5)) | {"self_harm_thoughts": said}
        reply = self.send("PUT", f"/v1/check-ins/{check_in_id}", json.dumps(body).encode(), {})
        if reply is not None and reply.status_code in {200, 201}:
            self.kept[check_in_id] = said

    def _damaged(self, dice: random.Random) -> None:
        sent = disclosing(dice.randrange(1_000_000_000))
        headers = {"content-type": sent.content_type, "content-encoding": sent.content_encoding}
        given = {name: value for name, value in headers.items() if value}
        reply = self.send("PUT", f"/v1/check-ins/{new_id()}", sent.body, given)
        if reply is None or reply.status_code not in _ANSWERED:
            return
        if helps(reply):
            self.helped += 1
        else:
            self.unhelped += 1

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> httpx2.Response | None:
        """Send once; None: there was no answer."""
        started = time.monotonic()
        with suppress(httpx2.HTTPError):
            reply = self.device.http.request(
                method, path, content=body, headers={"content-type": "application/json"} | headers
            )
            self.statuses[reply.status_code] += 1
            self.seconds.append(time.monotonic() - started)
            return reply
        self.statuses[0] += 1
        return None


@dataclass
class Load:
    """Phones of one clinic, each in a separate thread."""

    clinic: ClinicClient
    phones: list[Phone]
    seed: int
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        for number, phone in enumerate(self.phones):
            dice = random.Random(self.seed * 1000 + number)  # noqa: S311 - the same for the same seed
            thread = threading.Thread(target=phone.live, args=(dice, self.over), daemon=True)
            thread.start()
            self.threads.append(thread)

    def stop(self) -> None:
        """End, and wait until the last answer is there."""
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def lost(self) -> int:
        """How much of what was acknowledged is not there: check-ins, and disclosures that were helped."""
        return sum(self._lost_of(phone) for phone in self.phones) + sum(
            phone.unhelped for phone in self.phones
        )

    def doubled(self) -> int:
        """How many check-ins are there twice."""
        return sum(len(ids) - len(set(ids)) for ids in (kept_by(phone.device) for phone in self.phones))

    def _lost_of(self, phone: Phone) -> int:
        missing = len(set(phone.kept) - set(kept_by(phone.device)))
        answered = phone.helped + sum(phone.kept.values())
        return missing + max(0, answered - disclosures_of(self.clinic, phone.device.patient_id))


def load_of(clinic: ClinicClient, url: str, *, phones: int, seed: int) -> Load:
    """Make phones of a clinic."""
    return Load(clinic, [Phone(clinic.enrol(clinic.patient(), url)) for _ in range(phones)], seed)


def helps(reply: httpx2.Response) -> bool:
    """Whether an answer holds crisis help."""
    with suppress(ValueError, AttributeError):
        return bool(reply.json().get("crisis_help"))
    return False


def disclosures_of(clinic: ClinicClient, patient_id: str) -> int:
    """How many disclosures of a patient are kept: events, and what was counted into them."""
    path = f"/v1/safety-events?state=all&limit=200&patient_id={patient_id}"
    return sum(1 + event["further_reports"] for event in everything(clinic, path))
