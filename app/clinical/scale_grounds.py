"""Ground B: what validated totals say, in the words that all grounds share."""

from datetime import UTC, date, datetime

from app.clinical.check_ins import zone_of
from app.clinical.grounds import Ground, GroundName, Level, Reason, ReasonCode
from app.clinical.history import ScaleTotals
from app.clinical.memory import Memory, Treatment
from app.clinical.protocol import Protocol
from app.clinical.relapse import GroundB, TotalsReason, judge_totals


def scale_relapse(memory: Memory, *, as_of: datetime, protocol: Protocol) -> tuple[Ground, ...]:
    """Ground B, one for each scale that has a relapse level and any total; see `relapse.judge_totals`.

    Windows count check-in days by the patient's clock, so every time is told in the patient's zone.
    """
    treatment = memory.treatment
    if treatment.first_at is None or treatment.last_induction_at is None:
        return ()
    return tuple(
        _ground(entry, memory, treatment.first_at, treatment.last_induction_at, as_of, protocol)
        for entry in memory.totals
        if entry.scale.relapse is not None
    )


def _ground(
    entry: ScaleTotals,
    memory: Memory,
    first_at: float,
    last_induction_at: float,
    as_of: datetime,
    protocol: Protocol,
) -> Ground:
    found = judge_totals(
        entry.totals,
        scale=entry.scale,
        first_infusion_at=_local(first_at, memory),
        last_induction_at=_local(last_induction_at, memory),
        as_of=as_of.astimezone(zone_of(memory.time_zone)),
        infusions_at=_infusions(memory.treatment, memory),
        protocol=protocol,
    )
    level = Level(found.level.value)
    reasons = tuple(_reason(one, found.scale) for one in found.reasons)
    since = _since(found) if level >= Level.WATCH else None
    return Ground(GroundName.SCALE_RELAPSE, level, reasons, since, found.scale)


def _since(found: GroundB) -> date | None:
    return found.crossings[0].day if found.crossings else None


def _reason(one: TotalsReason, scale: str) -> Reason:
    facts = (
        ("code", one.code.value),
        ("scale", scale),
        ("total", one.total),
        ("line", one.line),
        ("on", one.on),
        ("count", one.count),
        ("days", one.days),
    )
    return Reason(ReasonCode.TOTALS, facts)


def _local(seconds: float, memory: Memory) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone_of(memory.time_zone))


def _infusions(treatment: Treatment, memory: Memory) -> tuple[datetime, ...]:
    return tuple(_local(seconds, memory) for seconds in treatment.course_at)
