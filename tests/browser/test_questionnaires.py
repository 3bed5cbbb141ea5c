"""A questionnaire in a real browser, with scripts switched off."""

import re

from playwright.sync_api import Browser, expect

from tests.pages.patient.test_answering_questionnaires import ANSWERS, events, kept
from tests.support.browser import PHONE, open_page, sign_in
from tests.support.people import ClinicClient
from tests.support.service import Service


def test_with_scripts_off_a_phq_9_is_answered_and_thanked_for_without_a_score(
    browser: Browser, service: Service, one_clinic: ClinicClient, patient: str
) -> None:
    with open_page(browser, viewport=PHONE, has_touch=True, java_script_enabled=False) as page:
        sign_in(page, service, one_clinic, patient)
        page.goto(f"{service.url}/p/settings")
        page.get_by_role("link", name="PHQ-9").tap()
        assert page.locator("input:checked").count() == 0
        for name, value in ANSWERS.items():
            page.locator(f"label:has(input[name={name}][value='{value}'])").tap()
        page.locator("button.wide").tap()
        expect(page.locator("h1")).to_have_text("Thank you")
        assert re.findall(r"\d", page.locator("main").inner_text()) == []
        assert page.locator("aside.crisis").is_visible()
        assert not page.locator(".crisis.first").is_visible()

    (one,) = kept(one_clinic, patient)
    assert (one["scale"], one["total"], one["entered_by"]) == ("phq-9", 9, "patient")
    assert one["items"] == {name.removeprefix("item_"): int(value) for name, value in ANSWERS.items()}
    assert events(one_clinic, patient) == []
