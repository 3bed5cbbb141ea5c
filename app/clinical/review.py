"""What induction achieved: early response, response category, and the review at the end of the series.

The categories use the field's own 50 % and 25 %; the options of the review are the ones in the sources.
Nothing here says "stop": some patients first respond after the fourth or fifth infusion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from app.clinical.history import ScaleTotals
from app.clinical.protocol import EARLY_RESPONSE_SOURCE, STANDARD, Protocol
from app.clinical.scales import AssessmentTotal, Scale, day_of, with_remission_of


class ResponseCategory(StrEnum):
    """How much of the severity before treatment is gone, best first."""

    REMISSION = "remission"
    RESPONSE = "response"
    PARTIAL = "partial"
    NONE = "none"
    WORSE = "worse"


class NotKnown(StrEnum):
    """Why a response cannot be stated."""

    NO_BASELINE = "no_baseline"
    NO_TOTAL_AFTER = "no_total_after"
    RECALL_TOO_LONG = "recall_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The response after induction on one scale, with the two totals it is made of.

    `improvement` is the share of the baseline's severity that is gone (1 = all, negative = worse, None
    when there was no severity to lose). `category` is None when the response is not known, `because` why.
    """

    scale: str
    category: ResponseCategory | None
    improvement: float | None = None
    baseline: AssessmentTotal | None = None
    after: AssessmentTotal | None = None
    because: NotKnown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyResponse:
    """Whether the patient had responded hours after the first infusion. Informational only.

    `sensitivity` and `specificity` say how well this predicted response to the series in `source`.
    """

    scale: str
    responded: bool | None
    sensitivity: float
    specificity: float
    source: str
    improvement: float | None = None
    hours_after: float | None = None
    because: NotKnown | None = None


class ReviewFinding(StrEnum):
    """What the review at the end of induction has to go on."""

    ENOUGH_RESPONSE = "enough_response"
    BENEFIT_RECORDED = "benefit_recorded"
    NOT_ENOUGH_RESPONSE = "not_enough_response"
    NOT_MEASURED = "not_measured"


class ReviewOption(StrEnum):
    """What the sources name when the response is not enough [How Many Infusions]. The clinician decides."""

    ONE_OR_TWO_MORE_INFUSIONS = "one_or_two_more_infusions"
    ADJUST_DOSE = "adjust_dose"
    CONCLUDE_NON_RESPONSE = "conclude_non_response"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBenefit:
    """A clinician saw a benefit that the scales did not show: when, and who (an id)."""

    recorded_on: date
    recorded_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InductionReview:
    """The review of a completed series: is it due, since when, and on what."""

    due: bool
    due_since: date | None
    finding: ReviewFinding
    responses: tuple[Response, ...]
    options: tuple[ReviewOption, ...]
    benefit: RecordedBenefit | None


def improvement_since(scale: Scale, *, baseline: float, now: float) -> float | None:
    """The share of the severity at baseline that is gone; None when there was none."""
    severity = scale.severity(baseline)
    # Nine decimals, as in Scale.severity: "exactly half" must not be missed by rounding noise.
    return round((severity - scale.severity(now)) / severity, 9) if severity else None


def response_category(
    scale: Scale, *, baseline: float, now: float, protocol: Protocol = STANDARD
) -> ResponseCategory:
    """Worse than before is worse; else remission at its level, response from half, partial from a quarter.

    Exactly one half is a response, and exactly one quarter is partial. Nothing is rounded up.
    """
    if scale.severity(now) > scale.severity(baseline):
        return ResponseCategory.WORSE
    if with_remission_of(scale, protocol).in_remission(now):
        return ResponseCategory.REMISSION
    improvement = improvement_since(scale, baseline=baseline, now=now) or 0.0
    if improvement >= protocol.response_share:
        return ResponseCategory.RESPONSE
    return ResponseCategory.PARTIAL if improvement >= protocol.partial_share else ResponseCategory.NONE


def baseline_total(
    totals: Sequence[AssessmentTotal],
    *,
    first_infusion_at: datetime,
    protocol: Protocol = STANDARD,
) -> AssessmentTotal | None:
    """The last total in the 28 days before the first infusion."""
    first_day = day_of(first_infusion_at)
    before = [
        total
        for total in totals
        if total.taken_at < first_infusion_at
        and (first_day - total.day).days <= protocol.baseline_days_before
    ]
    return max(before, default=None)


def total_after_induction(
    totals: Sequence[AssessmentTotal],
    *,
    last_induction_at: datetime,
    infusions_at: Sequence[datetime] = (),
    protocol: Protocol = STANDARD,
) -> AssessmentTotal | None:
    """The first total from 24 hours to day 15 after the last induction infusion; a booster ends the wait."""
    acute = timedelta(hours=protocol.acute_hours)
    last_day = day_of(last_induction_at) + timedelta(days=protocol.window_latest_day)
    booster_at = min((given for given in infusions_at if given > last_induction_at), default=None)
    within = [
        total
        for total in totals
        if total.taken_at - last_induction_at >= acute
        and total.day <= last_day
        and (booster_at is None or total.taken_at < booster_at)
    ]
    return min(within, default=None)


