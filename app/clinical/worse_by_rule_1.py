"""Worse than before treatment as rule 1.0 saw it; rule 2.0 has a finding of that name."""

from collections.abc import Sequence

from app.clinical.criterion_a_gain import has_recent_days
from app.clinical.domains import DOMAINS
from app.clinical.ewma import ROUNDING
from app.clinical.findings import WorseThanBefore
from app.clinical.protocol import Protocol
from app.clinical.reference import Reference
from app.clinical.state.loss import Loss


def worse_by_rule_1(
    loss: Loss, reference: Reference, today: int, recent_days: Sequence[int], protocol: Protocol
) -> tuple[WorseThanBefore, ...]:
    """The domains whose smoothed level is at least 1.5 points and 2 SD below the measured baseline.

    Smoothed like the shares but unclipped, starting from the reference. It speaks about now: the domain
    needs as many recent check-in days as "consider" does. An assumed baseline can show nothing.
    """
    found: list[WorseThanBefore] = []
    for index, level in enumerate(loss.levels):
        before, track = reference.baseline.values[index], loss.domains[index]
        if (
            level is None
            or before is None
            or track is None
            or before - level < protocol.worse_points - ROUNDING
        ):
            continue
        spread = reference.spread[index]
        beyond = before - level >= protocol.worse_sds * spread - ROUNDING
        if beyond and has_recent_days(track, today, recent_days, protocol):
            found.append(WorseThanBefore(DOMAINS[index], level, before, spread))
    return tuple(found)
