"""Builders: a clinic's client, an enrolled patient, a course of treatment, weeks of check-ins."""

import json
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx2

from app.access.clinics.caller import find_caller
from app.access.clinics.keys import make_key
from app.access.clinics.permissions import Scope
from app.care.patients.plausibility import Unlikely
from app.care.patients.queries import existing
from app.care.treatment.commands import enter_infusion, note_infusion
from app.care.treatment.course_entry import enter_course
from app.care.treatment.course_schemas import CourseEntry
from app.care.treatment.infusion_schemas import InfusionEntry
from app.clinical.course import Infusion, InfusionPhase
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind
from app.storage.infusions import StoredInfusion, add_infusion
from tests.support.service import Service

ZONE = "Europe/Berlin"
# Whatever is unlikely about an infusion that a test enters long after it was given.
CONFIRMED = {"confirm": [one.value for one in Unlikely]}
Values = tuple[float | None, float | None, float | None]
# The tests' services speak plain HTTP; reading the machine's authorities takes a client longer than its requests.
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# Every client that was made: what its test forgets is closed with the file, and never by the garbage collector,
# whose warning would fail a test that has nothing to do with it.
MADE: list[httpx2.Client] = []


_OF_THE_SIGNAL: Final = re.compile(r" \(-?\d+% when raised [^)]*\)| Call by [^.]*\.")


def as_of_now(evaluation: dict[str, Any]) -> dict[str, Any]:
    """An evaluation without what is of its open signal, which was raised by what had arrived by then."""
    rest = dict(json.loads(_OF_THE_SIGNAL.sub("", json.dumps(evaluation))))
    for part in rest.get("explanation_parts", ()):
        part["numbers"] = {
            name: value
            for name, value in part["numbers"].items()
            if not name.startswith("raised.") and name != "call_by"
        }
    return rest


def made(http: httpx2.Client) -> httpx2.Client:
    """Remember a client, to be closed at the latest with its file."""
    MADE.append(http)
    return http


def close_all() -> None:
    """Close what is still open."""
    while MADE:
        MADE.pop().close()


