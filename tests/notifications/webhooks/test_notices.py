"""What the care team's channels hear: that someone needs a look, once a cause, in bundles, and never more."""

import re
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from app.care.alerts.escalation import escalate_due
from app.care.reminders.due_reminders import remind_due
from app.foundation.ids import new_id
from app.notifications.messages.consent_text import CURRENT_VERSION
from app.notifications.webhooks.events import EventType
from tests.support.dispatch import due_lanes
from tests.support.notices import LOOK, MORE, NOW_PLEASE, CareTeam
from tests.support.people import treated
from tests.support.problems import CANARY
from tests.support.service import NOW

MINUTE = timedelta(minutes=1)


def test_no_text_holds_anything_of_a_patient(team: CareTeam) -> None:
    for kind in ("slack", "teams", "email"):
        team.add(kind)
    patient = treated(team.clinic, NOW, days_since=24, level=lambda day: (8, 8, 8) if day < 17 else (3, 3, 3))
    named = team.clinic.patient(reference=CANARY)
    phone = team.clinic.enrol(named, team.service.url)
    assert phone.check_in(NOW, (1, 1, 1), note=CANARY, self_harm_thoughts=True).status_code == 201
    team.send()
    team.later(timedelta(days=2))
    team.service.run(escalate_due(team.service.context, team.clinic_id))
    team.service.run(remind_due(team.service.context, team.clinic_id))
    team.send()

    # A signal, a safety event, and both again when nobody came: to each of three channels.
    wordings = {wording for (wording,) in team.rows("wording")}
    assert wordings == {"look_at_worklist", "look_now"}
    notified = {name for (name,) in team.rows("type", "notifications")}
    assert notified >= {"signal.raised", "safety.reported", "safety.unacknowledged", "signal.escalated"}
    texts = [one.raw.decode() for one in team.chat.requests] + [one.raw.decode() for one in team.mail.letters]
    assert len(texts) == 12
    (signal,) = team.clinic.signals(patient)
    (event,) = team.clinic.http.get("/v1/safety-events").json()["items"]
    ids = [patient, named, signal["id"], event["id"], team.clinic.clinic_id]
    for text in texts:
        assert not [secret for secret in (*ids, CANARY) if secret in text]
        assert not re.search("signal|safety|booster|gain|mood|patient|level|criterion", text, re.IGNORECASE)
    allowed = {
        f"{mark}{text}{more}"
        for mark in ("", "[TEST] ")
        for text in (LOOK, NOW_PLEASE)
        for more in ("", MORE)
    }
    for letter in team.letters():
        assert letter[1] in allowed


def test_a_burst_goes_as_one_and_the_next_not_within_five_minutes(team: CareTeam) -> None:
    team.add()
    for _ in range(3):
        team.happens(EventType.SIGNAL_RAISED)
    assert team.send() == [LOOK + MORE]

    for minute in range(1, 5):
        team.later(MINUTE)
        team.happens(EventType.CHECK_INS_OVERDUE)
        assert team.send() == [], minute
    team.later(MINUTE)
    assert team.send() == [LOOK + MORE]

    team.later(5 * MINUTE)
    assert team.send() == []
    team.happens(EventType.SIGNAL_RAISED)
    assert team.send() == [LOOK]
    assert {state for (state,) in team.rows("state")} == {"sent"}


def test_what_is_urgent_waits_for_nothing_and_is_never_part_of_a_bundle(team: CareTeam) -> None:
    team.add()
    team.happens(EventType.SIGNAL_RAISED)
    assert team.send() == [LOOK]
    for _ in range(2):
        team.happens(EventType.SAFETY_REPORTED)
        team.happens(EventType.SIGNAL_RAISED)
    assert team.send() == [NOW_PLEASE, NOW_PLEASE]


def test_each_channel_has_its_own_turn(team: CareTeam) -> None:
    team.add("slack")
    team.happens(EventType.SIGNAL_RAISED)
    team.add("teams")
    team.happens(EventType.SIGNAL_RAISED)
    assert sorted(team.send()) == [LOOK, LOOK + MORE]


