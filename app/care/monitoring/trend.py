"""Loading a patient's trend: the core's days and means, what they are measured against, and what was given."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID

from app.care.monitoring.history import protocol_of, snapshot_of
from app.care.monitoring.timeline_replay import timeline_now
from app.chart.trend import Band, ChangeMark, InfusionMark, LevelSpan, Reader, TotalMark, Trend, TrendDay
from app.clinical.answer import Evaluation
from app.clinical.check_ins import ONE_DAY, check_in_day, days_of, is_acute
from app.clinical.course import Infusion
from app.clinical.evaluation import evaluate
from app.clinical.levels import Level
from app.clinical.long_exposure import scale_name
from app.clinical.protocol import Protocol
from app.clinical.reference import NoReference, Reference, spread_before
from app.context import Work
from app.foundation.errors import RefusalError
from app.storage import assessments, circumstances, infusions, trends
from app.storage.circumstances import Circumstance
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.trends import ReportedCheckIn

DAYS_SHOWN: Final = 92
"""Three months, where nothing else is asked for: long enough to see a benefit come and go."""
MOST_DAYS: Final = 1830
# A day in any zone, with room for one that travels.
_AROUND: Final = timedelta(days=2)


class DaysNotInOrderError(RefusalError):
    """The first day must not lie after the last."""

    code = "days-not-in-order"


class TooManyDaysError(RefusalError):
    """A trend covers five years (1830 days) at most."""

    code = "too-many-days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """From which day to which, both included; the last three months up to today where None."""

    first: date | None = None
    last: date | None = None

    def within(self, today: date) -> tuple[date, date]:
        """Both days.

        Raises:
            DaysNotInOrderError: the first lies after the last.
            TooManyDaysError: more than five years.
        """
        last = self.last or max(today, self.first or today)
        first = self.first or last - timedelta(days=DAYS_SHOWN - 1)
        if first > last:
            raise DaysNotInOrderError("query/from")
        if (last - first).days >= MOST_DAYS:
            raise TooManyDaysError("query/from")
        return first, last


async def trend_of_patient(work: Work, patient_id: UUID, days: Days, *, reader: Reader) -> Trend:
    """Give a patient's trend between two days, with what this reader may see.

    Raises:
        NotFoundError: the clinic has no such patient.
        DaysNotInOrderError: the first day lies after the last.
        TooManyDaysError: more than five years.
    """
    snapshot = await snapshot_of(work, patient_id, now=work.now)
    protocol = protocol_of(snapshot, work.context)
    span = days.within(check_in_day(work.now, snapshot.time_zone))
    timeline = await timeline_now(work, snapshot, protocol=protocol, now=work.now)
    evaluation = evaluate(timeline.state, as_of=work.now, protocol=protocol)
    trend = await trend_between(work, patient_id, span, evaluation, protocol, reader=reader)
    work.record_access("trend", patient_id=patient_id)
    return trend


async def trend_between(
    work: UnitOfWork,
    patient_id: UUID,
    span: tuple[date, date],
    evaluation: Evaluation,
    protocol: Protocol,
    *,
    reader: Reader,
    changed: Sequence[Circumstance] | None = None,
) -> Trend:
    """Give the trend of these days, both included, within a transaction; ``evaluation`` is the answer now.

    ``changed`` is what else changed for the patient, where the caller has read it; None: it is read here.
    """
    first, last = span
    given = await infusions.infusions(work, patient_id, since=_noon(first) - _AROUND)
    reported = await trends.check_ins_between(work, patient_id, first=first, last=last)
    trend = Trend(
        first_day=first,
        last_day=last,
        days=trend_days(reported, given, protocol),
        baseline=_baseline(evaluation, protocol),
        reference=_reference(evaluation.reference),
        infusions=_marks(given, first, last, evaluation.time_zone),
    )
    if reader is not Reader.CLINICIAN:
        return trend
    return replace(
        trend,
        levels=await _levels(work, patient_id, trend, evaluation, given),
        totals=await _totals(work, patient_id, trend),
        changes=[
            ChangeMark(day=one.since, kind=one.kind.value)
            for one in (await circumstances.of_patient(work, patient_id) if changed is None else changed)
            if first <= one.since <= last
        ],
        notes=await trends.note_days(work, patient_id, first=first, last=last),
    )


def trend_days(
    reported: Sequence[ReportedCheckIn], given: Sequence[Infusion], protocol: Protocol
) -> list[TrendDay]:
    """The check-in days as the core makes them, with what is marked on them."""
    given_at = sorted(one.given_at.timestamp() for one in given)
    late = {_day(one) for one in reported if one.late}
    acute = {_day(one) for one in reported if _is_acute(one, given_at, protocol)}
    return [
        TrendDay(
            means=one,
            acute=one.day in acute,
            late=one.day in late,
        )
        for one in days_of(one.check_in for one in reported)
    ]


def _is_acute(one: ReportedCheckIn, given_at: Sequence[float], protocol: Protocol) -> bool:
    """Of all infusions before the report, only the last can be so near."""
    at = one.check_in.recorded_at.timestamp()
    before = bisect_right(given_at, at)
    return is_acute(at, given_at[max(before - 1, 0) : before], protocol)


def _day(one: ReportedCheckIn) -> date:
    return check_in_day(one.check_in.recorded_at, one.check_in.time_zone)


def _marks(given: Sequence[Infusion], first: date, last: date, time_zone: str) -> list[InfusionMark]:
    marks = [InfusionMark(day=one.day(time_zone), phase=one.phase) for one in given]
    return [mark for mark in marks if first <= mark.day <= last]


def _reference(reference: Reference | NoReference) -> Band | None:
    if isinstance(reference, NoReference):
        return None
    return Band(
        values=reference.values,
        spread=reference.spread,
        days=reference.days,
        from_day=reference.from_day,
        to_day=reference.to_day,
    )


def _baseline(evaluation: Evaluation, protocol: Protocol) -> Band | None:
    baseline, reference = evaluation.baseline, evaluation.reference
    if baseline is None:
        return None
    return Band(
        values=baseline.values,
        spread=reference.spread if isinstance(reference, Reference) else spread_before(baseline, protocol),
        days=baseline.days,
        from_day=baseline.from_day,
        to_day=baseline.to_day,
    )


async def _levels(
    work: UnitOfWork, patient_id: UUID, trend: Trend, evaluation: Evaluation, given: Sequence[Infusion]
) -> list[LevelSpan]:
    """The levels as they were answered, and today's. After an infusion none stands until the next answer."""
    changes = await trends.level_changes(
        work,
        patient_id,
        since=_noon(trend.first_day) - _AROUND,
        until=_noon(trend.last_day) + _AROUND,
        given_at=[one.given_at for one in given],
    )
    by_day = {check_in_day(at, evaluation.time_zone): Level(level) for at, level in changes}
    by_day[evaluation.day] = evaluation.level
    return level_spans(trend, by_day, today=evaluation.day)


def level_spans(trend: Trend, by_day: Mapping[date, Level], *, today: date) -> list[LevelSpan]:
    """From the days on which a level began, the days through which it stood, as far as the trend shows them."""
    begins = sorted(day for day in by_day if day <= today)
    infused = sorted(mark.day for mark in trend.infusions)
    spans = []
    for day, following in pairwise([*begins, today + ONE_DAY]):
        infusion = next((one for one in infused if day < one < following), following)
        first, last = max(day, trend.first_day), min(infusion - ONE_DAY, trend.last_day)
        if first <= last:
            spans.append(LevelSpan(first_day=first, last_day=last, level=by_day[day]))
    return spans


async def _totals(work: UnitOfWork, patient_id: UUID, trend: Trend) -> list[TotalMark]:
    scales = await assessments.totals_of_patient(
        work, patient_id, taken_since=_noon(trend.first_day) - _AROUND
    )
    return [
        TotalMark(day=total.day, scale=scale_name(entry.scale.key), total=total.total)
        for entry in scales
        for total in entry.totals
        if trend.first_day <= total.day <= trend.last_day
    ]


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)
