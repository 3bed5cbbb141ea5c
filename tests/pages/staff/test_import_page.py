"""An owner imports existing patients on a page: columns named, rows checked, then all or the good ones, undone."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from app.access.clinics.permissions import StaffRole
from tests.cli.test_import import Existing, existing
from tests.support.browser import fields_of
from tests.support.budget import budget
from tests.support.care_browser import CareBrowser
from tests.support.people import ClinicClient, clinic_client
from tests.support.processes import wait_until
from tests.support.service import NOW, Service

# A file of the size that was promised takes minutes: `make test-long`.
ROWS, PEOPLE = budget(1_000, long=100_000), budget(4, long=50)
NON_BREAKING = "\N{NON-BREAKING HYPHEN}"
IMPORT = "/care/settings/import"
PATIENTS = ["Chart no.", "course began", "planned_infusions", "ward"]
INFUSIONS = ["patient", "given_at", "phase"]
TOTALS = ["patient", "taken_at", "scale", "total"]
CHECK_INS = ["patient", "recorded_at", "mood", "energy", "sleep_quality", "sleep_hours"]


@pytest.fixture
def one_clinic(service: Service) -> Iterator[ClinicClient]:
    """A clinic that is empty."""
    made = clinic_client(service)
    yield made
    made.close()


@pytest.fixture
def owner(service: Service, one_clinic: ClinicClient) -> CareBrowser:
    return CareBrowser(service, one_clinic.clinic_id, StaffRole.OWNER)


def induced(count: int) -> list[Existing]:
    """Patients with a course of this clinic; every second of the made-up ones was taken on."""
    return [one for one in existing(2 * count) if one.started_on]


def text_of(rows: Iterable[Iterable[Any]], separator: str = ",") -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=separator).writerows(rows)
    return written.getvalue()


def patients_file(patients: Iterable[Existing], *more: list[str]) -> bytes:
    """As a spreadsheet has it: other names, semicolons, UTF-16, a line end in a cell of no interest."""
    rows = [[one.name, one.started_on, 6, "1st\nfloor"] for one in patients]
    return text_of([PATIENTS, *rows, *more], ";").encode("utf-16")


def infusions_file(patients: Iterable[Existing]) -> bytes:
    rows = [[one.name, at.isoformat(), phase] for one in patients for at, phase in one.infusions]
    return text_of([INFUSIONS, *rows]).encode()


def check_ins_file(patients: Iterable[Existing], *more: list[str]) -> bytes:
    """Times without an offset, numbers with a decimal comma."""
    rows = [
        [one.name, at.strftime("%Y-%m-%d %H:%M"), *(f"{value},0" for value in values), "7,3"]
        for one in patients
        for at, values in one.reports
    ]
    return text_of([CHECK_INS, *rows, *more], ";").encode()


def totals_file(patients: Iterable[Existing]) -> bytes:
    rows = [[one.name, at.isoformat(), "phq-9", total] for one in patients for at, total in one.totals]
    return text_of([TOTALS, *rows]).encode()


def upload(owner: CareBrowser, page: str, action: str, content: bytes, kind: str) -> str:
    """Upload a file; gives the page that it leads to, or the one that says what is wrong."""
    hidden = fields_of(owner.get(page).text, action)
    reply = owner.upload(action, hidden | {"kind": kind}, ("file", "old.csv", content))
    return reply.headers.get("location", "") or unescape(reply.text)


def settled(owner: CareBrowser, path: str) -> str:
    """The page, once the worker has done its step."""
    within, pause = (60, 0.2) if budget(0, long=1) == 0 else (900, 3)
    assert wait_until(lambda: "It looks again by itself" not in owner.get(path).text, within, pause=pause)
    return unescape(owner.get(path).text)


def chosen(page: str) -> dict[str, str]:
    """What the form of columns has chosen."""
    selects = re.findall(r'<select[^>]* name="([^"]+/[^"]+)".*?</select>', page, re.DOTALL)
    bodies = re.findall(r'<select[^>]* name="[^"]+/[^"]+"[^>]*>(.*?)</select>', page, re.DOTALL)
    found = [re.search(r'value="(\d+)" selected', body) for body in bodies]
    return {name: one[1] if one else "" for name, one in zip(selects, found, strict=True)}


def uploaded(owner: CareBrowser, patients: bytes, infusions: bytes = b"", check_ins: bytes = b"") -> str:
    """Upload the files; gives the import's page."""
    path = upload(owner, IMPORT, IMPORT, patients, "patients")
    assert re.fullmatch(rf"{IMPORT}/[0-9a-f-]+", path), path
    for kind, content in (("infusions", infusions), ("check-ins", check_ins)):
        if content:
            assert upload(owner, path, f"{path}/files", content, kind) == path
    return path


