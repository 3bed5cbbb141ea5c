"""The owner's settings as pages: what the API takes, the pages take; what it refuses, they say beside the field."""

import io
import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import httpx2
import pytest
from PIL import Image

from app.access.clinics.permissions import StaffRole
from app.interop.archive.archive_file import verify
from tests.support.browser import PlainBrowser, fields_of
from tests.support.care_browser import CareBrowser
from tests.support.lively import small_picture
from tests.support.people import ClinicClient, clinic_client
from tests.support.receiver import running_receiver
from tests.support.service import Service
from tests.support.staff import joined

SETTINGS = "/care/settings"
# What a browser sends of a form that nobody touched.
AS_IT_WAS = {"name": "Clinic", "time_zone": "UTC"}
CONTACTS = {
    "safety_contact/name": "R. Ortega",
    "safety_contact/email": "ortega@clinic.example",
    "second_contact/name": "L. Brandt",
    "second_contact/email": "brandt@clinic.example",
}


@pytest.fixture
def fresh(service: Service) -> Iterator[ClinicClient]:
    made = clinic_client(service)
    yield made
    made.close()


@pytest.fixture
def owner(service: Service, fresh: ClinicClient) -> CareBrowser:
    return CareBrowser(service, fresh.clinic_id, StaffRole.OWNER)


def clinic_of(client: ClinicClient) -> dict[str, Any]:
    return dict(client.http.get("/v1/clinic").json())


def test_an_owner_finds_every_page_and_others_only_what_is_theirs(
    service: Service, fresh: ClinicClient, owner: CareBrowser
) -> None:
    def pages_of(browser: CareBrowser) -> set[str]:
        page = browser.get(SETTINGS).text.partition("<main")[2]
        return set(re.findall(r'href="(/care/[^"?]+)"', page))

    all_pages = pages_of(owner)
    assert f"{SETTINGS}/keys" in all_pages
    assert {owner.get(path).status_code for path in all_pages} == {200}
    nurse = CareBrowser(service, fresh.clinic_id, StaffRole.COORDINATOR)
    assert f"{SETTINGS}/clinic" in pages_of(nurse)
    assert f"{SETTINGS}/keys" not in pages_of(nurse)
    assert nurse.get(f"{SETTINGS}/keys").status_code == 403


def test_what_is_saved_is_what_the_api_says(owner: CareBrowser, fresh: ClinicClient) -> None:
    typed = {
        "name": "Riverbend Clinic",
        "time_zone": "America/New_York",
        "country": "US",
        "crisis_phone": "+1 555 0100",
        "limits/signal_hours": "24",
    }
    saved = owner.submit(f"{SETTINGS}/clinic", f"{SETTINGS}/clinic", typed | CONTACTS)

    assert saved.status_code == 303, saved.text
    clinic = clinic_of(fresh)
    assert (clinic["name"], clinic["time_zone"], clinic["country"]) == (
        "Riverbend Clinic",
        "America/New_York",
        "US",
    )
    assert clinic["safety_contact"] == {"name": "R. Ortega", "email": "ortega@clinic.example", "phone": None}
    assert clinic["limits"]["signal_hours"] == 24
    page = owner.get(f"{SETTINGS}/clinic").text
    assert "Riverbend Clinic</a>" in page, "the name stands on top"
    assert 'value="ortega@clinic.example"' in page


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"name": ""}, "name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"country": "U"}, "country"),
        ({"crisis_phone": "call us"}, "crisis_phone"),
        ({"safety_contact/name": "R. Ortega", "safety_contact/email": "nobody"}, "safety_contact/email"),
        ({"limits/signal_hours": "0"}, "limits/signal_hours"),
        ({"limits/signal_hours": "soon"}, "limits/signal_hours"),
    ],
)
def test_what_the_api_refuses_is_said_beside_the_field_and_nothing_typed_is_lost(
    owner: CareBrowser, fresh: ClinicClient, typed: dict[str, str], field: str
) -> None:
    before = clinic_of(fresh)

    refused = owner.submit(
        f"{SETTINGS}/clinic", f"{SETTINGS}/clinic", AS_IT_WAS | {"crisis_phone": "+1 555 0199"} | typed
    )

    assert refused.status_code == 422
    assert f'id="{field}-mistake"' in refused.text
    assert typed.get("crisis_phone", "+1 555 0199") in refused.text
    assert clinic_of(fresh) == before


