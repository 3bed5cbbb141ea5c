"""What came of treatment: the response when an induction ended, and how long benefits lasted. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from app.care.insights.care import Induction, Stretch, benefits_begun, induction_in
from app.care.insights.counting import FALSE
from app.care.insights.figures import Period, Share, median_survival
from app.clinical.history import ScaleTotals
from app.clinical.interval import ResponseDuration
from app.clinical.protocol import Protocol
from app.clinical.review import Response, ResponseCategory
from app.clinical.scales import Scale, as_judged
from app.storage.care_pasts import CarePast
from app.storage.insights import CountedSignal

Part = tuple[CarePast, Stretch]
"""A patient and one of the patient's courses in the period."""
_WEEK: Final = 7
_NO_LOSS: Final = frozenset(one.value for one in FALSE)
_WELL: Final = (ResponseCategory.REMISSION, ResponseCategory.RESPONSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleNumbers:
    """What inductions achieved on one scale; shares are of those with a total before and one after.

    `responded` holds remission too. `remitted` is None for a scale that has no remission level.
    """

    scale: str
    categories: Mapping[str, int]
    not_known: int
    responded: Share
    remitted: Share | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InductionNumbers:
    """Series that ended in the period; `not_measured` have no scale with a total before and one after."""

    ended: int
    reviewed: int
    benefit_recorded: int
    not_measured: int
    scales: tuple[ScaleNumbers, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenefitWeek:
    """Benefits that were lost, or were last seen going on, in their 1st week (days 0 to 6), 2nd, ..."""

    week: int
    lost: int
    censored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenefitNumbers:
    """Benefits that began in the period, to their loss or as long as they were seen; see `median_survival`."""

    begun: int
    lost: int
    censored: int
    median_days: int | None
    weeks: tuple[BenefitWeek, ...]


def induction_numbers(
    parts: Sequence[Part],
    totals_of: Mapping[UUID, Sequence[ScaleTotals]],
    *,
    period: Period,
    now: datetime,
    protocol: Protocol,
) -> InductionNumbers:
    """Count the series that ended in the period, and what they achieved as far as it is known by `now`."""
    ended: list[Induction] = []
    responses: dict[str, list[Response]] = defaultdict(list)
    scales: dict[str, Scale] = {}
    for past, part in parts:
        totals = totals_of.get(past.patient_id, ())
        one = induction_in(past, part, totals, period=period, now=now, protocol=protocol)
        if one is None:
            continue
        ended.append(one)
        for scale, response in one.responses:
            scales[scale.key] = as_judged(scale, protocol)
            responses[scale.key].append(response)
    return InductionNumbers(
        ended=len(ended),
        reviewed=sum(one.reviewed for one in ended),
        benefit_recorded=sum(one.benefit_recorded for one in ended),
        not_measured=sum(all(response.category is None for _, response in one.responses) for one in ended),
        scales=tuple(_scale(scales[key], responses[key]) for key in sorted(scales)),
    )


def _scale(scale: Scale, responses: Sequence[Response]) -> ScaleNumbers:
    counts = Counter(one.category for one in responses)
    measured = len(responses) - counts[None]
    remitted = Share(counts[ResponseCategory.REMISSION], measured)
    return ScaleNumbers(
        scale=scale.key,
        categories={category.value: counts[category] for category in ResponseCategory},
        not_known=counts[None],
        responded=Share(sum(counts[category] for category in _WELL), measured),
        remitted=None if scale.remission is None else remitted,
    )


def benefit_numbers(parts: Sequence[Part], signals: Sequence[CountedSignal]) -> BenefitNumbers:
    """Count the benefits that began in the period; their losses are the signals that nobody called wrong."""
    begun = _begun(parts, signals)
    lost = [one.days for one in begun if one.lost]
    censored = [one.days for one in begun if not one.lost]
    weeks = math.ceil((max((*lost, *censored), default=-1) + 1) / _WEEK)
    return BenefitNumbers(
        begun=len(begun),
        lost=len(lost),
        censored=len(censored),
        median_days=median_survival(lost, censored),
        weeks=tuple(
            BenefitWeek(
                week=week + 1,
                lost=sum(days // _WEEK == week for days in lost),
                censored=sum(days // _WEEK == week for days in censored),
            )
            for week in range(weeks)
        ),
    )


def _begun(parts: Sequence[Part], signals: Sequence[CountedSignal]) -> list[ResponseDuration]:
    """A loss is confirmed by a signal that nobody called wrong; one that the consent's withdrawal closed stands."""
    losses: dict[UUID, set[date]] = defaultdict(set)
    for signal in signals:
        if signal.disposition not in _NO_LOSS:
            losses[signal.patient_id].add(signal.raised_on)
    return [
        one
        for past, part in parts
        for one in benefits_begun(past, part, losses_on=losses.get(past.patient_id, ()))
    ]
