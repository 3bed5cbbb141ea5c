"""A clinic with a past: its reports, what-if runs and audit log have something to show."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.support.people import ClinicClient, Values, clinic_client, treated
from tests.support.service import NOW, Service


def falling_to(low: float) -> Callable[[int], Values]:
    """Well for nineteen days, then at this level."""
    return lambda day: (8.0, 8.0, 8.0) if day < 20 else (low, low, low)


@contextmanager
def clinic_with_a_past(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with three patients: one lost everything, one three fifths, one nothing; one signal was closed."""
    began = NOW - timedelta(hours=4)
    shared_service.clock.move_to(began)
    client = clinic_client(shared_service)
    for low in (3.0, 5.0, 8.0):
        treated(client, began, days_since=40, level=falling_to(low))
    shared_service.clock.move_to(NOW - timedelta(hours=1))
    first, *_ = client.signals()
    for act, body in (("acknowledge", None), ("close", {"disposition": "other_treatment"})):
        reply = client.http.post(f"/v1/signals/{first['id']}/{act}", json=body)
        assert reply.is_success, reply.text
    yield client
    client.close()
