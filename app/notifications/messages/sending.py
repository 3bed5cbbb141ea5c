"""Sending what is in the outbox: claim, send outside of any transaction, keep how it ended.

How often a message may arrive is a choice between two evils, because a connection can break after the
other side took the message and before it said so:

- At least once, for everything that someone waits for or must know: sign-in links, notices that nobody
  acknowledged. After an unclear ending, or a worker that died while it sent, the message is sent again
  under the same Message-ID.
- At most once, for reminders. A patient who is asked twice learns to look away, and tomorrow's reminder
  comes anyway. After an unclear ending, or a worker that died while it sent, the reminder counts as failed.

Notices to a channel of the care team take turns: see ``bundling``.

A message whose channel the operator has not set up stays pending, and nobody tries it in the meantime.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import httpx2
from prometheus_client import Counter

from app.access.staff.members import address_digest
from app.context import AppContext, Work
from app.notifications.messages.chats import end_channel
from app.notifications.messages.handing_over import Opened, can_go, hand_over, opened
from app.notifications.messages.notice_channels import lock_for_update, notify_other_contact, waits_until
from app.notifications.messages.outcomes import SENT, Ending, Outcome, sequel
from app.notifications.messages.web_push import forget
from app.outbox import Channel, Wording
from app.storage import due_work, notices, outgoing_messages, staff_members
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.outgoing_messages import OutgoingMessage

ATTEMPTS: Final = Counter(
    "afterglow_message_attempts",
    "Attempts to hand a message over, by how they ended",
    ["channel", "wording", "outcome"],
)
# Longer than any attempt may take; a worker that died lets go of its message after this.
CLAIM_LASTS: Final = timedelta(seconds=90)

# Says, just before messages are sent, which of them still help: a reminder that was answered does not.
StillWanted = Callable[[UnitOfWork, Sequence[OutgoingMessage], datetime], Awaitable[Collection[UUID]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What sending needs; ``still_wanted`` asks the package that wrote the message, by wording.

    ``client`` is the guarded one: a push address is named by whoever holds a patient's device.
    """

    context: AppContext
    client: httpx2.AsyncClient
    still_wanted: Mapping[Wording, StillWanted] = field(default_factory=dict)
    speedup: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """An attempt that is over: the how-manieth it was, and how it ended."""

    message_id: UUID
    attempt: int
    outcome: Outcome


async def send_due(post: Post, clinic_id: UUID, *, channel: str, urgent: bool, limit: int) -> list[Attempted]:
    """Send what is due of a clinic's messages of one channel, so many at once; gives what was attempted.

    Reminders, of which thousands are due in one minute, are claimed together, and each worker takes others.
    """
    claimed = () if urgent else await _claim_reminders(post, clinic_id, channel=channel, limit=limit)
    if claimed:
        return await _send_together(post, clinic_id, claimed)
    async with post.context.work(clinic_id) as work:
        ids = await outgoing_messages.due_ids(
            work, urgent=urgent, channel=channel, now=work.real_now, limit=limit
        )
    attempted = await asyncio.gather(*(send_message(post, clinic_id, message_id) for message_id in ids))
    return [one for one in attempted if one is not None]


async def send_message(post: Post, clinic_id: UUID, message_id: UUID) -> Attempted | None:
    """Take one message one step further; None when there was nothing to send."""
    claimed = await _claim(post, clinic_id, message_id)
    return None if claimed is None else await _send(post, clinic_id, claimed)


async def _send_together(post: Post, clinic_id: UUID, claimed: Sequence[Opened]) -> list[Attempted]:
    """Send reminders at once, and keep those that were taken in one transaction; any other is kept alone."""
    began_at = post.context.clock.now()
    ended = await asyncio.gather(
        *(_hand_over(post, one, now=began_at) for one in claimed), return_exceptions=True
    )
    pairs = list(zip(claimed, ended, strict=True))
    if sent := [one.message for one, outcome in pairs if outcome == SENT]:
        async with post.context.work(clinic_id) as work:
            await _keep_ended(work, sent, state="sent", sent_at=work.real_now)
    for one, outcome in pairs:
        if isinstance(outcome, Outcome) and outcome != SENT:
            await _keep(post, clinic_id, one, outcome, began_at=began_at)
    failures = [outcome for outcome in ended if isinstance(outcome, BaseException)]
    if failures:
        raise failures[0]
    return [_attempted(one, outcome) for one, outcome in pairs if isinstance(outcome, Outcome)]


async def _send(post: Post, clinic_id: UUID, claimed: Opened) -> Attempted:
    now = post.context.clock.now()
    outcome = await _hand_over(post, claimed, now=now)
    await _keep(post, clinic_id, claimed, outcome, began_at=now)
    return _attempted(claimed, outcome)


async def _hand_over(post: Post, claimed: Opened, *, now: datetime) -> Outcome:
    outcome = await hand_over(post.context, post.client, claimed, now=now)
    ATTEMPTS.labels(claimed.message.channel, claimed.message.wording, outcome.ending.value).inc()
    return outcome


def _attempted(claimed: Opened, outcome: Outcome) -> Attempted:
    return Attempted(message_id=claimed.message.id, attempt=claimed.message.attempts + 1, outcome=outcome)


async def cancel_too_late(work: Work) -> int:
    """End messages that help nobody any more, also where their channel is not set up; gives how many."""
    ended = await outgoing_messages.cancel_too_late(work, now=work.real_now)
    for message_id in ended:
        work.audit("message.cancelled", "message", message_id)
    return len(ended)


