"""Every page in a real browser: phone and desk, both languages and color schemes, with a picture of each.

This is `make pictures`: looking at all of it takes minutes, so it stands beside `make test`; `.ci/run` does both.
What looks to axe as a page before did is not looked at again.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser, Page

from app.access.clinics.permissions import StaffRole
from tests.support.browser import (
    LARGEST_PAGE,
    LARGEST_WITH_ITS_FILES,
    LOOKS,
    MOST_SHIFTED,
    NARROW,
    TOUCHED,
    Seen,
    agree,
    link_for,
    look_at,
    new_patient,
    open_page,
    sign_in,
)
from tests.support.care_browser import care_page
from tests.support.every_page import EVERY, FRONT, OF_PATIENTS, TABLET, TODAY, Clinic, Who
from tests.support.people import ClinicClient
from tests.support.service import Service
from tests.support.something_of_everything import ROLES, contact_test, with_something_of_everything
from tests.support.staff import invited, token_of

pytestmark = pytest.mark.pictures

PICTURES: Final = Path(__file__).parents[2] / "build" / "screenshots"
LOCALES: Final = {"en": "en-US", "es": "es-US"}
# Small words that no Spanish page has, where a Spanish date has August.
_ENGLISH: Final = re.compile(
    r"[^\n]*\b(?:the|and|of|with|is|not|for|by|your|(?<!\d )ago|since|until)\b[^\n]*", re.IGNORECASE
)


@pytest.fixture(scope="module")
def lively(shared_service: Service) -> Iterator[tuple[ClinicClient, dict[str, str]]]:
    """A clinic for the walks, and what fills the addresses of its pages."""
    with with_something_of_everything(shared_service) as made:
        yield made


def walk(
    browser: Browser, service: Service, client: ClinicClient, ids: dict[str, str], language: str, seen: Seen
) -> Seen:
    """Look at the pages in a language."""
    folder = PICTURES / language
    folder.mkdir(parents=True, exist_ok=True)
    joining = invited(client, StaffRole.OWNER)
    tablet = new_patient(client, locale=LOCALES[language])
    agree(client, tablet, service.url)
    ids.update(
        language=language,
        tablet_id=tablet,
        invitation=token_of(joining),
        email=joining["email"],
        contact_test=contact_test(service, client.clinic_id),
    )
    clinic = Clinic(service, ids)
    # Another moment: a patient has one form of a kind at a time.
    service.clock.move_to(service.clock.now() + timedelta(minutes=1))
    with ExitStack() as windows:
        opened: dict[Who, Page] = {}
        for place in EVERY:
            if place.who not in opened:
                window = window_of(browser, service, client, place.who, ids, locale=LOCALES[language])
                opened[place.who] = windows.enter_context(window)
                opened[place.who].set_default_timeout(40_000)
                opened[place.who].add_init_script(LOOKS)
                listen(seen, opened[place.who])
            page = opened[place.who]
            if place.address is not None:
                page.goto(service.url + place.address.format(**ids))
            if place.steps is not None:
                place.steps(page, clinic)
            look_at(seen, page, place.name, folder)
    return seen


@pytest.fixture(scope="module")
def english(browser: Browser, shared_service: Service, lively: tuple[ClinicClient, dict[str, str]]) -> Seen:
    """What one walk through all pages saw."""
    return walk(browser, shared_service, *lively, "en", Seen())


@pytest.fixture(scope="module")
def spanish(
    browser: Browser, shared_service: Service, lively: tuple[ClinicClient, dict[str, str]], english: Seen
) -> Seen:
    """What the second walk saw: what looks the same to axe as in the first is not looked at again."""
    seen = Seen(structures=english.structures, colors=english.colors)
    return walk(browser, shared_service, *lively, "es", seen)


@pytest.fixture
def both(english: Seen, spanish: Seen) -> dict[str, Seen]:
    """The walks by their languages."""
    return {"en": english, "es": spanish}


@contextmanager
def window_of(
    browser: Browser, service: Service, clinic: ClinicClient, who: Who, ids: dict[str, str], **options: object
) -> Iterator[Page]:
    """Open a window of one of these people's."""
    if who in ROLES:
        with care_page(browser, service, clinic.clinic_id, ROLES[who], viewport=NARROW, **options) as page:
            yield page
        return
    with open_page(browser, viewport=NARROW, **options) as page:
        page.set_default_timeout(15_000)
        page.goto(f"{service.url}/p/help?lang={ids['language']}")
        if who is Who.PATIENT:
            sign_in(page, service, clinic, ids["answering_id"])
            page.locator("form[data-id]").wait_for()
        if who is Who.NEW_PATIENT:
            ids["new_link"] = link_for(clinic, new_patient(clinic))
        yield page


