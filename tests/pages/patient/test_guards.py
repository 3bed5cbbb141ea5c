"""What guards the pages: headers, cookies, forms from elsewhere, failures as pages."""

import re

import pytest

from tests.house.test_every_route_says_who_may import BROWSER, who_may
from tests.pages.patient.test_sending import ANSWERS, FORM, form_of, kept
from tests.support.browser import PlainBrowser, fields_of, link_for
from tests.support.databases import Cluster
from tests.support.people import ClinicClient
from tests.support.problems import CANARY
from tests.support.service import Service, running_service
from tests.support.the_api import the_api


def test_every_page_has_its_headers(plain: PlainBrowser) -> None:
    for path in (
        "/p/check-in",
        "/p/enrol",
        "/p/help",
        "/p/nothing",
        "/p/link/x",
        "/p/settings",
        "/p/offline/en",
    ):
        reply = plain.get(path)
        policy = reply.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy
        for rule in ("script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
            assert rule in policy.split("; ")
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<[^>]+\s(style|on\w+)=", reply.text.partition("<svg")[0])
        assert "<script>" not in reply.text


def test_files_are_kept_for_ever_under_names_of_their_content(plain: PlainBrowser) -> None:
    for path in re.findall(r'(?:href|src)="(/p/static/[^"]+)"', plain.get("/p/help").text):
        reply = plain.get(path)
        assert reply.status_code == 200
        assert "immutable" in reply.headers["cache-control"]
    assert plain.get("/p/static/pages.css").status_code == 404


def test_cookies_belong_to_this_host_alone_and_no_script_reads_them(
    service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    browser = PlainBrowser(service.url)
    path = link_for(one_clinic, patient)
    replies = [
        looked := browser.get(path),
        browser.post(path, fields_of(looked.text)),
        form := browser.get(FORM),
        browser.post(FORM, fields_of(form.text, FORM) | ANSWERS),
    ]
    cookies = [cookie for reply in replies for cookie in reply.headers.get_list("set-cookie")]

    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-afterglow-anchor",
        "__Host-afterglow-session",
        "__Host-afterglow-form",
        "__Host-afterglow-sent",
        "__Host-afterglow-country",
    }
    for cookie in cookies:
        parts = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "secure", "path=/", "samesite=lax"} <= parts
        assert not any(part.startswith("domain") for part in parts)
    browser.http.close()


FOREIGN: list[dict[str, str]] = [
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "", "origin": "https://elsewhere.test"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_form_from_another_site_does_nothing_and_shows_nothing_of_itself(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service, headers: dict[str, str]
) -> None:
    form = form_of(plain) | ANSWERS | {"note": CANARY}
    settings = fields_of(plain.get("/p/settings").text)
    for path, fields in (
        (FORM, form),
        ("/p/enrol", form | {"code": "AAAA-AAAA-AAAA"}),
        ("/p/withdraw", settings),
        ("/p/sign-out", settings),
    ):
        reply = plain.post(path, fields, headers)
        assert reply.status_code == 403
        assert CANARY not in reply.text
        assert 'href="tel:988"' in reply.text
    assert kept(one_clinic, patient, service) == []


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 43])
def test_a_form_without_the_right_token_is_shown_again_with_all_that_was_answered(
    one_clinic: ClinicClient, patient: str, plain: PlainBrowser, service: Service, token: str
) -> None:
    reply = plain.post(FORM, form_of(plain) | ANSWERS | {"form_token": token})

    assert reply.status_code == 403
    assert "press Send once more" in reply.text
    assert kept(one_clinic, patient, service) == []
    assert plain.post(FORM, fields_of(reply.text, FORM) | ANSWERS).status_code == 200
    assert plain.post("/p/withdraw", {"form_token": token}).status_code == 403


def test_a_token_of_another_browser_is_none(
    service: Service, one_clinic: ClinicClient, patient: str, plain: PlainBrowser
) -> None:
    other = PlainBrowser(service.url)
    other.sign_in(one_clinic, patient)
    foreign = form_of(other)["form_token"]
    other.http.close()

    assert plain.post(FORM, form_of(plain) | ANSWERS | {"form_token": foreign}).status_code == 403


def test_every_page_for_patients_sends_others_to_sign_in(service: Service) -> None:
    stranger = PlainBrowser(service.url)
    paths = [name.split(" ") for name, said in who_may(the_api().routes).items() if said == [BROWSER]]
    assert len(paths) > 8
    for method, path in paths:
        reply = stranger.get(path) if method == "GET" else stranger.post(path, {})
        assert (reply.status_code, reply.headers["location"]) == (303, "/p/enrol"), path
    stranger.http.close()


def test_when_the_database_is_away_the_answers_stay_on_the_page_and_help_is_shown(cluster: Cluster) -> None:
    with cluster.database() as own_database:
        url = own_database.application_url
    # Dropped: nothing can be read or written there any more.
    with running_service(url, work=False) as service:
        browser = PlainBrowser(service.url)
        browser.cookies["__Host-afterglow-session"] = f"agb_{'0' * 31}1_x"
        reply = browser.post(FORM, ANSWERS | {"note": "words", "self_harm_thoughts": "yes"})
        browser.http.close()

    assert reply.status_code == 503
    assert "We could not keep your answers just now" in reply.text
    assert "words" in reply.text
    assert 'name="mood" value="6" checked' in reply.text
    assert reply.text.partition("<main")[2].index("crisis first") > 0
