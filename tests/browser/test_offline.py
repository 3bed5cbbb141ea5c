"""Without a connection nothing is lost: kept on this phone, said so, sent later, once; with help at once."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_pages_for_patients import answer_all, choose
from tests.pages.patient.test_sending import events, kept
from tests.support.browser import PHONE, agree, new_patient, sign_in
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.push_service import running_push_service
from tests.support.service import RunningClock, Service, running_service

CONTROLLED = "navigator.serviceWorker.controller !== null"
WAITING = """() => new Promise((done) => { const asked = indexedDB.open('afterglow', 1); asked.onsuccess = () => {
    const all = asked.result.transaction('waiting').objectStore('waiting').getAll();
    all.onsuccess = () => { asked.result.close(); done(all.result); }; }; })"""
NOTIFICATIONS = """() => navigator.serviceWorker.ready.then((one) => one.getNotifications())
    .then((all) => all.map((one) => [one.title, one.body, one.data]))"""
CACHED = """async () => { const texts = []; for (const name of await caches.keys()) {
    const all = await caches.open(name);
    for (const one of await all.keys()) texts.push(one.url + ' ' + await (await all.match(one)).text()); }
    return texts.join(String.fromCharCode(10)); }"""


@pytest.fixture(scope="module")
def own_service(own_database: DatabaseUrls) -> Iterator[Service]:
    """On the machine's own time, as the browser is."""
    with running_service(own_database.application_url, clock=RunningClock()) as running:
        yield running


@pytest.fixture(scope="module")
def own_clinic(own_service: Service) -> Iterator[ClinicClient]:
    client = clinic_client(own_service)
    yield client
    client.close()


@pytest.fixture
def patient(own_clinic: ClinicClient, own_service: Service) -> str:
    made = new_patient(own_clinic)
    agree(own_clinic, made, own_service.url)
    return made


def wait_until(page: Page, condition: str) -> None:
    """Wait until this is true on the page.

    Asked again each time: the pages' policy forbids them to wait for a text of ours.
    """
    for _ in range(600):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise TimeoutError(condition)


@pytest.fixture
def phone(
    whole_browser: Browser, own_service: Service, own_clinic: ClinicClient, patient: str
) -> Iterator[tuple[BrowserContext, Page]]:
    """A signed-in phone whose browser has had time to put the empty form by."""
    context = whole_browser.new_context(viewport=PHONE)
    page = context.new_page()
    page.set_default_timeout(15_000)
    sign_in(page, own_service, own_clinic, patient)
    page.locator("form[data-id]").wait_for()
    wait_until(page, CONTROLLED)
    yield context, page
    context.close()


def test_answers_given_without_a_connection_are_kept_and_sent_once_it_is_back(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str, own_service: Service
) -> None:
    context, page = phone
    answer_all(page)
    context.set_offline(True)
    page.locator("button.wide").click()

    expect(page.locator("#queue")).to_contain_text("1 form kept on this phone; it will be sent by itself")
    assert len(page.evaluate(WAITING)) == 1
    assert kept(own_clinic, patient, own_service) == []
    context.set_offline(False)
    expect(page.locator("#queue")).to_contain_text("has been sent")
    (one,) = kept(own_clinic, patient, own_service)
    assert (one["mood"], one["energy"], one["sleep_quality"]) == (6, 4, 7)
    assert page.evaluate(WAITING) == []


def test_a_reply_that_was_lost_does_not_make_two_of_one(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str, own_service: Service
) -> None:
    _, page = phone
    answer_all(page)

    def lose_the_reply(route: Any) -> None:  # noqa: ANN401 - Playwright's
        route.fetch()
        route.abort()

    page.route("**/p/check-in", lose_the_reply)
    page.locator("button.wide").click()
    expect(page.locator("#queue")).to_contain_text("kept on this phone")
    page.unroute("**/p/check-in")
    page.goto(f"{own_service.url}/p/help")

    expect(page.locator("#queue")).to_contain_text("has been sent")
    assert len(kept(own_clinic, patient, own_service)) == 1


def test_a_page_that_the_worker_did_not_reach_when_it_became_active_is_claimed(
    phone: tuple[BrowserContext, Page], own_service: Service
) -> None:
    context, page = phone
    # As where the page was on its way just then: a forced reload passes the worker by and is not given to it.
    browser_side = context.new_cdp_session(page)
    with page.expect_navigation():
        browser_side.send("Page.reload", {"ignoreCache": True})
    wait_until(page, CONTROLLED)
    context.set_offline(True)
    page.goto(f"{own_service.url}/p/check-in")
    expect(page.locator("main")).to_contain_text("There is no connection just now")


