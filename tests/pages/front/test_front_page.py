"""The start page, the reference and the problems: for anybody, in the browser, without a script."""

import re
from html.parser import HTMLParser

import httpx2
import pytest

from app.web.document import Audience
from tests.support.people import NO_TLS, ClinicClient
from tests.support.problems import assert_problem
from tests.support.service import Service


class Links(HTMLParser):
    """Collects where a page leads to, and the places in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.places: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take one element in."""
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.hrefs.append(str(values["href"]))
        if values.get("id"):
            self.places.add(str(values["id"]))


@pytest.fixture
def browser(shared_service: Service) -> httpx2.Client:
    return httpx2.Client(base_url=shared_service.url, verify=NO_TLS, timeout=30)


def test_the_start_page_answers_a_person_and_leads_to_help(browser: httpx2.Client) -> None:
    with browser:
        page = browser.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert {"/p/help", "/p/", "/care/", "/docs"} <= set(Links(page.text).hrefs)


def test_every_link_of_the_reference_leads_somewhere(browser: httpx2.Client) -> None:
    with browser:
        index = Links(browser.get("/docs").text)
        chapters = [path for path in index.hrefs if path.startswith("/docs/")]
        assert len(chapters) > 15
        for path in chapters:
            reply = browser.get(path)
            assert reply.status_code == 200, path
            page = Links(reply.text)
            assert {href[1:] for href in page.hrefs if href.startswith("#")} <= page.places, path


def test_the_reference_runs_nothing_and_loads_nothing_of_others(browser: httpx2.Client) -> None:
    with browser:
        page = browser.get("/docs/patient/check-ins")
        policy = page.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "default-src 'none'" in policy
        assert "<script" not in page.text
        assert not re.search(r"""\b(?:src|href)=["']https?:""", page.text)
        assert " style=" not in page.text


def test_a_chapter_shows_calls_with_parameters_bodies_and_answers(browser: httpx2.Client) -> None:
    with browser:
        page = browser.get("/docs/patient/check-ins").text
    for said in (
        "PUT /v1/check-ins/{check_in_id}",
        "Afterglow-Client-Time",
        "CheckInEntry",
        ">429<",
        "UUIDv7",
    ):
        assert said in page, said


@pytest.mark.parametrize(
    "path", ["/docs/patient/no-such", "/docs/nobody/check-ins", "/problems/no-such", "/docs/static/no.css"]
)
def test_what_is_not_there_is_a_page_that_says_so(browser: httpx2.Client, path: str) -> None:
    with browser:
        reply = browser.get(path)
    assert reply.status_code == 404
    assert "No such page" in reply.text


def test_the_type_of_a_problem_leads_to_its_page(browser: httpx2.Client, one_clinic: ClinicClient) -> None:
    refused = one_clinic.http.post("/v1/patients", json={"external_ref": "P-1", "colour": "red"}).json()
    with browser:
        page = browser.get(refused["type"])
        assert page.status_code == 200
        assert refused["detail"] in page.text
        assert refused["type"] in Links(browser.get("/problems").text).hrefs


@pytest.mark.parametrize("audience", list(Audience))
def test_head_says_the_same_without_the_page(browser: httpx2.Client, audience: Audience) -> None:
    with browser:
        for path in ("/", "/docs", f"/v1/openapi/{audience}.json", "/problems"):
            assert (reply := browser.head(path)).status_code == 200
            assert reply.content == b""


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "text/plain", "application/xml", None]
)
def test_a_body_that_is_not_json_by_its_own_word_is_answered_with_415(
    one_clinic: ClinicClient, media: str | None
) -> None:
    body = b'{"external_ref": "P-9", "time_zone": "UTC", "locale": "en-US"}'
    headers = {} if media is None else {"content-type": media}
    reply = one_clinic.http.post("/v1/patients", content=body, headers=headers)
    assert_problem(reply, 415, code="media-type-not-supported")


@pytest.mark.parametrize("media", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_read_however_its_type_is_written(one_clinic: ClinicClient, media: str) -> None:
    body = b'{"external_ref": "P-9", "time_zone": "UTC", "locale": "en-US"}'
    reply = one_clinic.http.post("/v1/patients", content=body, headers={"content-type": media})
    # One clinic for all of them: the second time the same patient is there already.
    assert reply.status_code in {201, 409}, reply.text