def listen(seen: Seen, page: Page) -> None:
    """Note what the window's console says: also what its policy refuses."""
    page.on("console", lambda message: seen.said.append(message.text))
    page.on("pageerror", lambda error: seen.said.append(str(error)))


def test_axe_finds_nothing_on_any_page(both: dict[str, Seen]) -> None:
    assert {language: seen.violations for language, seen in both.items()} == {"en": [], "es": []}
    for seen in both.values():
        assert list(seen.languages) == [place.name for place in EVERY]


def test_every_page_is_in_its_readers_language(both: dict[str, Seen]) -> None:
    front = {place.name for place in FRONT}
    for language, seen in both.items():
        others = {name: one for name, one in seen.languages.items() if one != language and name not in front}
        assert others == {}


def test_a_page_in_spanish_says_nothing_in_english(spanish: Seen) -> None:
    names = [*(place.name for place in TODAY), "list", "patient", "patient beside a safety event"]
    spoken = {name: _ENGLISH.findall(spanish.words[name]) for name in names}
    assert {name: english for name, english in spoken.items() if english} == {}


def test_no_sentence_on_a_page_ends_with_two_periods(both: dict[str, Seen]) -> None:
    for seen in both.values():
        ended = {name: re.findall(r".*\.\n?\.(?!\.).*", words) for name, words in seen.words.items()}
        assert {name: twice for name, twice in ended.items() if twice} == {}


def test_crisis_help_is_in_sight_on_every_page_of_a_patient(both: dict[str, Seen]) -> None:
    pages = [place.name for place in (*TABLET, *OF_PATIENTS) if place.name != "tablet thanks"]
    for seen in both.values():
        assert [name for name in pages if not seen.help_in_sight[name]] == []


def test_every_page_weighs_less_than_40_kilobytes_compressed_and_holds_still(english: Seen) -> None:
    files = {kind: [one for one in english.packed if kind in one] for kind in ("/care/static/", "/p/static/")}
    assert all(files.values()), "style and scripts are weighed, too"
    assert {name: weight for name, weight in english.weights.items() if weight >= LARGEST_PAGE} == {}
    assert {name: shift for name, shift in english.shifts.items() if shift >= MOST_SHIFTED} == {}
    whole = {place.name: english.loaded[place.name] for place in OF_PATIENTS}
    assert {name: weight for name, weight in whole.items() if weight >= LARGEST_WITH_ITS_FILES} == {}


def test_nothing_is_cut_off_at_320_pixels_or_at_200_percent(both: dict[str, Seen]) -> None:
    for seen in both.values():
        wide = {name: place["beyond"] for name, place in seen.places.items() if place["wide"] > name[1]}
        assert wide == {}


def test_what_is_touched_is_large_enough(english: Seen) -> None:
    small = {}
    # The API's reference is read at a desk, by programmers: links within its text are no buttons.
    front = {place.name for place in FRONT}
    for (name, width), place in english.places.items():
        if name in front:
            continue
        least = TOUCHED[width] - 0.5
        found = [one for one in place["targets"] if min(one[1:]) < least]
        found += [one for one in place["eleven"] if one[1] < 24 or one[2] < 44]
        if found:
            small[name, width] = found
    assert small == {}


def test_the_pages_need_nothing_that_their_policy_refuses_and_run_our_own_scripts_alone(
    both: dict[str, Seen],
) -> None:
    refused = ("401", "403", "404", "409", "410", "422", "503")
    for seen in both.values():
        assert [one for one in seen.said if not any(status in one for status in refused)] == []
        scripts = {source for sources in seen.scripts.values() for source in sources}
        assert [one for one in scripts if not one.startswith(("/care/static/", "/p/static/"))] == []
