"""An `Evaluation` as plain JSON with names, for stored decisions and for replies, and back again.

What is only derived (counts, gaps, kinds) is written for the reader and recomputed when read back.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from app.clinical.domains import DOMAINS, Domain, PerDomain
from app.clinical.evaluation import DataQuality, Evaluation, Exposure, LastTotal
from app.clinical.findings import WorseThanBefore
from app.clinical.reasons import Criterion, CriterionName, Fact, Level, Reason, ReasonCode
from app.clinical.reference import Baseline, NoReference, NoReferenceBecause, Reference

FORMAT: Final = 1
Plain = dict[str, Any]
_DAYS_AMONG_FACTS: Final = frozenset(
    {"until", "on", "booster_on", "since", "closed_on", "steady_on"},
)


def to_plain(evaluation: Evaluation) -> Plain:
    """The evaluation as JSON values; days as ISO dates, shares as fractions of the gain."""
    return {
        "format": FORMAT,
        "as_of": evaluation.as_of.isoformat(),
        "day": evaluation.day.isoformat(),
        "time_zone": evaluation.time_zone,
        "level": evaluation.level.value,
        "criteria": [_criterion_plain(criterion) for criterion in evaluation.criteria],
        "notes": [reason_to_plain(reason) for reason in evaluation.notes],
        "suppressed_by": [reason_to_plain(reason) for reason in evaluation.suppressed_by],
        "reports": _named(evaluation.reports),
        "share_lost": _named(evaluation.share_lost),
        "smoothed_share": _named(evaluation.smoothed_share),
        "smoothed_level": _named(evaluation.smoothed_level),
        "weighted": evaluation.weighted,
        "smoothed": evaluation.smoothed,
        "threshold": evaluation.threshold,
        "reference": _reference_plain(evaluation.reference),
        "baseline": None if evaluation.baseline is None else _baseline_plain(evaluation.baseline),
        "data_quality": _quality_plain(evaluation.data_quality),
        "exposure": _exposure_plain(evaluation.exposure),
        "last_totals": [
            {"scale": last.scale, "on": last.on.isoformat(), "total": last.total}
            for last in evaluation.last_totals
        ],
        "worse_than_before": [
            {
                "domain": worse.domain.value,
                "smoothed_level": worse.smoothed_level,
                "baseline": worse.baseline,
                "spread": worse.spread,
            }
            for worse in evaluation.worse_than_before
        ],
        "unsteady_since": _iso(evaluation.unsteady_since),
        "steady_on": _iso(evaluation.steady_on),
        "rule": evaluation.rule,
        "version": evaluation.version,
    }


def from_plain(plain: Plain) -> Evaluation | None:
    """The evaluation from JSON values; None when they are in a format that this version does not know."""
    if plain.get("format") != FORMAT:
        return None
    baseline = None if plain["baseline"] is None else _baseline(plain["baseline"])
    day = date.fromisoformat(plain["day"])
    return Evaluation(
        as_of=datetime.fromisoformat(plain["as_of"]),
        day=day,
        time_zone=plain["time_zone"],
        level=Level(plain["level"]),
        criteria=tuple(_criterion(criterion) for criterion in plain["criteria"]),
        notes=tuple(reason_from_plain(reason) for reason in plain["notes"]),
        suppressed_by=tuple(reason_from_plain(reason) for reason in plain["suppressed_by"]),
        reports=_per_domain(plain["reports"]),
        share_lost=_per_domain(plain["share_lost"]),
        smoothed_share=_per_domain(plain["smoothed_share"]),
        smoothed_level=_per_domain(plain["smoothed_level"]),
        weighted=plain["weighted"],
        smoothed=plain["smoothed"],
        threshold=plain["threshold"],
        reference=_reference(plain["reference"], baseline),
        baseline=baseline,
        data_quality=_quality(plain["data_quality"], day),
        exposure=_exposure(plain["exposure"]),
        last_totals=tuple(
            LastTotal(last["scale"], date.fromisoformat(last["on"]), last["total"])
            for last in plain["last_totals"]
        ),
        worse_than_before=tuple(
            WorseThanBefore(
                Domain(worse["domain"]), worse["smoothed_level"], worse["baseline"], worse["spread"]
            )
            for worse in plain["worse_than_before"]
        ),
        unsteady_since=_day(plain["unsteady_since"]),
        steady_on=_day(plain["steady_on"]),
        rule=plain["rule"],
        version=plain["version"],
    )


def reason_to_plain(reason: Reason) -> Plain:
    """A reason as its code and its numbers by name."""
    facts = {name: value.isoformat() if isinstance(value, date) else value for name, value in reason.facts}
    return {"code": reason.code.value, "facts": facts}


def reason_from_plain(plain: Plain) -> Reason:
    """A reason from its code and its numbers."""
    return Reason(ReasonCode(plain["code"]), tuple(_fact(*pair) for pair in plain["facts"].items()))


def _fact(name: str, value: float | str | None) -> Fact:
    if name in _DAYS_AMONG_FACTS and isinstance(value, str):
        return name, date.fromisoformat(value)
    return name, value


def _criterion_plain(criterion: Criterion) -> Plain:
    return {
        "criterion": criterion.name.value,
        "level": criterion.level.value,
        "since": _iso(criterion.since),
        "subject": criterion.subject,
        "reasons": [reason_to_plain(reason) for reason in criterion.reasons],
    }


def _criterion(plain: Plain) -> Criterion:
    return Criterion(
        CriterionName(plain["criterion"]),
        Level(plain["level"]),
        tuple(reason_from_plain(reason) for reason in plain["reasons"]),
        _day(plain["since"]),
        plain["subject"],
    )


def _named(values: PerDomain[Any]) -> Plain:
    return {domain.value: value for domain, value in zip(DOMAINS, values, strict=True)}


def _per_domain(plain: Mapping[str, Any]) -> PerDomain[Any]:
    return PerDomain(*(plain[domain.value] for domain in DOMAINS))


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(iso: str | None) -> date | None:
    return None if iso is None else date.fromisoformat(iso)


def _baseline_plain(one: Baseline) -> Plain:
    return {
        "values": _named(one.values),
        "days": _named(one.days),
        "squares": _named(one.squares),
        "n_days": one.n_days,
        "from_day": _iso(one.from_day),
        "to_day": _iso(one.to_day),
    }


def _baseline(plain: Plain) -> Baseline:
    return Baseline(
        values=_per_domain(plain["values"]),
        days=_per_domain(plain["days"]),
        squares=_per_domain(plain["squares"]),
        n_days=plain["n_days"],
        from_day=_day(plain["from_day"]),
        to_day=_day(plain["to_day"]),
    )


def _reference_plain(one: Reference | NoReference) -> Plain:
    if isinstance(one, NoReference):
        return {
            "kind": one.kind.value,
            "because": one.because.value,
            "n_days": one.n_days,
            "days_needed": one.days_needed,
            "until": _iso(one.until),
        }
    return {
        "kind": one.kind.value,
        "values": _named(one.values),
        "days": _named(one.days),
        "gains": _named(one.gains),
        "assumed": _named(one.assumed),
        "spread": _named(one.spread),
        "weights": _named(one.weights),
        "mean_gain": one.mean_gain,
        "n_days": one.n_days,
        "from_day": _iso(one.from_day),
        "to_day": _iso(one.to_day),
        "falling": one.falling,
        "assumes_baseline": one.assumes_baseline,
        "chosen": one.chosen,
    }


def _reference(plain: Plain, baseline: Baseline | None) -> Reference | NoReference:
    if baseline is None or "because" in plain:
        return NoReference(
            because=NoReferenceBecause(plain["because"]),
            n_days=plain["n_days"],
            days_needed=plain["days_needed"],
            until=_day(plain["until"]),
        )
    return Reference(
        values=_per_domain(plain["values"]),
        days=_per_domain(plain["days"]),
        gains=_per_domain(plain["gains"]),
        assumed=_per_domain(plain["assumed"]),
        spread=_per_domain(plain["spread"]),
        weights=_per_domain(plain["weights"]),
        mean_gain=plain["mean_gain"],
        n_days=plain["n_days"],
        from_day=date.fromisoformat(plain["from_day"]),
        to_day=date.fromisoformat(plain["to_day"]),
        falling=plain["falling"],
        assumes_baseline=plain["assumes_baseline"],
        chosen=plain.get("chosen", False),
        baseline=baseline,
    )


def _quality_plain(one: DataQuality) -> Plain:
    return {
        "recent_days": [date.fromordinal(day).isoformat() for day in one.recent_days],
        "days_in_last_10": one.days_in_last_10,
        "gaps_counted": one.gaps_counted,
        "median_gap_days": one.median_gap_days,
        "longest_gap_days": one.longest_gap_days,
        "last_report_at": one.last_report_at.isoformat() if one.last_report_at else None,
        "last_report_on": _iso(one.last_report_on),
    }


def _quality(plain: Plain, day: date) -> DataQuality:
    at = plain["last_report_at"]
    return DataQuality(
        day,
        tuple(date.fromisoformat(one).toordinal() for one in plain["recent_days"]),
        None if at is None else datetime.fromisoformat(at),
        _day(plain["last_report_on"]),
        plain["gaps_counted"],
    )


def _exposure_plain(one: Exposure) -> Plain:
    return {
        "last_on": _iso(one.last_on),
        "days_since_last": one.days_since_last,
        "in_30_days": one.in_30_days,
        "in_90_days": one.in_90_days,
        "in_365_days": one.in_365_days,
        "total": one.total,
        "response_durations": list(one.response_durations),
    }


def _exposure(plain: Plain) -> Exposure:
    return Exposure(
        _day(plain["last_on"]),
        plain["days_since_last"],
        plain["in_30_days"],
        plain["in_90_days"],
        plain["in_365_days"],
        plain["total"],
        tuple(plain["response_durations"]),
    )
