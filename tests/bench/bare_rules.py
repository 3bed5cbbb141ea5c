"""The bare step's rules that both its state and its answer ask."""

from itertools import pairwise

from app.clinical.protocol import Protocol
from tests.bench.bare_records import ROUNDING, WEIGHTED, BarePatient, Days, Recent


def threshold_of(index: int, protocol: Protocol) -> float:
    if index == WEIGHTED:
        return protocol.watch_at
    return protocol.other_watch_at if index else protocol.mood_watch_at


def look_back(recent: Days, protocol: Protocol) -> float:
    latest = recent[-protocol.gaps_counted - 1 :]
    if len(recent) <= protocol.gaps_counted:
        return 0.0
    gaps = sorted(later - earlier for earlier, later in pairwise(latest))
    half = len(gaps) // 2
    return protocol.median_gaps * (gaps[half] if len(gaps) % 2 else (gaps[half - 1] + gaps[half]) / 2)


def is_recent(days: Days, day: int, recent: Days, protocol: Protocol) -> bool:
    least = protocol.consider_least_days
    if len(days) < least:
        return False
    age = day - days[-least]
    return age < protocol.consider_within_days or age < look_back(recent, protocol)


def may_speak(
    patient: BarePatient, index: int, days: Days, day: int, recent: Days, protocol: Protocol
) -> bool:
    gain = patient.gains[index]
    if (
        gain is None
        or gain < protocol.domain_least_gain - ROUNDING
        or patient.mean_gain < protocol.least_gain - ROUNDING
    ):
        return False
    least, within = protocol.domain_least_days, protocol.domain_within_days
    if len(days) >= least and day - days[-least] < within:
        return True
    sparse, longer = protocol.domain_least_days_sparse, look_back(recent, protocol)
    return longer >= within and len(days) >= sparse and day - days[-sparse] < longer


def considers(
    patient: BarePatient,
    smoothed: float | None,
    share: float | None,
    before: float | None,
    days: Days,
    day: int,
    recent: Days,
    protocol: Protocol,
) -> bool:
    bound = protocol.consider_each_day - ROUNDING
    return (
        smoothed is not None
        and smoothed >= patient.threshold - ROUNDING
        and share is not None
        and share >= bound
        and before is not None
        and before >= bound
        and is_recent(days, day, recent, protocol)
    )


def mood_considers(
    patient: BarePatient, smoothed: float | None, days: Days, day: int, recent: Days, protocol: Protocol
) -> bool:
    return (
        smoothed is not None
        and smoothed >= protocol.mood_consider_at - ROUNDING
        and may_speak(patient, 0, days, day, recent, protocol)
    )


def asks(patient: BarePatient, day: int, burst: bool, silent: int, protocol: Protocol) -> tuple[bool, bool]:
    """Whether a day is asked for, and whether every day is."""
    days = day - patient.infused_on
    if day < patient.induction_over or days <= protocol.daily_after_induction_days:
        return True, True
    if burst and silent <= protocol.burst_days:
        return True, True
    return days % 7 in ((0, 3) if days > protocol.three_a_week_until_days else (0, 2, 4)), False


def is_worse(patient: BarePatient, index: int, level: float, protocol: Protocol) -> bool:
    before = patient.before[index]
    if before is None or before - level < protocol.worse_points - ROUNDING:
        return False
    sds = protocol.worse_sds if index else protocol.worse_sds_mood
    return before - level >= sds * patient.spread[index] - ROUNDING


def mood_mean(recent: tuple[Recent, ...], today: int, protocol: Protocol) -> float | None:
    total, count, earliest = 0.0, 0, today - protocol.best_days
    for day, means, _, _ in recent:
        if day > earliest and means[0] is not None:
            total, count = total + means[0], count + 1
    return total / count if count >= protocol.best_least_days else None
