"""Posting into a chat: Slack's incoming webhooks, and Microsoft Teams' Workflows.

Their documented forms: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>, and
<https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import httpx2

from app.context import Work
from app.notifications.messages.http_posts import post
from app.notifications.messages.notice_channels import BOTH, notify_contacts
from app.notifications.messages.outcomes import Outcome
from app.notifications.messages.wording import Text, worklist_link
from app.outbox import Chat, Wording
from app.storage import clinics, notice_channels, notices

# The oldest version of the card that has all that we use: every client of Teams shows it.
_CARD_VERSION: Final = "1.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatNote:
    """A note about to be posted; ``to`` is the chat's own address, which is a secret."""

    to: str = field(repr=False)
    text: Text
    link: str
    sent_at: datetime


async def post_to_chat(client: httpx2.AsyncClient, chat: Chat, note: ChatNote) -> Outcome:
    """Post once. Neither service knows a repeat: after no answer a note may come twice, better than never."""
    form = slack_form(note) if chat is Chat.SLACK else teams_form(note)
    body = json.dumps(form, ensure_ascii=False).encode()
    headers = {"content-type": "application/json"}
    return await post(client, note.to, content=body, headers=headers, now=note.sent_at)


def slack_form(note: ChatNote) -> dict[str, Any]:
    """Write it for Slack: one text, in which three characters mean something and are written otherwise."""
    return {"text": f"{_slack(note.text.body)} <{_slack(note.link)}>"}


def teams_form(note: ChatNote) -> dict[str, Any]:
    """Write it for Teams: a message with one Adaptive Card, of a text and a button."""
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": _CARD_VERSION,
        "body": [{"type": "TextBlock", "text": note.text.body, "wrap": True}],
        "actions": [{"type": "Action.OpenUrl", "title": "Afterglow", "url": note.link}],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


async def end_channel(work: Work, channel_id: UUID) -> None:
    """End a channel, once, and write to both contacts."""
    profile = await clinics.profile(work)
    if not await notice_channels.end(work, channel_id, now=work.real_now) or profile is None:
        return
    work.audit("notice_channel.ended", "notice_channel", channel_id)
    await notices.cancel_all_to(work, channel_id)
    await notify_contacts(
        work,
        BOTH,
        Wording.NOTICE_CHANNEL_ENDED,
        link=worklist_link(work.public_url),
        mode=profile.mode,
        now=work.real_now,
    )
