"""A clinic's own scales, known by their totals alone. A scale that is kept never changes."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from app.access.clinics.policy import policy_in_force
from app.care.assessments.refusals import ScaleExistsError, scales_refused
from app.clinical.scales import (
    STANDARD_SCALES,
    CustomProblemCode,
    CustomScaleProblem,
    Scale,
    as_judged,
    read_custom_scales,
)
from app.context import AppContext
from app.foundation.audit import Actor, AuditEvent
from app.storage import assessments

_LARGEST: Final = 1_000_000
_LONGEST_NAME: Final = 200
_MOST_DAYS_APART: Final = 365


async def list_scales(context: AppContext, clinic_id: UUID) -> list[Scale]:
    """List the validated scales as the clinic judges by them now, then its own."""
    async with context.database.work(clinic_id) as work:
        own = await assessments.own_scales(work)
        policy = await policy_in_force(work, context, now=context.clock.now())
    standard = (as_judged(scale, policy) for scale in STANDARD_SCALES.values())
    return [*standard, *read_custom_scales(own).scales.values()]


async def add_scales(
    context: AppContext, clinic_id: UUID, definitions: Mapping[str, Any], *, actor: Actor
) -> list[Scale]:
    """Keep scales in their JSON form, all of them or none; sent again they change nothing.

    Raises:
        ScaleRefusedError: one of them is not a scale.
        ScaleExistsError: one key holds another scale already.
    """
    read = read_custom_scales(definitions)
    problems = (*read.problems, *(one for scale in read.scales.values() for one in _beyond_reason(scale)))
    if problems:
        raise scales_refused(problems)
    now = context.clock.now()
    audit = [
        AuditEvent(at=now, actor=actor, action="scale.added", subject_kind="clinic", subject_id=clinic_id)
        for _ in definitions
    ]
    async with context.database.work(clinic_id) as work:
        await assessments.add_scales(work, definitions, now=now, audit=audit)
        kept = read_custom_scales(await assessments.own_scales(work)).scales
        if any(kept[key] != scale for key, scale in read.scales.items()):
            raise ScaleExistsError("#/scales")
        await work.commit()
    return list(read.scales.values())


def _beyond_reason(scale: Scale) -> list[CustomScaleProblem]:
    """What no scale of any questionnaire has, and what no database could keep."""
    wrong = {
        "name": len(scale.name) > _LONGEST_NAME or not scale.name.isprintable(),
        "minimum": abs(scale.minimum) > _LARGEST,
        "maximum": abs(scale.maximum) > _LARGEST,
        "days_apart": (scale.days_apart or 0) > _MOST_DAYS_APART,
    }
    return [
        CustomScaleProblem(scale=scale.key, field=field, code=CustomProblemCode.WRONG_KIND)
        for field, is_wrong in wrong.items()
        if is_wrong
    ]