def test_of_two_who_change_the_clinic_at_once_the_second_is_refused(
    owner: CareBrowser, fresh: ClinicClient
) -> None:
    page = owner.get(f"{SETTINGS}/clinic")
    form = fields_of(page.text, f"{SETTINGS}/clinic")
    etag = fresh.http.get("/v1/clinic").headers["etag"]
    changed = fresh.http.patch("/v1/clinic", json={"name": "Other"}, headers={"if-match": etag})
    assert changed.status_code == 200

    late = owner.post(f"{SETTINGS}/clinic", form | AS_IT_WAS | {"name": "Mine"})

    assert late.status_code == 412
    assert 'value="Mine"' in late.text
    assert clinic_of(fresh)["name"] == "Other"


def test_going_live_is_a_checklist_that_blocks_on_what_the_api_demands(
    owner: CareBrowser, fresh: ClinicClient
) -> None:
    page = owner.get(f"{SETTINGS}/go-live").text
    missing = fresh.http.post("/v1/clinic/go-live").json()["errors"]
    assert "1 of 4 done" in page
    assert f"{len(missing)} steps left" in page
    assert "disabled>Go live" in page

    refused = owner.submit(f"{SETTINGS}/go-live", f"{SETTINGS}/go-live")
    assert refused.status_code == 409
    saved = owner.submit(f"{SETTINGS}/clinic", f"{SETTINGS}/clinic", AS_IT_WAS | CONTACTS)
    assert saved.status_code == 303

    page = owner.get(f"{SETTINGS}/go-live").text
    assert "2 of 4 done" in page
    assert ">Start drill<" in page
    advice = page.partition("Worth doing, but not required")[2]
    assert "Two owners" in advice
    assert "A backup that was restored" in advice
    assert owner.submit(f"{SETTINGS}/go-live", f"{SETTINGS}/go-live/drill").status_code == 303
    page = owner.get(f"{SETTINGS}/go-live").text
    assert "Sent. No answer within 30 minutes yet: " in page
    assert ">Send again<" in page
    assert clinic_of(fresh)["mode"] == "test"


def test_a_first_run_goes_through_clinic_and_contacts_in_steps(
    service: Service, owner: CareBrowser, fresh: ClinicClient
) -> None:
    assert "/care/setup" in owner.get("/care/").text
    assert "Your clinic" in owner.get("/care/setup").text
    place = {"name": "Riverbend", "country": "US", "time_zone": "America/Nowhere", "crisis_phone": ""}
    refused = owner.submit("/care/setup", "/care/setup/clinic", place)
    assert refused.status_code == 422
    assert 'value="America/Nowhere"' in refused.text
    saved = owner.submit("/care/setup", "/care/setup/clinic", place | {"time_zone": "America/New_York"})
    assert saved.headers["location"] == "/care/setup/contacts"
    assert "Contacts</h1>" in owner.get("/care/setup").text, "it goes on where it stopped"
    done = owner.submit("/care/setup", "/care/setup/contacts", CONTACTS)
    assert done.headers["location"] == "/care/setup/try"
    assert "2 left" in owner.get("/care/setup").text
    clinic = clinic_of(fresh)
    assert (clinic["name"], clinic["country"], clinic["time_zone"]) == ("Riverbend", "US", "America/New_York")
    assert clinic["second_contact"]["email"] == CONTACTS["second_contact/email"]
    nurse = CareBrowser(service, fresh.clinic_id, StaffRole.COORDINATOR)
    assert nurse.get("/care/setup").status_code == 403
    assert "/care/setup" not in nurse.get("/care/").text


