# /// script
# requires-python = ">=3.11"
# dependencies = ["attrs==26.1.0", "httpx==0.28.1"]
# ///
"""A phone's life with the generated client: enrol, check in without a network, reconnect, correct, sync.

Called with the service's address, an enrolment code and the time it is; prints what it saw as JSON.
"""

import json
import secrets
import sys
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from afterglow_client import AuthenticatedClient, Client
from afterglow_client.api.check_ins import list_check_ins, put_check_in, send_batch, withdraw_check_in
from afterglow_client.api.patients_own import enrol_device, read_me, refresh_tokens
from afterglow_client.models.batch_reply import BatchReply
from afterglow_client.models.check_in_batch import CheckInBatch
from afterglow_client.models.check_in_entry import CheckInEntry
from afterglow_client.models.check_in_item import CheckInItem
from afterglow_client.models.check_in_list import CheckInList
from afterglow_client.models.check_in_reply import CheckInReply
from afterglow_client.models.enrolment import Enrolment
from afterglow_client.models.enrolment_reply import EnrolmentReply
from afterglow_client.models.own_reply import OwnReply
from afterglow_client.models.problem import Problem
from afterglow_client.models.refresh import Refresh
from afterglow_client.models.tokens_reply import TokensReply
from afterglow_client.types import Unset

ZONE = "Europe/Berlin"
T = TypeVar("T")


def new_id(at: datetime) -> UUID:
    """Make a UUIDv7, as a phone does without a network."""
    milliseconds = int(at.timestamp() * 1000)
    rest = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (rest >> 62) << 64 | 0x2 << 62 | rest & (1 << 62) - 1)


def the(kind: type[T], reply: object) -> T:
    """Insist on the reply that was hoped for."""
    if not isinstance(reply, kind):
        raise TypeError(reply)
    return reply


class Phone:
    """The client with its tokens, and the check-ins as the phone knows them."""

    def __init__(self, url: str, code: str) -> None:
        self.url = url
        body = Enrolment(code=code, device_name="Python phone")
        enrolled = the(EnrolmentReply, enrol_device.sync(client=Client(base_url=url), body=body))
        self.refresh_token = enrolled.refresh_token
        self.client = AuthenticatedClient(base_url=url, token=enrolled.access_token)
        self.known: dict[str, CheckInReply] = {}
        self.cursor: str | None = None

    def refresh(self, token: str) -> TokensReply:
        """Exchange a refresh token."""
        body = Refresh(refresh_token=token)
        return the(TokensReply, refresh_tokens.sync(client=Client(base_url=self.url), body=body))

    def refresh_with_a_lost_reply(self) -> None:
        """Ask for new tokens; the first answer is lost, so the old token is used once more."""
        self.refresh(self.refresh_token)
        tokens = self.refresh(self.refresh_token)
        self.refresh_token = tokens.refresh_token
        self.client = AuthenticatedClient(base_url=self.url, token=tokens.access_token)

    def send(self, queue: list[CheckInItem], at: datetime) -> list[int]:
        """Send what was queued, with the phone's clock; gives each item's status."""
        reply = send_batch.sync(
            client=self.client, body=CheckInBatch(items=queue), afterglow_client_time=at.isoformat()
        )
        return [result.status for result in the(BatchReply, reply).results]

    def sync(self) -> int:
        """Take in what changed since the last time; gives the number of pages."""
        pages = 0
        while True:
            page = list_check_ins.sync(client=self.client, after=self.cursor, limit=2)
            changes = the(CheckInList, page)
            self.cursor = changes.cursor
            if not changes.items:
                return pages
            pages += 1
            self.known |= {str(one.id): one for one in changes.items}


def queued(now: datetime) -> list[CheckInItem]:
    """Five days without a network."""
    days = [now - timedelta(days=day) for day in range(5, 0, -1)]
    return [
        CheckInItem(
            id=new_id(day),
            recorded_at=day,
            time_zone=ZONE,
            mood=mood,
            energy=4,
            sleep_hours=7.25,
            note="héllo",
        )
        for mood, day in enumerate(days, start=1)
    ]


def refusal_of(reply: Problem | CheckInReply | None) -> dict[str, object]:
    """What a problem says, through its types."""
    problem = the(Problem, reply)
    errors = [] if isinstance(problem.errors, Unset) else problem.errors
    return {
        "type": problem.type_,
        "status": problem.status,
        "pointers": [one.pointer for one in errors],
        "server_time": problem.additional_properties.get("server_time"),
    }


def main(url: str, code: str, time: str) -> None:
    """Live through it, and print what was seen."""
    now, phone = datetime.fromisoformat(time), Phone(url, code)
    queue = queued(now)
    first = phone.send(queue, now)  # Kept, but the answer is lost on its way ...
    again = phone.send(queue, now)  # ... so the phone sends it all once more.
    phone.refresh_with_a_lost_reply()
    pages = [phone.sync()]

    wrong, taken_back = queue[1].id, queue[3].id
    right = CheckInEntry(recorded_at=queue[1].recorded_at, time_zone=ZONE, mood=9, supersedes=wrong)
    right_id = new_id(now)
    the(CheckInReply, put_check_in.sync(right_id, client=phone.client, body=right))
    withdrawal = withdraw_check_in.sync_detailed(taken_back, client=phone.client)
    future = CheckInEntry(recorded_at=now + timedelta(days=365), time_zone=ZONE, mood=5)
    refused = put_check_in.sync(new_id(now), client=phone.client, body=future)
    pages.append(phone.sync())

    seen = {
        "patient": str(the(OwnReply, read_me.sync(client=phone.client)).id),
        "made": [str(one.id) for one in queue],
        "right": str(right_id),
        "first": first,
        "again": again,
        "pages": pages,
        "withdrawal": withdrawal.status_code.value,
        "refused": refusal_of(refused),
        "known": [one.to_dict() for one in phone.known.values()],
    }
    sys.stdout.write(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
