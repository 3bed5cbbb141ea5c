"""The patient's page of nights: off until the patient says so, then looked at and taken back; nobody else's."""

from app.foundation.ids import new_id
from tests.pages.patient.test_history import HISTORY, send
from tests.support.browser import PlainBrowser, fields_of
from tests.support.lively import A_NIGHT
from tests.support.people import ClinicClient
from tests.support.service import Service

NIGHTS = "/p/nights"
SAID = "6 h 40 min (com.apple.health)"


def test_a_patient_switches_the_import_on_sees_a_night_beside_the_answers_and_takes_it_back(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service
) -> None:
    send(plain)
    shown = plain.get(NIGHTS)
    assert "It is switched off." in shown.text
    assert plain.post(NIGHTS, fields_of(shown.text, NIGHTS) | {"on": "yes"}).status_code == 303
    phone = one_clinic.enrol(patient, service.url)
    night_id = new_id()
    assert phone.http.put(f"/v1/me/sleep-nights/{night_id}", json=A_NIGHT).status_code == 201

    page = plain.get(NIGHTS)
    assert "It is switched on." in page.text
    assert SAID in page.text
    assert SAID in plain.get(HISTORY).text
    path = f"{NIGHTS}/{night_id}/take-back"
    assert plain.post(path, fields_of(page.text, path)).status_code == 303
    assert SAID not in plain.get(NIGHTS).text + plain.get(HISTORY).text
    assert plain.post(path, fields_of(page.text, path)).status_code == 404
    off = fields_of(plain.get(NIGHTS).text, NIGHTS) | {"on": "no"}
    assert plain.post(NIGHTS, off).status_code == 303
    assert phone.http.put(f"/v1/me/sleep-nights/{new_id()}", json=A_NIGHT).status_code == 409