@dataclass
class ClinicClient:
    """The clinic's engineer with the first key."""

    http: httpx2.Client
    clinic_id: str
    key: str
    phones: list["PatientClient"] = field(default_factory=list)
    # Where it runs in this process.
    service: Service | None = None

    def close(self) -> None:
        """Hang up."""
        for phone in self.phones:
            phone.http.close()
        self.http.close()

    def patient(self, reference: str | None = None, *, time_zone: str = ZONE) -> str:
        """Register a patient; gives the id."""
        reply = self.http.post(
            "/v1/patients",
            json={
                "external_ref": reference or f"P-{uuid4().hex[:8]}",
                "time_zone": time_zone,
                "locale": "en-US",
            },
        )
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def enrol(self, patient_id: str, url: str) -> "PatientClient":
        """Enrol a device of the patient's."""
        code = self.http.post(f"/v1/patients/{patient_id}/enrolment-codes").json()["code"]
        with httpx2.Client(base_url=url, verify=NO_TLS, timeout=30) as http:
            reply = http.post("/v1/enrolments", json={"code": code, "device_name": "phone"})
        assert reply.status_code == 201, reply.text
        body = reply.json()
        http = made(
            httpx2.Client(
                base_url=url,
                headers={"authorization": f"Bearer {body['access_token']}"},
                timeout=30,
                verify=NO_TLS,
            )
        )
        phone = PatientClient(http, patient_id, body["access_token"], body["refresh_token"])
        self.phones.append(phone)
        return phone

    def treat(
        self, patient_id: str, *, last_infusion: datetime, count: int = 6, by_calls: bool = False
    ) -> None:
        """Enter a standard induction that ended with this infusion: every second day.

        ``by_calls``: each by a call of its own, where it matters what the first ones bring about.
        """
        first = last_infusion - timedelta(days=2 * (count - 1))
        course = {"protocol": "standard", "planned_infusions": count, "started_on": first.date().isoformat()}
        infusions = [
            {"given_at": (first + timedelta(days=2 * number)).isoformat(), "phase": "induction"} | CONFIRMED
            for number in range(count)
        ]
        if self.service is not None and not by_calls:
            self.service.run(_enter(self.service, self.key, patient_id, course, infusions))
            return
        reply = self.http.post(f"/v1/patients/{patient_id}/courses", json=course)
        assert reply.status_code == 201, reply.text
        for given in infusions:
            reply = self.http.post(f"/v1/patients/{patient_id}/infusions", json=given)
            assert reply.status_code == 201, reply.text

    def import_days(self, patient_id: str, start: datetime, values: Sequence[Values]) -> list[dict[str, Any]]:
        """Import one check-in a day from this moment on; gives all results."""
        return self.import_items(patient_id, items_of_days(start, values))

    def import_items(self, patient_id: str, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Import check-ins; gives all results."""
        results: list[dict[str, Any]] = []
        for begin in range(0, len(items), 100):
            reply = self.http.post(
                f"/v1/patients/{patient_id}/check-ins/batch", json={"items": items[begin : begin + 100]}
            )
            assert reply.status_code == 200, reply.text
            results += reply.json()["results"]
        return results

    def evaluation(self, patient_id: str) -> dict[str, Any]:
        """Read the evaluation."""
        reply = self.http.get(f"/v1/patients/{patient_id}/evaluation")
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def signals(self, patient_id: str | None = None, state: str = "all") -> list[dict[str, Any]]:
        """List signals."""
        params = {"state": state} | ({"patient_id": patient_id} if patient_id else {})
        return list(self.http.get("/v1/signals", params=params).json()["items"])

    def add_endpoint(self, url: str, events: list[str] | None = None) -> dict[str, Any]:
        """Add a webhook endpoint."""
        reply = self.http.post("/v1/webhook-endpoints", json={"url": url, "events": events})
        assert reply.status_code == 201, reply.text
        return dict(reply.json())


@dataclass
class PatientClient:
    """A patient's phone."""

    http: httpx2.Client
    patient_id: str
    access_token: str
    refresh_token: str

    def check_in(
        self, at: datetime, values: Values = (5, 5, 5), *, check_in_id: str | None = None, **more: object
    ) -> httpx2.Response:
        """Send one check-in."""
        body = entry(at, values) | more
        return self.http.put(f"/v1/check-ins/{check_in_id or new_id()}", json=body)


def entry(at: datetime, values: Values, time_zone: str = ZONE) -> dict[str, Any]:
    """A check-in's body."""
    mood, energy, sleep = values
    answers = {"mood": mood, "energy": energy, "sleep_quality": sleep}
    return {"recorded_at": at.isoformat(), "time_zone": time_zone} | {
        name: value for name, value in answers.items() if value is not None
    }


def item(at: datetime, values: Values) -> dict[str, Any]:
    """A check-in of a batch."""
    return {"id": str(new_id()), **entry(at, values)}


def items_of_days(start: datetime, values: Sequence[Values]) -> list[dict[str, Any]]:
    """One check-in of a batch a day from this moment on."""
    return [item(start + timedelta(days=number), one) for number, one in enumerate(values)]


def clinic_client(service: Service, name: str = "Clinic") -> ClinicClient:
    """A new clinic, and its engineer's client."""
    opened = service.new_clinic(name)
    http = made(
        httpx2.Client(
            base_url=service.url,
            headers={"authorization": f"Bearer {opened.api_key}"},
            timeout=30,
            verify=NO_TLS,
        )
    )
    return ClinicClient(http, str(opened.clinic_id), opened.api_key, service=service)


async def _enter(
    service: Service,
    key: str,
    patient_id: str,
    course: Mapping[str, Any],
    infusions: Sequence[Mapping[str, Any]],
) -> None:
    """Enter a course and its infusions in one transaction, and evaluate once: with the last, by the call's command.

    Those before it are kept as from a file, which announces none of them: half of the time is saved.
    """
    caller, whom = await find_caller(service.context, key, TokenKind.API_KEY), UUID(patient_id)
    *earlier, last = infusions
    async with service.context.work(caller.clinic_id, actor=caller.actor) as work:
        await enter_course(work, whom, CourseEntry.model_validate(course).planned())
        zone = (await existing(work, whom)).time_zone
        for given in earlier:
            stored = StoredInfusion(
                infusion=Infusion(
                    id=str(new_id()),
                    given_at=datetime.fromisoformat(given["given_at"]),
                    phase=InfusionPhase(given["phase"]),
                    time_zone=zone,
                )
            )
            assert await add_infusion(work, whom, stored)
            note_infusion(work, whom, stored, "entered", ())
        await enter_infusion(work, whom, InfusionEntry.model_validate(last).given())


def key_with(service: Service, clinic_id: str, *scopes: Scope) -> str:
    """Give a clinic a further API key with these scopes only."""

    async def make() -> str:
        async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
            return (
                await make_key(work, name="narrow key", scopes=scopes, own_scopes=frozenset(Scope))
            ).secret

    return service.run(make())


def treated(
    clinic: ClinicClient,
    now: datetime,
    *,
    days_since: int,
    level: Callable[[int], Values],
    until: int | None = None,
    reference: str | None = None,
) -> str:
    """A patient whose induction ended so many days ago: baseline 3, then ``level`` of each day since."""
    patient = clinic.patient(reference)
    last = now - timedelta(days=days_since)
    clinic.treat(patient, last_infusion=last)
    first = last - timedelta(days=10)
    days = days_since if until is None else until
    before = items_of_days(first - timedelta(days=10), [(3, 3, 3)] * 9)
    since = items_of_days(last + timedelta(days=1), [level(day) for day in range(1, days + 1)])
    clinic.import_items(patient, before + since)
    return patient


def kept_by(phone: PatientClient) -> list[str]:
    """The ids of all check-ins that a phone's patient has."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = phone.http.get("/v1/check-ins", params={"limit": "200"} | cursor).json()
        if not page["items"]:
            return ids
        ids += [one["id"] for one in page["items"]]
        cursor = {"after": page["cursor"]}


def everything(clinic: ClinicClient, path: str) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    found: list[dict[str, Any]] = []
    while path:
        reply = clinic.http.get(path)
        found += reply.json()["items"]
        path = reply.links.get("next", {}).get("url", "")
    return found
