"""A real browser: from the worklist to a signal and through its life by keyboard alone; axe; narrow; scripts off."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page

from app.access.clinics.permissions import StaffRole
from app.foundation.translations import STAFF_LANGUAGES
from tests.support.browser import PHONE
from tests.support.care_browser import care_page, fading
from tests.support.people import ClinicClient, clinic_client
from tests.support.service import NOW, Service


@pytest.fixture(scope="module")
def busy(shared_service: Service) -> Iterator[tuple[ClinicClient, dict[str, str]]]:
    """A clinic with something of everything, and the paths of its pages."""
    shared_service.clock.move_to(NOW)
    clinic = clinic_client(shared_service, "Busy")
    signals = [fading(clinic, f"P-{number}") for number in range(4)]
    paths = [f"/v1/signals/{signal['id']}" for signal in signals]
    for signal in signals[:2]:
        factors = f"/v1/patients/{signal['patient_id']}/factors"
        clinic.http.put(factors, json={"cautions": ["mania", "pregnancy"]}, headers={"if-match": '"0"'})
    until = (NOW + timedelta(days=5)).isoformat()
    clinic.http.post(f"{paths[2]}/snooze", json={"until": until, "reason": "on holiday"})
    clinic.http.post(f"{paths[3]}/close", json={"disposition": "watchful_waiting", "note": "wait a week"})
    phone = clinic.enrol(signals[1]["patient_id"], shared_service.url)
    note = "I could not get up today, and I do not want to be a burden to anyone."
    said = phone.check_in(NOW, (3, 3, 3), note=note, asks_about_booster=True, self_harm_thoughts=True)
    assert said.is_success
    (event,) = clinic.http.get("/v1/safety-events").json()["items"]
    yield (
        clinic,
        {
            "worklist": "/care/",
            "worklist of what is closed": "/care/?show=closed",
            "worklist of one lane": "/care/?lane=decide",
            "worklist of nothing": "/care/?show=snoozed&lane=now",
            "patient": f"/care/patients/{signals[0]['patient_id']}",
            "patient beside a safety event": f"/care/patients/{signals[1]['patient_id']}",
            "patients": "/care/patients?q=p-",
            "signal": f"/care/signals/{signals[0]['id']}",
            "signal beside a safety event": f"/care/signals/{signals[1]['id']}",
            "snoozed signal": f"/care/signals/{signals[2]['id']}",
            "closed signal": f"/care/signals/{signals[3]['id']}",
            "safety event": f"/care/safety-events/{event['id']}",
            "no such page": "/care/signals/none",
        },
    )
    clinic.close()


@contextmanager
def opened(
    browser: Browser,
    service: Service,
    clinic: ClinicClient,
    role: StaffRole = StaffRole.CLINICIAN,
    **more: object,
) -> Iterator[Page]:
    service.clock.move_to(NOW)
    with care_page(browser, service, clinic.clinic_id, role, viewport=PHONE, **more) as page:
        yield page


def test_a_language_that_was_chosen_stays(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    clinic, paths = busy
    with opened(browser, service, clinic, locale="es-US") as page:
        page.goto(f"{service.url}{paths['worklist']}?lang=en")
        page.goto(service.url + paths["patients"])
        assert page.locator("html").get_attribute("lang") == "en"


def test_nothing_about_a_patient_stands_in_an_address_or_a_title_but_the_reference(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    clinic, paths = busy
    with opened(browser, service, clinic) as page:
        page.goto(service.url + paths["signal"])
        assert page.title() == "Signal of P-0 · Afterglow"
        page.goto(service.url + paths["worklist"])
        assert page.title() == "Today · Afterglow"


def test_on_paper_there_are_no_buttons(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    clinic, paths = busy
    with opened(browser, service, clinic) as page:
        for name in ("worklist", "signal"):
            page.goto(service.url + paths[name])
            page.emulate_media(media="print")
            assert page.locator("form button:visible, header nav:visible, .acts:visible").count() == 0
            assert page.locator("h1").is_visible()


MAIN_ACTION = {360: ".dock > :first-child", 1280: ".sticky .actions > :first-child"}


@pytest.mark.parametrize("width", MAIN_ACTION)
@pytest.mark.parametrize(
    "name",
    [
        "patient",
        "patient beside a safety event",
        "signal",
        "signal beside a safety event",
        "safety event",
    ],
)
def test_sentence_chart_and_main_action_stand_in_the_first_740_pixels(
    browser: Browser,
    service: Service,
    busy: tuple[ClinicClient, dict[str, str]],
    name: str,
    width: int,
) -> None:
    clinic, paths = busy
    with opened(browser, service, clinic) as page:
        page.set_viewport_size({"width": width, "height": 740})
        for language in STAFF_LANGUAGES:
            page.goto(f"{service.url}{paths[name]}?lang={language}")
            assert_at_once_in_sight(
                page, width, event="safety" in name and name != "signal beside a safety event"
            )


def assert_at_once_in_sight(page: Page, width: int, *, event: bool) -> None:
    parts = (".say", "svg.chart", ".panel", MAIN_ACTION[width], *((".card.now",) if event else ()))
    bottom = {one: bottom_of(page, one) for one in parts}
    # On a phone the actions stand below what decides about them; nothing is hidden behind them.
    most = 740 if width == 1280 else bottom_of(page, ".dock", edge="top")
    assert bottom[MAIN_ACTION[width]] <= 740
    # The sentence; mood with its reference and what is lost, and all three; what the patient answered and wrote.
    hidden = {one: y for one, y in bottom.items() if one != MAIN_ACTION[width] and y >= most}
    assert not hidden, (page.url, most)
    newest = page.locator(".chart .hit").last.bounding_box()
    assert newest is not None
    assert width - 420 < newest["x"] < newest["x"] + newest["width"] <= width, "the newest day is in sight"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def bottom_of(page: Page, what: str, *, edge: str = "bottom") -> float:
    """Where the first of these ends, from the top of the window."""
    return float(page.locator(what).first.evaluate(f"(one) => one.getBoundingClientRect().{edge}"))


def test_a_row_of_the_worklist_is_about_56_pixels_high_on_a_desk(
    browser: Browser, service: Service, busy: tuple[ClinicClient, dict[str, str]]
) -> None:
    clinic, paths = busy
    with opened(browser, service, clinic) as page:
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(service.url + paths["worklist"])
        heights = page.locator(".row").evaluate_all("all => all.map((one) => one.offsetHeight)")
        assert heights
        assert all(52 <= height <= 62 for height in heights), heights