def test_a_key_is_made_shown_once_and_revoked(owner: CareBrowser, fresh: ClinicClient) -> None:
    here = f"{SETTINGS}/keys"
    nameless = owner.submit(here, here, {"name": "", "scope_signals": "yes"})
    assert (nameless.status_code, 'id="name-mistake"' in nameless.text) == (422, True)
    idle = owner.submit(here, here, {"name": "Chart system"})
    assert (idle.status_code, 'value="Chart system"' in idle.text) == (422, True)

    made = owner.submit(here, here, {"name": "Chart system", "scope_signals": "yes"})

    (secret,) = re.findall(r"agk_[0-9a-f]+_[A-Za-z0-9_-]+", made.text)
    headers = {"authorization": f"Bearer {secret}"}
    assert fresh.http.get("/v1/signals", headers=headers).status_code == 200
    page = owner.get(here).text
    assert secret not in page
    (listed,) = [
        one for one in fresh.http.get("/v1/api-keys").json()["items"] if one["name"] == "Chart system"
    ]
    assert owner.submit(here, f"{here}/{listed['id']}/revoke").status_code == 303
    assert fresh.http.get("/v1/signals", headers=headers).status_code == 401


def test_the_last_key_that_makes_keys_stays(owner: CareBrowser, fresh: ClinicClient) -> None:
    (first,) = fresh.http.get("/v1/api-keys").json()["items"]

    refused = owner.submit(f"{SETTINGS}/keys", f"{SETTINGS}/keys/{first['id']}/revoke")

    assert refused.status_code == 409
    assert "last key that can make keys" in refused.text


def test_days_without_reminders_are_kept_and_a_bad_day_loses_nothing(
    owner: CareBrowser, fresh: ClinicClient
) -> None:
    here = f"{SETTINGS}/days-off"
    bad = owner.submit(here, here, {"days": "2026-12-25\n25.12."})
    assert (bad.status_code, "25.12." in bad.text) == (422, True)

    assert owner.submit(here, here, {"days": "2026-12-25\n2027-01-01"}).status_code == 303

    days = fresh.http.get("/v1/clinic/days-without-reminders").json()["days"]
    assert days == ["2026-12-25", "2027-01-01"]


def test_an_owner_says_how_long_what_is_kept_and_places_and_lifts_holds(
    owner: CareBrowser, fresh: ClinicClient
) -> None:
    here = f"{SETTINGS}/retention"
    fresh.patient("HOLD-1")
    bad = owner.submit(here, here, {"deliveries_months": "3", "messages_months": "24"})
    assert (bad.status_code, 'value="24"' in bad.text) == (422, True)
    assert "Events and deliveries: " in bad.text
    assert owner.submit(here, here, {"deliveries_months": "24", "messages_months": ""}).status_code == 303
    rules = fresh.http.get("/v1/clinic/retention").json()
    assert rules == {"deliveries_months": 24, "messages_months": None, "archived_patients_months": None}

    unknown = owner.submit(here, f"{here}/holds", {"patient": "NOBODY-1", "reason": "Claim 17"})
    assert (unknown.status_code, "No patient has this chart number." in unknown.text) == (422, True)
    assert "Claim 17" in unknown.text
    for whose in ("HOLD-1", ""):
        assert (
            owner.submit(here, f"{here}/holds", {"patient": whose, "reason": "Claim 17"}).status_code == 303
        )
    page = owner.get(here).text
    assert ("HOLD-1" in page, "All of the clinic" in page, "Claim 17" in page) == (True, True, True)
    held = fresh.http.get("/v1/legal-holds").json()["items"]
    assert [one["patient_id"] is None for one in held] == [True, False]
    assert owner.submit(here, f"{here}/holds/{held[0]['id']}/lift").status_code == 303
    lifted = fresh.http.get("/v1/legal-holds").json()["items"]
    assert [one["lifted_at"] is None for one in lifted] == [False, True]


def marked(page: str) -> set[tuple[str, str]]:
    """What is ticked and chosen on a page."""
    return set(re.findall(r'name="([^"]+)" value="([^"]+)" checked', page))


