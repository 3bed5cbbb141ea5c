"""Every page in a real browser: on a phone in one color scheme, at a desk in the other, and what it weighs.

What looks to axe as a page before did is not looked at again. In Spanish it is the patients' pages and the day's
work, on a phone. `make pictures` walks all of it in both languages, sizes and schemes, and leaves pictures.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urljoin
from uuid import UUID

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from app.access.clinics.permissions import StaffRole
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.tokens import TokenKind, new_token
from app.foundation.translations import STAFF_LANGUAGES
from app.storage import contact_tests
from app.storage.contact_tests import ContactTest
from tests.support.bracketed import Listener, SeenForm, bracketed_catalogues, forms_on
from tests.support.browser import (
    LARGEST_PAGE,
    LARGEST_WITH_ITS_FILES,
    LOOKS,
    MOST_SHIFTED,
    NARROW,
    PICTURES_WANTED,
    TOUCHED,
    PlainBrowser,
    Seen,
    agree,
    link_for,
    look_at,
    new_patient,
    open_page,
    sign_in,
)
from tests.support.care_browser import SESSION, care_page, fading
from tests.support.catalogues import TRANSLATED
from tests.support.every_page import (
    EVERY,
    FRONT,
    IN_SPANISH,
    OF_PATIENTS,
    PATIENTS_IN_SPANISH,
    TABLET,
    TODAY,
    Clinic,
    Place,
    Who,
)
from tests.support.lively import lively_clinic, send_a_night
from tests.support.people import ClinicClient, treated
from tests.support.receiver import running_receiver
from tests.support.service import NOW, Service
from tests.support.staff import invited, signed_in, token_of

PICTURES: Final = Path(__file__).parents[2] / "build" / "screenshots"
LOCALES: Final = {"en": "en-US", "es": "es-US"}
# Small words that no Spanish page has, where a Spanish date has August.
_ENGLISH: Final = re.compile(
    r"[^\n]*\b(?:the|and|of|with|is|not|for|by|your|(?<!\d )ago|since|until)\b[^\n]*", re.IGNORECASE
)
THOROUGHLY: Final = {
    language: language == "en" or bool(os.environ.get(PICTURES_WANTED)) for language in LOCALES
}
WALKED: Final = {language: EVERY if thoroughly else IN_SPANISH for language, thoroughly in THOROUGHLY.items()}
_ROLES: Final = {
    Who.OWNER: StaffRole.OWNER,
    Who.COORDINATOR: StaffRole.COORDINATOR,
    Who.AT_THE_TABLET: StaffRole.CLINICIAN,
}


@pytest.fixture(scope="module")
def lively(shared_service: Service) -> Iterator[tuple[ClinicClient, dict[str, str]]]:
    """A clinic for the walks, and what fills the addresses of its pages."""
    with with_something_of_everything(shared_service) as made:
        yield made


@contextmanager
def with_something_of_everything(shared_service: Service) -> Iterator[tuple[ClinicClient, dict[str, str]]]:
    """Make a clinic with something of everything; gives what fills the addresses of its pages, too."""
    shared_service.clock.move_to(NOW)
    with running_receiver() as receiver:
        clinic = lively_clinic(shared_service, receiver, "Riverbend Clinic")
        http, ids = clinic.client.http, dict(clinic.ids)
    version = http.get("/v1/clinic").headers["etag"]
    changed = {"crisis_phone": "+1 555 0100", "asks_long_exposure": True}
    assert http.patch("/v1/clinic", json=changed, headers={"if-match": version}).is_success
    ids["clinic_id"] = clinic.client.clinic_id
    add_signals(clinic.client, shared_service, ids)
    add_patients(clinic.client, shared_service, ids)
    yield clinic.client, ids
    clinic.client.close()


def add_signals(clinic: ClinicClient, service: Service, ids: dict[str, str]) -> None:
    """Raise a signal of every kind: open, beside a safety event, snoozed, closed."""
    signals = [fading(clinic, f"P-{number}") for number in range(4)]
    paths = [f"/v1/signals/{signal['id']}" for signal in signals]
    factors = f"/v1/patients/{signals[0]['patient_id']}/factors"
    known = {"cautions": ["mania", "pregnancy"]}
    assert clinic.http.put(factors, json=known, headers={"if-match": '"0"'}).is_success
    until = (NOW + timedelta(days=5)).isoformat()
    assert clinic.http.post(f"{paths[2]}/snooze", json={"until": until, "reason": "on holiday"}).is_success
    closing = {"disposition": "watchful_waiting", "note": "wait a week"}
    assert clinic.http.post(f"{paths[3]}/close", json=closing).is_success
    phone = clinic.enrol(signals[1]["patient_id"], service.url)
    assert phone.check_in(NOW, (3, 3, 3), self_harm_thoughts=True).is_success
    names = ("signal_id", "signal_beside_id", "snoozed_id", "closed_id")
    ids |= {name: signal["id"] for name, signal in zip(names, signals, strict=True)}
    ids["beside_id"] = signals[1]["patient_id"]


def add_patients(clinic: ClinicClient, service: Service, ids: dict[str, str]) -> None:
    """Add patients: who lost much of the gain and is followed closely, who answers, who is new."""
    faded = treated(clinic, NOW, days_since=34, level=lambda _day: (8, 7, 8), until=26)
    before, after = NOW - timedelta(days=46), NOW - timedelta(days=33)
    for at, scale, total in ((before, "phq-9", 19), (after, "phq-9", 6), (before, "madrs", 31)):
        form = {"scale": scale, "taken_at": at.isoformat(), "total": total}
        assert clinic.http.post(f"/v1/patients/{faded}/assessments", json=form).is_success
    phone = clinic.enrol(faded, service.url)
    for ago in range(7, 0, -1):
        assert phone.check_in(NOW - timedelta(days=ago), (4, 4, 5)).is_success
    assert phone.check_in(NOW - timedelta(hours=1), (3, 3, 4), self_harm_thoughts=True).is_success
    version = clinic.http.get(f"/v1/patients/{faded}/factors").headers["etag"]
    known = {"profile": "severe_or_chronic", "cautions": ["urinary_symptoms"]}
    done = clinic.http.put(f"/v1/patients/{faded}/factors", json=known, headers={"if-match": version})
    assert done.is_success
    answering = treated(
        clinic, NOW, days_since=24, level=lambda day: (8, 7, None if day % 6 == 0 else 8), until=23
    )
    agree(clinic, answering, service.url)
    send_a_night(clinic.enrol(answering, service.url))
    reports = clinic.http.get(f"/v1/patients/{ids['patient_id']}/check-ins").json()["items"]
    ids |= {
        "faded_id": faded,
        "answering_id": answering,
        "new_id": new_patient(clinic),
        "report_id": next(one["id"] for one in reports if one["id"] != ids["check_in_id"]),
    }


def contact_test(service: Service, clinic_id: str) -> str:
    """Send a test message to a contact; gives what its link ends in."""
    token, reference = new_token(TokenKind.CONTACT_TEST, UUID(clinic_id))

    async def send() -> None:
        async with service.context.work(UUID(clinic_id), actor=OPERATOR) as work:
            test_id, cell = new_id(), {"table": "contact_tests", "column": "email_sealed"}
            sealed = work.vault.seal(
                "ortega@clinic.example", clinic_id=work.clinic_id, row_id=test_id, **cell
            )
            sent = ContactTest(
                id=test_id,
                email_sealed=sealed,
                address_digest=os.urandom(32),
                digest=reference.digest,
                sent_at=work.real_now,
                answered_at=None,
            )
            await contact_tests.add(work, sent)
            work.audit("contact.tested", "contact_test", test_id)

    service.run(send())
    return token


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
        for place in WALKED[language]:
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
            look_at(seen, page, place.name, folder, thoroughly=THOROUGHLY[language])
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
    if who in _ROLES:
        with care_page(browser, service, clinic.clinic_id, _ROLES[who], viewport=NARROW, **options) as page:
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
    for language, seen in both.items():
        assert list(seen.languages) == [place.name for place in WALKED[language]]


def test_every_page_is_in_its_readers_language(both: dict[str, Seen]) -> None:
    front = {place.name for place in FRONT}
    for language, seen in both.items():
        others = {name: one for name, one in seen.languages.items() if one != language and name not in front}
        assert others == {}


def test_a_page_in_spanish_says_nothing_in_english(spanish: Seen) -> None:
    names = [place.name for place in (*TODAY, *PATIENTS_IN_SPANISH)]
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


# What a page refuses, as its name says: every other one is there, and not the page for signing in in its place.
_REFUSED: Final = frozenset({
    "sign-in elsewhere that failed", "sign-in with a service that does not answer", "launch that failed", "refused",
    "care no such page", "figures with a mistake", "audit log with a mistake", "p link cut off", "p no such page",
})  # fmt: skip
# What is said to who writes a program, not to who reads a page.
_FOR_PROGRAMS: Final = re.compile(
    r"see errors|OpenAPI document|If-Match|JSON pointer|`confirm`|is not one of those allowed"
)
# What stays as it is in every language: names and numbers, also those of scales and programs, and the words that this
# clinic wrote itself.
_OWN: Final = (
    "Afterglow", "Riverbend Clinic", "(?:Kim|Robin|Alex) Example", "R\\. Ortega", "[KRA]E", "P-[0-9a-f]{8}", "P-\\d",
    "[0-9a-f]{12}", r"[\w.-]+@[\w.]+", r"https?://\S+", "[A-Z][a-z]+/[A-Z][a-z_]+", "Berlin",
    r"gain-lost 2\.0, consider_at=0\.\d+", r"[a-z_]+(?:\.[a-z_]+)+", r"[a-z]{2}-[A-Z]{2}", "min",
    "PHQ-9", "GAD-7", "MADRS", "QIDS-SR16", "Montgomery-Åsberg Depression Rating Scale",
    "Quick Inventory of Depressive Symptomatology, self-report", "Patient Health Questionnaire(?:-9)?",
    "Generalized Anxiety Disorder(?: scale|-7)", "Slack", "Teams", r"system/\S*", "{chart_number}",
    "[Oo]wn", "phone", "EHR", "first key", "Sign-in", "Robin", "Warehouse", "Riverside", "Twice weekly",
    "a note", "a text", "a reason", "on holiday", "wait a week", "by mistake", "Registered twice", "At home",
    "Nobody who may was there.",
)  # fmt: skip
_ID: Final = re.compile(r"[0-9a-f-]{36}|[0-9a-f]{64}")


def _pages_of(
    browser: PlainBrowser, places: Sequence[Place], ids: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Open pages, then send each of their forms with nonsense in every field."""
    forms = dict[object, SeenForm]()
    for place in places:
        address = (place.address or "").format(**ids)
        if not address:
            continue
        reply = browser.get(address)
        assert (reply.status_code == 200) is (place.name not in _REFUSED), (place.name, reply.status_code)
        text = reply.text
        yield place.name, text
        for form in forms_on(text):
            path = urljoin(address, form.action)
            if form.typed or form.file:
                forms.setdefault((_ID.sub("", path), *form.typed), replace(form, action=path))
    for form in forms.values():
        fields = form.hidden | dict.fromkeys(form.typed, "?")
        if form.method == "get":
            reply = browser.get(f"{form.action}?{urlencode(fields)}")
        elif form.file:
            reply = browser.upload(form.action, fields, (form.file, "x.csv", b"?"))
        else:
            reply = browser.post(form.action, fields)
        assert form.method == "get" or "hreflang" not in reply.text, (
            "another language's page is not asked for by a form"
        )
        # Else it is a page about who may, and none about what is wrong in the form.
        assert reply.status_code != 403, form.action
        assert not reply.headers.get("location", "").startswith("/care/sign-in?"), form.action
        text = _followed(browser, reply)
        assert _FOR_PROGRAMS.findall(text) == [], form.action
        yield f"{form.action} with nonsense", text