def test_a_bundle_with_something_live_in_it_is_no_try(team: CareTeam) -> None:
    team.add()
    team.happens(EventType.SIGNAL_RAISED, mode="test")
    team.happens(EventType.SIGNAL_RAISED, mode="live")
    assert team.send() == [LOOK + MORE]
    team.later(5 * MINUTE)
    team.happens(EventType.SIGNAL_RAISED, mode="test")
    assert team.send() == [f"[TEST] {LOOK}"]


def test_many_hands_at_once_notify_of_each_cause_once(team: CareTeam) -> None:
    team.add()
    for _ in range(5):
        team.happens(EventType.SAFETY_REPORTED)
    for _ in range(5):
        team.happens(EventType.SIGNAL_RAISED)

    texts = team.send(hands=4)

    assert texts.count(NOW_PLEASE) == 5
    assert len(texts) == 6
    team.later(5 * MINUTE)
    texts += team.send(hands=4)
    assert [text for text in texts if text not in {NOW_PLEASE, LOOK, LOOK + MORE}] == []
    assert len(texts) <= 7
    assert {state for (state,) in team.rows("state")} == {"sent"}


def test_the_database_keeps_a_cause_from_being_notified_twice(team: CareTeam) -> None:
    team.add()
    team.happens(EventType.SIGNAL_RAISED)
    with psycopg.connect(team.database.superuser_url) as connection:
        connection.execute(
            "CREATE TEMP TABLE copy AS SELECT * FROM care.outgoing_messages WHERE clinic_id = %s",
            [team.clinic_id],
        )
        connection.execute("UPDATE copy SET id = %s", [new_id()])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO care.outgoing_messages SELECT * FROM copy")


def test_what_waits_about_an_erased_patient_goes_with_them_and_nothing_else_does(team: CareTeam) -> None:
    team.add()
    erased, stays = team.clinic.patient(), team.clinic.patient()
    team.happens(EventType.SIGNAL_RAISED, patient=stays)
    team.happens(EventType.SIGNAL_RAISED, patient=erased)
    asked = team.clinic.http.post(f"/v1/patients/{erased}/erasure-requests")
    approval = f"/v1/erasure-requests/{asked.json()['id']}/approve"
    assert team.clinic.http.post(approval, headers={"if-match": '"1"'}).is_success

    assert len(team.rows("id")) == 1
    assert team.send() == [LOOK]


def test_about_who_withdrew_nobody_is_notified_but_of_a_statement_at_once(team: CareTeam) -> None:
    team.add()
    patient = treated(team.clinic, NOW, days_since=24, level=lambda _day: (8, 8, 8), until=16)
    phone = team.clinic.enrol(patient, team.service.url)
    agreed = {"version": CURRENT_VERSION, "accepted": True}
    assert phone.http.post("/v1/me/consent", json=agreed).is_success
    assert phone.http.post("/v1/me/consent/withdraw", json={}).is_success
    team.later(timedelta(days=20))
    team.service.run(remind_due(team.service.context, UUID(team.clinic.clinic_id)))
    assert team.send() == []

    team.service.clock.move_to(NOW)
    phone.check_in(NOW, (3, 3, 3), self_harm_thoughts=True)
    assert team.send() == [f"[TEST] {NOW_PLEASE}"]


def test_what_is_due_needs_no_job(team: CareTeam) -> None:
    team.add("teams")
    team.happens(EventType.SAFETY_REPORTED)
    with psycopg.connect(team.database.superuser_url) as connection:
        jobs = connection.execute(
            "SELECT FROM jobs.procrastinate_jobs WHERE args->>'clinic_id' = %s", [str(team.clinic_id)]
        )
        assert jobs.rowcount == 0
    (lane,) = team.service.run(due_lanes(team.service.context, team.clinic_id))
    assert (lane.channel, lane.urgent) == ("teams", True)