def checked(owner: CareBrowser, path: str, **columns: str) -> str:
    """Have the rows checked, with these columns of the patients chosen beside those that were guessed."""
    typed = chosen(owner.get(path).text) | {f"patients/{name}": value for name, value in columns.items()}
    reply = owner.submit(path, f"{path}/check", typed)
    return settled(owner, path) if reply.status_code == 303 else unescape(reply.text)


def listed(client: ClinicClient) -> list[dict[str, Any]]:
    return list(client.http.get("/v1/patients", params={"limit": 200}).json()["items"])


def references(client: ClinicClient) -> set[str]:
    return {one["external_ref"] for one in listed(client)}


def test_patients_are_checked_shown_as_the_last_quarter_imported_and_the_import_undone(
    owner: CareBrowser, one_clinic: ClinicClient, service: Service
) -> None:
    patients = induced(3)
    one_clinic.patient("P-99")
    path = uploaded(
        owner,
        patients_file(
            patients, [f"p{NON_BREAKING}99", "2026-03-02", "6", ""], [patients[0].name, "2026-03-02", "6", ""]
        ),
        infusions_file(patients),
        check_ins_file(
            patients,
            [patients[1].name, "2026-03-09 20:00", "eleven", "", "", ""],
            ["P-77", "", "", "", "", ""],
        ),
    )
    page = owner.get(path).text
    assert "separated by semicolons, UTF-16" in page
    assert "Not in this file" in page
    refused = checked(owner, path, started_on="1")
    assert "Not done." in refused
    assert chosen(refused)["patients/started_on"] == "1", "what was chosen stays"
    assert 'id="patients/patient"' in refused

    page = checked(owner, path, patient="0", started_on="1")
    assert references(one_clinic) == {"P-99"}, "nothing is imported by a check"
    assert "This would have been your last quarter" in page
    assert re.search(r"[1-9]\d* signals? for [1-3] of 3 patients", page), page
    table = owner.get(f"{path}/rows.csv").text
    said = {(row[0], row[2], row[4]) for row in csv.reader(io.StringIO(table))}
    assert ("patients", "left out", "The clinic has a patient with this chart number already.") in said
    assert ("patients", "left out", "an earlier row is about the same patient") in said
    assert ("check-ins", "left out", "the patient is not among the patients that can be imported") in said
    assert ("check-ins", "warning", "recorded_at has no offset; the patient's time zone was taken") in said
    assert ("check-ins", "warning", "sleep_hours was rounded to quarter hours") in said
    assert any(file == "check-ins" and "mood: " in reason for file, _, reason in said)
    assert "eleven" not in table
    spanish = owner.get(f"{path}?lang=es").text
    assert "sleep_hours se redondeó a cuartos de hora" in spanish
    assert "mood: Se espera un número." in spanish
    assert "omitido" in owner.get(f"{path}/rows.csv").text
    owner.get(f"{path}?lang=en")
    assert "Import the 1 ready patients" in page
    assert "Import all 3, without the rows left out" in page

    assert owner.submit(path, f"{path}/confirm", {"which": "all"}).headers["location"] == path
    page = settled(owner, path)
    assert "Imported." in page
    assert references(one_clinic) == {"P-99", *(one.name for one in patients)}
    ids = {one["external_ref"]: one["id"] for one in listed(one_clinic)}
    patient = f"/v1/patients/{ids[patients[0].name]}"
    days = one_clinic.http.get(f"{patient}/check-ins", params={"limit": 100}).json()["items"]
    assert {one["sleep_hours"] for one in days} == {7.25}

    etag = one_clinic.http.get(patient).headers["etag"]
    service.clock.move_to(NOW + timedelta(minutes=1))
    worked_with = {"external_ref": "P-0", "reason": "Renumbered"}
    changed = one_clinic.http.patch(patient, json=worked_with, headers={"if-match": etag})
    assert changed.status_code == 200, changed.text
    assert owner.submit(path, f"{path}/undo").headers["location"] == path
    page = settled(owner, path)
    assert "2 patients are erased" in page
    assert "1 stay" in page
    assert references(one_clinic) == {"P-99", "P-0"}


