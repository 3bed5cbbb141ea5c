"""Staff reach a person: name and telephone on a separate page, and a link to the chart in the clinic's EHR."""

from datetime import timedelta
from html import unescape

import pytest

from app.access.clinics.permissions import StaffRole
from tests.pages.staff.test_record_page import send
from tests.storage.catalogue import ask
from tests.support.care_browser import CareBrowser
from tests.support.clinics import change_clinic
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver
from tests.support.service import NOW, Service
from tests.support.staff import staff_client

CANARY_WORD = "kanarienvogel-0815"


def test_name_and_telephone_are_kept_on_their_page_and_each_look_is_in_the_audit_log(
    service: Service, one_clinic: ClinicClient
) -> None:
    browser, patient = CareBrowser(service, one_clinic.clinic_id, name="Kim Example"), one_clinic.patient()
    path = f"/care/patients/{patient}/contact"
    assert path in browser.get(f"/care/patients/{patient}").text
    status, page = send(browser, path, telephone="call me")
    assert (status, "Digits, blanks" in page) == (422, True), page
    assert send(browser, path, name="Ana Mu\u00f1oz", telephone="+1 555 0100", birth_year="1980")[0] == 303
    page = browser.get(path).text
    assert 'value="+1 555 0100"' in page
    assert 'href="tel:+15550100"' in page, "called with one tap"
    assert "555 0100" not in browser.get(f"/care/patients/{patient}").text
    lines = one_clinic.http.get("/v1/audit-events", params={"patient_id": patient}).json()["items"]
    actions = [one["action"] for one in lines]
    assert actions.count("contact_facts.changed") == 1
    assert actions.count("contact_facts.read") >= 2


def test_who_may_only_read_does_not_see_how_to_reach_a_person(
    service: Service, one_clinic: ClinicClient
) -> None:
    reader = CareBrowser(service, one_clinic.clinic_id, role=StaffRole.READ_ONLY, name="Lee Example")
    patient = one_clinic.patient()
    assert "/contact" not in reader.get(f"/care/patients/{patient}").text
    assert reader.get(f"/care/patients/{patient}/contact").status_code == 403


def test_the_link_to_the_chart_carries_the_chart_number_and_nothing_else(
    service: Service, one_clinic: ClinicClient
) -> None:
    browser = CareBrowser(service, one_clinic.clinic_id, name="Kim Example")
    entry = {"external_ref": "A/B 7?x", "time_zone": "Etc/UTC"}
    patient = one_clinic.http.post("/v1/patients", json=entry).json()["id"]
    assert "in the EHR" not in browser.get(f"/care/patients/{patient}").text
    template = "https://ehr.example/charts/{chart_number}?tab=notes"
    assert change_clinic(one_clinic, ehr_link_template=template).status_code == 200
    assert one_clinic.http.get("/v1/clinic").json()["ehr_link_template"] == template
    page = browser.get(f"/care/patients/{patient}").text
    assert 'href="https://ehr.example/charts/A%2FB%207%3Fx?tab=notes" rel="noreferrer"' in page
    assert change_clinic(one_clinic, ehr_link_template=None).status_code == 200
    assert "in the EHR" not in browser.get(f"/care/patients/{patient}").text


@pytest.mark.parametrize(
    "template",
    [
        "http://ehr.example/{chart_number}",
        "javascript:alert('{chart_number}')",
        "https://ehr.example/charts",
        "https://ehr.example/{chart_number}/{chart_number}",
        "https://ehr.example/{name}/{chart_number}",
        "https://{chart_number}.ehr.example/",
        "https://user:word@ehr.example/{chart_number}",
        "https:///{chart_number}",
        "https://ehr.example:99999/{chart_number}",
        "https://ehr.example/{chart_number} x",
        "",
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(one_clinic: ClinicClient, template: str) -> None:
    refused = change_clinic(one_clinic, ehr_link_template=template)
    assert_problem(refused, 422, code="ehr-link", pointer="#/ehr_link_template")


def test_how_to_reach_a_person_is_in_no_event_mail_or_log(
    service: Service,
    shared_database: DatabaseUrls,
    clinic: ClinicClient,
    receiver: Receiver,
    capfd: pytest.CaptureFixture[str],
) -> None:
    service.clock.move_to(NOW)
    clinic.add_endpoint(receiver.url)
    patient = clinic.patient()
    nurse = staff_client(service, clinic.clinic_id, StaffRole.COORDINATOR)
    facts = {"name": CANARY_WORD, "telephone": "+1 555 047110", "emergency_contact_name": CANARY_WORD}
    assert nurse.put(f"/v1/patients/{patient}/contact", json=facts).status_code == 200
    assert nurse.get(f"/v1/patients/{patient}/contact").json()["name"] == CANARY_WORD
    phone = clinic.enrol(patient, service.url)
    phone.check_in(NOW - timedelta(minutes=2), (3, 3, 3), self_harm_thoughts=True)
    event = receiver.wait_for("safety.reported")
    assert CANARY_WORD not in str(event)
    tables = ask(
        shared_database.superuser_url, "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'care'"
    )
    for table in [row["name"] for row in tables]:
        rows = ask(shared_database.superuser_url, f"SELECT t::text AS row FROM care.{table} t")  # noqa: S608 - the catalogue's own names
        # With its space: what is sealed is shown in hexadecimal, where any six digits turn up by themselves.
        assert not [row for row in rows if CANARY_WORD in row["row"] or "555 047110" in row["row"]], table
    said = "".join(capfd.readouterr())
    assert CANARY_WORD not in said
    assert "555 047110" not in said
    nurse.close()


def test_a_chart_number_is_changed_with_its_reason_and_the_one_before_stays_on_the_timeline(
    clinician: CareBrowser, one_clinic: ClinicClient, patient: str
) -> None:
    path, taken = f"/care/patients/{patient}/details", one_clinic.patient("P-TAKEN")
    before = one_clinic.http.get(f"/v1/patients/{patient}").json()["external_ref"]
    assert taken
    same = {"time_zone": "Europe/Berlin", "locale": "en-US"}
    for typed, said in (
        ({"external_ref": "P-77"}, "Another chart number needs a reason."),
        ({"external_ref": "P-TAKEN", "reason": "Merged charts"}, "patient with this chart number"),
        (
            {"external_ref": "x" * 201, "reason": "Merged"},
            "Please give a chart number of at most 200 characters.",
        ),
        ({"external_ref": " "}, "Please give a chart number of at most 200 characters."),
    ):
        status, page = send(clinician, path, **same, **typed)
        assert status in {409, 422}, page
        assert said in page
    assert send(clinician, path, **same, external_ref="P-77", reason="The EHR renumbered")[0] == 303
    assert one_clinic.http.get(f"/v1/patients/{patient}").json()["external_ref"] == "P-77"
    page = unescape(clinician.get(f"/care/patients/{patient}?show=corrections").text).partition('id="tl"')[2]
    assert f'<b>Chart number changed</b> <span class="was">{before}</span>' in page
    assert "The EHR renumbered" in page
