"""Crisis help goes by where the patient is; a country that was not verified is never guessed at."""

from datetime import UTC, date, datetime

import httpx2
import pytest

from app.access.clinics.crisis_lines import NO_CLINIC, ClinicHelp, LineKind, OwnLine
from app.foundation.ids import new_id
from app.foundation.zones import country_names, zone_names
from app.notifications.messages.crisis_help import crisis_help, help_country
from app.notifications.messages.national_crisis_lines import NATIONAL_HELP
from tests.support.people import ClinicClient, entry
from tests.support.problems import assert_problem
from tests.support.service import NOW, Service

WANTED = (
    "US",
    "CA",
    "GB",
    "IE",
    "AU",
    "NZ",
    "DE",
    "AT",
    "CH",
    "FR",
    "ES",
    "IT",
    "NL",
    "MX",
    "BR",
    "IN",
    "JP",
)


def numbers(country: str | None, clinic: ClinicHelp = NO_CLINIC) -> list[str | None]:
    return [line.number for line in crisis_help("en", country=country, clinic=clinic).lines]


def test_every_wanted_country_names_the_pages_that_were_read_and_the_day() -> None:
    assert set(NATIONAL_HELP) == set(WANTED)
    for country, one in NATIONAL_HELP.items():
        assert country in country_names()
        assert one.line_page
        assert one.emergency_page
        assert date(2026, 11, 1) <= one.read_on <= datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("zone", "locale", "expected"),
    [
        ("Europe/London", "en-GB", ["116 123", "999"]), ("America/New_York", "en-US", ["988", "911"]),
        ("Europe/Berlin", "en-US", ["0800 1110111", "112"]), ("US/Pacific", "es", ["988", "911"]),
        ("Australia/Sydney", "en", ["13 11 14", "000"]), ("Europe/Warsaw", "pl", [None]),
        ("Africa/Lagos", "en-US", [None]),
    ],
)  # fmt: skip
def test_the_zone_says_where_the_patient_is_whatever_the_language(
    zone: str, locale: str, expected: list[str | None]
) -> None:
    assert [line.number for line in crisis_help(locale, country=help_country(zone=zone)).lines] == expected


def test_no_zone_of_the_world_gets_a_number_of_another_country() -> None:
    for zone in zone_names():
        country = help_country(zone=zone)
        shown = numbers(country)
        known = NATIONAL_HELP.get(country or "")
        assert shown == ([known.number, known.emergency] if known else [None])


def test_an_unknown_country_gets_the_clinic_first_and_then_the_local_emergency_number() -> None:
    help_now = crisis_help("en", country="NG", clinic=ClinicHelp(phone="+234 1 555"))
    assert [(line.kind, line.number) for line in help_now.lines] == [
        (LineKind.CLINIC, "+234 1 555"),
        (LineKind.EMERGENCY, None),
    ]
    assert "your local emergency number" in help_now.lines[1].label


def test_what_was_chosen_goes_before_the_zone_and_the_zone_before_the_clinic() -> None:
    assert help_country(chosen="CA", zone="Europe/Berlin", clinic="US") == "CA"
    assert help_country(zone="Europe/Berlin", clinic="US", locale="en-GB") == "DE"
    assert help_country(zone="UTC", clinic="US") == "US"
    assert help_country(zone="UTC", locale="en-GB") == "GB"
    assert help_country(zone="UTC", locale="es-419") is None


def test_a_clinic_replaces_a_line_in_its_own_country_only() -> None:
    own = OwnLine(country="DE", kind=LineKind.CRISIS, name="Krisendienst Berlin", number="030 390 63 10")
    clinic = ClinicHelp(lines=(own,))
    assert numbers("DE", clinic) == ["030 390 63 10", "112"]
    assert numbers("GB", clinic) == ["116 123", "999"]


def test_a_clinic_may_name_lines_for_a_country_that_we_do_not_know() -> None:
    own = OwnLine(country="PL", kind=LineKind.EMERGENCY, name="Emergency", number="112")
    assert numbers("PL", ClinicHelp(lines=(own,))) == ["112"]


def test_a_disclosure_from_london_is_answered_with_lines_of_the_uk(
    one_clinic: ClinicClient, service: Service
) -> None:
    body = {"external_ref": "London-1", "time_zone": "Europe/London", "locale": "en-GB"}
    patient = one_clinic.http.post("/v1/patients", json=body).json()["id"]
    with one_clinic.enrol(patient, service.url).http as phone:
        said = entry(NOW, (5, 5, 5), "Europe/London") | {"self_harm_thoughts": True}
        reply = phone.put(f"/v1/check-ins/{new_id()}", json=said).json()
        assert reply["crisis_help"]["country"] == "GB"
        assert [line["number"] for line in reply["crisis_help"]["lines"]] == ["116 123", "999"]
        assert phone.patch("/v1/me", json={"country": "ie"}).json()["country"] == "IE"
        again = phone.put(f"/v1/check-ins/{new_id()}", json=said).json()
        assert again["crisis_help"]["country"] == "IE"


def test_a_clinic_names_its_country_and_its_own_lines(one_clinic: ClinicClient, service: Service) -> None:
    def change(**fields: object) -> httpx2.Response:
        tag = one_clinic.http.get("/v1/clinic").headers["etag"]
        return one_clinic.http.patch("/v1/clinic", json=fields, headers={"if-match": tag})

    line = {"country": "GB", "kind": "crisis", "name": "Crisis team", "number": "0800 123 456"}
    changed = change(country="gb", crisis_lines=[line])
    assert changed.json()["country"] == "GB"
    assert changed.json()["crisis_lines"] == [line]
    body = {"external_ref": "Sea-1", "time_zone": "Etc/UTC", "locale": "en"}
    patient = one_clinic.http.post("/v1/patients", json=body).json()["id"]
    with one_clinic.enrol(patient, service.url).http as phone:
        said = entry(NOW, (5, 5, 5), "UTC") | {"self_harm_thoughts": True}
        help_now = phone.put(f"/v1/check-ins/{new_id()}", json=said).json()["crisis_help"]
    first = help_now["lines"][0]
    assert (first["label"], first["number"]) == ("Call Crisis team", "0800 123 456")
    assert_problem(change(country="ZZ"), 422, code="unknown-country", pointer="#/country")
    assert_problem(change(crisis_lines=[line | {"number": "call us"}]), 422)
    assert change(country=None, crisis_lines=None).json()["crisis_lines"] == []


def test_everybody_may_ask_by_country_and_a_head_is_answered(one_clinic: ClinicClient) -> None:
    http, nobody = one_clinic.http, {"authorization": ""}
    asked = http.get("/v1/crisis-help", params={"locale": "en-GB"}, headers=nobody)
    assert [line["number"] for line in asked.json()["lines"]] == ["116 123", "999"]
    asked = http.get("/v1/crisis-help", params={"locale": "es", "country": "us"}, headers=nobody)
    assert asked.json()["lines"][0]["number"] == "988"
    assert http.head("/v1/crisis-help", headers=nobody).status_code == 200
    refused = http.get("/v1/crisis-help", params={"country": "Europe"}, headers=nobody)
    assert_problem(refused, 422, pointer="query/country")