def test_an_owner_answers_a_request_for_erasure(
    service: Service, owner: CareBrowser, fresh: ClinicClient
) -> None:
    here = f"{SETTINGS}/erasure"
    phones = [fresh.enrol(fresh.patient(), service.url) for _ in range(2)]
    asked = [dict(phone.http.post("/v1/me/erasure-requests").json()) for phone in phones]
    unsure = owner.submit(here, f"{here}/{asked[0]['id']}/approve")
    assert unsure.status_code == 303
    silent = owner.submit(here, f"{here}/{asked[1]['id']}/decline", {"reason": ""})
    assert silent.status_code == 422
    long = owner.submit(here, f"{here}/{asked[1]['id']}/decline", {"reason": "kept <by> law " * 200})
    assert (long.status_code, unescape(long.text).count("kept <by> law " * 200)) == (422, 1)

    erased = owner.submit(here, f"{here}/{asked[0]['id']}/approve", {"sure": "yes"})
    kept = owner.submit(here, f"{here}/{asked[1]['id']}/decline", {"reason": "The law asks us to keep it."})

    assert (erased.status_code, kept.status_code) == (303, 303)
    assert fresh.http.get(f"/v1/patients/{phones[0].patient_id}").status_code == 410
    (said,) = phones[1].http.get("/v1/me/erasure-requests").json()["items"]
    assert (said["state"], said["reason"]) == ("declined", "The law asks us to keep it.")


def test_a_scale_of_ones_own_is_described_on_a_page(owner: CareBrowser, fresh: ClinicClient) -> None:
    here = f"{SETTINGS}/scales"
    bdi = {
        "key": "bdi", "name": "Beck Depression Inventory", "minimum": "0", "maximum": "63",
        "remission": "9", "relapse": "20", "direction": "lower",
    }  # fmt: skip
    wrong = owner.submit(here, here, bdi | {"maximum": "many"})
    assert (wrong.status_code, 'value="Beck Depression Inventory"' in wrong.text) == (422, True)

    assert owner.submit(here, here, bdi).status_code == 303

    kept = {one["key"]: one for one in fresh.http.get("/v1/scales").json()["items"]}
    assert (kept["bdi"]["maximum"], kept["bdi"]["relapse"]) == (63, 20)


def test_a_webhook_is_added_tested_and_rotated_on_pages(owner: CareBrowser, fresh: ClinicClient) -> None:
    here = f"{SETTINGS}/webhooks"
    refused = owner.submit(here, here, {"url": "ftp://nowhere", "which": "all"})
    assert (refused.status_code, 'value="ftp://nowhere"' in refused.text) == (422, True)
    ticked = {"which": "some", "event_signal.raised": "yes"}
    again = owner.submit(here, here, {"url": "ftp://nowhere", **ticked})
    assert ticked.items() <= marked(again.text)

    with running_receiver() as receiver:
        added = owner.submit(here, here, {"url": receiver.url, "which": "all"})
        (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=_-]+", added.text)
        (endpoint,) = fresh.http.get("/v1/webhook-endpoints").json()["items"]
        page = f"{here}/{endpoint['id']}"
        assert owner.submit(page, f"{page}/test").status_code == 303
        bad = owner.submit(page, f"{page}/change", {"url": "ftp://nowhere", **ticked})
        assert ticked.items() <= marked(bad.text)
        receiver.wait_for("endpoint.test")
        (sent,) = fresh.http.get(f"/v1/webhook-endpoints/{endpoint['id']}/deliveries").json()["items"]
        again = owner.submit(page, f"{page}/deliveries/{sent['id']}/resend")
        assert again.headers["location"].endswith("done=resent")
        receiver.wait_for("endpoint.test", count=2)
        assert owner.submit(page, f"{page}/recover", {"days": "1"}).headers["location"].endswith("recovered")

    assert secret not in owner.get(page).text
    days = re.findall(r'<rect role="img" aria-label="([^"]+)"', owner.get(page).text)
    assert len(days) == 24
    assert days[-1].endswith(": 1 delivered, 0 waiting, 0 undelivered")
    assert {one.partition(": ")[2] for one in days[:-1]} == {"0 delivered, 0 waiting, 0 undelivered"}
    assert "endpoint.test" in owner.get(page).text
    assert "2 of 4 done" in owner.get(f"{SETTINGS}/go-live").text
    rotated = owner.submit(page, f"{page}/rotate")
    assert re.findall(r"whsec_[A-Za-z0-9+/=_-]+", rotated.text) != [secret]
    assert owner.submit(page, f"{page}/disable").headers["location"].endswith("done=disabled")
    assert "Disabled." in owner.get(page).text
    assert owner.submit(page, f"{page}/enable").headers["location"].endswith("done=enabled")
    assert "Disabled." not in owner.get(page).text
    assert owner.submit(page, f"{page}/remove").status_code == 303
    assert fresh.http.get("/v1/webhook-endpoints").json()["items"] == []


