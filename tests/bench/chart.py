"""``make bench-chart``: the chart of a patient with five years of daily check-ins, by how much of it is shown.

As in ``make bench``, the machine is noisy: the lengths take turns, and the ratio to one month is what counts.
"""

import argparse
import asyncio
import logging
import statistics
import sys
import time
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import httpx2
import psycopg

from app.care.monitoring.trend import Days, trend_of_patient
from app.chart.drawing import draw_trend
from app.chart.layout import Width
from app.chart.trend import Reader
from app.chart.wording import chart_words
from app.foundation.audit import OPERATOR
from app.foundation.logs import set_up_logs
from tests.support.databases import running_cluster
from tests.support.people import CONFIRMED, ClinicClient, Values, clinic_client, treated
from tests.support.service import Service, running_service

LENGTHS = {"a month": 31, "three months": 92, "a year": 365, "five years": 1826}
MOST_BYTES = 50_000


def main() -> int:
    """Measure and print; exit status 1 when a chart is too large."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=40)
    rounds = arguments.parse_args().rounds
    set_up_logs(level=logging.ERROR)
    now = datetime.now(UTC)
    with (
        running_cluster() as cluster,
        cluster.database() as place,
        running_service(place.application_url, now=now, work=False) as service,
    ):
        clinic = clinic_client(service)
        patient = long_treated(clinic, now)
        with psycopg.connect(place.superuser_url, autocommit=True) as connection:
            connection.execute("ANALYZE")
        figures = measure(service, clinic, patient, now.date(), rounds)
        clinic.close()
    return report(figures)


def long_treated(clinic: ClinicClient, now: datetime) -> str:
    """A patient with five years of daily check-ins and a booster every six weeks."""

    def level(day: int) -> Values:
        value = 8 - (day % 42) / 20
        return round(value), round(value - 0.6), round(value - 0.3)

    days = LENGTHS["five years"] + 5
    patient = treated(clinic, now, days_since=days, level=level)
    for ago in range(days - 60, 0, -42):
        given = {"given_at": (now - timedelta(days=ago)).isoformat(), "phase": "booster"}
        reply = clinic.http.post(f"/v1/patients/{patient}/infusions", json=given | CONFIRMED)
        assert reply.status_code == 201, reply.text
    return patient


class Figures:
    """What was measured for one length, in seconds and bytes."""

    def __init__(self) -> None:
        self.answered: list[float] = []
        self.loaded: list[float] = []
        self.drawn: list[float] = []
        self.size = 0


def measure(
    service: Service, clinic: ClinicClient, patient: str, today: date, rounds: int
) -> dict[str, Figures]:
    """Ask for each length in turn: over HTTP, and its two halves in this process."""
    figures = {name: Figures() for name in LENGTHS}
    for number in range(rounds + 3):
        for name, length in LENGTHS.items():
            first = today - timedelta(days=length - 1)
            one = figures[name] if number >= 3 else Figures()  # the first rounds warm up
            started = time.perf_counter()
            reply = answer(clinic.http, patient, first)
            one.answered.append(time.perf_counter() - started)
            one.size = len(reply.content)
            halves = service.run(load_and_draw(service, UUID(clinic.clinic_id), UUID(patient), first))
            one.loaded.append(halves[0])
            one.drawn.append(halves[1])
    return figures


def answer(http: httpx2.Client, patient: str, first: date) -> httpx2.Response:
    """Ask for the chart as a clinic does."""
    reply = http.get(f"/v1/patients/{patient}/chart.svg", params={"from": first.isoformat()})
    assert reply.status_code == 200, reply.text
    return reply


async def load_and_draw(service: Service, clinic: UUID, patient: UUID, first: date) -> tuple[float, float]:
    """Give the seconds that loading took, and drawing."""
    await asyncio.sleep(0)
    started = time.perf_counter()
    async with service.context.work(clinic, actor=OPERATOR, snapshot=True) as work:
        trend = await trend_of_patient(work, patient, Days(first=first), reader=Reader.CLINICIAN)
    loaded = time.perf_counter()
    draw_trend(trend, chart_words("en"), width=Width.WIDE, reader=Reader.CLINICIAN)
    return loaded - started, time.perf_counter() - loaded


def report(figures: dict[str, Figures]) -> int:
    """Print the table and judge the sizes."""
    print(f"{'shown':<13} {'ms':>7} {'p99 ms':>7} {'load ms':>8} {'draw ms':>8} {'kB':>6} {'÷ a month':>10}")
    month = statistics.median(figures["a month"].answered)
    for name, one in figures.items():
        median = statistics.median(one.answered)
        slowest = sorted(one.answered)[int(len(one.answered) * 0.99)]
        print(
            f"{name:<13} {median * 1e3:>7.1f} {slowest * 1e3:>7.1f} {statistics.median(one.loaded) * 1e3:>8.1f}"
            f" {statistics.median(one.drawn) * 1e3:>8.1f} {one.size / 1000:>6.1f} {median / month:>10.2f}"
        )
    too_large = [name for name, one in figures.items() if one.size >= MOST_BYTES]
    for name in too_large:
        print(f"missed: {name} is {figures[name].size} bytes, below {MOST_BYTES} wanted")
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main())
