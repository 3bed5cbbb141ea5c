"""All that a page says, and answers to nonsense, is in a catalogue: whatever is said outside of one stands out.

Each page is opened once in each language, without a browser, in a clinic with something of everything.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode, urljoin

import httpx2
import pytest

from app.access.clinics.permissions import StaffRole
from app.foundation.translations import STAFF_LANGUAGES
from tests.support.bracketed import Listener, SeenForm, bracketed_catalogues, forms_on
from tests.support.browser import PlainBrowser, link_for, new_patient
from tests.support.care_browser import SESSION
from tests.support.catalogues import TRANSLATED
from tests.support.every_page import EVERY, FRONT, Place, Who
from tests.support.people import ClinicClient
from tests.support.service import Service
from tests.support.something_of_everything import ROLES, contact_test, with_something_of_everything
from tests.support.staff import invited, signed_in, token_of

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
        if role := ROLES.get(who) or (StaffRole.OWNER if who is Who.JOINING else None):
            browser.cookies[SESSION] = signed_in(service, client.clinic_id, role)
        elif who is Who.PATIENT:
            browser.sign_in(client, ids["answering_id"])
            browser.get(f"/p/help?lang={language}")
        yield from _pages_of(browser, places, ids | {"language": language})
        browser.http.close()