def test_why_an_attempt_failed_is_said_in_the_readers_language(
    owner: CareBrowser, fresh: ClinicClient
) -> None:
    with running_receiver() as receiver:
        page = f"{SETTINGS}/webhooks/{fresh.add_endpoint(receiver.url)['id']}"
    assert owner.submit(page, f"{page}/test").status_code == 303
    deadline, shown = time.monotonic() + 20, ""
    while "Todos los intentos" not in shown and time.monotonic() < deadline:
        time.sleep(0.2)
        shown = owner.get(f"{page}?lang=es").text
    owner.get(f"{page}?lang=en")
    assert "No se pudo establecer una conexión" in shown
    assert "No connection could be made" not in shown


def test_a_notice_channel_is_added_and_removed_on_a_page(owner: CareBrowser, fresh: ClinicClient) -> None:
    here = f"{SETTINGS}/channels"
    refused = owner.submit(here, here, {"kind": "email", "address": "nobody"})
    assert (refused.status_code, 'value="nobody"' in refused.text) == (422, True)

    added = owner.submit(here, here, {"kind": "email", "address": "team@clinic.example"})

    assert added.status_code == 303
    (channel,) = fresh.http.get("/v1/notice-channels").json()["items"]
    assert owner.submit(here, f"{here}/{channel['id']}/remove").status_code == 303
    assert fresh.http.get("/v1/notice-channels").json()["items"] == []


def test_whose_patients_an_endpoint_is_of_is_changed_on_its_page(
    service: Service, owner: CareBrowser, fresh: ClinicClient
) -> None:
    member = joined(service, fresh, StaffRole.CLINICIAN)
    with running_receiver() as receiver:
        made = fresh.add_endpoint(receiver.url)["id"]
    page = f"{SETTINGS}/webhooks/{made}"

    def save(**fields: str) -> tuple[int, Any]:
        sent = {"url": receiver.url, "which": "all"} | fields
        reply = owner.submit(page, f"{page}/change", sent)
        (now,) = fresh.http.get("/v1/webhook-endpoints").json()["items"]
        return reply.status_code, now["care_team"]

    assert save(care_team=member.id) == (303, member.id)
    assert f'<option value="{member.id}" selected>' in owner.get(page).text
    assert fresh.http.post(f"/v1/staff/{member.id}/disable").status_code == 200
    assert "a member who left" in owner.get(page).text
    assert save(care_team=member.id) == (303, member.id), "what stays is not asked about again"
    assert save(care_team="") == (303, None)


LOGO = f"{SETTINGS}/clinic/logo"


def send_logo(owner: CareBrowser, content: bytes, name: str = "logo.png", **more: str) -> httpx2.Response:
    fields = fields_of(owner.get(f"{SETTINGS}/clinic").text, LOGO) | more
    return owner.upload(LOGO, fields, ("picture", name, content))


