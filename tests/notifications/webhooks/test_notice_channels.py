"""Channels of the care team as the clinic's engineer manages them: chosen, tried, masked, taken away, ended."""

import base64
from datetime import timedelta

import pytest

from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.notice_channels import UNLESS_CHOSEN
from tests.support.clinics import SAFETY_CONTACT, SECOND_CONTACT, name_contacts
from tests.support.notices import LINK, LOOK, NOW_PLEASE, TEAM, CareTeam
from tests.support.problems import assert_problem

TRY = "[TEST] Afterglow: this is only a test. Notices for your clinic will come here."
BOTH = sorted(str(one["email"]) for one in (SAFETY_CONTACT, SECOND_CONTACT))


def test_addresses_are_shown_masked_and_lie_nowhere_in_the_open(team: CareTeam) -> None:
    slack = team.add("slack", f"{team.chat.url}/T00/B00/sEcReT")
    teams = team.add("teams", f"{team.chat.url}/workflows/1?sig=sEcReT")
    team.add("email", "ortega.sEcReT@clinic.example")

    shown = team.clinic.http.get("/v1/notice-channels").text
    assert [one["address"] for one in team.channels()] == [
        "http://127.0.0.1/…",
        "http://127.0.0.1/…",
        "o…@clinic.example",
    ]
    assert "sEcReT" not in shown + str(slack) + str(teams)
    kept = str(team.rows("*", "notice_channels"))
    for form in ("sEcReT", b"sEcReT".hex(), base64.b64encode(b"sEcReT").decode()[:-2]):
        assert form not in kept


def test_unless_chosen_otherwise_it_is_notified_of_what_waits_for_someone(team: CareTeam) -> None:
    assert team.add()["events"] == [event.value for event in UNLESS_CHOSEN]
    team.add("teams", events=["safety.reported"])

    team.happens(EventType.SIGNAL_RAISED)
    team.happens(EventType.PATIENT_ASKED_ABOUT_BOOSTER)
    team.send()

    assert [one.path for one in team.chat.requests] == ["/hook/slack"]


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", "no address"),
        ("email", "ortega@clinic.example\r\nBcc: all@clinic.example"),
        ("slack", "http://192.168.0.1/hook"),
        ("slack", "https://user:word@hooks.slack.com/x"),
        ("teams", "ortega@clinic.example"),
        ("sms", "+15550100"),
    ],
)
def test_an_address_that_is_none_or_not_public_is_refused(team: CareTeam, kind: str, address: str) -> None:
    reply = team.clinic.http.post("/v1/notice-channels", json={"kind": kind, "address": address})
    assert_problem(reply, 422)
    assert address not in reply.text
    assert team.channels() == []


def test_a_try_comes_in_each_services_own_form(team: CareTeam) -> None:
    for kind in ("slack", "teams", "email"):
        channel = team.add(kind)
        reply = team.clinic.http.post(f"/v1/notice-channels/{channel['id']}/test")
        assert reply.status_code == 202, reply.text
    team.send()

    slack, teams = (one.event for one in team.chat.requests)
    assert slack == {"text": f"{TRY} <{LINK}>"}
    assert teams == {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "type": "AdaptiveCard",
                    "version": "1.2",
                    "body": [{"type": "TextBlock", "text": TRY, "wrap": True}],
                    "actions": [{"type": "Action.OpenUrl", "title": "Afterglow", "url": LINK}],
                },
            }
        ],
    }
    (letter,) = team.mail.letters
    assert (letter.to, letter.body.split()) == (TEAM, [*TRY.split(), LINK])


def test_it_writes_in_the_channels_language(team: CareTeam) -> None:
    team.add(locale="es-MX")
    team.happens(EventType.SIGNAL_RAISED)
    assert team.send() == ["Afterglow: alguien en su lista de trabajo necesita su atención."]


def test_what_waits_for_a_channel_that_was_taken_away_is_not_sent(team: CareTeam) -> None:
    channel = team.add()
    team.happens(EventType.SAFETY_REPORTED)

    assert team.clinic.http.delete(f"/v1/notice-channels/{channel['id']}").status_code == 204

    team.happens(EventType.SAFETY_REPORTED)
    assert team.send() == []
    assert team.rows("state") == [("cancelled",)]
    for method, path in (("DELETE", ""), ("POST", "/test")):
        assert_problem(team.clinic.http.request(method, f"/v1/notice-channels/{channel['id']}{path}"), 404)


@pytest.mark.parametrize("status", [404, 410])
def test_a_chat_that_is_no_more_ends_its_channel_and_the_contacts_hear_of_it_once(
    team: CareTeam, status: int
) -> None:
    name_contacts(team.clinic)
    gone, there = team.add("slack"), team.add("teams")
    team.chat.answer_path = lambda path: status if path.endswith("slack") else 202
    team.happens(EventType.SAFETY_REPORTED)
    team.happens(EventType.SAFETY_REPORTED)

    team.send(hands=2)
    team.send()

    assert {one["id"]: one["state"] for one in team.channels()} == {
        gone["id"]: "ended",
        there["id"]: "enabled",
    }
    no_more = "[TEST] A chat channel that your clinic's Afterglow writes to is no more. Please name another."
    assert team.letters() == [(to, no_more) for to in BOTH]
    team.happens(EventType.SAFETY_REPORTED)
    assert team.send() == [NOW_PLEASE]
    tried = team.clinic.http.post(f"/v1/notice-channels/{gone['id']}/test")
    assert_problem(tried, 409, code="notice-channel-ended")


def test_a_chat_that_asks_for_patience_gets_it_and_no_other_notice_goes_before(team: CareTeam) -> None:
    team.add()
    team.chat.answer = lambda count: 429 if count == 0 else 200
    team.chat.answer_headers = {"retry-after": "1800"}
    team.happens(EventType.SIGNAL_RAISED)
    assert team.send() == [LOOK]

    team.happens(EventType.CHECK_INS_OVERDUE)
    team.later(timedelta(minutes=29))
    assert team.send() == []
    team.later(timedelta(minutes=1))
    assert team.send() == [LOOK + " And more."]
    assert team.rows("state") == [("sent",), ("sent",)]


def test_an_urgent_notice_that_is_not_taken_is_tried_again_within_a_minute(team: CareTeam) -> None:
    team.add()
    team.chat.answer = lambda count: 503 if count < 2 else 200
    team.happens(EventType.SAFETY_REPORTED)
    for _ in range(3):
        assert team.send() == [NOW_PLEASE]
        team.later(timedelta(seconds=30))
    assert team.rows("state, attempts") == [("sent", 3)]


def test_no_chat_is_asked_after_its_address_turned_private(team: CareTeam) -> None:
    """The address is looked at again when it is sent to, and a redirect is not followed."""
    team.add()
    team.chat.answer = lambda _count: 302
    team.chat.answer_headers = {"location": f"{team.chat.url}/elsewhere"}
    team.happens(EventType.SAFETY_REPORTED)
    team.send()
    assert [one.path for one in team.chat.requests] == ["/hook/slack"]
    assert team.rows("state, trouble") == [("pending", "http_status")]
