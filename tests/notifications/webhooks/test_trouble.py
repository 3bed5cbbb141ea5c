"""What was undelivered is reported to people, once a day an endpoint, and summed up for the worklist."""

from datetime import timedelta
from typing import Any

import psycopg

from app.notifications.webhooks.events import EventType
from app.notifications.webhooks.trouble import notify_of_newly_held
from tests.support.clinics import SAFETY_CONTACT, SECOND_CONTACT, name_contacts
from tests.support.notices import WAITS, CareTeam
from tests.support.service import statements

DAY = timedelta(days=1)
BOTH = [
    (to, f"[TEST] {WAITS}") for to in sorted(str(one["email"]) for one in (SAFETY_CONTACT, SECOND_CONTACT))
]
NOTHING: dict[str, Any] = {"count": 0, "safety": False, "oldest_at": None, "endpoints": []}


def undelivered(team: CareTeam) -> dict[str, Any]:
    reply = team.clinic.http.get("/v1/undelivered")
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def give_up(team: CareTeam) -> None:
    """Attempt whatever is due, by its own schedule, until nothing is."""
    while waiting := [
        at for (at, state) in team.rows("next_attempt_at, state", "deliveries") if state == "pending"
    ]:
        team.service.clock.move_to(max(min(waiting), team.service.clock.now()))
        team.deliver()


def look(team: CareTeam) -> list[tuple[str, str]]:
    """Look at what has been held as the sweep does; gives the letters."""
    team.service.run(_look(team))
    team.send()
    return team.letters()


async def _look(team: CareTeam) -> None:
    async with team.service.context.work(team.clinic_id) as work:
        await notify_of_newly_held(work)


def test_of_an_ordinary_delivery_that_was_given_up_both_contacts_hear_once(team: CareTeam) -> None:
    name_contacts(team.clinic)
    endpoint = team.clinic.add_endpoint(f"{team.chat.url}/system")
    team.chat.answer = lambda _count: 500
    assert undelivered(team) == NOTHING
    began = team.service.clock.now()
    for _ in range(2):
        team.happens(EventType.SIGNAL_RAISED)
    give_up(team)
    team.send()

    assert team.letters() == BOTH
    shown = undelivered(team)
    (at,) = shown["endpoints"]
    assert (shown["count"], shown["safety"]) == (2, False)
    assert at["endpoint_id"] == endpoint["id"]
    assert (at["endpoint_state"], at["held"], at["exhausted"], at["safety"]) == ("enabled", 0, 2, 0)
    assert at["oldest_at"] == shown["oldest_at"] == began.isoformat().replace("+00:00", "Z")


def test_what_a_disabled_endpoint_is_not_sent_is_reported_to_people_once_a_day(team: CareTeam) -> None:
    name_contacts(team.clinic)
    endpoint = team.clinic.add_endpoint(f"{team.chat.url}/system")
    team.add("teams")
    team.chat.answer_path = lambda path: 410 if path.endswith("system") else 202
    team.happens(EventType.CHECK_INS_OVERDUE)
    team.deliver()
    assert team.rows("state", "webhook_endpoints") == [("disabled",)]
    assert [*team.send(), *team.send()] == [
        "Afterglow: someone on your worklist needs a look. And more.",
    ]
    assert team.letters() == BOTH

    for _ in range(3):
        team.happens(EventType.PATIENT_ASKED_ABOUT_BOOSTER)
        team.later(timedelta(hours=7))
        assert look(team) == []
    team.later(timedelta(hours=3))
    assert look(team) == BOTH
    assert look(team) == []
    team.later(DAY)
    assert look(team) == [], "nothing new has been held"

    assert undelivered(team)["endpoints"][0] | {"oldest_at": None} == {
        "endpoint_id": endpoint["id"],
        "endpoint_state": "disabled",
        "held": 4,
        "exhausted": 0,
        "safety": 0,
        "oldest_at": None,
    }


def test_the_channels_hear_that_deliveries_wait(team: CareTeam) -> None:
    team.add(events=["endpoint.trouble"])
    team.clinic.add_endpoint(f"{team.chat.url}/system")
    team.chat.answer_path = lambda path: 410 if path.endswith("system") else 200
    team.happens(EventType.SIGNAL_RAISED)
    team.deliver()
    assert team.send() == [f"[TEST] {WAITS}"]


def test_of_safety_people_hear_though_the_day_is_not_over_and_the_sum_names_it(team: CareTeam) -> None:
    name_contacts(team.clinic)
    team.clinic.add_endpoint(f"{team.chat.url}/system")
    team.chat.answer = lambda _count: 500
    team.happens(EventType.SAFETY_REPORTED)
    # An hour of attempts, then the last one, a day later.
    for _ in range(121):
        team.deliver()
        team.later(timedelta(seconds=30))
    team.later(DAY + timedelta(hours=1))
    with psycopg.connect(team.database.superuser_url) as connection:
        notified_at = team.service.clock.now() - timedelta(hours=1)
        connection.execute("UPDATE care.webhook_endpoints SET trouble_notified_at = %s", [notified_at])

    team.deliver()
    team.send()

    assert team.letters() == BOTH
    assert undelivered(team)["safety"] is True


def test_a_delivery_takes_six_statements_and_four_at_once_no_more(team: CareTeam) -> None:
    team.clinic.add_endpoint(f"{team.chat.url}/plain")
    fhir = {"url": f"{team.chat.url}/fhir", "format": "fhir"}
    assert team.clinic.http.post("/v1/webhook-endpoints", json=fhir).is_success
    team.deliver()
    made = {}
    for count in (1, 4):
        for _ in range(count):
            team.happens(EventType.SIGNAL_RAISED)
        before = len(team.chat.requests)
        with statements(team.service) as noted:
            team.deliver()
        assert len(team.chat.requests) - before == 2 * count
        # Without the two looks at what is due, of which the second finds nothing.
        made[count] = [one.split()[0] for one in noted][1:-1]
    # The endpoint, claiming, what still exists, attempts, deliveries, the audit log; and three for FHIR's numbers.
    assert len(made[1]) == 6 + 9, made[1]
    assert made[4] == made[1]
