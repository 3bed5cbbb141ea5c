"""A patient is transferred on pages: consent, file and passphrase on one side, import and receipt on the other."""

import re
from collections.abc import Callable, Iterator
from html import unescape

import pytest

from app.access.clinics.permissions import StaffRole
from tests.pages.staff.test_record_page import send
from tests.support.browser import fields_of
from tests.support.care_browser import CareBrowser
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, running_service

RECEIVE = "/care/transfers/receive"


@pytest.fixture
def owner(as_role: Callable[[StaffRole], CareBrowser]) -> CareBrowser:
    return as_role(StaffRole.OWNER)


@pytest.fixture
def receiving(own_database: DatabaseUrls) -> Iterator[CareBrowser]:
    """An owner of a clinic in another installation."""
    with running_service(own_database.application_url, work=False) as elsewhere:
        clinic = clinic_client(elsewhere, "Other")
        browser = CareBrowser(elsewhere, clinic.clinic_id, StaffRole.OWNER)
        yield browser
        browser.http.close()
        clinic.close()


def upload(browser: CareBrowser, content: bytes, **fields: str) -> tuple[int, str]:
    hidden = fields_of(browser.get(RECEIVE).text, RECEIVE)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    reply = browser.http.post(
        RECEIVE,
        data=hidden | fields,
        files={"file": ("transfer.afterglow", content, "application/octet-stream")}
        if content
        else {"x": b""},
        headers={"sec-fetch-site": "same-origin", "cookie": cookie},
    )
    return reply.status_code, reply.headers.get("location", "") or unescape(reply.text)


def test_a_patient_goes_from_one_clinics_pages_to_the_others(
    owner: CareBrowser, receiving: CareBrowser, one_clinic: ClinicClient
) -> None:
    patient = one_clinic.patient()
    path = f"/care/patients/{patient}/transfer"
    assert path in owner.get(f"/care/patients/{patient}").text
    assert RECEIVE in receiving.get("/care/patients").text
    assert f"{path}/new" in owner.get(path).text

    status, page = send(owner, f"{path}/new", to="Riverside", given_on="", how="")
    assert (status, "A patient is transferred with their own consent" in page) == (422, True), page
    agreed = {"to": "Riverside", "given_on": NOW.date().isoformat(), "how": "in_person"}
    status, page = send(owner, f"{path}/new", **agreed)
    passphrase = re.search(r'class="read-out">([0-9A-Z-]{29})<', page)
    assert (status, passphrase is not None) == (200, True), page
    later = owner.get(path).text
    assert "The patient agreed on Nov 3" in later
    assert "read-out" not in later, "the passphrase is shown once"
    file = re.search(rf"{path}/[0-9a-f-]+/file", later)
    assert file is not None
    content = owner.get(file[0]).content

    typed = passphrase[1] if passphrase else ""
    for sent, words, said in (
        (b"", typed, "This file is not a patient's transfer"),
        (content, "7K2M", "This passphrase does not open this file"),
        (content[:-9], typed, "This archive is damaged"),
    ):
        status, page = upload(receiving, sent, passphrase=words, external_ref="")
        assert (status, said in page) == (422, True), page
    status, place = upload(receiving, content, passphrase=typed, external_ref="B-17")
    assert (status, place) == (303, f"{path}?notice=received")
    shown = receiving.get(place).text
    receipt = re.search(r"afterglow-receipt\.[\w.-]+", shown)
    assert receipt is not None, shown
    assert "B-17" in shown

    confirming = file[0].replace("/file", "/confirm")
    assert send(owner, confirming, receipt="afterglow-receipt.x")[0] == 422
    assert send(owner, confirming, receipt=receipt[0]) == (303, f"{path}?notice=confirmed")
    assert "The other clinic is responsible now." in owner.get(f"{path}?notice=confirmed").text
    assert one_clinic.http.get(f"/v1/patients/{patient}").json()["archived"]["reason"] == "transferred"
    assert f"{path}/new" not in owner.get(path).text


def test_a_transfer_is_canceled_on_its_page(owner: CareBrowser, one_clinic: ClinicClient) -> None:
    patient = one_clinic.patient()
    path = f"/care/patients/{patient}/transfer"
    agreed = {"to": "Riverside", "given_on": NOW.date().isoformat(), "how": "by_telephone"}
    _, page = send(owner, f"{path}/new", **agreed)
    cancel = re.search(rf"{path}/[0-9a-f-]+/cancel", page)
    assert cancel is not None
    assert owner.post(cancel[0], fields_of(page, cancel[0])).status_code == 303
    assert "canceled" in owner.get(path).text
    assert f"{path}/new" in owner.get(path).text


def test_only_owners_transfer(clinician: CareBrowser, one_clinic: ClinicClient) -> None:
    patient = one_clinic.patient()
    assert "/transfer" not in clinician.get(f"/care/patients/{patient}").text
    for path in (f"/care/patients/{patient}/transfer", RECEIVE):
        assert clinician.get(path).status_code == 403
