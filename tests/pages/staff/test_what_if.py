"""Trying other numbers: over the clinic's own past, beside today's, and active only after a second look."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser, fields_of
from tests.support.manager_clinic import clinic_with_a_past
from tests.support.people import ClinicClient, clinic_client
from tests.support.processes import wait_until
from tests.support.service import NOW, Service
from tests.support.staff import signed_in

AsRole = Callable[[StaffRole], PlainBrowser]
WHAT_IF = "/care/what-if"


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with a past."""
    with clinic_with_a_past(shared_service) as client:
        yield client


def ask(staff: PlainBrowser, **numbers: str) -> Any:  # noqa: ANN401 - httpx2's response
    form = fields_of(staff.get(WHAT_IF).text, WHAT_IF)
    return staff.post(WHAT_IF, form | numbers)


def tried(staff: PlainBrowser, **numbers: str) -> tuple[str, str]:
    """Try numbers, and wait until the worker is done; gives the path and the page."""
    asked = ask(staff, **numbers)
    assert asked.status_code == 303, asked.text
    path = asked.headers["location"]
    assert wait_until(lambda: "Being worked out" not in staff.get(path).text, 40)
    return path, staff.get(path).text


def rows(text: str) -> dict[str, list[str]]:
    """The table beside today's numbers."""
    table = text.split('id="compared"')[1].split("</table>", maxsplit=1)[0]
    return {
        title: re.findall(r"<td[^>]*>([^<]*)</td>", rest)
        for title, rest in re.findall(r'<th scope="row">([^<]*)</th>(.*)', table)
    }


def test_a_higher_threshold_shows_what_would_not_have_been_raised(as_role: AsRole) -> None:
    path, page = tried(as_role(StaffRole.READ_ONLY), consider_at="0.65")

    assert "1 signal fewer: 1 instead of 2." in page
    found = rows(page)
    assert found["Signals"] == ["2", "1", "\N{MINUS SIGN}1"]
    assert found["Patients with any signal"] == ["2", "1", "\N{MINUS SIGN}1"]
    assert "Of 1 patient with a signal under both" in page
    assert "later for 1" in page
    assert "Few patients: read the counts" in page
    assert page.count('<li class="changed">') == 2
    assert "Activate" not in page
    assert as_role(StaffRole.OWNER).get(path).text.count("Activate") == 1


def test_while_it_is_worked_out_the_page_looks_again_by_itself(as_role: AsRole) -> None:
    staff = as_role(StaffRole.CLINICIAN)
    path = ask(staff, consider_at="0.6").headers["location"]

    first = staff.get(path).text
    assert "http-equiv" in first or "instead of" in first
    assert wait_until(lambda: "Being worked out" not in staff.get(path).text, 40)
    assert "http-equiv" not in staff.get(path).text
    assert path in staff.get(WHAT_IF).text


def test_what_changes_nothing_is_said_to_change_nothing(as_role: AsRole) -> None:
    _, page = tried(as_role(StaffRole.CLINICIAN), overdue_weekly_days="12")

    assert "Nothing would change." in page
    assert "As many signals as with today&#39;s numbers: 2." in page


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"consider_at": "0.95"}, "It may lie from 0.4 to 0.9."),
        ({"consider_at": "much"}, "This is not a number."),
        ({"consider_at": "nan"}, "This is not a number."),
        ({"consider_least_days": "2.5"}, "whole where it counts"),
        ({"watch_at": "0.6", "consider_at": "0.4"}, "contradict each other"),
        ({}, "These numbers are active already"),
        (
            {"consider_at": "0.6", "first": "2026-11-03", "last": "2026-11-01"},
            "A what-if run counts from a day to a later one",
        ),
        ({"consider_at": "0.6", "first": "2027-11-03"}, "A what-if run counts from a day to a later one"),
        ({"consider_at": "0.6", "last": "soon"}, "A what-if run counts from a day to a later one"),
    ],
)
def test_what_cannot_be_tried_is_said_at_its_field_and_what_was_typed_stays(
    as_role: AsRole, numbers: dict[str, str], said: str
) -> None:
    refused = ask(as_role(StaffRole.OWNER), **numbers)

    assert refused.status_code == 422
    assert said in refused.text
    for name in set(numbers) - {"first", "last"}:
        assert f'name="{name}" value="{numbers[name]}"' in refused.text


