"""The API is killed in the middle of corrections: each is there with all that follows or not at all, and once."""

import random
import statistics
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2

from tests.campaign.figures import Figures, Options
from tests.support.people import CONFIRMED, ClinicClient, treated
from tests.support.processes import running_dev, temporary_data_dir

_WHY = {"reason": "another patient's"}
_STEPS = ("void", "restore")
_AT_ONCE = 4


@dataclass
class Corrected:
    """A patient whose booster is voided and restored by turns: a void opens the signal again that it closed."""

    clinic: ClinicClient
    patient: str
    infusion: str
    signal: str

    @property
    def path(self) -> str:
        """Where the booster is corrected."""
        return f"/v1/patients/{self.patient}/infusions/{self.infusion}"

    def send(self, step: str, key: str) -> int:
        """Void or restore it once, also if it is sent again with this key; 0 when nobody answered."""
        with suppress(httpx2.HTTPError):
            headers = {"idempotency-key": key}
            return self.clinic.http.post(f"{self.path}/{step}", json=_WHY, headers=headers).status_code
        return 0

    def found(self) -> dict[str, Any]:
        """What the correction changes, each read where it is kept."""
        http, patient = self.clinic.http, self.patient
        listed = http.get(f"/v1/patients/{patient}/infusions", params={"include": "entered_in_error"}).json()[
            "items"
        ]
        status = next(one["status"] for one in listed if one["id"] == self.infusion)
        signal = http.get(f"/v1/signals/{self.signal}").json()
        events = [one for one in self.events() if one["data"].get("patient_id") == patient]
        return {
            "status": status,
            "signal": signal["state"] == "closed",
            "level": self.clinic.evaluation(patient)["level"],
            "corrections": len(http.get(f"/v1/patients/{patient}/corrections").json()["items"]),
            "corrected": sum(one["type"] == "record.corrected" for one in events),
            "reopened": sum(one["type"] == "signal.reopened" for one in events),
        }

    def events(self) -> list[dict[str, Any]]:
        """The whole stream."""
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": 200}
        while True:
            page = self.clinic.http.get("/v1/events", params=params).json()
            found += page["items"]
            if len(page["items"]) < params["limit"]:
                return found
            params["after"] = page["cursor"]


def corrected_patient(clinic: ClinicClient) -> Corrected:
    """A patient who faded, and whose signal a booster closed that was another patient's."""
    now = datetime.now(UTC)
    patient = treated(clinic, now, days_since=24, level=lambda day: (8, 8, 8) if day < 16 else (3, 3, 3))
    (signal,) = clinic.signals(patient)
    given = {"given_at": now.isoformat(), "phase": "booster"} | CONFIRMED
    made = clinic.http.post(f"/v1/patients/{patient}/infusions", json=given)
    assert made.status_code == 201, made.text
    return Corrected(clinic, patient, made.json()["id"], signal["id"])


def killed_corrections(options: Options) -> Figures:
    """Kill at random moments of corrections; then send each again until it is done, and count what is doubled.

    Several patients' at a time, one a kill: the start of a process takes longer than all else.
    """
    dice = random.Random(options.seed)  # noqa: S311 - the same for the same seed
    at_once = max(1, min(_AT_ONCE, options.kills // 2))
    rounds = -(-options.kills // at_once)
    with temporary_data_dir() as data_dir, running_dev(data_dir) as dev:
        clinic = dev.clinic()
        tried = [_Tried.of(corrected_patient(clinic)) for _ in range(at_once)]
        for number in range(rounds):
            # Up to well after their usual end, one after the other: some are killed once they are kept and before the
            # reply is out.
            seconds = statistics.median(one.seconds for one in tried)
            sending = [one.start(number, dice.uniform(0, seconds)) for one in tried]
            time.sleep(dice.uniform(0, 2.5 * seconds * at_once))
            dev.kill("serve")
            for thread in sending:
                thread.join()
            dev.wait_ready()
            for one in tried:
                one.look(number)
        doubled = sum(one.doubled_in_all(rounds) for one in tried)
        clinic.close()
    undone, half_done, unanswered = (
        sum(getattr(one, name) for one in tried) for name in ("undone", "half_done", "unanswered")
    )
    doubled += sum(one.doubled for one in tried)
    return Figures(
        lost=half_done + doubled + unanswered,
        said=f"{rounds * at_once} corrections in {rounds} kills, {at_once} at a time: {undone} not done at first,"
        f" {half_done} half done, {doubled} doubled, {unanswered} not answered as at first when sent again",
    )


@dataclass
class _Tried:
    """One patient's corrections, and what became of them."""

    one: Corrected
    began: dict[str, Any]
    before: dict[str, Any]
    # What two corrections that nobody disturbs add, and how long one takes.
    each: dict[str, int]
    seconds: float
    undone: int = 0
    half_done: int = 0
    doubled: int = 0
    unanswered: int = 0

    @classmethod
    def of(cls, one: Corrected) -> "_Tried":
        """Correct twice without being disturbed."""
        began = one.found()
        seconds = 0.0
        for step in _STEPS:
            started = time.monotonic()
            assert one.send(step, step) == 200
            seconds = max(seconds, time.monotonic() - started)
        usual = one.found()
        each = {name: usual[name] - began[name] for name in ("corrections", "corrected", "reopened")}
        return cls(one, began, usual, each, seconds)

    def start(self, number: int, after: float) -> threading.Thread:
        """Send a correction soon, in a thread."""

        def send() -> None:
            time.sleep(after)
            self.one.send(_STEPS[number % 2], f"{number}")

        sending = threading.Thread(target=send)
        sending.start()
        return sending

    def look(self, number: int) -> None:
        """Send it again; look at what was done when it was killed, and what is now."""
        one, step, key = self.one, _STEPS[number % 2], f"{number}"
        now = one.found()
        self.half_done += now != self.before and not _is_next(self.before, now)
        self.undone += now == self.before
        started = time.monotonic()
        # What was done answers as it did then, also where that answer never arrived; all else is done now.
        self.unanswered += one.send(step, key) != 200
        if now == self.before:
            self.seconds = time.monotonic() - started
        now = one.found()
        self.doubled += (
            one.send(step, key) != 200 or one.send(step, f"{key}-again") != 409 or one.found() != now
        )
        self.before = now

    def doubled_in_all(self, rounds: int) -> int:
        """Count what there is more or less of than that many rounds make."""
        if rounds % 2:
            return 0
        found = self.one.found()
        return sum(
            found[name] - self.began[name] != self.each[name] * (1 + rounds // 2) for name in self.each
        )


def _is_next(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether exactly one correction with all that follows from it lies between the two."""
    was_given = before["status"] == "active"
    return (
        now["status"] == ("entered_in_error" if was_given else "active")
        and now["signal"] is not before["signal"]
        and now["corrections"] == before["corrections"] + 1
        and now["corrected"] == before["corrected"] + 1
        and now["reopened"] == before["reopened"] + was_given
    )
