"""A receiver that begins with the snapshot and follows the stream ends with exactly what is true in the product.

A simulated quarter of 30 patients, day by day: they get well, fade, are boosted, fall silent, say what must be looked
at, withdraw consent, are archived and erased; staff act, and correct what was entered wrongly. In `make test` it is
the quarter's first seven weeks: all of that happens in four.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from app.care.check_ins.commands import record
from app.care.check_ins.sources import FromClinic
from app.care.check_ins.validation import CheckInDraft
from app.clinical.check_ins import CheckIn
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from tests.support.budget import budget
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ZONE, ClinicClient, clinic_client, treated
from tests.support.service import NOW, Service, running_service

PATIENTS: Final = 30
DAYS: Final = budget(49, long=91)
# Days on which a second receiver is down, and on which one begins with the snapshot in the middle of things.
DOWN: Final = range(40, 42)
BEGINS: Final = 25


class Reported(FromClinic):
    """A report of today, as from the patient's own device."""

    @property
    def is_history(self) -> bool:
        """Not brought along from elsewhere."""
        return False


@dataclass
class Copy:
    """What a receiver keeps: the snapshot's rows, changed by nothing but events, as docs/events.md says."""

    http: Any
    cursor: str = ""
    patients: dict[str, dict[str, Any]] = field(default_factory=dict)
    applied: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def begin(self, between_pages: Callable[[], None] = lambda: None) -> None:
        path = "/v1/snapshot?limit=7"
        while path:
            reply = self.http.get(path)
            assert reply.status_code == 200, reply.text
            self.cursor = reply.json()["cursor"]
            self.patients |= {one["id"]: _indexed(one) for one in reply.json()["items"]}
            path = reply.links["next"]["url"] if "next" in reply.links else ""
            between_pages()

    def follow(self) -> None:
        while True:
            reply = self.http.get("/v1/events", params={"after": self.cursor, "limit": 50})
            assert reply.status_code == 200, reply.text
            for event in reply.json()["items"]:
                assert event["id"] not in self.applied
                self.applied.add(event["id"])
                self.apply(event["type"], event["data"])
            self.cursor = reply.json()["cursor"]
            if len(reply.json()["items"]) < 50:
                return

    def believes_wrongly(self) -> dict[str, Any]:
        """Follow to the end; what differs from a snapshot as of the same event, here and there."""
        self.follow()
        product = Copy(self.http)
        product.begin()
        # A worker may have written since we followed: the snapshot has that before its event has a place.
        product.follow()
        self.follow()
        while product.cursor != self.cursor:
            product.follow()
            self.follow()
        ids = self.patients.keys() | product.patients.keys()
        both = {one: (self.patients.get(one), product.patients.get(one)) for one in ids}
        return {one: (own, true) for one, (own, true) in both.items() if own != true}

    def apply(self, event: str, data: dict[str, Any]) -> None:
        self.seen.add(event)
        patient_id = str(data.get("patient_id"))
        if event == "patient.registered":
            self.patients.setdefault(patient_id, _new(patient_id, data["mode"]))
        if event == "patient.erased":
            self.patients.pop(patient_id, None)
        patient = self.patients.get(patient_id)
        if patient is None:
            return
        for noun, kind, facts in (
            ("signal", "signals", ("level", "criterion")),
            ("safety", "safety_events", ("urgent",)),
            ("finding", "findings", ("code",)),
        ):
            if event.startswith(f"{noun}."):
                alert_id = data[f"{'safety_event' if noun == 'safety' else noun}_id"]
                patient[kind].pop(alert_id, None)
                if data["state"] != "closed":
                    patient[kind][alert_id] = {name: data[name] for name in ("state", *facts)}
        changed: dict[str, dict[str, Any]] = {
            "level.changed": {"level": data.get("level")},
            "reference.established": {"reference_established": True},
            "reference.ended": {"reference_established": False},
            "consent.given": {"consent": "given"},
            "consent.withdrawn": {"consent": "withdrawn"},
            "patient.archived": {"archived": data.get("reason")},
            "patient.unarchived": {"archived": None},
            "patient.merged": {"archived": "duplicate", "merged_into": data.get("merged_into")},
            "patient.unmerged": {"archived": None, "merged_into": None},
        }
        patient |= changed.get(event, {})


def _new(patient_id: str, mode: str) -> dict[str, Any]:
    return {
        "id": patient_id, "mode": mode, "level": "no_reference", "reference_established": False,
        "consent": "not_asked", "archived": None, "merged_into": None,
        "signals": {}, "safety_events": {}, "findings": {},
    }  # fmt: skip


