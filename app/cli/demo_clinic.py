"""The demo's way to the service: the same HTTP calls that a clinic's engineer and a phone make."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import httpx2

from app.cli.demo_patients import DOMAINS, PLANNED_INFUSIONS, PatientStory, Scores
from app.foundation.ids import new_id

ZONE: Final = "America/New_York"
_MOST_IN_BATCH: Final = 100
_TIMEOUT_SECONDS: Final = 30


class ServiceRefusedError(RuntimeError):
    """The service answered {method} {path} with {status}, which the demo did not expect."""

    def __init__(self, response: httpx2.Response) -> None:
        """Keep what was asked and answered; nothing of the bodies."""
        request = response.request
        facts = {"method": request.method, "path": request.url.path, "status": response.status_code}
        super().__init__((self.__doc__ or "").format(**facts))


@dataclass(frozen=True, slots=True)
class Phone:
    """An enrolled device of a patient's."""

    http: httpx2.Client

    def check_in(self, at: datetime, scores: Scores | None = None, **more: bool) -> dict[str, Any]:
        """Send one check-in, late or not; gives the reply."""
        body = _entry(at, scores) | more
        return _body(self.http.put(f"/v1/check-ins/{new_id()}", json=body))


class DemoClinic:
    """The clinic's engineer with the key; a context manager."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._http = _client(url, key)
        self._phones: list[Phone] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for phone in self._phones:
            phone.http.close()
        self._http.close()

    def bring_along(self, story: PatientStory, now: datetime) -> tuple[str, int]:
        """Register a patient with course, infusions and past check-ins; gives the id and their number."""
        registration = {"external_ref": story.reference, "time_zone": ZONE, "locale": "en-US"}
        patient_id = str(_body(self._http.post("/v1/patients", json=registration))["id"])
        patient = f"/v1/patients/{patient_id}"
        times = story.infusion_times(now)
        course = {
            "protocol": "standard",
            "planned_infusions": PLANNED_INFUSIONS,
            "started_on": times[0].astimezone(ZoneInfo(ZONE)).date().isoformat(),
        }
        _body(self._http.post(f"{patient}/courses", json=course))
        for given_at in times:
            given = {"given_at": given_at.isoformat(), "phase": "induction", "dose_mg_per_kg": 0.5}
            _body(self._http.post(f"{patient}/infusions", json=given | {"route": "iv"}))
        return patient_id, self._import(patient, story.imported(now))

    def enrol(self, patient_id: str) -> Phone:
        """Enrol a device with a one-time code."""
        code = _body(self._http.post(f"/v1/patients/{patient_id}/enrolment-codes"))["code"]
        enrolment = {"code": code, "device_name": "Demo phone"}
        enrolled = _body(self._http.post("/v1/enrolments", json=enrolment))
        phone = Phone(_client(self.url, str(enrolled["access_token"])))
        self._phones.append(phone)
        return phone

    def add_endpoint(self, url: str) -> tuple[str, str]:
        """Add a webhook endpoint; gives its id and signing secret."""
        added = _body(self._http.post("/v1/webhook-endpoints", json={"url": url}))
        return str(added["id"]), str(added["secret"])

    def send_test_event(self, endpoint_id: str) -> None:
        """Ask for a test event."""
        _body(self._http.post(f"/v1/webhook-endpoints/{endpoint_id}/test"))

    def evaluation(self, patient_id: str) -> dict[str, Any]:
        """Read what a patient's reports say now."""
        return _body(self._http.get(f"/v1/patients/{patient_id}/evaluation"))

    def signal(self, signal_id: str) -> dict[str, Any]:
        """Read a signal."""
        return _body(self._http.get(f"/v1/signals/{signal_id}"))

    def invite_owner(self) -> str:
        """Invite someone as an owner; gives the link to join with."""
        owner = {"name": "Robin Demo", "email": "robin@lakeside.example", "role": "owner"}
        return str(_body(self._http.post("/v1/staff", json=owner))["invite_url"])

    def _import(self, patient: str, check_ins: Sequence[tuple[datetime, Scores]]) -> int:
        items = [{"id": str(new_id()), **_entry(at, scores)} for at, scores in check_ins]
        for begin in range(0, len(items), _MOST_IN_BATCH):
            batch = {"items": items[begin : begin + _MOST_IN_BATCH]}
            reply = self._http.post(f"{patient}/check-ins/batch", json=batch)
            if any(result["status"] != httpx2.codes.CREATED for result in _body(reply)["results"]):
                raise ServiceRefusedError(reply)
        return len(items)


def is_ready(url: str) -> bool:
    """Say whether the service answers and its database does too."""
    try:
        with _client(url) as http:
            return bool(_body(http.get("/health/ready")).get("status") == "ready")
    except httpx2.HTTPError:
        return False


def _client(url: str, token: str | None = None) -> httpx2.Client:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    # No proxy from the environment: the service is on this machine.
    return httpx2.Client(base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=False)


def _body(response: httpx2.Response) -> dict[str, Any]:
    if not response.is_success:
        raise ServiceRefusedError(response)
    return dict(response.json())


def _entry(at: datetime, scores: Scores | None) -> dict[str, Any]:
    answers = dict(zip(DOMAINS, scores, strict=True)) if scores else {}
    return {"recorded_at": at.isoformat(), "time_zone": ZONE, **answers}