def test_the_form_opens_and_is_kept_without_a_connection_too(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str, own_service: Service
) -> None:
    context, page = phone
    context.set_offline(True)
    page.goto(f"{own_service.url}/p/check-in")
    expect(page.locator("main")).to_contain_text("There is no connection just now")
    expect(page.locator("#day")).to_contain_text(re.compile(r"(For|counts for) [A-Z][a-z]+day, "))
    answer_all(page)
    page.locator("button.wide").click()
    expect(page.locator("#queue")).to_contain_text("kept on this phone")
    context.set_offline(False)
    page.goto(f"{own_service.url}/p/check-in")

    expect(page.locator("#queue")).to_contain_text("has been sent")
    (one,) = kept(own_clinic, patient, own_service)
    assert one["mood"] == 6


def test_a_safety_statement_without_a_connection_is_answered_with_help_at_once(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str
) -> None:
    context, page = phone
    context.set_offline(True)
    page.locator("input[name=self_harm_thoughts]").check()
    page.locator("button.wide").click()

    expect(page.locator("main .crisis.first a[href='tel:988']")).to_be_visible()
    expect(page.locator("main")).to_contain_text("your clinic has not been notified yet")
    context.set_offline(False)
    expect(page.locator("main")).to_contain_text("Your clinic has been notified")
    expect(page.locator("main .crisis.first a[href='tel:988']")).to_be_visible()
    assert [one["source"] for one in events(own_clinic, patient)] == ["check_in"]


def forms_of(clinic: ClinicClient, patient: str) -> list[tuple[str, int]]:
    found = clinic.http.get(f"/v1/patients/{patient}/assessments").json()["items"]
    return [(one["scale"], one["total"]) for one in found]


def test_a_questionnaire_opens_and_is_kept_without_a_connection_and_sent_once_it_is_back(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str, own_service: Service
) -> None:
    context, page = phone
    wait_until(page, "caches.match('/p/offline/en/gad-7').then((found) => Boolean(found))")
    context.set_offline(True)
    page.goto(f"{own_service.url}/p/questionnaires/gad-7")
    expect(page.locator("main")).to_contain_text("There is no connection just now")
    for number in range(1, 8):
        choose(page, f"item_{number}", 1)
    page.locator("button.wide").click()
    expect(page.locator("#queue")).to_contain_text("1 form kept on this phone; it will be sent by itself")
    expect(page.locator("main form")).to_have_count(0)
    (waiting,) = page.evaluate(WAITING)
    assert (waiting["path"], waiting["urgent"]) == ("/p/questionnaires/gad-7", False)
    context.set_offline(False)
    expect(page.locator("#queue")).to_contain_text("has been sent")
    assert forms_of(own_clinic, patient) == [("gad-7", 7)]
    assert page.evaluate(WAITING) == []


def test_an_answer_about_self_harm_is_answered_with_help_at_once_and_heard_later_and_no_other_is_lost(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str, own_service: Service
) -> None:
    context, page = phone
    page.goto(f"{own_service.url}/p/questionnaires/phq-9")
    context.set_offline(True)
    choose(page, "item_9", 2)
    expect(page.locator("fieldset .help a[href='tel:988']")).to_be_visible()
    page.locator("button.wide").click()

    # Not sent, and not complete: help first, and what is missing stays to be answered.
    expect(page.locator("main > .crisis.first a[href='tel:988']")).to_be_visible()
    expect(page.locator("main")).to_contain_text("your clinic has not been notified yet")
    expect(page.locator("fieldset.has-mistake")).to_have_count(8)
    for number in range(1, 9):
        choose(page, f"item_{number}", 1)
    context.set_offline(False)
    expect(page.locator("main")).to_contain_text("Your clinic has been notified")
    expect(page.locator("main > .crisis.first")).to_have_count(1)
    assert len(events(own_clinic, patient)) == 1
    assert forms_of(own_clinic, patient) == []
    page.locator("button.wide").click()
    expect(page.locator("main h2")).to_have_text("Thank you")
    assert forms_of(own_clinic, patient) == [("phq-9", 10)]
    assert page.evaluate(WAITING) == []