def _followed(browser: PlainBrowser, reply: httpx2.Response) -> str:
    while reply.status_code in {302, 303} and reply.headers["location"].startswith("/"):
        reply = browser.get(reply.headers["location"])
    return reply.text


@pytest.fixture
def not_walked(shared_service: Service) -> Iterator[tuple[ClinicClient, dict[str, str]]]:
    """Another one: in the walks' own stands what people there typed, and names that pages had then."""
    with with_something_of_everything(shared_service) as made:
        yield made


def test_all_that_a_page_says_is_in_its_readers_catalogue(
    shared_service: Service, not_walked: tuple[ClinicClient, dict[str, str]]
) -> None:
    client, ids = not_walked
    joining = invited(client, StaffRole.OWNER)
    ids |= {
        "language": "es",
        "invitation": token_of(joining),
        "email": joining["email"],
        "contact_test": contact_test(shared_service, client.clinic_id),
        "new_link": link_for(client, new_patient(client)),
        "tablet_id": ids["answering_id"],
    }
    left = dict[str, str]()
    with bracketed_catalogues():
        for language in TRANSLATED:
            listener = Listener(language, _OWN)
            for name, text in _pages_in(language, shared_service, client, ids):
                left |= dict.fromkeys(listener.english_on(text), f"{name}, {language}")
    assert left == {}


def _pages_in(
    language: str, service: Service, client: ClinicClient, ids: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Open a language's pages: those of patients, and of staff where there are any."""
    for who in Who if language in STAFF_LANGUAGES else (Who.PATIENT,):
        places = [place for place in EVERY if place.who is who and place not in FRONT]
        browser = PlainBrowser(service.url, language)
        if role := _ROLES.get(who) or (StaffRole.OWNER if who is Who.JOINING else None):
            browser.cookies[SESSION] = signed_in(service, client.clinic_id, role)
        elif who is Who.PATIENT:
            browser.sign_in(client, ids["answering_id"])
            browser.get(f"/p/help?lang={language}")
        yield from _pages_of(browser, places, ids | {"language": language})
        browser.http.close()
