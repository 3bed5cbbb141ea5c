"""One patient's part in a period: days watched, check-ins, benefits, and the outcome of treatment. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from app.care.insights.figures import FALSE, Period, Share, median_survival
from app.clinical.check_ins import check_in_day, zone_of
from app.clinical.course import Course, Infusion, InfusionPhase, Phase, induction_end, infusions_of_course
from app.clinical.episodes import Disposition
from app.clinical.history import ScaleTotals
from app.clinical.interval import ResponseDuration, response_durations
from app.clinical.levels import Level
from app.clinical.protocol import Protocol
from app.clinical.review import Response, ResponseCategory, responses_after_induction
from app.clinical.scales import Scale, with_remission_of
from app.clinical.schedule import Situation, is_due, plan_of
from app.storage.care_pasts import CarePast, PastCourse
from app.storage.insights import CountedSignal


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInDays:
    """Days on which a check-in was due, those of them with one, and days with one that was not asked for."""

    due: int
    answered: int
    beside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Induction:
    """A series that ended in the period, with the response on each scale that the patient has totals of."""

    reviewed: bool
    benefit_recorded: bool
    responses: tuple[tuple[Scale, Response], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A course, or infusions without one, as far as it reaches: from `first` on, before `stop`.

    `induction_over_on` is None before the first induction infusion.
    """

    past: PastCourse | None
    given: tuple[Infusion, ...]
    first: date
    stop: date
    induction_over_on: date | None

    @property
    def course(self) -> Course | None:
        """The course itself."""
        return self.past.course if self.past else None


def stretches(past: CarePast, *, period: Period, now: datetime, protocol: Protocol) -> list[Stretch]:
    """The patient's courses as far as they lie in the period and the patient was registered."""
    registered_on = check_in_day(past.registered_at, past.time_zone)
    stop = min(period.end, check_in_day(now, past.time_zone) + timedelta(days=1))
    if past.consent_withdrawn_at is not None:
        stop = min(stop, check_in_day(past.consent_withdrawn_at, past.time_zone))
    found: list[Stretch] = []
    for course, following in pairwise([*(past.courses or (None,)), None]):
        given = infusions_of_course(course and course.course, past.infusions, time_zone=past.time_zone)
        until = stop
        if following is not None:
            until = min(until, following.course.started_on)
            given = tuple(one for one in given if one.day(past.time_zone) < following.course.started_on)
        closed_on = course.course.closed_on if course else None
        end = induction_end(course and course.course, given, time_zone=past.time_zone, protocol=protocol)
        found.append(
            Stretch(
                past=course,
                given=given,
                first=max(period.first, registered_on),
                stop=min(until, closed_on) if closed_on else until,
                induction_over_on=end.on if end else None,
            )
        )
    return found


def watched_days(stretch: Stretch) -> int:
    """Days from the end of induction on: before, the rule raises nothing."""
    if stretch.induction_over_on is None:
        return 0
    return max(0, (stretch.stop - max(stretch.first, stretch.induction_over_on)).days)


def check_in_days(past: CarePast, stretch: Stretch, *, now: datetime, protocol: Protocol) -> CheckInDays:
    """Compare the days that are over with the plan of a steady patient on each of them.

    On watch a patient is asked daily; those further days are not counted as due, so that the share speaks
    about the plan that everybody has.
    """
    stop = min(stretch.stop, check_in_day(now, past.time_zone))
    made = {
        day for day in past.check_in_days if _began_on(past, stretch) <= day < stop and day >= stretch.first
    }
    due = set(_due_days(past, stretch, stop=stop, protocol=protocol))
    return CheckInDays(due=len(due), answered=len(due & made), beside=len(made - due))


