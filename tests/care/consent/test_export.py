"""The copy of one's own data: whole, in a known format, and safe to open."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.care.consent.export import CSV_COLUMNS, FORMAT_VERSION
from app.storage.exports import SECTIONS
from tests.support.lively import LivelyClinic, lively_clinic
from tests.support.people import ClinicClient, PatientClient
from tests.support.problems import assert_problem, without
from tests.support.receiver import running_receiver
from tests.support.service import NOW, Service

DICTIONARY = Path(__file__).parents[3] / "docs" / "export.md"


@pytest.fixture(scope="module")
def lively(shared_service: Service) -> Iterator[LivelyClinic]:
    with running_receiver() as receiver:
        made = lively_clinic(shared_service, receiver, "Lively")
        yield made
    made.client.close()


@pytest.fixture(scope="module")
def document(lively: LivelyClinic) -> dict[str, Any]:
    lively.phone.http.post("/v1/me/erasure-requests")
    return dict(lively.phone.http.get("/v1/me/export").json())


@pytest.fixture
def phone(service: Service, clinic: ClinicClient) -> PatientClient:
    return clinic.enrol(clinic.patient(reference="P-1"), service.url)


def test_it_holds_something_of_every_kind_that_is_kept(
    document: dict[str, Any], lively: LivelyClinic
) -> None:
    assert (document["format"], document["version"]) == ("afterglow-export", FORMAT_VERSION)
    assert document["patient"]["id"] == lively.ids["patient_id"]
    sections = set(SECTIONS) - {"patient", "state"}
    assert sections <= set(document)
    assert [name for name in sections if not document[name]] == []


def test_what_the_patient_wrote_is_there_to_read(document: dict[str, Any]) -> None:
    (written,) = [one for one in document["check_ins"] if one["note"]]
    assert (written["note"], written["mood"], written["self_harm_thoughts"]) == ("a note", 3, True)
    assert [one["name"] for one in document["devices"]] == ["phone", "phone"]
    assert document["consents"][0]["kind"] == "given"


def test_amendments_and_withdrawals_are_in_it(phone: PatientClient) -> None:
    first = phone.check_in(NOW, (5, 5, 5)).json()["id"]
    second = phone.check_in(NOW, (6, 6, 6), supersedes=first).json()["id"]
    phone.http.delete(f"/v1/check-ins/{second}")

    shown = {one["id"]: one for one in phone.http.get("/v1/me/export").json()["check_ins"]}
    assert shown[first]["superseded_by"] == second
    assert shown[second]["supersedes"] == first
    assert shown[second]["withdrawn_at"]


def test_a_signal_is_dates_and_states_without_a_recommendation(document: dict[str, Any]) -> None:
    (signal,) = document["signals"]
    assert set(signal) == {
        "id", "state", "raised_at", "acknowledged_at", "snoozed_until", "closed_at", "disposition"
    }  # fmt: skip
    assert any(one["evaluated_at"] and one["rule_version"] for one in document["check_ins"])
    assert not {"level", "smoothed"} & set(document["check_ins"][0])
    shown = str(without(document, "not_included"))
    assert not re.search(r"consider.booster|explanation|share_lost|gain_lost", shown, re.IGNORECASE)


def test_staff_get_the_same_copy_and_both_are_in_the_audit_log(
    document: dict[str, Any], lively: LivelyClinic
) -> None:
    theirs = lively.client.http.get(f"/v1/patients/{lively.ids['patient_id']}/export").json()

    assert theirs["check_ins"] == document["check_ins"]
    exported = [one["actor_kind"] for one in theirs["audit_events"] if one["action"] == "patient.exported"]
    assert exported == ["device"]


def test_every_field_has_its_line_in_the_data_dictionary() -> None:
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| [^|]+ \|$", DICTIONARY.read_text(), re.MULTILINE)
    fields = {
        f"{'patient' if section == 'state' else section}.{field}"
        for section in SECTIONS
        for field in (column.removesuffix("_sealed") for column in SECTIONS[section].columns)
    }
    assert sorted(rows) == sorted(fields)


def test_the_check_ins_come_as_csv_with_offsets(phone: PatientClient) -> None:
    phone.check_in(NOW - timedelta(days=40), (1, 1, 1))  # refused: too old
    phone.check_in(NOW, (5, None, 7), note="two\nlines, and a comma")
    reply = phone.http.get("/v1/me/export?format=csv")

    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="afterglow-export.csv"'
    (row,) = csv.DictReader(io.StringIO(reply.text))
    assert tuple(row) == CSV_COLUMNS
    assert row["recorded_at"] == "2026-11-03T19:00:00+01:00"
    assert datetime.fromisoformat(row["received_at"]).tzinfo
    assert (row["mood"], row["energy"], row["note"]) == ("5.0", "", "two\nlines, and a comma")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_note_is_a_formula_in_a_spreadsheet(phone: PatientClient, start: str) -> None:
    phone.check_in(NOW, note=f"{start}HYPERLINK(A1)")
    (row,) = csv.DictReader(io.StringIO(phone.http.get("/v1/me/export?format=csv").text, newline=""))

    assert row["note"] == f"'{start}HYPERLINK(A1)"


def test_only_the_two_forms_are_known(phone: PatientClient) -> None:
    assert_problem(phone.http.get("/v1/me/export?format=xlsx"), 422, pointer="query/format")


def test_a_patient_who_withdrew_still_gets_the_copy(phone: PatientClient) -> None:
    phone.check_in(NOW)
    phone.http.post("/v1/me/consent/withdraw", json={"reason": "enough"})

    shown = phone.http.get("/v1/me/export").json()
    assert len(shown["check_ins"]) == 1
    assert shown["consents"][0]["reason"] == "enough"