def logo_on(page: str, start: str) -> str:
    found = re.search(rf'src="({start}/[0-9a-f]{{32}}-\d+x\d+)"', page)
    return found[1] if found else ""


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_patients_see_the_logo_that_an_owner_uploads_written_again_and_small(
    owner: CareBrowser, one_clinic: ClinicClient, service: Service, plain: PlainBrowser, kind: str
) -> None:
    assert logo_on(plain.get("/p/check-in").text, "/p/logo") == ""
    manager = CareBrowser(service, one_clinic.clinic_id, StaffRole.OWNER)
    exif = Image.Exif()
    exif[0x010E] = "zeisig at the clinic"
    assert send_logo(manager, small_picture(kind, exif=exif)).status_code == 303

    page = plain.get("/p/check-in").text
    assert 'alt="" width="360" height="120"' in page, "there is room for it before it has come"
    shown = plain.get(logo_on(page, "/p/logo"))
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert shown.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert b"zeisig" not in shown.content
    with Image.open(io.BytesIO(shown.content)) as read:
        assert (read.format, read.size) == ("PNG", (360, 120))
    own = logo_on(manager.get(f"{SETTINGS}/clinic").text, LOGO)
    assert manager.get(own).content == shown.content
    assert owner.get(own).status_code == 404, "another clinic's"
    assert send_logo(manager, b"", remove="yes").status_code == 303
    assert logo_on(plain.get("/p/check-in").text, "/p/logo") == ""
    assert plain.get(f"/p/logo/{own.rpartition('/')[2]}").status_code == 404


_SCRIPTED = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'


# Drawn by the one runner that sends them: the largest takes half a second.
@pytest.mark.parametrize(
    ("content", "name", "status", "sentence"),
    [
        (lambda: _SCRIPTED, "logo.svg", 422, "SVG is not accepted: it can hold programs."),
        (lambda: _SCRIPTED, "logo.png", 422, "This is not a PNG, JPEG or WebP picture that can be read."),
        (
            lambda: small_picture("PNG")[:60],
            "cut.png",
            422,
            "This is not a PNG, JPEG or WebP picture that can be read.",
        ),
        (
            lambda: small_picture("GIF"),
            "logo.gif",
            422,
            "This is not a PNG, JPEG or WebP picture that can be read.",
        ),
        (lambda: b"", "", 422, "This is not a PNG, JPEG or WebP picture that can be read."),
        (lambda: small_picture("PNG") + bytes(10_000_000), "big.png", 413, "A logo may have up to 1 MB"),
        (lambda: small_picture("PNG", (6000, 6000)), "unfolds.png", 413, "A logo may have up to 1 MB"),
    ],
    ids=["svg", "svg named png", "cut off", "gif", "nothing", "10 MB", "36 million pixels"],
)
def test_what_is_no_small_picture_is_refused_beside_its_field_and_changes_nothing(
    owner: CareBrowser, content: Callable[[], bytes], name: str, status: int, sentence: str
) -> None:
    reply = send_logo(owner, content(), name)

    assert reply.status_code == status
    (said,) = re.findall(r'id="picture-mistake">([^<]*)<', reply.text)
    assert sentence in said
    assert logo_on(reply.text, LOGO) == ""


def test_an_owner_sees_what_is_used_and_takes_the_whole_archive_along_with_a_line_on_the_audit_log(
    service: Service, fresh: ClinicClient, owner: CareBrowser
) -> None:
    here = f"{SETTINGS}/data"
    fresh.enrol(fresh.patient("P-77"), service.url).check_in(service.clock.now(), note="hello")
    counted = re.sub(r"<[^>]+>", " ", owner.get(here).text)
    assert re.search(r"Patients\s+1\s+and 0 archived", counted)
    assert re.search(r"Devices\s+1 ", counted)
    assert re.search(r"Check-ins\s+1\s+in the last 30 days", counted)

    archive = owner.submit(here, f"{here}/archive")
    assert archive.status_code == 200
    assert archive.headers["content-disposition"].startswith("attachment; filename=")
    head, rows = verify(line + b"\n" for line in archive.content.splitlines())
    assert (head.scope, str(head.clinic_id)) == ("clinic", fresh.clinic_id)
    assert rows["patients"] == 1
    # That it was read is written before its first line leaves: whoever breaks off has read what came.
    for action in ("archive.read", "archive.made"):
        kept = fresh.http.get("/v1/audit-events", params={"action": action}).json()["items"]
        assert len(kept) == 1, action
    assert owner.post(f"{here}/archive", {}).status_code == 403, "a form of our own, not a link"
    nurse = CareBrowser(service, fresh.clinic_id, StaffRole.CLINICIAN)
    assert nurse.get(here).status_code == 403
