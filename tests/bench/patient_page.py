"""A patient's page with five years of daily check-ins against one with a month, in alternating slices."""

import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg

from app.access.clinics.permissions import StaffRole
from app.pages.staff.visitor import SESSION
from tests.bench.chart import long_treated
from tests.bench.goals import Goal, judged
from tests.bench.pages import Slice, getting, measure_page
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.service import running_service
from tests.support.staff import signed_in

MOST_TIMES_A_MONTH = 2.0
_EVERY = 28


def two_patients(place: DatabaseUrls) -> tuple[str, tuple[str, str]]:
    """Make both, each with a PHQ-9 every four weeks; gives an owner's cookie and the paths of their pages."""
    now = datetime.now(UTC)
    with running_service(place.application_url, now=now, work=False) as service:
        clinic = clinic_client(service)
        years = long_treated(clinic, now)
        month = treated(clinic, now, days_since=10, level=lambda _day: (8, 7, 8))
        for patient, weeks in ((years, 260), (month, 4)):
            _totals(clinic, patient, now, weeks)
        token = signed_in(service, clinic.clinic_id, StaffRole.OWNER)
        clinic.close()
    with psycopg.connect(place.superuser_url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    # Under either name: it depends on the address that the process believes to be behind.
    cookie = f"{SESSION}={token}; __Host-{SESSION}={token}"
    return cookie, (f"/care/patients/{years}", f"/care/patients/{month}")


def _totals(clinic: ClinicClient, patient: str, now: datetime, weeks: int) -> None:
    for ago in range(3, weeks * 7, _EVERY):
        form = {"scale": "phq-9", "taken_at": (now - timedelta(days=ago)).isoformat(), "total": 7}
        reply = clinic.http.post(f"/v1/patients/{patient}/assessments", json=form)
        assert reply.status_code == 201, reply.text


def measure_patients(
    place: DatabaseUrls,
    process_id: int,
    port: int,
    cookie: str,
    paths: tuple[str, str],
    *,
    slices: int,
    seconds: float,
) -> Iterator[tuple[Slice, Slice]]:
    """Measure both pages in turn."""
    for _ in range(slices):
        years, month = (
            measure_page(place, process_id, port, getting(path, cookie), seconds) for path in paths
        )
        yield years, month


def report_patients(slices: list[tuple[Slice, Slice]]) -> list[str]:
    """Print the ratios; gives what missed its target, judged by processor time, PostgreSQL's included."""
    ratio = statistics.median(years.cost / month.cost for years, month in slices)
    waits = statistics.median(years.wait / month.wait for years, month in slices)
    years, month = (statistics.median(one.cost for one in every) * 1e3 for every in zip(*slices, strict=True))
    print(  # noqa: T201 - its report
        f"patient's page: five years {years:.1f} ms of processor, a month {month:.1f} ms: years÷month {ratio:.2f}"
        f" (by slice: {' '.join(f'{one.cost / two.cost:.2f}' for one, two in slices)}); waits {waits:.2f}"
    )
    return judged([Goal("patient's page, five years ÷ a month", ratio, most=MOST_TIMES_A_MONTH)])