def benefits_begun(
    past: CarePast, stretch: Stretch, *, losses_on: Collection[date]
) -> list[ResponseDuration]:
    """The stretches of benefit that began in the period, each to its first loss or as long as it was seen."""
    if stretch.stop <= stretch.first:
        return []
    days = {
        phase: [one.day(past.time_zone) for one in stretch.given if one.phase is phase]
        for phase in InfusionPhase
    }
    over_on = stretch.induction_over_on
    known = over_on is not None and over_on < stretch.stop
    found = response_durations(
        last_induction_on=max(days[InfusionPhase.INDUCTION], default=None) if known else None,
        boosters_on=days[InfusionPhase.BOOSTER],
        losses_on=list(losses_on),
        as_of=stretch.stop - timedelta(days=1),
    )
    return [one for one in found if one.from_day >= stretch.first]


def induction_in(
    past: CarePast,
    stretch: Stretch,
    totals: Sequence[ScaleTotals],
    *,
    period: Period,
    now: datetime,
    protocol: Protocol,
) -> Induction | None:
    """What the series achieved, as far as it is known now; None when it did not end in the period."""
    if not ends_in(past, stretch, period=period, now=now):
        return None
    series = [one for one in stretch.given if one.phase is InfusionPhase.INDUCTION]
    first_at, last_at = (one.given_at.astimezone(zone_of(past.time_zone)) for one in (series[0], series[-1]))
    responses = responses_after_induction(
        totals,
        first_infusion_at=first_at,
        last_induction_at=last_at,
        as_of=now,
        infusions_at=[one.given_at for one in stretch.given],
        protocol=protocol,
    )
    reviewed_on = stretch.course.reviewed_on if stretch.course else None
    return Induction(
        reviewed=reviewed_on is not None,
        benefit_recorded=stretch.past is not None and stretch.past.benefit_recorded_on is not None,
        responses=responses,
    )


def ends_in(past: CarePast, stretch: Stretch, *, period: Period, now: datetime) -> bool:
    """Whether induction ended in the period, and not after today."""
    over_on = stretch.induction_over_on
    if over_on is None or over_on > check_in_day(now, past.time_zone):
        return False
    return period.first <= over_on < period.end


def _began_on(past: CarePast, stretch: Stretch) -> date:
    """The course's first day; without a course that of the first infusion."""
    if stretch.course is not None:
        return stretch.course.started_on
    return stretch.given[0].day(past.time_zone) if stretch.given else date.max


def _due_days(past: CarePast, stretch: Stretch, *, stop: date, protocol: Protocol) -> Iterator[date]:
    days = [one.day(past.time_zone) for one in stretch.given]
    boosters_on = {one.day(past.time_zone) for one in stretch.given if one.phase is InfusionPhase.BOOSTER}
    over_on = stretch.induction_over_on or date.max
    begins = max(stretch.first, _began_on(past, stretch))
    # A plan changes on these days only, so that it need not be found out again for each.
    changes = sorted({begins, *(day for day in (*days, over_on) if begins < day < stop), max(begins, stop)})
    for since, until in pairwise(changes):
        last_infusion_on = max((day for day in days if day <= since), default=None)
        situation = Situation(
            phase=Phase.MAINTENANCE if since >= over_on else Phase.INDUCTION,
            level=Level.STEADY,
            course_started_on=stretch.course.started_on if stretch.course else None,
            last_infusion_on=last_infusion_on,
            last_check_in_on=None,
            last_questionnaire_on=None,
            last_is_booster=last_infusion_on in boosters_on,
        )
        for number in range((until - since).days):
            day = since + timedelta(days=number)
            plan = plan_of(situation, today=day, protocol=protocol)
            if plan is not None and is_due(plan, day):
                yield day


