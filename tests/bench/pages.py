"""The check-in form against its own bare template from the same process, in alternating slices."""

import asyncio
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.bench.goals import Goal, judged
from tests.bench.load import run_load
from tests.bench.processes import cpu_seconds, postgres_children
from tests.support.browser import PlainBrowser, agree, new_patient
from tests.support.databases import DatabaseUrls
from tests.support.people import clinic_client
from tests.support.service import running_service

MOST_TIMES_BARE = 3.0
PATHS = ("/p/check-in", "/bare")


def signed_in_cookie(place: DatabaseUrls) -> str:
    """Sign a patient's browser in."""
    with running_service(place.application_url, now=datetime.now(UTC), work=False) as service:
        clinic = clinic_client(service)
        patient = new_patient(clinic)
        agree(clinic, patient, service.url)
        browser = PlainBrowser(service.url)
        browser.sign_in(clinic, patient)
        clinic.close()
        browser.http.close()
    return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


def getting(path: str, cookie: str) -> Callable[[int], bytes]:
    """Make the request for a page."""
    request = (
        f"GET {path} HTTP/1.1\r\nhost: bench\r\naccept-language: en\r\ncookie: {cookie}\r\n\r\n".encode()
    )
    return lambda _number: request


@dataclass(frozen=True)
class Slice:
    """One slice: processor seconds a page, of our process and of PostgreSQL, and the median wait for one."""

    cost: float
    wait: float


def measure_form(
    place: DatabaseUrls, process_id: int, port: int, cookie: str, *, slices: int, seconds: float
) -> Iterator[tuple[Slice, Slice]]:
    """Measure the form and its bare template in turn."""
    for _ in range(slices):
        form, bare = (measure_page(place, process_id, port, getting(path, cookie), seconds) for path in PATHS)
        yield form, bare


def measure_page(
    place: DatabaseUrls, process_id: int, port: int, request: Callable[[int], bytes], seconds: float
) -> Slice:
    """Ask for a page for so long; gives what one costs."""
    before = cpu_seconds(process_id) + postgres_children(place.superuser_url)
    outcome = asyncio.run(run_load(port, 1, seconds, request))
    used = cpu_seconds(process_id) + postgres_children(place.superuser_url) - before
    assert set(outcome.statuses) == {200}, outcome.statuses
    return Slice(cost=used / len(outcome.latencies), wait=statistics.median(outcome.latencies))


def report_form(slices: list[tuple[Slice, Slice]]) -> list[str]:
    """Print the ratios; gives what missed its target.

    Judged by processor time, PostgreSQL's included: on a shared machine, waits say more about the neighbours.
    """
    ratio = statistics.median(form.cost / bare.cost for form, bare in slices)
    waits = statistics.median(form.wait / bare.wait for form, bare in slices)
    form, bare = (statistics.median(one.cost for one in every) * 1e6 for every in zip(*slices, strict=True))
    print(  # noqa: T201 - its report
        f"check-in form: {form:.0f} µs of processor, its bare template {bare:.0f} µs: form÷bare {ratio:.2f}"
        f" (by slice: {' '.join(f'{one.cost / two.cost:.2f}' for one, two in slices)}); waits {waits:.2f}"
    )
    return judged([Goal("check-in form ÷ its bare template", ratio, most=MOST_TIMES_BARE)])