def test_only_the_good_ones_are_imported_when_that_is_chosen_and_again_the_same_file(
    owner: CareBrowser, one_clinic: ClinicClient
) -> None:
    patients = induced(2)
    files = (
        patients_file(patients),
        infusions_file(patients),
        check_ins_file(patients, [patients[1].name, "2026-03-09 20:00", "11", "", "", ""]),
    )
    path = uploaded(owner, *files)
    checked(owner, path, patient="0", started_on="1")
    owner.submit(path, f"{path}/confirm", {"which": "good"})
    assert "Imported." in settled(owner, path)
    assert references(one_clinic) == {patients[0].name}

    again = uploaded(owner, *files)
    page = checked(owner, again, patient="0", started_on="1")
    assert "patient with this chart number already" in page
    assert owner.submit(again, f"{again}/discard").headers["location"] == IMPORT
    assert owner.get(again).status_code == 404


@pytest.mark.parametrize("content", [b"", b"\n\n", b'"\n'])
def test_what_is_no_file_is_refused_and_keeps_nothing(owner: CareBrowser, content: bytes) -> None:
    assert "Please choose a CSV file" in upload(owner, IMPORT, IMPORT, content, "patients")
    assert "Before</h2>" not in owner.get(IMPORT).text


def test_an_import_is_undone_within_a_day(owner: CareBrowser, service: Service) -> None:
    patients = induced(1)
    path = uploaded(owner, patients_file(patients))
    checked(owner, path, patient="0", started_on="1")
    owner.submit(path, f"{path}/confirm", {"which": "good"})
    page = settled(owner, path)
    assert f"{path}/undo" in page
    service.clock.move_to(NOW + timedelta(hours=25))
    owner.come_back()
    assert f"{path}/undo" not in owner.get(path).text
    late = owner.post(f"{path}/undo", fields_of(owner.get(IMPORT).text, IMPORT))
    assert "within a day" in unescape(late.text)


def test_each_kind_of_file_has_a_template_that_is_read_as_it_is(owner: CareBrowser) -> None:
    templates = {
        kind: owner.get(f"{IMPORT}/templates/{kind}.csv").content
        for kind in ("patients", "infusions", "check-ins")
    }
    path = uploaded(owner, *templates.values())
    page = checked(owner, path)
    assert "Import the 1 ready patients" in page, page


def test_only_owners_import(as_role: Callable[[StaffRole], CareBrowser]) -> None:
    for role in (StaffRole.CLINICIAN, StaffRole.COORDINATOR, StaffRole.READ_ONLY):
        assert as_role(role).get(IMPORT).status_code == 403


def test_a_hundred_thousand_rows_are_checked_imported_and_undone_and_the_bad_row_is_named_by_its_number(
    owner: CareBrowser, one_clinic: ClinicClient
) -> None:
    """As many in `make test-long`; every row is looked at, nothing is imported by looking; the newest come first."""
    patients = induced(PEOPLE)
    last = NOW - timedelta(days=1)
    rows = [
        [patients[number % PEOPLE].name, (last - timedelta(days=number // PEOPLE)).isoformat(), 7, 7, 7, 7]
        for number in range(ROWS)
    ]
    rows[ROWS // 2][2] = "eleven"
    content = text_of([CHECK_INS, *rows]).encode()
    path = uploaded(owner, patients_file(patients), check_ins=content)
    page = checked(owner, path, patient="0", started_on="1")
    found = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f"Row {ROWS // 2 + 2} Past check-ins Left out mood: A number is expected." in found, found
    assert listed(one_clinic) == []

    assert owner.submit(path, f"{path}/confirm", {"which": "all"}).status_code == 303
    imported = settled(owner, path)
    assert f"{PEOPLE} patients, with 0 infusions, {ROWS - 1} check-ins" in imported, imported
    assert len(listed(one_clinic)) == PEOPLE
    assert owner.submit(path, f"{path}/undo").status_code == 303
    assert f"{PEOPLE} patients are erased" in settled(owner, path)
    assert listed(one_clinic) == []