async def _claim(post: Post, clinic_id: UUID, message_id: UUID) -> Opened | None:
    async with post.context.work(clinic_id) as work:
        await lock_for_update(work, message_id)
        message = await outgoing_messages.lock(work, message_id)
        if message is None or not _is_due(message, work.real_now):
            return None
        until = await waits_until(work, message, now=work.real_now)
        if until is not None:
            await notices.postpone(work, message_id, until=until)
            return None
        over = (await _over_before_they_are_sent(post, work, [message])).get(message_id)
        claimed = None if over else await opened(work, post.context, message)
        if claimed is None:
            await _end(work, message, over or Outcome(ending=Ending.GONE, trouble="gone"))
        elif can_go(post.context, claimed):
            await outgoing_messages.claim(
                work, [message_id], now=work.real_now, until=work.real_now + CLAIM_LASTS
            )
        else:
            return None
    return claimed


async def _claim_reminders(post: Post, clinic_id: UUID, *, channel: str, limit: int) -> list[Opened]:
    """Claim reminders that are due, in one transaction; none where one makes trouble: then each is claimed alone."""
    claimed = []
    try:
        async with post.context.work(clinic_id) as work:
            due = await outgoing_messages.lock_due(
                work, channel=channel, wording=Wording.CHECK_IN_DUE, now=work.real_now, limit=limit
            )
            over = await _over_before_they_are_sent(post, work, due)
            for message in due:
                found = None if message.id in over else await opened(work, post.context, message)
                if found is None:
                    ending = over.get(message.id) or Outcome(ending=Ending.GONE, trouble="gone")
                    await _end(work, message, ending)
                elif can_go(post.context, found):
                    claimed.append(found)
            if claimed:
                ids = [one.message.id for one in claimed]
                await outgoing_messages.claim(work, ids, now=work.real_now, until=work.real_now + CLAIM_LASTS)
    except Exception:  # noqa: BLE001 - one reminder's trouble must not be everybody's silence
        # Whichever it is raises it again when it is claimed alone, and whoever sends logs it there.
        return []
    return claimed


def _is_due(message: OutgoingMessage, now: datetime) -> bool:
    free = message.state == "pending" and not due_work.is_claimed(message.claimed_until, now)
    return free and message.next_attempt_at <= now


async def _over_before_they_are_sent(
    post: Post, work: Work, messages: Sequence[OutgoingMessage]
) -> dict[UUID, Outcome]:
    """Say which messages of one wording are not to be sent any more, and why."""
    over, asked = dict[UUID, Outcome](), list[OutgoingMessage]()
    for message in messages:
        if message.not_after is not None and message.not_after <= work.real_now:
            over[message.id] = Outcome(ending=Ending.GONE, trouble="too_late")
        elif message.claimed_until is not None and Wording(message.wording).is_reminder:
            over[message.id] = Outcome(ending=Ending.REFUSED, trouble="worker_died")
        else:
            asked.append(message)
    ask = post.still_wanted.get(Wording(asked[0].wording)) if asked else None
    if ask is not None:
        wanted = await ask(work, asked, work.real_now)
        gone = Outcome(ending=Ending.GONE, trouble="not_wanted")
        over |= {one.id: gone for one in asked if one.id not in wanted}
    return over


async def _keep(
    post: Post, clinic_id: UUID, claimed: Opened, outcome: Outcome, *, began_at: datetime
) -> None:
    message = claimed.message
    async with post.context.work(clinic_id) as work:
        follows = sequel(
            outcome,
            Wording(message.wording),
            attempts=message.attempts + 1,
            first_attempt_at=message.first_attempt_at or began_at,
            now=work.real_now,
            speedup=post.speedup,
        )
        if message.notice_channel_id is not None:
            await lock_for_update(work, message.id)
        await outgoing_messages.keep_result(
            work,
            [message.id],
            state=follows.state,
            trouble=outcome.trouble,
            next_attempt_at=follows.next_attempt_at,
            sent_at=work.real_now if outcome.ending is Ending.SENT else None,
        )
        _audit(work, message, follows.state)
        if message.channel == Channel.EMAIL and message.patient_id is None and isinstance(claimed.to, str):
            await _note_reach(work, claimed.to, follows.state)
            if follows.state == "failed" and message.wording == Wording.SAFETY_UNACKNOWLEDGED:
                await notify_other_contact(work, message, claimed.to, link=claimed.link)
        if outcome.ending is Ending.GONE and claimed.subscription_id is not None:
            await forget(work, claimed.subscription_id)
        if outcome.ending is Ending.GONE and message.notice_channel_id is not None:
            await end_channel(work, message.notice_channel_id)
        if outcome.ending is Ending.SENT and claimed.along:
            await notices.sent_along(work, claimed.along, now=work.real_now)
            _audit(work, message, "sent_along")


async def _note_reach(work: Work, address: str, state: str) -> None:
    """Keep whether a member of the staff is reached by mail: who is not, leaves it to the clinic."""
    if state in {"sent", "failed"}:
        digest = address_digest(work.vault, address)
        await staff_members.note_reach(work, digest, reached=state == "sent")


async def _end(work: Work, message: OutgoingMessage, outcome: Outcome) -> None:
    state = "cancelled" if outcome.ending is Ending.GONE else "failed"
    await _keep_ended(work, [message], state=state, trouble=outcome.trouble)


async def _keep_ended(
    work: Work,
    messages: Sequence[OutgoingMessage],
    *,
    state: str,
    trouble: str | None = None,
    sent_at: datetime | None = None,
) -> None:
    await outgoing_messages.keep_result(
        work,
        [one.id for one in messages],
        state=state,
        trouble=trouble,
        next_attempt_at=work.real_now,
        sent_at=sent_at,
    )
    for one in messages:
        _audit(work, one, state)


def _audit(work: Work, message: OutgoingMessage, state: str) -> None:
    what = "not_sent_yet" if state == "pending" else state
    work.audit(f"message.{what}", "message", message.id, patient_id=message.patient_id)