def response_after_induction(
    totals: Sequence[AssessmentTotal],
    *,
    scale: Scale,
    first_infusion_at: datetime,
    last_induction_at: datetime,
    as_of: datetime,
    infusions_at: Sequence[datetime] = (),
    protocol: Protocol = STANDARD,
) -> Response:
    """Compare the first total after induction with the last one before it."""
    known = [total for total in totals if total.taken_at <= as_of]
    given = [infusion for infusion in infusions_at if infusion <= as_of]
    baseline = baseline_total(known, first_infusion_at=first_infusion_at, protocol=protocol)
    after = total_after_induction(
        known, last_induction_at=last_induction_at, infusions_at=given, protocol=protocol
    )
    if baseline is None or after is None:
        because = NotKnown.NO_BASELINE if baseline is None else NotKnown.NO_TOTAL_AFTER
        return Response(scale=scale.key, category=None, baseline=baseline, after=after, because=because)
    return Response(
        scale=scale.key,
        category=response_category(scale, baseline=baseline.total, now=after.total, protocol=protocol),
        improvement=improvement_since(scale, baseline=baseline.total, now=after.total),
        baseline=baseline,
        after=after,
    )


def responses_after_induction(
    entries: Sequence[ScaleTotals],
    *,
    first_infusion_at: datetime,
    last_induction_at: datetime,
    as_of: datetime,
    infusions_at: Sequence[datetime] = (),
    protocol: Protocol = STANDARD,
) -> tuple[tuple[Scale, Response], ...]:
    """The response after induction on each scale that there are totals of."""
    return tuple(
        (
            entry.scale,
            response_after_induction(
                entry.totals,
                scale=entry.scale,
                first_infusion_at=first_infusion_at,
                last_induction_at=last_induction_at,
                as_of=as_of,
                infusions_at=infusions_at,
                protocol=protocol,
            ),
        )
        for entry in entries
    )


def early_response(
    totals: Sequence[AssessmentTotal],
    *,
    scale: Scale,
    first_infusion_at: datetime,
    as_of: datetime,
    protocol: Protocol = STANDARD,
) -> EarlyResponse:
    """Half the severity gone about four hours after the first infusion. Never a reason to stop."""
    known = [total for total in totals if total.taken_at <= as_of]
    baseline = baseline_total(known, first_infusion_at=first_infusion_at, protocol=protocol)
    hours_after = {total: _hours_between(first_infusion_at, total.taken_at) for total in known}
    early = min(
        (t for t, h in hours_after.items() if protocol.early_from_hours <= h <= protocol.early_until_hours),
        default=None,
    )
    if early is None or baseline is None or _recalls_too_far(scale, protocol):
        return _early_not_known(scale, baseline, protocol)
    improvement = improvement_since(scale, baseline=baseline.total, now=early.total)
    return EarlyResponse(
        scale=scale.key,
        responded=improvement is not None and improvement >= protocol.response_share,
        sensitivity=protocol.early_sensitivity,
        specificity=protocol.early_specificity,
        source=EARLY_RESPONSE_SOURCE,
        improvement=improvement,
        hours_after=hours_after[early],
    )


def induction_review(
    *,
    completed_on: date | None,
    reviewed_on: date | None,
    responses: Sequence[tuple[Scale, Response]],
    benefit: RecordedBenefit | None,
    today: date,
) -> InductionReview:
    """Due once the series is complete and until someone has reviewed it after its last infusion.

    Args:
        completed_on: the day from which induction counts as over; None while it runs.
        reviewed_on: when it was last reviewed; a review before `completed_on` was of a shorter series.
        responses: per scale the response after induction.
        benefit: what a clinician recorded beside the scales, if anything.
        today: the check-in day that the answer speaks about.
    """
    due_since = _review_due_since(completed_on, reviewed_on, today)
    recorded = benefit if benefit is not None and benefit.recorded_on <= today else None
    finding = _finding(responses, recorded)
    return InductionReview(
        due=due_since is not None,
        due_since=due_since,
        finding=finding,
        responses=tuple(response for _, response in responses),
        options=tuple(ReviewOption) if finding is ReviewFinding.NOT_ENOUGH_RESPONSE else (),
        benefit=recorded,
    )


def _review_due_since(completed_on: date | None, reviewed_on: date | None, today: date) -> date | None:
    """Since the series was completed, unless it has been reviewed after that."""
    if completed_on is None or completed_on > today:
        return None
    reviewed = reviewed_on is not None and completed_on <= reviewed_on <= today
    return None if reviewed else completed_on


def _finding(responses: Sequence[tuple[Scale, Response]], benefit: RecordedBenefit | None) -> ReviewFinding:
    """Response on one depression scale is enough; else a recorded benefit is; else it was not.

    Only scales with a relapse level speak here: anxiety alone says nothing about the depression.
    """
    categories = {r.category for scale, r in responses if scale.relapse is not None and r.category}
    if categories & {ResponseCategory.REMISSION, ResponseCategory.RESPONSE}:
        return ReviewFinding.ENOUGH_RESPONSE
    if benefit is not None:
        return ReviewFinding.BENEFIT_RECORDED
    return ReviewFinding.NOT_ENOUGH_RESPONSE if categories else ReviewFinding.NOT_MEASURED


def _early_not_known(scale: Scale, baseline: AssessmentTotal | None, protocol: Protocol) -> EarlyResponse:
    because = NotKnown.NO_TOTAL_AFTER if baseline is not None else NotKnown.NO_BASELINE
    return EarlyResponse(
        scale=scale.key,
        responded=None,
        sensitivity=protocol.early_sensitivity,
        specificity=protocol.early_specificity,
        source=EARLY_RESPONSE_SOURCE,
        because=NotKnown.RECALL_TOO_LONG if _recalls_too_far(scale, protocol) else because,
    )


def _recalls_too_far(scale: Scale, protocol: Protocol) -> bool:
    """A questionnaire about two weeks cannot speak about four hours."""
    return scale.recall_days is not None and scale.recall_days > protocol.early_longest_recall_days


def _hours_between(start: datetime, end: datetime) -> float:
    return (end - start) / timedelta(hours=1)
