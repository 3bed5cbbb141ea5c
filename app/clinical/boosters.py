"""Across boosters: what a booster does to the smoothing, how long it held, and when boosters do not hold."""

from collections.abc import Sequence
from typing import NamedTuple

from app.clinical.ewma import ROUNDING, Ewma
from app.clinical.levels import Level
from app.clinical.protocol import Protocol


class Stretch(NamedTuple):
    """From one infusion to the next, as check-ins saw it. Days are day numbers, lengths are days.

    Attributes:
        from_day: the day of the infusion it began with; `to_day` that of the next.
        by_booster: whether that infusion was a booster.
        n_days: its countable check-in days.
        crossed_on: the day on which consider was first reached in it; None when it never was.
        held_days: it held at least so long: to the last countable day before the run of low days.
        held_to: and not as long as this, the first day of that run; None when it was not lost.
        smoothed: S at its end.
        observed: whether enough of its asked days were answered, also at its end.
    """

    from_day: int
    to_day: int
    by_booster: bool
    n_days: int
    crossed_on: int | None
    held_days: int
    held_to: int | None
    smoothed: float
    observed: bool


class Boosters(NamedTuple):
    """What past stretches leave behind.

    Attributes:
        stretches: the latest finished ones.
        level_before: the level by check-ins just before the last infusion; None when there was none.
        not_holding_since: the first crossing within 14 days of a booster, while the finding stands.
        not_holding_on: the latest such crossing; `held_in_a_row` are the stretches that held since.
    """

    stretches: tuple[Stretch, ...] = ()
    level_before: Level | None = None
    not_holding_since: int | None = None
    not_holding_on: int | None = None
    held_in_a_row: int = 0


SAID = 3
"""So many of the latest boosters are said: one reads them at a glance."""
STRETCHES_KEPT = 8
"""How many finished stretches are kept and shown; the latest ones."""


def after_booster(track: Ewma, day: int, *, answers: bool, protocol: Protocol) -> Ewma:
    """A booster that answers a loss starts at S = 0; any other leaves S as it is, limited to 0 … 0.60.

    A planned booster is no evidence that the loss is gone, one that answers a signal gets the benefit of the
    doubt. In both cases the next step counts from the day of the infusion, and the last two low days, the run
    of low days and the steady count start again. In rule 1.0 every booster starts at 0 and with no days.
    """
    smoothed = 0.0 if answers else min(max(track.smoothed, 0.0), protocol.carried_most)
    days = track.days if protocol.generation > 1 else ()
    watching_since = None if answers or protocol.generation == 1 else track.watching_since
    return Ewma(day, None, None, smoothed, 0.0, 0.0, days, 0, watching_since)


def held(track: Ewma | None, run: tuple[int | None, int] | None, from_day: int) -> tuple[int, int | None]:
    """How long a stretch held: at least to the last day before its run of low days, at most to its first.

    0 when no countable day of the stretch precedes the run. Without a run it was not lost: it held to its last
    countable day, and how much longer nobody saw.

    Args:
        track: the share of the stretch at its end.
        run: the run of low days that led to consider, as (the day before it, its first day).
        from_day: the day of the infusion.
    """
    if run is None and track is not None and track.run_from is not None:
        run = (track.run_after, track.run_from)
    if run is not None:
        before, first = run
        return (0 if before is None else before - from_day), first - from_day
    if track is None or not track.n_days:
        return 0, None
    return max(0, track.days[-1] - from_day), None


def did_hold(stretch: Stretch, protocol: Protocol) -> bool:
    """At least 2 countable days, consider never reached, and S below 0.35 at the end."""
    return (
        stretch.n_days >= protocol.held_least_days
        and stretch.crossed_on is None
        and stretch.smoothed < protocol.watch_at - ROUNDING
    )


def crossed_soon(stretch: Stretch, protocol: Protocol) -> bool:
    """Consider was reached within 14 days after a booster."""
    return (
        stretch.by_booster
        and stretch.crossed_on is not None
        and stretch.crossed_on - stretch.from_day <= protocol.not_held_days
    )


def with_stretch(boosters: Boosters, stretch: Stretch, *, steady: bool, protocol: Protocol) -> Boosters:
    """What is left behind after one more stretch: boosters that do not hold, until two in a row held.

    Stretches with fewer countable days say nothing. 28 steady days without a booster end it as well.
    """
    stretches = (*boosters.stretches[1 - STRETCHES_KEPT :], stretch)
    since, last_on, row = boosters.not_holding_since, boosters.not_holding_on, boosters.held_in_a_row
    if crossed_soon(stretch, protocol):
        since, last_on, row = since or stretch.crossed_on, stretch.crossed_on, 0
    elif did_hold(stretch, protocol):
        row += 1
    elif stretch.n_days >= protocol.held_least_days:
        row = 0
    rested = steady and stretch.to_day - stretch.from_day >= protocol.not_holding_ends_days
    if row >= protocol.held_in_a_row or (rested and not crossed_soon(stretch, protocol)):
        since, last_on, row = None, None, 0
    return Boosters(stretches, boosters.level_before, since, last_on, row)


def held_since(stretches: Sequence[Stretch], first_crossing: int) -> tuple[Stretch, ...]:
    """The boosters from the first that did not hold."""
    return tuple(one for one in stretches if one.by_booster and one.to_day >= first_crossing)[-SAID:]
