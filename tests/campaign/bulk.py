"""A bulk client takes along all of a clinic of 1,000 patients, by FHIR's ``$export``."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import psycopg

from app.access.clinics.permissions import Scope
from tests.bench.worklist import fill
from tests.campaign.figures import Figures, Options
from tests.support.care_browser import fading_at
from tests.support.databases import running_cluster
from tests.support.fhir import exported
from tests.support.people import clinic_client, key_with
from tests.support.service import running_service

# What there is of each type, in our own tables.
_ROWS = {
    "Patient": "patients",
    "EpisodeOfCare": "courses",
    "Procedure": "infusions",
    "Observation": "check_ins",
    "Task": "signals",
}


def bulk_export(options: Options) -> Figures:
    """Compare what was taken along with the tables: a month of check-ins for each patient, a signal for one in 25."""
    now = datetime.now(UTC)
    with (
        running_cluster() as cluster,
        cluster.database() as place,
        running_service(place.application_url, now=now, work=False) as service,
        psycopg.connect(place.superuser_url, autocommit=True) as connection,
    ):
        clinic = clinic_client(service, "Bulk")
        first, clinic_id = UUID(fading_at(clinic, now)["patient_id"]), UUID(clinic.clinic_id)
        count = options.patients
        fill(connection, clinic_id, first, patients=count, waiting=max(2, count // 25), now=now)
        # The copied signals are raised in seconds to come.
        service.clock.move_to(now + timedelta(hours=1))
        headers = {"authorization": f"Bearer {key_with(service, clinic.clinic_id, Scope.FHIR_EXPORT)}"}
        started = time.monotonic()
        # A piece of a file takes as long as the machine is busy; how long all of it took is shown.
        clinic.http.timeout = httpx2.Timeout(300)
        files = exported(clinic.http, headers)
        seconds = time.monotonic() - started
        clinic.close()
        difference = {
            name: len({one["id"] for one in files[name]}) - _count(connection, table, clinic_id)
            for name, table in _ROWS.items()
        }
    said = ", ".join(f"{name} {count:+}" for name, count in difference.items())
    return Figures(
        lost=sum(map(abs, difference.values())),
        said=f"{len(files['Patient'])} patients, {sum(map(len, files.values()))} resources of {len(files)} types"
        f" in {seconds:.0f} s; against the tables: {said}",
    )


def _count(connection: psycopg.Connection, table: str, clinic_id: UUID) -> int:
    asked = f"SELECT count(*) FROM care.{table} WHERE clinic_id = %s"  # noqa: S608 - one of the names above
    (found,) = connection.execute(asked, (clinic_id,)).fetchone() or (0,)
    return int(found)