def test_a_reminder_is_shown_as_it_came_and_notifications_that_are_not_allowed_are_said(
    phone: tuple[BrowserContext, Page], own_service: Service
) -> None:
    context, page = phone
    page.goto(f"{own_service.url}/p/settings")
    page.locator("label", has_text="Notification on this phone").click()
    page.locator("button", has_text="Save reminders").click()
    expect(page.locator("#push-mistake")).to_contain_text("This browser gets no notifications")

    context.grant_permissions(["notifications"], origin=own_service.url)
    browser_side = context.new_cdp_session(page)
    known: list[str] = []
    browser_side.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda said: known.extend(one["registrationId"] for one in said["registrations"]),
    )
    browser_side.send("ServiceWorker.enable")
    for _ in range(100):
        if known:
            break
        page.wait_for_timeout(50)
    reminder = {
        "title": "Afterglow",
        "body": "A short form",
        "tag": "1",
        "link": f"{own_service.url}/p/check-in",
    }
    browser_side.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": own_service.url, "registrationId": known[-1], "data": json.dumps(reminder)},
    )
    shown: list[list[str]] = []
    for _ in range(100):
        if shown := page.evaluate(NOTIFICATIONS):
            break
        page.wait_for_timeout(50)
    assert shown == [[reminder["title"], reminder["body"], reminder["link"]]]


def test_what_another_phone_of_the_patient_gets_stays_when_this_one_saves(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str, own_service: Service
) -> None:
    _, page = phone
    other = own_clinic.enrol(patient, own_service.url)
    with running_push_service() as gets:
        assert other.http.put("/v1/me/push-subscription", json=gets.subscription).status_code == 204
    page.goto(f"{own_service.url}/p/settings")
    expect(page.locator("#push")).to_be_checked()
    # Here the browser may ask for no notifications: that is no mistake of what is saved.
    with page.expect_navigation():
        page.locator("button", has_text="Save reminders").click()
    expect(page.locator("#push-mistake")).to_be_hidden()
    expect(page.locator("#push")).to_be_checked()


def test_what_is_kept_waits_through_signing_out_for_its_own_person_and_can_be_removed(
    phone: tuple[BrowserContext, Page], own_clinic: ClinicClient, patient: str, own_service: Service
) -> None:
    context, page = phone
    answer_all(page)
    page.route("**/p/check-in", lambda route: route.abort())
    page.locator("button.wide").click()
    expect(page.locator("#queue")).to_contain_text("kept on this phone")
    page.unroute("**/p/check-in")
    context.clear_cookies()
    page.goto(f"{own_service.url}/p/enrol")
    expect(page.locator("#queue")).to_contain_text("Sign in, and it will be sent")

    other = new_patient(own_clinic)
    agree(own_clinic, other, own_service.url)
    sign_in(page, own_service, own_clinic, other)
    expect(page.locator("#queue")).to_contain_text("someone else who was signed in here")
    assert kept(own_clinic, other, own_service) == []
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#queue button").click()
    expect(page.locator("#queue")).to_be_hidden()
    assert page.evaluate(WAITING) == []
    assert kept(own_clinic, patient, own_service) == []


def test_nothing_of_a_person_is_put_by_but_the_queue(
    phone: tuple[BrowserContext, Page], own_service: Service
) -> None:
    _, page = phone
    page.locator("main summary").click()
    page.locator("textarea").fill("zeisig-4711-kanarienvogel")
    answer_all(page)
    page.locator("button.wide").click()
    expect(page.locator("h1")).to_have_text("Thank you")
    page.goto(f"{own_service.url}/p/history")

    cached = page.evaluate(CACHED)

    assert "/p/offline/en" in cached
    for word in ("zeisig", 'form_token" value="ey', "Thank you", 'data-who="0', "<svg class"):
        assert word not in cached
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_it_can_be_put_on_the_home_screen(phone: tuple[BrowserContext, Page], own_service: Service) -> None:
    _, page = phone
    manifest = page.request.get(page.locator("link[rel=manifest]").evaluate("(one) => one.href")).json()

    assert (manifest["display"], manifest["start_url"], manifest["scope"]) == (
        "standalone",
        "/p/check-in",
        "/p/",
    )
    for icon in manifest["icons"]:
        assert page.request.get(own_service.url + icon["src"]).headers["content-type"] == icon["type"]


def test_a_qr_codes_fragment_fills_the_code_in(
    whole_browser: Browser, own_service: Service, own_clinic: ClinicClient, patient: str
) -> None:
    issued = own_clinic.http.post(f"/v1/patients/{patient}/enrolment-codes").json()
    context = whole_browser.new_context(viewport=PHONE)
    page = context.new_page()
    # Also where the page was open already: a picture taken again changes the fragment alone.
    page.goto(f"{own_service.url}/p/enrol")
    page.goto(f"{own_service.url}/p/enrol#{issued['code']}")

    assert page.locator("#code").input_value() == issued["code"]
    assert page.url.endswith("/p/enrol")
    page.locator("main button").click()
    expect(page.locator("form[data-id]")).to_be_visible()
    context.close()
