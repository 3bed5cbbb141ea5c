"""The demo's clinic: the same HTTP calls that an engineer and a phone make, and synthetic patients.

Nobody real is among them; each one's story is what became of them since induction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import httpx2

from app.foundation.ids import new_id

Scores = tuple[int, int, int]
PLANNED_INFUSIONS: Final = 6
DAYS_BETWEEN_INFUSIONS: Final = 2
DOMAINS: Final = ("mood", "energy", "sleep_quality")

_BEFORE: Final[tuple[Scores, ...]] = ((3, 3, 4), (2, 3, 3), (3, 2, 4), (3, 3, 3), (2, 2, 3)) * 2
_WELL: Final[tuple[Scores, ...]] = ((8, 7, 8), (7, 8, 8), (8, 8, 7), (8, 7, 7), (7, 7, 8))
_LESS_WELL: Final[tuple[Scores, ...]] = ((6, 5, 6), (6, 6, 5), (5, 6, 6))
_FADING: Final[tuple[Scores, ...]] = (
    (8, 7, 8), (7, 7, 7), (6, 6, 7), (5, 5, 5), (4, 4, 5), (4, 3, 4), (3, 3, 4), (3, 3, 3), (3, 2, 3),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientStory:
    """One synthetic patient.

    Attributes:
        reference: the clinic's own name for the patient.
        where: where the patient stands, in words.
        infusions: how many of the six induction infusions were given, every second day.
        days_since: days since the last of them.
        since: scores (mood, energy, sleep) of each day after it, from the first on; these are imported.
        streamed: scores of the last days up to today; these a phone sends, one day after the other.
    """

    reference: str
    where: str
    infusions: int = PLANNED_INFUSIONS
    days_since: int
    since: Sequence[Scores] = ()
    streamed: Sequence[Scores] = ()

    def infusion_times(self, now: datetime) -> list[datetime]:
        """When the infusions were given, first one first."""
        last = now - timedelta(days=self.days_since)
        gaps = range(self.infusions - 1, -1, -1)
        return [last - timedelta(days=DAYS_BETWEEN_INFUSIONS * gap) for gap in gaps]

    def imported(self, now: datetime) -> list[tuple[datetime, Scores]]:
        """All past check-ins to import: ten days before the first infusion, then since the last."""
        first, last = self.infusion_times(now)[0], self.infusion_times(now)[-1]
        before = [(first - timedelta(days=10 - day), scores) for day, scores in enumerate(_BEFORE)]
        return before + [(last + timedelta(days=day), scores) for day, scores in enumerate(self.since, 1)]

    def sent_by_phone(self, now: datetime) -> list[tuple[datetime, Scores]]:
        """The last days up to today."""
        first = len(self.streamed) - 1
        return [(now - timedelta(days=first - day), scores) for day, scores in enumerate(self.streamed)]


def _for_days(days: int, scores: Sequence[Scores]) -> list[Scores]:
    return [scores[day % len(scores)] for day in range(days)]


STEADY: Final = PatientStory(
    reference="P-101", where="five weeks of benefit", days_since=35, since=_for_days(35, _WELL)
)
WATCHED: Final = PatientStory(
    reference="P-102",
    where="slipping, not yet enough",
    days_since=26,
    since=_for_days(14, _WELL) + _for_days(12, _LESS_WELL),
)
WINDOW_OPEN: Final = PatientStory(
    reference="P-103", where="three days after induction", days_since=3, since=_for_days(3, _WELL)
)
TOO_FEW: Final = PatientStory(
    reference="P-104", where="hardly checked in", days_since=20, since=_for_days(2, _WELL)
)
IN_INDUCTION: Final = PatientStory(
    reference="P-105", where="after 3 of 6 infusions", infusions=3, days_since=1
)
ASKS: Final = PatientStory(
    reference="P-106",
    where="well, and asks for a booster",
    days_since=22,
    since=_for_days(21, _WELL),
    streamed=((7, 7, 8),),
)
FADING: Final = PatientStory(
    reference="P-107",
    where="three weeks of benefit",
    days_since=30,
    since=_for_days(21, _WELL),
    streamed=_FADING,
)
PATIENTS: Final = (STEADY, WATCHED, WINDOW_OPEN, TOO_FEW, IN_INDUCTION, ASKS, FADING)


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