def test_a_number_without_room_cannot_be_tried(as_role: AsRole) -> None:
    staff = as_role(StaffRole.OWNER)

    assert 'name="response_share"' not in staff.get(WHAT_IF).text
    assert ask(staff, response_share="0.4").status_code == 422


def test_only_owners_activate_numbers(as_role: AsRole) -> None:
    for role in [one for one in StaffRole if one is not StaffRole.OWNER]:
        staff = as_role(role)
        asked = ask(staff, consider_at="0.65")
        assert asked.status_code == 303, f"{role} may try them"
        path = asked.headers["location"]
        assert staff.get(f"{path}/activate").status_code == 403, role
        assert staff.post(f"{path}/activate", {}).status_code == 403, role


def test_numbers_come_into_force_after_a_second_look_and_not_over_someone_elses(service: Service) -> None:
    clinic = clinic_client(service)
    owner = PlainBrowser(service.url)
    owner.cookies["__Host-afterglow-staff"] = signed_in(service, clinic.clinic_id, StaffRole.OWNER)
    path, page = tried(owner, consider_at="0.6", consider_at_assumed="0.7")
    confirm = f"{path}/activate"
    assert f'href="{confirm}"' in page

    asked = owner.get(confirm).text
    assert '<td data-l="Holds now">0.5</td><td data-l="Tried"><strong>0.6</strong></td>' in asked
    form = fields_of(asked, confirm)
    other = {"numbers": {"watch_at": 0.3}}
    assert clinic.http.put("/v1/clinic/policy", json=other, headers={"if-match": '"0"'}).is_success
    refused = owner.post(confirm, form)
    assert refused.status_code == 412
    assert "Someone set other numbers meanwhile." in refused.text
    assert '<td data-l="Holds now">0.3</td><td data-l="Tried"><strong>0.35</strong></td>' in refused.text
    assert clinic.http.get("/v1/clinic/policy").json()["version"] == 1

    again = fields_of(refused.text, confirm)
    past = owner.post(confirm, again | {"day": "2026-11-01"})
    assert (past.status_code, "what was decided stays decided" in past.text) == (422, True)
    assert owner.post(confirm, again | {"day": "soon"}).status_code == 422
    kept = owner.post(confirm, again | {"day": "2026-11-10", "time": "06:30"})
    assert (kept.status_code, kept.headers["location"]) == (303, f"{WHAT_IF}?kept")
    latest = clinic.http.get("/v1/clinic/policy").json()["versions"][0]
    assert latest["numbers"] == {"consider_at": 0.6, "consider_at_assumed": 0.7}
    assert latest["effective_from"] == "2026-11-10T06:30:00Z"
    shown = owner.get(f"{WHAT_IF}?kept").text
    assert "hold from Nov 10, 2026, 6:30 AM UTC" in shown
    owner.http.close()


def test_a_what_if_run_is_in_the_audit_log_and_is_nobody_elses(
    as_role: AsRole, service: Service, one_clinic: ClinicClient
) -> None:
    path, _ = tried(as_role(StaffRole.COORDINATOR), consider_at="0.64")

    shown = one_clinic.http.get("/v1/audit-events").json()["items"]
    about = {one["action"]: one["actor_kind"] for one in shown if one["subject_id"] == path.rsplit("/", 1)[1]}
    assert about == {"what_if.asked": "staff", "what_if.worked_out": "system", "what_if.read": "staff"}

    other = clinic_client(service, "Other")
    stranger = PlainBrowser(service.url)
    stranger.cookies["__Host-afterglow-staff"] = signed_in(service, other.clinic_id, StaffRole.OWNER)
    for where in (path, f"{path}/activate", f"{WHAT_IF}/{uuid4()}"):
        assert stranger.get(where).status_code == 404
    stranger.http.close()


def test_a_form_from_elsewhere_tries_nothing(as_role: AsRole) -> None:
    staff = as_role(StaffRole.OWNER)
    assert not staff.post(WHAT_IF, {"consider_at": "0.6", "form_token": "made up"}).is_success


def test_the_next_try_takes_the_place_of_the_last(as_role: AsRole, service: Service) -> None:
    staff = as_role(StaffRole.CLINICIAN)
    first = ask(staff, consider_at="0.61").headers["location"]
    service.clock.move_to(NOW + timedelta(minutes=1))
    path, page = tried(staff, consider_at="0.64")

    assert "<strong>0.64</strong>" in page
    assert staff.get(first).status_code == 404
    assert staff.get(path).status_code == 200
