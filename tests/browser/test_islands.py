"""What the pages' own script adds to them: each of these fails without it, and the page works all the same."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from app.access.clinics.permissions import StaffRole
from app.pages.staff import worklist_page
from tests.support.browser import DESKTOP, PHONE, violations_on
from tests.support.care_browser import care_page, fading
from tests.support.people import ClinicClient
from tests.support.service import NOW, Service


@pytest.fixture(scope="module")
def signals(shared_service: Service, one_clinic: ClinicClient) -> list[dict[str, str]]:
    """Three patients who lost their benefit."""
    shared_service.clock.move_to(NOW)
    return [fading(one_clinic, f"Q-{number}") for number in range(3)]


@pytest.fixture
def desk(
    browser: Browser, service: Service, one_clinic: ClinicClient, signals: list[dict[str, str]]
) -> Iterator[Page]:
    assert signals
    with care_page(browser, service, one_clinic.clinic_id, StaffRole.CLINICIAN, viewport=DESKTOP) as page:
        page.goto(f"{service.url}/care/")
        yield page


def test_a_day_on_the_chart_is_read_by_pointer_and_by_keyboard(
    desk: Page, service: Service, signals: list[dict[str, str]]
) -> None:
    desk.goto(f"{service.url}/care/patients/{signals[0]['patient_id']}")
    said = desk.locator(".readout")
    expect(said).to_contain_text("Point at a day")
    days = desk.locator(".chart .hit")
    days.nth(3).hover()
    expect(said).to_contain_text("mood")
    first = said.inner_text()
    days.nth(9).hover()
    expect(said).not_to_have_text(first)
    slider = desk.get_by_role("slider", name="Day on the chart")
    slider.focus()
    desk.keyboard.press("End")
    last = said.inner_text()
    desk.keyboard.press("ArrowLeft")
    expect(said).not_to_have_text(last)
    assert slider.get_attribute("aria-valuetext") == said.inner_text()


def test_a_finger_reads_the_days_over_which_it_moves(
    browser: Browser, service: Service, one_clinic: ClinicClient, signals: list[dict[str, str]]
) -> None:
    with care_page(
        browser,
        service,
        one_clinic.clinic_id,
        StaffRole.CLINICIAN,
        viewport=PHONE,
        has_touch=True,
        is_mobile=True,
    ) as page:
        page.goto(f"{service.url}/care/patients/{signals[0]['patient_id']}")
        said, days = page.locator(".readout"), page.locator(".chart .hit")
        days.nth(4).tap()
        expect(said).to_contain_text("mood")
        tapped = said.inner_text()
        here, there = (days.nth(number).bounding_box() for number in (4, 20))
        assert here is not None
        assert there is not None
        from_x, to_x = (one["x"] + one["width"] / 2 for one in (here, there))
        y = here["y"] + 60
        finger = page.context.new_cdp_session(page)
        moves: list[tuple[str, list[dict[str, float]]]] = [
            ("touchStart", [{"x": from_x, "y": y}]),
            ("touchMove", [{"x": (from_x + to_x) / 2, "y": y}]),
            ("touchMove", [{"x": to_x, "y": y}]),
            ("touchEnd", []),
        ]
        for kind, points in moves:
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        expect(said).not_to_have_text(tapped)
        assert days.nth(20).get_attribute("class") == "hit on"


def test_the_list_of_patients_fills_while_one_types_and_enter_opens_it(desk: Page) -> None:
    desk.get_by_role("combobox", name="Find a patient by chart number").press_sequentially("q-")
    found = desk.locator("#hits option")
    expect(found).to_have_count(3)
    assert found.evaluate_all("(all) => all.map((one) => one.value)") == ["Q-0", "Q-1", "Q-2"]
    desk.keyboard.type("1")
    expect(found).to_have_count(1)
    with desk.expect_navigation():
        desk.keyboard.press("Enter")
    expect(desk.locator("h1")).to_contain_text("Patients")


def test_keys_move_from_row_to_row_do_the_first_step_and_snooze_until_they_are_switched_off(
    desk: Page, service: Service, signals: list[dict[str, str]]
) -> None:
    rows = desk.locator(".row > .who")
    rows.first.focus()
    for key, at in (("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        desk.keyboard.press(key)
        expect(rows.nth(at)).to_be_focused()
    desk.keyboard.press("e")
    expect(desk.locator(".notice.toast")).to_contain_text("Acknowledged.")
    expect(desk.locator(".row button[data-key=e]")).to_have_count(2)
    rows.nth(1).focus()
    with desk.expect_navigation():
        desk.keyboard.press("s")
    expect(desk.locator("#until")).to_be_focused()
    assert "/care/signals/" in desk.url
    desk.goto(f"{service.url}/care/account")
    desk.get_by_role("button", name="Switch the keys off").press("Enter")
    expect(desk.get_by_role("status")).to_contain_text("Saved for this browser")
    desk.goto(f"{service.url}/care/")
    assert not desk.locator(".keys").is_visible()
    rows.first.focus()
    for key in "jes":
        desk.keyboard.press(key)
    expect(rows.first).to_be_focused()
    expect(desk.locator(".row button[data-key=e]")).to_have_count(2)
    assert len(signals) == 3


def test_a_step_changes_its_row_in_place_and_undo_takes_it_back(desk: Page) -> None:
    places = "(all) => all.map((one) => [one.id, one.offsetTop])"
    rows, loaded = desk.locator(".row"), []
    desk.on("load", lambda _: loaded.append(desk.url))
    before, waiting = rows.evaluate_all(places), desk.locator(".row button[data-key=e]")
    count = waiting.count()
    waiting.first.click()
    expect(waiting).to_have_count(count - 1)
    expect(desk.locator(".row").first.locator(".acts a")).to_be_focused()
    assert violations_on(desk) == [], "what was done, and its Undo, can be read"
    desk.get_by_role("button", name="Undo").click()
    expect(waiting).to_have_count(count)
    assert (rows.evaluate_all(places), loaded) == (before, [])


def test_a_row_opens_beside_the_list_on_a_desk_and_the_address_leads_back_to_it(desk: Page) -> None:
    pane, who = desk.locator("#pane"), desk.locator(".row > .who").first
    number = who.inner_text().split()[0]
    who.press("Enter")
    expect(pane.locator("svg.chart")).to_be_visible()
    expect(pane.locator("h2 a").first).to_have_text(number)
    expect(pane.locator("h2 a").first).to_be_focused()
    assert "?open=" in desk.url
    pane.locator(".hit").nth(3).hover()
    expect(pane.locator(".readout")).to_contain_text("mood")
    desk.reload()
    expect(pane.locator("svg.chart")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(pane).to_be_hidden()
    expect(who).to_be_focused()
    assert "open=" not in desk.url
    desk.set_viewport_size(PHONE)
    with desk.expect_navigation():
        who.click()
    assert "/care/signals/" in desk.url


def test_with_the_pane_open_a_key_leaves_the_focus_in_its_row(desk: Page) -> None:
    who = desk.locator(".row:has([data-key=e]) > .who").first
    row = desk.locator(f"#{who.locator('xpath=..').get_attribute('id')}")
    who.press("Enter")
    expect(desk.locator("#pane svg.chart")).to_be_visible()
    row.locator(".who").focus()
    desk.keyboard.press("e")
    expect(desk.locator(".notice.toast")).to_contain_text("Acknowledged.")
    expect(row.locator(".who")).to_be_focused()
    desk.get_by_role("button", name="Undo").click()
    expect(row.locator("[data-key=e]")).to_have_count(1)


def test_what_is_being_written_in_the_pane_outlives_escape_and_a_step_on_another_row(desk: Page) -> None:
    written = desk.locator("#pane #reason")
    desk.locator(".lane.decide .row > .who").first.press("Enter")
    desk.locator("#pane summary", has_text="Snooze").click()
    written.fill("on holiday")
    desk.keyboard.press("Escape")
    expect(written).to_be_visible()
    other = desk.locator(".row:not([aria-current]):has([data-key=e])").first
    other.locator(".who").focus()
    desk.keyboard.press("e")
    expect(desk.locator(".notice.toast")).to_contain_text("Acknowledged.")
    expect(written).to_have_value("on holiday")
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator(".notice.toast")).to_contain_text("Taken back.")
    expect(written).to_have_value("on holiday")


def test_what_is_written_for_a_row_is_kept_while_another_is_open_and_the_browser_asks_before_it_is_lost(
    desk: Page,
) -> None:
    written, rows = desk.locator("#pane #reason"), desk.locator(".lane.decide .row > .who")
    rows.first.press("Enter")
    desk.locator("#pane summary", has_text="Snooze").click()
    written.fill("on holiday")
    rows.nth(1).press("Enter")
    expect(desk.locator("#pane h2 a").first).to_have_text(rows.nth(1).inner_text().split()[0])
    expect(written).to_have_value("")
    expect(desk.locator(".row[data-draft]")).to_have_count(1)
    desk.get_by_role("button", name="Close", exact=True).click()
    rows.first.press("Enter")
    expect(written).to_have_value("on holiday")
    expect(written).to_be_visible()
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    desk.on("dialog", stay)
    desk.locator("#pane h2 a").first.click()
    desk.wait_for_function("new Promise((done) => setTimeout(() => done(true), 200))")
    assert (asked, written.input_value()) == (["beforeunload"], "on holiday")
    desk.locator("#pane #until").fill((NOW + timedelta(days=3)).date().isoformat())
    desk.locator("#pane").get_by_role("button", name="Snooze", exact=True).click()
    expect(desk.locator(".notice.good")).to_contain_text("Snoozed.")
    assert asked == ["beforeunload"], "what is sent is not asked about"
    desk.get_by_role("button", name="End the snooze now").click()
    expect(desk.locator(".notice.good")).to_contain_text("The snooze has ended.")


def test_steps_that_are_pressed_while_another_is_under_way_follow_it(desk: Page) -> None:
    row = desk.locator(".row:has([data-key=e])").first
    row = desk.locator(f"#{row.get_attribute('id')}")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    desk.route("**/acknowledge", hold)
    with desk.expect_request("**/acknowledge"):
        row.locator("[data-key=e]").click()
    row.get_by_role("button", name="Take").click()
    other = desk.locator(".row:not(:has(.acts button:disabled)) > .who").last
    other.focus()
    with desk.expect_response("**/acknowledge"):
        held[0].continue_()
    expect(desk.locator(".notice.toast")).to_contain_text("Assigned to you.")
    expect(row.locator(".why")).to_contain_text("acknowledged by")
    expect(row.locator(".owner button")).to_have_count(0)
    expect(other).to_be_focused()
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator(".notice.toast")).to_contain_text("Unassigned.")


def test_a_row_that_still_waits_beyond_those_shown_is_never_shown_as_done(
    desk: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist_page, "A_LANE", 1)
    desk.reload()
    desk.locator(".row button[data-key=e]").click()
    expect(desk.locator(".notice")).to_contain_text("Acknowledged.")
    expect(desk.locator(".row.gone")).to_have_count(0)
    desk.get_by_role("button", name="Undo").click()
    expect(desk.locator(".notice")).to_contain_text("Taken back.")


def test_the_row_that_was_opened_last_is_the_one_in_the_pane(desk: Page) -> None:
    rows = desk.locator(".row > .who")
    first, last = (one.inner_text().split()[0] for one in (rows.first, rows.last))
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    desk.route(f"**{rows.first.get_attribute('href')}", hold)
    rows.first.press("Enter")
    rows.last.press("Enter")
    heading = desk.locator("#pane h2 a").first
    expect(heading).to_have_text(last)
    with desk.expect_response(f"**{rows.first.get_attribute('href')}"):
        held[0].continue_()
    desk.wait_for_function("new Promise((done) => setTimeout(() => done(true), 300))")
    expect(heading).to_have_text(last)
    assert first != last


def test_what_came_meanwhile_is_on_the_list_after_the_next_step(
    desk: Page, service: Service, one_clinic: ClinicClient, signals: list[dict[str, str]]
) -> None:
    now, shown = desk.locator(".lane.now"), desk.locator(".lane.decide .row")
    expect(now.locator(".empty")).to_be_visible()
    before = shown.evaluate_all("(all) => all.map((one) => one.id)")
    phone = one_clinic.enrol(signals[0]["patient_id"], service.url)
    assert phone.check_in(NOW, (3, 3, 3), self_harm_thoughts=True).is_success
    desk.locator(".row button[data-key=e]").first.click()
    expect(now.locator(".count")).to_have_text("1")
    expect(now.locator(".row")).to_contain_text("Q-0")
    expect(now.locator(".empty")).to_have_count(0)
    assert shown.evaluate_all("(all) => all.map((one) => one.id)") == before


def test_what_a_patient_wrote_is_read_and_answered_beside_the_list(
    desk: Page, service: Service, one_clinic: ClinicClient
) -> None:
    patient = one_clinic.patient()
    assert one_clinic.enrol(patient, service.url).check_in(NOW, note="I slept badly").is_success
    desk.reload()
    row, pane = desk.locator(".lane.reach .row", has_text="I slept badly"), desk.locator("#pane")
    row.locator(".who").press("Enter")
    expect(pane.locator(".quote")).to_have_text("I slept badly")
    expect(pane.locator("summary", has_text="Send a message")).to_be_visible()
    pane.get_by_role("button", name="Mark as read").click()
    expect(desk.locator(".notice.toast")).to_contain_text("Marked as read.")
    expect(desk.locator(".row.gone")).to_contain_text("I slept badly")
    assert "?open=" in desk.url, "no page was loaded"


def test_what_was_chosen_for_a_row_is_kept_with_what_was_written(
    desk: Page, service: Service, one_clinic: ClinicClient
) -> None:
    phone = one_clinic.enrol(one_clinic.patient(), service.url)
    assert phone.check_in(NOW, (5, 5, 5), note="please call me").is_success
    desk.reload()
    rows, outcome = desk.locator(".lane.reach .row > .who").first, desk.locator("#pane select[name=outcome]")
    rows.press("Enter")
    desk.locator("#pane summary", has_text="Reached out").click()
    outcome.select_option("no_answer")
    desk.locator("#pane textarea[name=note]").fill("rang twice")
    desk.locator(".lane.decide .row > .who").first.press("Enter")
    expect(outcome).to_have_count(0)
    rows.press("Enter")
    expect(desk.locator("#pane textarea[name=note]")).to_have_value("rang twice")
    expect(outcome).to_have_value("no_answer")
    desk.locator("#pane").get_by_role("button", name="Save", exact=True).click()
    expect(desk.locator(".notice.good")).to_contain_text("Saved.")
