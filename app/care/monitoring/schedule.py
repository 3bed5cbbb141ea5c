"""What is due when: the plan of one patient, and of a clinic's patients for the sweep that reminds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from app.access.clinics.policy import active_protocol, protocol_with
from app.clinical.check_ins import check_in_day
from app.clinical.course import InfusionPhase, Phase, phase_of
from app.clinical.levels import Level
from app.clinical.long_exposure import LONG_EXPOSURE, long_exposure_due_on
from app.clinical.protocol import Protocol
from app.clinical.schedule import (
    QUESTIONNAIRE,
    Plan,
    Situation,
    due_days,
    is_due,
    is_overdue,
    plan_of,
    questionnaire_due_on,
)
from app.context import AppContext, Work
from app.foundation.errors import NotFoundError
from app.storage import policies, schedules
from app.storage.engine.unit_of_work import UnitOfWork
from app.storage.schedules import PlanFacts

DAYS_AHEAD: Final = 14
"""How many days with a check-in due are given, so that a phone can remind without a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionnaireDue:
    """A questionnaire and the day from which it is due, which may have passed."""

    scale: str
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """What is due for one patient, on the check-in day that it is for them now.

    Attributes:
        today: the present check-in day in the patient's zone.
        plan: None when the course is over or nothing has been planned; then nothing is due.
        due_days: the next days with a check-in due, today's until it has been made.
        overdue: no check-in for longer than the plan allows; never read as worsening.
    """

    patient_id: UUID
    time_zone: str
    locale: str
    mode: str
    phase: Phase
    today: date
    plan: Plan | None
    last_check_in_on: date | None
    due_days: tuple[date, ...]
    overdue: bool
    questionnaires: tuple[QuestionnaireDue, ...]

    @property
    def next_due_on(self) -> date | None:
        """The next day on which a check-in is due."""
        return self.due_days[0] if self.due_days else None

    @property
    def due_today(self) -> bool:
        """Whether today's check-in is asked for and has not been made."""
        return self.plan is not None and is_due(self.plan, self.today) and self.last_check_in_on != self.today


async def schedule_of_patient(work: Work, patient_id: UUID) -> Schedule:
    """Give what is due for one patient.

    Raises:
        NotFoundError: the clinic has no such patient.
    """
    protocol = await active_protocol(work)
    facts = await schedules.plan_facts(work, patient_id)
    if facts is None:
        raise NotFoundError
    return schedule_from(facts, now=work.now, protocol=protocol, count=DAYS_AHEAD)


async def schedules_of(
    work: UnitOfWork, context: AppContext, patient_ids: Sequence[UUID], *, now: datetime
) -> dict[UUID, Schedule]:
    """Give what is due for several of the clinic's patients, those without a plan too; three statements.

    Of `due_days` only the first is given.
    """
    protocol = protocol_with(context.protocol, await policies.active_numbers(work, now=now))
    facts = await schedules.plan_facts_of(work, patient_ids)
    return {one.patient_id: schedule_from(one, now=now, protocol=protocol, count=1) for one in facts}


def schedule_from(facts: PlanFacts, *, now: datetime, protocol: Protocol, count: int) -> Schedule:
    """The schedule that follows from what is known, with so many due days."""
    today = check_in_day(now, facts.time_zone)
    situation = _situation(facts, now, protocol)
    plan = plan_of(situation, today=today, protocol=protocol)
    last = facts.last_check_in_on
    questionnaire = questionnaire_due_on(situation, today=today, protocol=protocol)
    return Schedule(
        patient_id=facts.patient_id,
        time_zone=facts.time_zone,
        locale=facts.locale,
        mode=facts.mode,
        phase=situation.phase,
        today=today,
        plan=plan,
        last_check_in_on=last,
        due_days=due_days(situation, today=today, count=count, protocol=protocol),
        overdue=plan is not None
        and is_overdue(plan, today=today, last_check_in_on=_heard_on(facts), protocol=protocol),
        questionnaires=tuple(
            QuestionnaireDue(scale=scale, due_on=due_on)
            for scale, due_on in (
                (QUESTIONNAIRE, questionnaire),
                (LONG_EXPOSURE.key, _long_exposure_due_on(facts, now) if plan else None),
            )
            if due_on
        ),
    )


def _heard_on(facts: PlanFacts) -> date | None:
    """From when on a silence counts: who agreed again was not expected to report before."""
    known = (facts.last_check_in_on, facts.agreed_again_on)
    return max((day for day in known if day is not None), default=None)


def _long_exposure_due_on(facts: PlanFacts, now: datetime) -> date | None:
    """From when the form about long exposure is due; None in a clinic that has not switched it on."""
    given = [one.day(facts.time_zone) for one in facts.infusions if one.given_at <= now]
    if not facts.asks_long_exposure:
        return None
    return long_exposure_due_on(
        first_infusion_on=min(given, default=None), last_answered_on=facts.last_exposure_form_on
    )


def _situation(facts: PlanFacts, now: datetime, protocol: Protocol) -> Situation:
    known = [one for one in facts.infusions if one.given_at <= now]
    given = [one.day(facts.time_zone) for one in known]
    return Situation(
        phase=phase_of(
            facts.course, facts.infusions, as_of=now, time_zone=facts.time_zone, protocol=protocol
        ),
        level=Level(facts.level),
        course_started_on=facts.course.started_on if facts.course else None,
        last_infusion_on=given[-1] if given else None,
        last_check_in_on=facts.last_check_in_on,
        last_questionnaire_on=facts.last_questionnaire_on,
        last_is_booster=bool(known) and known[-1].phase is InfusionPhase.BOOSTER,
        burst=facts.burst,
        taken_on_at=facts.course.taken_on_at if facts.course else None,
    )