def _indexed(row: dict[str, Any]) -> dict[str, Any]:
    """By id; what is due follows from the findings."""
    kept = {name: value for name, value in row.items() if name not in {"review_due", "overdue"}}
    for kind in ("signals", "safety_events", "findings"):
        kept[kind] = {one.pop("id"): one for one in kept[kind]}
    return kept


@dataclass
class Quarter:
    """The clinic, its patients, and what happens to them by chance, the same in every run."""

    service: Service
    clinic: ClinicClient
    chance: random.Random
    patients: list[str] = field(default_factory=list)
    fading_from: dict[str, int] = field(default_factory=dict)
    silent_from: dict[str, int] = field(default_factory=dict)
    infusions: list[tuple[str, str]] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    ways: dict[str, Iterator[str]] = field(
        default_factory=lambda: {
            kind: cycle(["acknowledge", "leave", "snooze", "close"])
            for kind in ("signals", "safety-events", "findings")
        }
    )

    @property
    def now(self) -> datetime:
        return self.service.clock.now()

    def act(
        self, path: str, body: dict[str, Any] | None = None, version: str | None = None
    ) -> httpx2.Response:
        """What staff do, with a body that is right: all that may stand against it is what happened before."""
        reply = self.clinic.http.post(path, json=body, headers={"if-match": version} if version else {})
        assert reply.status_code in {200, 201, 404, 409}, reply.text
        return reply

    def begin(self) -> None:
        for number in range(PATIENTS):
            if number < PATIENTS - 8:
                patient = treated(self.clinic, NOW, days_since=10, level=lambda _day: (8, 8, 8))
            else:
                patient = self.clinic.patient()
            self.patients.append(patient)
            self.fading_from[patient] = self.chance.choice([10, 25, 50, 70, 200])
            self.silent_from[patient] = self.chance.choice([20, 45, 200, 200])

    def live_through(self, day: int) -> None:
        self.service.clock.move_to(NOW + timedelta(days=day))
        for patient in self.patients:
            if self.chance.random() < 0.5:
                self.report(patient, day)
        for _ in range(3):
            self.chance.choice(
                [
                    self.boost,
                    self.boost,
                    self.correct,
                    self.consent,
                    self.archive,
                    self.erase,
                    self.join,
                    self.score,
                ]
            )()
        if day % 6 == 0:
            self.merge()
        if day % 2:
            self.service.sweep(within=120)
            self.work_off()

    def report(self, patient: str, day: int) -> None:
        if self.silent_from[patient] <= day < self.silent_from[patient] + 25:
            return
        well = self.chance.randint(7, 9) if day < self.fading_from[patient] else self.chance.randint(1, 4)
        check_in = CheckIn(
            id=str(new_id()),
            recorded_at=self.now,
            time_zone=ZONE,
            mood=well,
            energy=well,
            sleep_quality=well,
            asks_about_booster=self.chance.random() < 0.03,
            self_harm_thoughts=self.chance.random() < 0.01,
        )
        note = "a note" if self.chance.random() < 0.03 else None
        draft = CheckInDraft(check_in=check_in, input_mode="radio", note=note, supersedes=None, canonical=b"")
        source = Reported(clinic_id=UUID(self.clinic.clinic_id), patient_id=UUID(patient), by=OPERATOR)
        self.service.run(record(self.service.context, source, [draft]))

    def someone(self) -> str:
        return self.chance.choice(self.patients)

    def boost(self) -> None:
        """Every other time whoever waits for one."""
        waiting = [
            one["patient_id"] for one in self.clinic.http.get("/v1/signals?state=open").json()["items"]
        ]
        patient = (
            self.chance.choice(waiting or self.patients) if self.chance.random() < 0.5 else self.someone()
        )
        given = {"given_at": self.now.isoformat(), "phase": "booster"}
        reply = self.act(f"/v1/patients/{patient}/infusions", given | CONFIRMED)
        if reply.status_code == 201:
            self.infusions.append((patient, reply.json()["id"]))
            self.fading_from[patient] = 30 + self.fading_from[patient]

    def correct(self) -> None:
        """What is noticed is noticed soon: it is one of the last three."""
        if self.infusions:
            patient, infusion = self.chance.choice(self.infusions[-3:])
            path = f"/v1/patients/{patient}/infusions/{infusion}"
            if self.act(f"{path}/void", {"reason": "another patient's"}).status_code != 200:
                self.act(f"{path}/restore", {"reason": "it was right"})

    def consent(self) -> None:
        self.act(f"/v1/patients/{self.someone()}/consent/withdraw", {})

    def archive(self) -> None:
        path = f"/v1/patients/{self.someone()}"
        if self.act(f"{path}/archive", {"reason": "care_ended"}).status_code == 409:
            self.act(f"{path}/unarchive", {})

    def merge(self) -> None:
        """Take the last merge back every other time, but one stays to the end."""
        if len(self.merged) > 1:
            patient = self.merged.pop()
            if self.act(f"/v1/patients/{patient}/unmerge", {"reason": "two people"}).status_code == 200:
                self.patients.append(patient)
            return
        patient, into = self.chance.sample(self.patients, 2)
        body = {"into": into, "reason": "registered twice"}
        if self.act(f"/v1/patients/{patient}/merge", body).status_code == 200:
            self.patients.remove(patient)
            self.merged.append(patient)

    def erase(self) -> None:
        if self.chance.random() > 0.2:
            return
        patient = self.someone()
        asked = self.act(f"/v1/patients/{patient}/erasure-requests")
        if asked.status_code == 201:
            path = f"/v1/erasure-requests/{asked.json()['id']}/approve"
            if self.act(path, version='"1"').status_code == 200:
                self.patients.remove(patient)
                self.infusions = [one for one in self.infusions if one[0] != patient]

    def join(self) -> None:
        patient = self.clinic.patient()
        self.patients.append(patient)
        self.fading_from[patient], self.silent_from[patient] = 200, 200

    def score(self) -> None:
        form = {
            "scale": "phq-9",
            "taken_at": self.now.isoformat(),
            "items": [self.chance.randint(0, 2)] * 8 + [0],
        }
        self.act(f"/v1/patients/{self.someone()}/assessments", form)

    def work_off(self) -> None:
        """Staff see to some of what waits, in each of the ways by turns."""
        until = (self.now + timedelta(days=3)).isoformat()
        for signal in self.clinic.http.get("/v1/signals?state=open").json()["items"]:
            self.see_to(f"/v1/signals/{signal['id']}", {"disposition": "watchful_waiting"}, until)
        for signal in self.clinic.http.get("/v1/signals?state=closed").json()["items"]:
            if self.chance.random() < 0.1:
                self.act(f"/v1/signals/{signal['id']}/reopen", {"reason": "closed too early"})
        for event in self.clinic.http.get("/v1/safety-events?state=open").json()["items"]:
            self.see_to(f"/v1/safety-events/{event['id']}", {"outcome": "contact_made"})
        for finding in self.clinic.http.get("/v1/findings?state=open").json()["items"]:
            self.see_to(f"/v1/findings/{finding['id']}", {"outcome": "seen"})

    def see_to(self, path: str, closing: dict[str, Any], until: str | None = None) -> None:
        kind = path.split("/")[2]
        match next(self.ways[kind]):
            case "acknowledge":
                self.act(f"{path}/acknowledge")
            case "close":
                self.act(f"{path}/close", closing)
            case "snooze" if until:
                self.act(f"{path}/snooze", {"until": until})


