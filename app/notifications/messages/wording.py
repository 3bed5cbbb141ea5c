"""The fixed texts of messages, by language. They say that there is something and where, never what.

A text lands on lock screens, in a shared mailbox, with a mail provider: so nothing clinical, no name, no
number, and nothing of the patient's. It is made when it is sent, from wording, language and link alone.
"""

from dataclasses import dataclass
from typing import Final

from app.foundation.translations import Words, language_of, say
from app.outbox import Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text as someone gets it; the link goes with it."""

    subject: str
    body: str


_TEST: Final = say("[TEST]")
_MORE: Final = say("And more.")
_TEXTS: Final[dict[Wording, tuple[Words, Words]]] = {
    Wording.CHECK_IN_DUE: (
        say("You have a message from your clinic"),
        say("Your clinic's Afterglow has a short form for you."),
    ),
    Wording.SIGN_IN_LINK: (
        say("Your sign-in link"),
        say(
            "Open this link to sign in to your clinic's Afterglow. It works once, and only for a short "
            "time. If you did not ask for it, leave it."
        ),
    ),
    Wording.SAFETY_UNACKNOWLEDGED: (
        say("Urgent: Afterglow waits for you"),
        say(
            "An urgent notice in your clinic's Afterglow has not been acknowledged by anybody. Please "
            "open it now."
        ),
    ),
    Wording.SIGNAL_UNACKNOWLEDGED: (
        say("Afterglow waits for you"),
        say("A notice in your clinic's Afterglow has not been acknowledged by anybody."),
    ),
    Wording.ENDPOINT_DOWN: (
        say("Afterglow cannot reach one of your systems"),
        say(
            "Your clinic's Afterglow cannot deliver to one of your systems. Nothing is lost; it waits there."
        ),
    ),
    Wording.CONTACT_TEST: (
        say("Please confirm this address"),
        say("Your clinic has named this address for notices from Afterglow. Open the link to confirm it."),
    ),
    Wording.DRILL: (
        say("Drill: please answer now"),
        say(
            "This is a drill of your clinic's Afterglow; nothing has happened. An urgent notice would reach you "
            "like this. Open the link now to answer."
        ),
    ),
    Wording.LOOK_AT_WORKLIST: (
        say("Afterglow: please look at your worklist"),
        say("Afterglow: someone on your worklist needs a look."),
    ),
    Wording.LOOK_NOW: (
        say("Urgent: please look at your worklist now"),
        say("Afterglow: someone on your worklist needs a look now."),
    ),
    Wording.NOTICE_CHANNEL_TEST: (
        say("Afterglow: notices will come here"),
        say("Afterglow: this is only a test. Notices for your clinic will come here."),
    ),
    Wording.NOTICE_CHANNEL_ENDED: (
        say("Afterglow cannot write to one of your chat channels"),
        say("A chat channel that your clinic's Afterglow writes to is no more. Please name another."),
    ),
    Wording.STAFF_INVITATION: (
        say("You are invited to your clinic's Afterglow"),
        say(
            "Open this link to choose a password and join your clinic's Afterglow. It works once, within "
            "seven days. If you do not work there, leave it."
        ),
    ),
    Wording.EMERGENCY_OPENED: (
        say("Emergency access was used"),
        say(
            "Someone of your clinic's staff has used emergency access in Afterglow. Who, when and why is "
            "on the staff page."
        ),
    ),
    Wording.SIGN_IN_LOCKED: (
        say("Wrong attempts to sign in"),
        say(
            "There were wrong attempts to sign in to an account of your clinic's Afterglow, and signing "
            "in is locked there for a while. Devices used before are not locked. If this was nobody of "
            "yours, change the password."
        ),
    ),
    Wording.CLINIC_HAS_READ: (
        say("Your clinic has read your message"),
        say("Someone at your clinic has read your message in Afterglow."),
    ),
    Wording.CLINIC_ASKS_TO_CALL: (
        say("Please call your clinic"),
        say("Your clinic would like to speak with you. Please call them."),
    ),
    Wording.CLINIC_WILL_CALL: (
        say("Your clinic will call you"),
        say("Your clinic has read your message in Afterglow and will call you."),
    ),
    Wording.NUMBER_CODE: (
        say("Your code"),
        say(
            "Afterglow: your code is {code}. It confirms this number and works for ten minutes. If you did not ask "
            "for it, leave it. Reply STOP to get no more texts."
        ),
    ),
}


def text_of(wording: Wording, *, locale: str, mode: str, more: bool = False, code: str = "") -> Text:
    """Give the text without its link; while the clinic tries things out, and where it stands for more, it says so.

    ``code``: what a text that hands one over says.
    """
    language = language_of(locale)
    subject, body = (words.in_language(language) for words in _TEXTS[wording])
    mark = f"{_TEST.in_language(language)} " if mode == "test" else ""
    rest = f" {_MORE.in_language(language)}" if more else ""
    return Text(subject=mark + subject, body=mark + body.replace("{code}", code) + rest)


def worklist_link(public_url: str) -> str:
    """Where the care team's people look: nothing in it says who or what waits there."""
    return f"{public_url}/care"


def staff_page(address: str) -> str:
    """Give the care team's page of what an address of the API names: a person signs in there and reads it.

    The API itself would refuse a browser that comes from a mail, at three in the morning too.
    """
    return address.replace("/v1/", "/care/", 1)
