"""How many of the days on which a check-in was asked for were answered."""

from collections.abc import Callable
from typing import Final, NamedTuple

from app.clinical.protocol import Protocol

DAYS_KEPT: Final = 42
"""The last so many days, two weeks and the four before; as bits of a number that every program can read."""
_MASK: Final = (1 << DAYS_KEPT) - 1


class Answering(NamedTuple):
    """The asked and the answered days up to one day, the last day in the lowest bit.

    `asked_since` and `answered_since` count since the last infusion.
    """

    day: int
    asked: int
    answered: int
    asked_since: int = 0
    answered_since: int = 0


class Share(NamedTuple):
    """Days answered of days asked."""

    answered: int
    asked: int

    @property
    def share(self) -> float | None:
        """None when nothing was asked."""
        return self.answered / self.asked if self.asked else None


def answered_on(
    before: Answering | None, day: int, is_asked: Callable[[int], bool], *, answered: bool = True
) -> Answering:
    """One more day, answered or only passed; the days between were asked for or not, and not answered."""
    if before is None:
        bit = int(is_asked(day))
        return Answering(day, bit, int(answered), bit, bit & answered)
    asked, answers, asked_since, answered_since, last = (
        before.asked,
        before.answered,
        before.asked_since,
        before.answered_since,
        before.day,
    )
    if day <= last:
        if not answered or answers & 1 or day < last:
            return before
        return before._replace(answered=answers | 1, answered_since=answered_since + (asked & 1))
    for one in range(last + 1, day + 1):
        bit = is_asked(one)
        asked, asked_since = (asked << 1 | bit) & _MASK, asked_since + bit
    answers = (answers << (day - last) | answered) & _MASK
    return Answering(day, asked, answers, asked_since, answered_since + (answered and asked & 1))


def since_infusion(before: Answering) -> Answering:
    """The counts begin again with an infusion."""
    return before._replace(asked_since=0, answered_since=0)


def last_days(answering: Answering, n_days: int, *, skip: int = 0) -> Share:
    """Of the last so many days, after leaving out the latest `skip`."""
    window = ((1 << n_days) - 1) << skip
    asked = answering.asked & window
    return Share((asked & answering.answered).bit_count(), asked.bit_count())


def fell(answering: Answering, protocol: Protocol) -> tuple[Share, Share] | None:
    """The answered share of the last 14 days is at least 30 points below that of the 28 before; both, or None."""
    now = last_days(answering, protocol.answering_recent_days)
    before = last_days(answering, protocol.answering_before_days, skip=protocol.answering_recent_days)
    if now.share is None or before.share is None:
        return None
    return (now, before) if before.share - now.share >= protocol.answering_fell_by - 1e-9 else None


def unanswered_in_a_row(answering: Answering) -> int:
    """Asked days since the last answered one."""
    answered, asked = answering.answered, answering.asked
    count = 0
    for place in range(DAYS_KEPT):
        if answered >> place & 1:
            return count
        count += asked >> place & 1
    return count
