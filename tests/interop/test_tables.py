"""A clinic's records as tables: whole, of this clinic alone, and no cell of any of them is a formula."""

import csv
import io
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.access.clinics.permissions import StaffRole
from app.foundation.csv_tables import inert, table_of
from app.foundation.ids import new_id
from app.interop.archive.tables import TABLES, columns_of
from app.pages.staff.settings.data import HERE, TITLES
from app.pages.staff.visitor import SESSION
from app.studies.study_files import StudyFiles, opened_study
from tests.house.sources import sources
from tests.support.browser import PlainBrowser, fields_of
from tests.support.lively import A_NIGHT
from tests.support.people import ClinicClient, clinic_client, treated
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

HOSTILE = (
    "=1+1",
    " =1+1",
    "\t=1",
    "\uff1d1+1",
    "\u3000\uff0d1",
    "\u200b@SUM(A1)",
    "\xa0\uff0b1",
    "\r\n=1",
    "\ufe661",
)
FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]")


def table(service: Service, clinic: ClinicClient, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(service, clinic, name), newline="")))


def text_of(service: Service, clinic: ClinicClient, name: str) -> str:
    browser = PlainBrowser(service.url)
    browser.cookies[f"__Host-{SESSION}"] = signed_in(service, clinic.clinic_id, StaffRole.OWNER)
    form = fields_of(browser.get(HERE).text, f"{HERE}/table")
    reply = browser.post(f"{HERE}/table", form | {"table": name})
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    return reply.text


@pytest.fixture(scope="module")
def full(shared_service: Service, one_clinic: ClinicClient) -> ClinicClient:
    """A clinic in which people wrote what a spreadsheet would run."""
    shared_service.clock.move_to(NOW)
    patient = treated(one_clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), reference="=P-1")
    phone = one_clinic.enrol(patient, shared_service.url)
    for ago, note in enumerate(HOSTILE):
        assert phone.check_in(NOW - timedelta(hours=ago + 1), note=note).is_success
    assert phone.http.put("/v1/me/sleep-import", json={"on": True}).is_success
    assert phone.http.put(f"/v1/me/sleep-nights/{new_id()}", json=A_NIGHT).is_success
    form = {"scale": "phq-9", "taken_at": (NOW - timedelta(days=3)).isoformat(), "total": 11}
    assert one_clinic.http.post(f"/v1/patients/{patient}/assessments", json=form).is_success
    changed = {"kind": "condition", "since": "2026-10-01", "detail": " \uff1dHYPERLINK(A1)"}
    assert one_clinic.http.post(f"/v1/patients/{patient}/circumstances", json=changed).is_success
    return one_clinic


@pytest.mark.parametrize("name", sorted(TITLES))
def test_every_table_is_whole_and_no_cell_of_it_is_a_formula(
    shared_service: Service, full: ClinicClient, name: str
) -> None:
    rows = table(shared_service, full, name)
    cells = [cell for row in rows for cell in row.values() if not re.fullmatch(r"-?[\d.]+", cell)]
    assert [cell for cell in cells if FORMULA.match(cell)] == []
    assert {row["patient"] for row in rows} <= {"'=P-1"}
    if rows:
        assert tuple(rows[0]) == columns_of(TABLES[name])


def test_the_tables_hold_what_was_reported(shared_service: Service, full: ClinicClient) -> None:
    reports = table(shared_service, full, "check_ins")
    (person,) = table(shared_service, full, "patients")
    (night,) = table(shared_service, full, "sleep_nights")
    listed = full.http.get(f"/v1/patients/{person['id']}/check-ins", params={"limit": 200}).json()["items"]
    assert {row["id"] for row in reports} == {one["id"] for one in listed}
    assert {row["note"].removeprefix("'") for row in reports if row["note"]} == set(HOSTILE)
    assert (night["asleep_minutes"], night["source"]) == ("400", "healthkit")
    assert len(table(shared_service, full, "infusions")) == 6
    assert table(shared_service, clinic_client(shared_service), "check_ins") == [], (
        "another clinic's are its own"
    )


def test_our_own_tables_are_read_back_whole_by_the_backtest(
    shared_service: Service, full: ClinicClient, tmp_path: Path
) -> None:
    paths = {}
    for name in ("check_ins", "infusions", "assessments"):
        paths[name] = tmp_path / f"{name}.csv"
        paths[name].write_bytes(text_of(shared_service, full, name).encode())
    with opened_study(StudyFiles(**paths, outcomes=None, custom_scales={})) as study:
        (one,) = study.patients.patients(0, study.patients.size)
    assert study.problems.count == 0, [str(problem) for problem in study.problems.first]
    (person,) = table(shared_service, full, "patients")
    path = f"/v1/patients/{person['id']}"
    reports = full.http.get(f"{path}/check-ins", params={"limit": 200}).json()["items"]
    assert len(reports) == len(one.history.check_ins) > len(HOSTILE)
    assert {entry.recorded_at for entry in one.history.check_ins} == {
        datetime.fromisoformat(each["recorded_at"]) for each in reports
    }
    given = full.http.get(f"{path}/infusions").json()["items"]
    assert {entry.given_at for entry in one.history.infusions} == {
        datetime.fromisoformat(each["given_at"]) for each in given
    }
    assert [total.total for each in one.history.assessments for total in each.totals] == [11]


def test_every_table_has_a_title_and_an_unknown_one_is_not_found(
    shared_service: Service, full: ClinicClient
) -> None:
    assert set(TITLES) == set(TABLES)
    browser = PlainBrowser(shared_service.url)
    browser.cookies[f"__Host-{SESSION}"] = signed_in(shared_service, full.clinic_id, StaffRole.OWNER)
    form = fields_of(browser.get(HERE).text, f"{HERE}/table")
    assert browser.post(f"{HERE}/table", form | {"table": "api_keys"}).status_code == 404


@pytest.mark.parametrize("text", HOSTILE)
def test_what_could_begin_a_formula_also_after_blanks_or_full_width_is_made_inert(text: str) -> None:
    assert inert(text) == f"'{text}"
    assert inert(f"a{text}") == f"a{text}"


def test_numbers_stay_numbers_and_nothing_is_an_empty_cell() -> None:
    assert table_of([(-5, 0.5, None, True, "x\ny", "-5")]) == '-5,0.5,,true,"x\ny",\'-5\r\n'


def test_csv_is_written_in_one_place() -> None:
    writers = [
        source.name
        for source in sources()
        if any("csv.writer(" in line or "DictWriter(" in line for line in source.lines)
    ]
    assert writers == ["app.foundation.csv_tables"]
