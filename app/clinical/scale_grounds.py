"""Ground B: what validated totals say, in the words that all grounds share."""

from datetime import date

from app.clinical.grounds import Ground, GroundName, Level, Reason, ReasonCode
from app.clinical.memory import Memory
from app.clinical.protocol import Protocol
from app.clinical.relapse import TotalsReason, TotalsSoFar, judge_so_far


def scale_relapse(memory: Memory, day: int, protocol: Protocol) -> tuple[Ground, ...]:
    """Ground B, one for each scale that has a relapse level and any total; see `relapse`.

    `day` is the day of now by the patient's clock.
    """
    if not memory.totals or memory.treatment.last_induction_at is None:
        return ()
    on = date.fromordinal(day)
    grounds = [_ground(totals, on, protocol) for totals in memory.totals if totals.scale.relapse is not None]
    return tuple(grounds)


def _ground(totals: TotalsSoFar, day: date, protocol: Protocol) -> Ground:
    found = judge_so_far(totals, day, protocol)
    reasons = [_reason(one, totals.scale.key) for one in found.reasons]
    crossed = found.totals.crossings if found.level > Level.STEADY else ()
    since = crossed[0].day if crossed else None
    return Ground(GroundName.SCALE_RELAPSE, found.level, tuple(reasons), since, totals.scale.key)


def _reason(one: TotalsReason, scale: str) -> Reason:
    facts = (
        ("code", one.code._value_),
        ("scale", scale),
        ("total", one.total),
        ("line", one.line),
        ("on", one.on),
        ("count", one.crossings),
        ("days", one.days),
    )
    return Reason(ReasonCode.TOTALS, facts)
