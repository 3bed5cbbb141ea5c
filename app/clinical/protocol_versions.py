"""From the version that a decision states back to the numbers it was made with.

A version names each number that differs from the published rule ("1.0, consider_at=0.6"), so nothing else
has to be stored to decide again as it was decided then.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Final

from app.clinical.errors import (
    NotAmongChoicesError,
    NotANumberError,
    OutsideSafeBoundsError,
    ThresholdsOutOfOrderError,
    UnknownNumberError,
    UnknownVersionError,
)
from app.clinical.number_notes import NumberNotes
from app.clinical.protocol import PUBLISHED, STANDARD, Protocol

_BECAME: Final = {
    "daily_after_infusion_days": ("daily_after_induction_days", "daily_after_booster_days"),
    "review_told_days": ("review_announced_days",),
    "channel_least_gain": ("domain_least_gain",),
    "channel_least_days": ("domain_least_days",),
    "channel_least_days_sparse": ("domain_least_days_sparse",),
    "channel_within_days": ("domain_within_days",),
    "benefit_median_days": ("response_duration_median_days",),
    "benefit_weight": ("response_duration_weight",),
    "benefit_spread": ("response_duration_spread",),
    "benefit_spread_certainty": ("response_duration_spread_certainty",),
    "benefit_covered": ("response_duration_covered",),
    "benefit_shortest_days": ("response_duration_shortest_days",),
}
"""What numbers of rule 1.0 are called now: one became two, the others have other names."""


def numbers_of(protocol: Protocol = STANDARD) -> tuple[NumberNotes, ...]:
    """Every number with its notes, in the order of this page; the docs page is made from it."""
    return tuple(
        NumberNotes(name=one.name, value=getattr(protocol, one.name), **one.metadata)
        for one in fields(protocol)
        if one.metadata
    )


def with_numbers(numbers: Mapping[str, object], *, protocol: Protocol = STANDARD) -> Protocol:
    """A protocol in which the given numbers differ; its version then names each difference.

    Args:
        numbers: by field name, as read from JSON.
        protocol: where the others come from.

    Raises:
        UnknownNumberError: a name that is not a number of the protocol.
        NotANumberError: not a number, or not whole where it counts.
        NotAmongChoicesError: not one of the few values in published use.
        OutsideSafeBoundsError: outside the bounds in which the rule was examined.
        ThresholdsOutOfOrderError: each number is safe but together they contradict each other.
    """
    known = {one.name: one for one in numbers_of(protocol)}
    changed: dict[str, float] = {}
    for name, value in sorted(numbers.items()):
        if name not in known:
            raise UnknownNumberError(field=name)
        changed[name] = _checked(known[name], value)
    return _in_order(_differing(protocol, changed))


def stored_numbers(numbers: Mapping[str, float], *, protocol: Protocol = STANDARD) -> Protocol:
    """The protocol in which numbers differ that were activated before, by this release or an earlier one.

    They were safe by the bounds of their time, and a release that narrows bounds must not change what a
    clinic decides with, nor stop it: they hold as they are until the clinic sets others. A number that the
    rule no longer has decides nothing.
    """
    kinds = {one.name: type(one.value) for one in numbers_of(protocol)}
    known = renamed(numbers)
    return _differing(protocol, {name: kinds[name](value) for name, value in known.items() if name in kinds})


def renamed(numbers: Mapping[str, float]) -> dict[str, float]:
    """Numbers by their present names."""
    found = dict(numbers)
    for before, after in _BECAME.items():
        if before in found:
            value = found.pop(before)
            found = {**dict.fromkeys(after, value), **found}
    return found


def _differing(protocol: Protocol, changed: Mapping[str, float]) -> Protocol:
    """The protocol with these values; its version names each number that differs from the published one."""
    if all(getattr(protocol, name) == value for name, value in changed.items()):
        return protocol
    published = published_of(protocol)
    other = replace(protocol, **changed)  # type: ignore[arg-type]  # of their kinds, as asked before
    differ = (one for one in numbers_of(other) if one.value != getattr(published, one.name))
    named = sorted(f"{one.name}={_exactly(one.value)}" for one in differ)
    return replace(other, version=", ".join([published.version, *named]))


def published_of(protocol: Protocol) -> Protocol:
    """The published rule that a protocol differs from, if it differs."""
    return next(one for one in PUBLISHED if one.generation == protocol.generation)


def _exactly(value: float) -> str:
    """As short as can be read back: a decision is made again from its version alone."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _checked(notes: NumberNotes, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotANumberError(field=notes.name)
    if not notes.lowest <= value <= notes.highest:
        raise OutsideSafeBoundsError(field=notes.name, lowest=notes.lowest, highest=notes.highest)
    if notes.choices and value not in notes.choices:
        raise NotAmongChoicesError(field=notes.name, choices=notes.choices)
    if not isinstance(notes.value, int):
        return float(value)
    if value != int(value):
        raise NotANumberError(field=notes.name)
    return int(value)


def _in_order(protocol: Protocol) -> Protocol:
    ordered = (
        protocol.steady_below < protocol.watch_at < protocol.consider_at
        and protocol.consider_at_small <= protocol.consider_at_small_assumed
        and protocol.no_gain_below <= protocol.least_gain
        and protocol.burst_below < protocol.burst_from
        and protocol.steady_below < protocol.mood_watch_at < protocol.mood_consider_at
        and protocol.window_first_day <= protocol.window_last_day <= protocol.window_latest_day
        and protocol.domain_least_days_sparse <= protocol.domain_least_days
    )
    energy, sleep, both = (
        protocol.correlation_mood_energy,
        protocol.correlation_mood_sleep,
        protocol.correlation_energy_sleep,
    )
    possible = 1 + 2 * energy * sleep * both - energy**2 - sleep**2 - both**2 > 0
    if not (ordered and possible):
        raise ThresholdsOutOfOrderError
    return protocol


_SEPARATOR: Final = ", "


def protocol_of_version(version: str) -> Protocol:
    """The numbers of a version, as `with_numbers` named them; where one is named twice, the later counts.

    What was within its bounds then is taken as it is, whatever the bounds are now.

    Raises:
        UnknownVersionError: another version of the rule, or not a version at all.
        UnknownNumberError: a number that this version of the rule does not have.
    """
    published, *differences = version.split(_SEPARATOR)
    rule = next((one for one in PUBLISHED if one.version == published), None)
    if rule is None:
        raise UnknownVersionError(field="version")
    numbers = renamed(dict(_difference(one) for one in differences))
    if numbers.keys() - {one.name for one in numbers_of()}:
        raise UnknownNumberError(field="version")
    return replace(stored_numbers(numbers, protocol=rule), version=version)


def _difference(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name, float(value)
    except ValueError:
        raise UnknownVersionError(field="version") from None
