"""Two workers at once, on one database: the care team's chat hears of each cause once."""

from typing import LiteralString

import psycopg

from app.notifications.webhooks.events import EventType
from tests.support.databases import Cluster, DatabaseUrls
from tests.support.mail_server import running_mail_server
from tests.support.notices import LOOK, MORE, NOW_PLEASE, CareTeam, care_team, text_in
from tests.support.processes import wait_until
from tests.support.receiver import Receiver
from tests.support.service import NOW, running_service

CAUSES = 6


def test_two_workers_notify_of_each_cause_once_and_of_a_burst_as_one(
    cluster: Cluster, receiver: Receiver
) -> None:
    # Slow answers, so that the workers meet.
    receiver.pause = lambda: 0.1
    with (
        cluster.database() as own_database,
        running_mail_server() as mail,
        running_service(own_database.application_url, mail=mail.relay()) as one,
        running_service(own_database.application_url, mail=mail.relay()) as other,
        care_team(own_database, one, receiver, mail) as team,
    ):
        team.add()
        for _ in range(CAUSES):
            team.happens(EventType.SAFETY_REPORTED)
            team.happens(EventType.SIGNAL_RAISED)
        # Nothing is under way any more when the clock jumps: it would look like a worker that died.
        assert wait_until(
            lambda: waiting(own_database, "wording = 'look_now' OR claimed_until IS NOT NULL") == 0, 30
        )

        later = NOW.replace(hour=NOW.hour + 1)
        for service in (one, other):
            service.clock.move_to(later)
        for service in (one, other):
            service.sweep()
        assert wait_until(lambda: waiting(own_database) == 0, 30)

        sent = texts(team)
        assert sent.count(NOW_PLEASE) == CAUSES
        # One at once, and one that stands for all that came after it.
        assert sent.count(LOOK) + sent.count(LOOK + MORE) in {1, 2}
        assert len(sent) <= CAUSES + 2
        assert len(team.rows("id")) == 2 * CAUSES


def texts(team: CareTeam) -> list[str]:
    return [text_in(one.event) for one in list(team.chat.requests)]


def waiting(own_database: DatabaseUrls, which: LiteralString = "true") -> int:
    with psycopg.connect(own_database.superuser_url) as connection:
        return connection.execute(
            f"SELECT FROM care.outgoing_messages WHERE state <> 'sent' AND ({which})"
        ).rowcount
