"""The clinic's figures as a page: readable, with their counts, and recorded in the audit log."""

import csv
import io
import re
from collections.abc import Callable, Iterator

import pytest

from app.access.clinics.permissions import StaffRole
from tests.support.browser import PlainBrowser
from tests.support.manager_clinic import clinic_with_a_past
from tests.support.people import ClinicClient
from tests.support.service import Service

AsRole = Callable[[StaffRole], PlainBrowser]
FIGURES = "/care/reports"


@pytest.fixture(scope="module")
def one_clinic(shared_service: Service) -> Iterator[ClinicClient]:
    """A clinic with a past."""
    with clinic_with_a_past(shared_service) as client:
        yield client


def test_every_figure_says_on_how_many_it_rests_and_that_few_are_few(as_role: AsRole) -> None:
    page = as_role(StaffRole.READ_ONLY).get(FIGURES)

    assert page.status_code == 200
    assert "Aug 6, 2026 to Nov 3, 2026, 90 days." in page.text
    figures = page.text.split('<li class="tile">')[1:]
    assert len(figures) == 6
    for one in figures:
        assert '<p class="rests">' in one
    precision = next(one for one in figures if "Right, of those closed" in one)
    assert "100%" in precision
    assert "1 of 1 signal" in precision
    assert "Small number: read the counts." in precision
    how = page.text.split("How this is counted")[1]
    assert how.count("<dd>") == len(figures) + 1


def test_each_figure_has_its_line_over_the_weeks_and_the_table_beside_it(as_role: AsRole) -> None:
    page = as_role(StaffRole.READ_ONLY).get(FIGURES).text

    figures = page.split('<li class="tile">')[1:]
    assert [("<polyline" in one) for one in figures] == ["none yet" not in one for one in figures]
    table = page.split('id="over-time"')[1].split("</table>")[0]
    assert table.count("<tr>") == 1 + 13
    assert table.count('<th scope="col"') == 1 + len(figures)
    durations = page.split('id="durations"')[1].split("</table>")[0]
    assert '<th scope="row">All</th>' in durations


def test_the_bars_of_signals_stand_on_an_axis_with_numbers_and_dates(as_role: AsRole) -> None:
    page = as_role(StaffRole.READ_ONLY).get(FIGURES).text

    drawn = page.split('class="weekbars"')[1].split("</svg>")[0]
    words = re.findall(r"<text [^>]*>([^<]*)</text>", drawn)
    assert words == ["0", "1", "2", "Aug 6", "Sep 16", "Oct 28"]
    heights = re.findall(r'class="raised" [^>]*height="([\d.]+)"', drawn)
    assert [float(one) for one in heights] == [0.0] * 12 + [128.0], "the highest reaches the highest number"


def test_presets_and_days_of_ones_own_choose_the_period(as_role: AsRole) -> None:
    staff = as_role(StaffRole.COORDINATOR)

    shown = staff.get(FIGURES)
    assert 'first=2026-08-06&amp;end=2026-11-04" aria-current="true">Last 90 days' in shown.text
    own = staff.get(f"{FIGURES}?first=2026-10-01&end=2026-10-11")
    assert "Oct 1, 2026 to Oct 10, 2026, 10 days." in own.text
    for bad in ("first=2026-11-01&end=2026-10-01", "first=soon", "end=2027-01-01", "first=" + "9" * 500):
        refused = staff.get(f"{FIGURES}?{bad}")
        assert refused.status_code == 422
        assert "This period cannot be counted" in refused.text


def test_the_table_is_the_one_that_the_api_gives(as_role: AsRole, one_clinic: ClinicClient) -> None:
    period = {"first": "2026-08-06", "end": "2026-11-04"}
    page = as_role(StaffRole.READ_ONLY).get(f"{FIGURES}.csv?first={period['first']}&end={period['end']}")
    api = one_clinic.http.get("/v1/insights.csv", params={"from": period["first"], "to": period["end"]})

    assert page.headers["content-type"] == "text/csv; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    ours, theirs = (list(csv.reader(io.StringIO(one.text))) for one in (page, api))
    assert [one for one in ours if one[0] != "computed_at"] == [
        one for one in theirs if one[0] != "computed_at"
    ]


def test_reading_the_figures_is_in_the_audit_log(as_role: AsRole, one_clinic: ClinicClient) -> None:
    as_role(StaffRole.CLINICIAN).get(FIGURES)
    as_role(StaffRole.CLINICIAN).get(f"{FIGURES}.csv")

    lines = one_clinic.http.get("/v1/audit-events", params={"action": "insights.read"}).json()["items"]
    assert [(one["actor_kind"], one["subject_kind"], one["patient_id"]) for one in lines[:2]] == [
        ("staff", "clinic", None)
    ] * 2


def test_who_is_not_signed_in_is_sent_to_sign_in(service: Service) -> None:
    nobody = PlainBrowser(service.url)
    for path in (FIGURES, f"{FIGURES}.csv"):
        reply = nobody.get(path)
        assert (reply.status_code, reply.headers["location"]) == (303, f"/care/sign-in?next={path}")
    nobody.http.close()
