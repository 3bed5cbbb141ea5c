"""A number is texted once it is confirmed and until it says STOP; what it texts back is heard, and never lost."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest

from app.access.clinics.permissions import StaffRole
from app.care.alerts.escalation import escalate_due
from app.care.texts.commands import Word, word_in
from app.foundation.audit import OPERATOR
from app.foundation.ids import new_id
from app.foundation.relays import GatewayRelay
from app.notifications.transport import signing
from app.storage import outgoing_messages
from tests.storage.catalogue import execute
from tests.support.browser import PlainBrowser, agree, fields_of
from tests.support.care_browser import CareBrowser
from tests.support.databases import DatabaseUrls
from tests.support.people import ClinicClient, clinic_client
from tests.support.problems import assert_problem
from tests.support.receiver import Receiver, running_receiver
from tests.support.service import NOW, Service, running_service
from tests.support.texting import NUMBERS, SECRET, Texter, new_texter, post_text

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Receiver]:
    with running_receiver() as running:
        running.secret = SECRET
        yield running


@pytest.fixture(scope="module")
def shared_service(shared_database: DatabaseUrls, gateway: Receiver) -> Iterator[Service]:
    relay = GatewayRelay(url=gateway.url, secret=SECRET)
    with running_service(shared_database.application_url, work=False, gateway=relay) as running:
        yield running


@pytest.fixture
def texter(service: Service, clinic: ClinicClient, gateway: Receiver) -> Texter:
    return new_texter(service, clinic, gateway)


def test_nothing_but_a_code_goes_to_a_number_until_it_is_confirmed(texter: Texter) -> None:
    texter.give_number()
    reminders = f"/v1/patients/{texter.patient}/reminders"
    assert (texter.state, texter.clinic.http.get(reminders).json()["reached_by"]) == ("unconfirmed", None)
    with pytest.raises(Exception, match="No push, text message or e-mail reaches this patient"):
        texter.write()
    assert texter.try_code(texter.code()).status_code == 204
    assert (texter.state, texter.clinic.http.get(reminders).json()["reached_by"]) == ("confirmed", "gateway")
    assert texter.write() == "gateway"
    assert [one["to"] for one in texter.sent()] == [texter.number]
    texter.give_number(next(NUMBERS))
    assert texter.state == "unconfirmed"


def test_a_code_works_once_for_ten_minutes_and_five_tries_and_every_refusal_is_the_same(
    service: Service, texter: Texter
) -> None:
    texter.give_number()
    never_asked = texter.try_code("000000")
    expired = texter.code()
    service.clock.move_to(NOW + timedelta(minutes=10))
    too_late = texter.try_code(expired)
    replaced = texter.code()
    good = texter.code()
    wrong = texter.try_code(replaced) if replaced != good else texter.try_code("x")
    guesses = [texter.try_code("12345") for _ in range(4)]
    tried_out = texter.try_code(good)
    assert texter.state == "unconfirmed"
    last = texter.code()
    assert texter.try_code(f" {last[:3]}\u2013{last[3:]}").status_code == 204
    used = texter.try_code(last)
    assert texter.state == "confirmed"
    documents = [
        assert_problem(one, 422, code="sms-code-not-valid") | {"request_id": ""}
        for one in (never_asked, too_late, wrong, *guesses, tried_out, used)
    ]
    assert documents == documents[:1] * len(documents)


def test_so_many_codes_a_day_and_no_more(service: Service, texter: Texter) -> None:
    assert_problem(texter.ask(), 409, code="sms-number-missing")
    texter.give_number()
    for _ in range(5):
        texter.code()
    texter.give_number(next(NUMBERS))
    reply = texter.ask()
    assert_problem(reply, 429, code="too-many-sms-codes")
    assert int(reply.headers["retry-after"]) == 24 * 3600
    assert texter.sent() == []
    service.clock.move_to(NOW + timedelta(days=1))
    texter.phone = texter.clinic.enrol(texter.patient, service.url)
    assert texter.code()


def test_a_number_that_changed_hands_is_its_new_holders(
    service: Service, clinic: ClinicClient, gateway: Receiver
) -> None:
    before, after = (new_texter(service, clinic, gateway) for _ in range(2))
    before.confirm()
    after.number = before.number
    after.confirm()
    assert (before.state, after.state) == ("unconfirmed", "confirmed")
    after.text("It is mine")
    assert (len(before.kept()), len(after.kept())) == (0, 1)


def test_what_waits_for_a_number_that_was_given_up_is_not_sent_there(texter: Texter) -> None:
    texter.confirm()
    assert texter.write() == "gateway"
    texter.give_number(next(NUMBERS))
    assert texter.sent() == []


def test_what_waits_for_who_had_a_number_does_not_reach_who_has_it(
    service: Service, clinic: ClinicClient, gateway: Receiver
) -> None:
    before, after = (new_texter(service, clinic, gateway) for _ in range(2))
    before.confirm()
    after.give_number(before.number)
    code = after.code()
    assert before.write() == "gateway"
    assert after.try_code(code).status_code == 204
    assert after.sent() == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", Word.STOP),
        (" s t o p ! ", Word.STOP),
        ("Stop.", Word.STOP),
        ("\uff33\uff34\uff2f\uff30", Word.STOP),
        ("“opt-out”", Word.STOP),
        ("Alto", Word.STOP),
        ("¡PARAR!", Word.STOP),
        ("Stopp…", Word.STOP),
        ("ARRÊT", Word.STOP),
        ("arret", Word.STOP),
        ("start", Word.START),
        ("Début", Word.START),
        (f"STOP{' ' * 60}", Word.STOP),
        ("s_t_o_p", Word.STOP),
        ("please stop texting me", None),
        ("Cancel 12/3?", None),
        ("我想 end", None),
        ("I cannot stop crying", None),
        ("HELP", None),
        ("", None),
        ("🛑", None),
    ],
)
def test_stop_is_known_in_any_language_case_and_dress(text: str, word: Word | None) -> None:
    found = word_in(text)
    assert (found and found[0]) == word


def test_stop_ends_it_at_once_also_what_waits_and_start_begins_it_again(
    service: Service, texter: Texter
) -> None:
    texter.confirm()
    assert texter.write() == "gateway"
    answer = texter.text("Stop!", id="a stop")
    assert answer == "[TEST] You get no more text messages from us. Reply START to get them again."
    assert (texter.state, texter.sent(), texter.rows()) == ("stopped", [], [])
    assert texter.ask().status_code == 204
    assert texter.sent() == []
    service.clock.move_to(NOW + MINUTE)
    texter.text("START")
    assert texter.state == "confirmed"
    # The gateway sends the first again, late.
    assert texter.text("Stop!", id="a stop") == answer
    assert texter.state == "confirmed"
    assert [one["word"] for one in texter.kept()] == ["start", "stop"]


def test_a_stranger_whose_number_someone_typed_in_stops_the_codes(texter: Texter) -> None:
    texter.give_number()
    texter.code()
    answer = texter.text("ALTO")
    assert answer is not None
    assert answer.startswith("[PRUEBA] No recibirá más mensajes de texto nuestros.")
    assert texter.ask().status_code == 204
    assert texter.sent() == []
    assert texter.kept() == []


def test_stop_is_of_the_number_whoever_types_it_in_until_it_says_start(
    service: Service, clinic: ClinicClient, gateway: Receiver
) -> None:
    first, other = (new_texter(service, clinic, gateway) for _ in range(2))
    number = first.number
    first.give_number()
    first.code()
    first.give_number(next(NUMBERS))
    # The stranger answers when the number is nobody's any more.
    stopping = {"from": number, "text": "STOP"}
    assert post_text(service, clinic.clinic_id, stopping).status_code == 200
    first.give_number(number)
    other.give_number(number)
    for one in (first, other):
        assert (one.ask().status_code, one.sent(), one.state) == (204, [], "unconfirmed")
        assert_problem(one.try_code("000000"), 422, code="sms-code-not-valid")
    erasing = clinic.http.post(f"/v1/patients/{first.patient}/erasure-requests").json()["id"]
    approved = clinic.http.post(f"/v1/erasure-requests/{erasing}/approve", headers={"if-match": '"1"'})
    assert approved.is_success, approved.text
    assert (other.ask().status_code, other.sent()) == (204, [])
    # What is kept of one clinic is of that clinic.
    elsewhere = new_texter(service, clinic_client(service), gateway)
    elsewhere.give_number(number)
    assert elsewhere.code()
    other.text("START")
    assert other.try_code(other.code()).status_code == 204
    assert other.state == "confirmed"


def test_a_confirmed_number_that_was_stopped_stays_so_when_it_is_given_up_and_again(texter: Texter) -> None:
    stopped = texter.confirm().number
    texter.text("STOP")
    texter.give_number(next(NUMBERS))
    texter.confirm()
    texter.give_number(stopped)
    assert (texter.ask().status_code, texter.sent(), texter.state) == (204, [], "unconfirmed")
    texter.text("START")
    texter.confirm()
    assert texter.write() == "gateway"
    assert [one["to"] for one in texter.sent()] == [stopped]


def test_a_text_is_answered_with_help_and_stands_on_the_worklist_and_the_timeline_once(
    service: Service, texter: Texter
) -> None:
    texter.confirm()
    spanish = {"locale": "es-US", "country": "US"}
    assert texter.phone.http.patch("/v1/me", json=spanish).status_code == 200
    words = "¿Me pueden llamar mañana?"
    answers = [texter.text(words, id="the same") for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0] is not None
    assert "988" in answers[0]
    assert "911" in answers[0]
    assert answers[0].startswith("[PRUEBA] Aquí no se leen los mensajes de texto.")
    (row,) = texter.rows()
    assert row["due"] == (service.clock.now() + timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    (kept,) = texter.kept()
    assert (kept["text"], kept["word"]) == (words, None)
    nurse = CareBrowser(service, texter.clinic.clinic_id, StaffRole.CLINICIAN)
    assert words in nurse.get("/care/").text
    assert words in nurse.get(f"/care/patients/{texter.patient}").text
    copy = texter.phone.http.get("/v1/me/export").json()
    assert [one["text"] for one in copy["received_texts"]] == [words]
    lines = texter.clinic.http.get("/v1/audit-events", params={"patient_id": texter.patient}).json()["items"]
    assert "text_message.received" in {one["action"] for one in lines}


def test_a_text_that_nobody_reads_escalates_within_the_clinics_limit(
    service: Service, texter: Texter
) -> None:
    limits = {"limits": {"signal_hours": 4}}
    version = texter.clinic.http.get("/v1/clinic").headers["etag"]
    changed = texter.clinic.http.patch("/v1/clinic", json=limits, headers={"if-match": version})
    assert changed.status_code == 200, changed.text
    texter.confirm().text("Nobody answers the phone.")
    (finding,) = texter.clinic.http.get("/v1/findings", params={"patient_id": texter.patient}).json()["items"]
    path, whose = f"/v1/findings/{finding['id']}", UUID(texter.clinic.clinic_id)
    for hours, escalated in ((3, False), (4, True)):
        service.clock.move_to(NOW + timedelta(hours=hours))
        service.run(escalate_due(service.context, whose))
        assert bool(texter.clinic.http.get(path).json()["escalated_at"]) is escalated


@pytest.mark.parametrize(
    ("text", "urgent"),
    [
        ("I am thinking about harming myself", True),
        ("Bad night. I have suicidal thoughts! Call me", True),
        ("Ich denke daran, mir etwas anzutun", True),
        ("phq9_9=1", False),
    ],
)
def test_what_a_text_discloses_is_a_safety_event_once(texter: Texter, text: str, urgent: bool) -> None:
    texter.confirm()
    for _ in range(2):
        texter.text(text, id="once")
    (event,) = texter.clinic.http.get("/v1/safety-events").json()["items"]
    assert (event["patient_id"], event["source"], event["urgent"]) == (texter.patient, "text_message", urgent)
    assert len(texter.rows()) == 1


def test_as_in_a_note_nothing_else_is_looked_into(texter: Texter) -> None:
    texter.confirm().text("My sister harmed herself; it is 9: 3 in the morning. 1, 2, 3!")
    assert texter.clinic.http.get("/v1/safety-events").json()["items"] == []


def test_an_archived_patients_disclosure_is_heard_and_nothing_else_is_kept(texter: Texter) -> None:
    texter.confirm()
    archived = texter.clinic.http.post(
        f"/v1/patients/{texter.patient}/archive", json={"reason": "care_ended"}
    )
    assert archived.status_code == 200
    answer = texter.text("I have suicidal thoughts")
    assert answer is not None
    assert "nobody gets yours" in answer
    assert len(texter.clinic.http.get("/v1/safety-events").json()["items"]) == 1
    assert texter.kept() == []


def test_what_a_merged_duplicates_number_texts_is_the_patients_it_is(texter: Texter) -> None:
    texter.confirm()
    right = texter.clinic.patient()
    merge = {"into": right, "reason": "The same person"}
    merged = texter.clinic.http.post(f"/v1/patients/{texter.patient}/merge", json=merge)
    assert merged.status_code == 200, merged.text
    texter.patient = right
    answer = texter.text("I have suicidal thoughts")
    assert answer is not None
    assert "Your clinic sees yours later" in answer
    (event,) = texter.clinic.http.get("/v1/safety-events").json()["items"]
    assert event["patient_id"] == right
    assert [len(texter.kept()), len(texter.rows())] == [1, 1]


def test_a_number_that_nobody_confirmed_learns_nothing_and_leaves_nothing(
    service: Service, texter: Texter
) -> None:
    texter.give_number()
    typed_in = texter.text("Who are you?")
    nobody = post_text(service, texter.clinic.clinic_id, {"from": next(NUMBERS), "text": "Who are you?"})
    assert nobody.json()["reply"] == typed_in
    assert "988" in nobody.json()["reply"]
    german = post_text(service, texter.clinic.clinic_id, {"from": "+4915112345678", "text": "Hallo"})
    assert "112" in german.json()["reply"]
    assert "988" not in german.json()["reply"]
    short = post_text(service, texter.clinic.clinic_id, {"from": "72727", "text": "You won"})
    assert (short.status_code, short.json()) == (200, {"reply": None})
    assert (texter.kept(), texter.rows()) == ([], [])


def test_two_machines_do_not_answer_each_other_for_ever(service: Service, texter: Texter) -> None:
    texter.confirm()
    answers = [texter.text("I am driving and will answer later.") for _ in range(21)]
    assert [one is None for one in answers] == [False] * 20 + [True]
    assert texter.text("I have suicidal thoughts") is not None
    stranger = next(NUMBERS)
    answers = [
        post_text(service, texter.clinic.clinic_id, {"from": stranger, "text": text}).json()["reply"]
        for text in ["Driving."] * 21 + ["I have suicidal thoughts"]
    ]
    assert [one is None for one in answers] == [False] * 20 + [True, False]


def test_only_the_gateway_may_say_what_came_in(service: Service, texter: Texter) -> None:
    texter.confirm()
    body = {"from": texter.number, "text": "Stop"}
    here = texter.clinic.clinic_id
    for reply in (
        post_text(service, here, body, secret=signing.new_secret()),
        post_text(service, here, body, sent_at=service.clock.now() - 6 * MINUTE),
        post_text(service, here, body, sent_at=service.clock.now() + 6 * MINUTE),
        post_text(service, here, body, signed={"content-type": "application/json"}),
        post_text(
            service, here, body, signed={"content-type": "application/json", "webhook-timestamp": "1e9"}
        ),
    ):
        assert_problem(reply, 401, code="gateway-not-signed")
    assert texter.state == "confirmed"
    assert post_text(service, str(new_id()), body).status_code == 404
    other = clinic_client(service)
    assert post_text(service, other.clinic_id, body).status_code == 200
    assert texter.state == "confirmed"


def test_a_patient_confirms_the_number_on_the_page(
    service: Service, clinic: ClinicClient, texter: Texter
) -> None:
    agree(clinic, texter.patient, service.url)
    plain = PlainBrowser(service.url)
    plain.sign_in(clinic, texter.patient)
    times = {"ask_at": "18:00", "quiet_from": "21:00", "quiet_until": "08:00", "paused_until": ""}
    form = fields_of(plain.get("/p/settings").text, "/p/reminders") | times
    saved = plain.post("/p/reminders", form | {"sms": "yes", "sms_number": texter.number})
    assert saved.headers["location"] == "/p/settings?sent"
    (text,) = texter.sent()
    page = plain.get(saved.headers["location"]).text
    assert "A code is on its way" in page
    hidden = fields_of(page, "/p/number")
    wrong = plain.post("/p/number", hidden | {"code": "1"})
    assert (wrong.status_code, 'href="#code"' in wrong.text) == (422, True)
    again = plain.post("/p/number", hidden | {"code": "", "again": "yes"})
    assert again.headers["location"] == "/p/settings?sent"
    (text,) = texter.sent()
    right = plain.post("/p/number", hidden | {"code": text["link"].partition("#")[2]})
    assert right.headers["location"] == "/p/settings?confirmed"
    assert 'action="/p/number"' not in plain.get("/p/settings").text
    texter.text("stop")
    assert "text START" in plain.get("/p/settings").text
    owner = CareBrowser(service, clinic.clinic_id, StaffRole.OWNER)
    assert (
        f"https://afterglow.test/v1/text-messages/{clinic.clinic_id}"
        in owner.get("/care/settings/channels").text
    )


def test_the_address_of_what_is_over_is_wiped_when_texts_are_stopped(
    service: Service, texter: Texter
) -> None:
    texter.confirm().write()
    texter.text("STOP")

    async def waiting() -> int:
        async with service.context.work(UUID(texter.clinic.clinic_id), actor=OPERATOR) as work:
            found = await outgoing_messages.due_ids(
                work, urgent=False, channel="gateway", now=work.real_now, limit=10
            )
            return len(found)

    assert service.run(waiting()) == 0


def test_a_message_that_cannot_be_kept_takes_no_safety_event_with_it(
    shared_database: DatabaseUrls, texter: Texter
) -> None:
    texter.confirm()
    execute(
        shared_database.superuser_url,
        "CREATE FUNCTION refuse_texts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'x'; END $$;"
        " CREATE TRIGGER refuse_texts BEFORE INSERT ON care.received_texts EXECUTE FUNCTION refuse_texts()",
    )
    sent = {"from": texter.number, "text": "I have suicidal thoughts", "id": "broken-once"}
    try:
        assert post_text(texter.service, texter.clinic.clinic_id, sent).status_code == 500
    finally:
        execute(shared_database.superuser_url, "DROP FUNCTION refuse_texts CASCADE")
    (event,) = texter.clinic.http.get("/v1/safety-events").json()["items"]
    assert event["patient_id"] == texter.patient
    assert texter.kept() == []
    assert post_text(texter.service, texter.clinic.clinic_id, sent).status_code == 200
    assert [one["id"] for one in texter.clinic.http.get("/v1/safety-events").json()["items"]] == [event["id"]]
    assert len(texter.kept()) == 1