@pytest.fixture(scope="module")
def quarter(own_database: DatabaseUrls) -> Iterator[Quarter]:
    with running_service(own_database.application_url, work=False) as service:
        clinic = clinic_client(service)
        yield Quarter(service, clinic, random.Random(11))  # noqa: S311 - what happens is the same in every run
        clinic.close()


def test_whoever_begins_with_the_snapshot_and_follows_the_stream_ends_with_what_is_true(
    quarter: Quarter,
) -> None:
    from_the_start, down_for_two_days = Copy(quarter.clinic.http), Copy(quarter.clinic.http)
    begun_late = Copy(quarter.clinic.http)
    from_the_start.begin()
    quarter.begin()
    for day in range(1, DAYS + 1):
        quarter.live_through(day)
        if day == 1:
            down_for_two_days.begin()
        if day not in DOWN:
            down_for_two_days.follow()
        if day == BEGINS:
            begun_late.begin(between_pages=quarter.archive)
        if day % 7 == 0:
            from_the_start.follow()
    product = Copy(quarter.clinic.http)
    product.begin()

    for receiver in (from_the_start, down_for_two_days, begun_late):
        receiver.follow()
        assert receiver.patients == product.patients
    assert any(one["merged_into"] for one in product.patients.values())
    assert from_the_start.seen >= {
        "signal.raised", "signal.acknowledged", "signal.snoozed", "signal.closed", "signal.reopened",
        "signal.updated", "signal.escalated", "safety.reported", "safety.acknowledged", "safety.closed",
        "safety.unacknowledged", "finding.raised", "finding.updated", "finding.ended", "level.changed",
        "infusion.recorded", "assessment.recorded", "record.corrected", "reference.established",
        "induction.review_due", "induction.review_done", "check_ins.overdue", "check_ins.resumed",
        "patient.registered", "patient.asked_about_booster", "consent.withdrawn", "patient.archived",
        "patient.unarchived", "patient.erased", "patient.merged", "patient.unmerged",
    }  # fmt: skip
