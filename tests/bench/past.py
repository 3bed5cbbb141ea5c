"""What a late report, a correction and a late infusion cost with five years of daily check-ins against a month's."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from tests.bench.chart import long_treated
from tests.bench.goals import Goal, judged
from tests.bench.processes import postgres_children
from tests.support.databases import DatabaseUrls
from tests.support.people import CONFIRMED, ClinicClient, clinic_client, item, treated
from tests.support.service import running_service

MOST_TIMES_A_MONTH = 2.0
_DAY = timedelta(days=1)


@dataclass
class Changes:
    """What is changed of one patient: each change a few minutes from the one before, a few days back."""

    clinic: ClinicClient
    patient: str
    now: datetime
    count: int = 0

    def late_report(self) -> None:
        """A report of three days ago arrives."""
        self._late()

    def correction(self) -> None:
        """The report that came last is void."""
        sent = self._late()
        self._post(f"check-ins/{sent}/void", {"reason": "entered twice"})

    def late_infusion(self) -> None:
        """An infusion of five days ago is entered, and is void again."""
        self.count += 1
        at = self.now - 5 * _DAY + timedelta(minutes=self.count)
        given = self._post("infusions", {"given_at": at.isoformat(), "phase": "booster", **CONFIRMED})
        self._post(f"infusions/{given['id']}/void", {"reason": "entered twice"})

    def _late(self) -> str:
        self.count += 1
        sent = item(self.now - 3 * _DAY + timedelta(minutes=self.count), (7, 7, 7)) | CONFIRMED
        self._post("check-ins/batch", {"items": [sent]})
        return str(sent["id"])

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = self.clinic.http.post(f"/v1/patients/{self.patient}/{path}", json=body)
        assert reply.status_code in (200, 201), reply.text
        return dict(reply.json())


def measure_past(place: DatabaseUrls, *, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Processor seconds of each kind of change with five years and with a month, in turns; the client's included."""
    now = datetime.now(UTC)
    found: dict[str, tuple[list[float], list[float]]] = {}
    with running_service(place.application_url, now=now, work=False) as service:
        clinic = clinic_client(service)
        years = Changes(clinic, long_treated(clinic, now), now)
        month = Changes(clinic, treated(clinic, now, days_since=20, level=lambda _day: (8, 7, 8)), now)
        with psycopg.connect(place.superuser_url, autocommit=True) as connection:
            connection.execute("ANALYZE")
        for name in ("late_report", "correction", "late_infusion"):
            getattr(years, name)()  # a warm-up, not counted
            costs: tuple[list[float], list[float]] = ([], [])
            for _ in range(rounds):
                for patient, taken in zip((years, month), costs, strict=True):
                    taken.append(_cost(place, getattr(patient, name)))
            found[name] = costs
        clinic.close()
    return found


def _cost(place: DatabaseUrls, change: Callable[[], None]) -> float:
    """The processor time of five changes, ours and PostgreSQL's: its accounts are in hundredths of a second."""
    before = time.process_time() + postgres_children(place.superuser_url)
    for _ in range(5):
        change()
    return (time.process_time() + postgres_children(place.superuser_url) - before) / 5


def report_past(found: dict[str, tuple[list[float], list[float]]]) -> list[str]:
    """Print the ratios; gives what missed its target."""
    goals = []
    for name, (years, month) in found.items():
        ratio = statistics.median(one / two for one, two in zip(years, month, strict=True))
        print(  # noqa: T201 - its report
            f"{name.replace('_', ' ')}: five years {statistics.median(years) * 1e3:.1f} ms of processor,"
            f" a month {statistics.median(month) * 1e3:.1f} ms: years÷month {ratio:.2f}"
        )
        goals.append(Goal(f"{name.replace('_', ' ')}, five years ÷ a month", ratio, most=MOST_TIMES_A_MONTH))
    return judged(goals)