Part = tuple[CarePast, Stretch]
"""A patient and one of the patient's courses in the period."""
_WEEK: Final = 7
_TREATED_LATER: Final = {None, Disposition.BOOSTER_GIVEN.value, Disposition.BOOSTER_BOOKED.value}
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
class BenefitGroup:
    """Benefits that began in one way: `by` says what is alike, `group` which; `median_days` as of all."""

    by: str
    group: str
    begun: int
    lost: int
    censored: int
    median_days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenefitNumbers:
    """Benefits that began in the period, to their loss or as long as they were seen; see `median_survival`."""

    begun: int
    lost: int
    censored: int
    median_days: int | None
    weeks: tuple[BenefitWeek, ...]
    groups: tuple[BenefitGroup, ...]


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
            scales[scale.key] = with_remission_of(scale, protocol)
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
    lost, censored = _lasted(one for _, _, one in begun)
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
        groups=tuple(_groups(begun)),
    )


def below_half(parts: Sequence[Part], signals: Sequence[CountedSignal]) -> Share:
    """Of the days watched, those with half of the gain lost: from a loss to the next infusion, or its other end.

    A loss is a signal that nobody called wrong. One that was closed, but not for a booster to come, is over then.
    """
    losses = _losses(signals)
    days = watched = 0
    for past, part in parts:
        watched += watched_days(part)
        over_on = part.induction_over_on
        if over_on is None:
            continue
        below: set[date] = set()
        given_on = sorted(one.day(past.time_zone) for one in part.given)
        for signal in losses.get(past.patient_id, ()):
            until = min([part.stop, *(day for day in given_on if day > signal.raised_on)])
            if signal.closed_at is not None and signal.disposition not in _TREATED_LATER:
                until = min(until, check_in_day(signal.closed_at, past.time_zone))
            first = max(signal.raised_on, part.first, over_on)
            below |= {first + timedelta(days=number) for number in range((until - first).days)}
        days += len(below)
    return Share(days, watched)


def _losses(signals: Sequence[CountedSignal]) -> Mapping[UUID, Sequence[CountedSignal]]:
    found: dict[UUID, list[CountedSignal]] = defaultdict(list)
    for signal in signals:
        if signal.disposition not in _NO_LOSS:
            found[signal.patient_id].append(signal)
    return found


Begun = tuple[CarePast, Stretch, ResponseDuration]


def _begun(parts: Sequence[Part], signals: Sequence[CountedSignal]) -> list[Begun]:
    """A loss is confirmed by a signal that nobody called wrong; one that the consent's withdrawal closed stands."""
    losses = _losses(signals)
    return [
        (past, part, one)
        for past, part in parts
        for one in benefits_begun(
            past, part, losses_on={signal.raised_on for signal in losses.get(past.patient_id, ())}
        )
    ]


def _lasted(begun: Iterable[ResponseDuration]) -> tuple[list[int], list[int]]:
    lost, censored = list[int](), list[int]()
    for one in begun:
        (lost if one.lost else censored).append(one.days)
    return lost, censored


def _groups(begun: Sequence[Begun]) -> Iterator[BenefitGroup]:
    """By the kind of the infusion that a benefit began with, then its route, then the course's protocol."""
    for by, of in (("phase", _phase), ("route", _route), ("protocol", _protocol)):
        alike: dict[str, list[ResponseDuration]] = defaultdict(list)
        for past, part, one in begun:
            alike[of(past, part, one) or "not_recorded"].append(one)
        for group in sorted(alike):
            lost, censored = _lasted(alike[group])
            yield BenefitGroup(
                by=by,
                group=group,
                begun=len(lost) + len(censored),
                lost=len(lost),
                censored=len(censored),
                median_days=median_survival(lost, censored),
            )


def _began_with(past: CarePast, part: Stretch, one: ResponseDuration) -> Infusion | None:
    return next((given for given in part.given if given.day(past.time_zone) == one.from_day), None)


def _phase(past: CarePast, part: Stretch, one: ResponseDuration) -> str | None:
    given = _began_with(past, part, one)
    return given.phase.value if given else None


def _route(past: CarePast, part: Stretch, one: ResponseDuration) -> str | None:
    given = _began_with(past, part, one)
    return given.route.value if given and given.route else None


def _protocol(_past: CarePast, part: Stretch, _one: ResponseDuration) -> str | None:
    return part.course.protocol if part.course else None
