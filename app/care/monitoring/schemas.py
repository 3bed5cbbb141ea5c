"""The evaluation as the care team reads it; the trend and what is due as the patient does."""

from datetime import date, datetime
from typing import Any

from pydantic import ConfigDict, Field

from app.care.monitoring.queries import EvaluationView
from app.care.monitoring.schedule import Schedule
from app.chart.description import describe_trend
from app.chart.trend import Band, Trend, TrendDay
from app.chart.wording import ChartWords
from app.clinical.course import InfusionPhase
from app.clinical.schedule import Cadence
from app.web.schemas import ReplyBody


class ExplanationPartReply(ReplyBody):
    """One part of an explanation: its sentences, and the numbers that they come from."""

    code: str = Field(examples=["headline"])
    text: str
    numbers: dict[str, float | int | str | None]


class EvaluatedFindingReply(ReplyBody):
    """Something for review by a clinician, and what it was seen from."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(examples=["worse_than_before"])
    since: date
    last_on: date
    ended: date | None


class EvaluationReply(ReplyBody):
    """What a patient's reports say as of now, with everything it rests on."""

    # The remaining fields are the core's own, named as in its documentation.
    model_config = ConfigDict(extra="allow")

    as_of: datetime
    level: str = Field(examples=["consider_booster"])
    explanation: str
    explanation_parts: list[ExplanationPartReply] = Field(description="The same, part by part")
    findings: list[EvaluatedFindingReply] = Field(
        description="For review by a clinician, never a booster question"
    )
    cautions: list[str] = Field(description="Active precautions that staff recorded; they decide nothing")
    remarks: list[str] = Field(
        description="`steady_without_infusion`: the open signal became steady and no infusion is recorded since"
    )
    rule: str
    version: str

    @classmethod
    def of(cls, view: EvaluationView) -> "EvaluationReply":
        """Make the reply."""
        plain: dict[str, Any] = {**view.plain, "explanation": view.explanation}
        return cls.model_validate(plain)


class ProgressDay(ReplyBody):
    """One check-in day, from 04:00 to 04:00: means of what was reported; null where nothing was."""

    date: date
    mood: float | None
    energy: float | None
    sleep_quality: float | None
    sleep_hours: float | None = Field(description="The night that ended on this day")
    acute: bool = Field(description="Within 24 hours of an infusion: shown, compared with nothing")
    late: bool = Field(description="Reported after the day was over")

    @classmethod
    def of(cls, day: TrendDay) -> "ProgressDay":
        """Make the reply."""
        mood, energy, sleep_quality = day.values
        return cls(
            date=day.day,
            mood=mood,
            energy=energy,
            sleep_quality=sleep_quality,
            sleep_hours=day.means.sleep_hours,
            acute=day.acute,
            late=day.late,
        )


class ProgressLevel(ReplyBody):
    """A mean of one domain and the days behind it."""

    mean: float
    days: int


class ProgressBand(ReplyBody):
    """What days are measured against: means of each domain, null with too few days."""

    mood: ProgressLevel | None
    energy: ProgressLevel | None
    sleep_quality: ProgressLevel | None

    @classmethod
    def of(cls, band: Band) -> "ProgressBand":
        """Make the reply."""
        mood, energy, sleep_quality = (
            None if mean is None else ProgressLevel(mean=mean, days=days)
            for mean, days in zip(band.values, band.days, strict=True)
        )
        return cls(mood=mood, energy=energy, sleep_quality=sleep_quality)


class ProgressInfusion(ReplyBody):
    """An infusion that was given."""

    date: date
    phase: InfusionPhase


class ProgressReply(ReplyBody):
    """One's own trend: what was reported, and what it is measured against. It holds no evaluation."""

    from_: date = Field(serialization_alias="from")
    to: date
    days: list[ProgressDay] = Field(description="Only days with a check-in; a missing day is no zero")
    baseline: ProgressBand | None = Field(description="Before treatment")
    reference: ProgressBand | None = Field(description="After induction")
    infusions: list[ProgressInfusion]
    description: str = Field(description="The same in sentences, in the patient's language")

    @classmethod
    def of(cls, trend: Trend, words: ChartWords) -> "ProgressReply":
        """Make the reply."""
        return cls(
            from_=trend.first_day,
            to=trend.last_day,
            days=[ProgressDay.of(day) for day in trend.days],
            baseline=ProgressBand.of(trend.baseline) if trend.baseline else None,
            reference=ProgressBand.of(trend.reference) if trend.reference else None,
            infusions=[ProgressInfusion(date=one.day, phase=one.phase) for one in trend.infusions],
            description=describe_trend(trend, words),
        )


class QuestionnaireDueReply(ReplyBody):
    """A questionnaire and the day from which it is due; one that has passed means now."""

    scale: str = Field(examples=["phq-9"])
    due_on: date


class ScheduleReply(ReplyBody):
    """What is due when, on check-in days of the patient's own zone."""

    cadence: Cadence | None = Field(description="How often a check-in is asked for; null when nothing is due")
    next_due_on: date | None
    due_days: list[date] = Field(
        description="The next 14 days with a check-in due, today's until it has been made, if nothing changes"
    )
    last_check_in_on: date | None
    questionnaires: list[QuestionnaireDueReply]

    @classmethod
    def of(cls, schedule: Schedule) -> "ScheduleReply":
        """Make the reply."""
        return cls(
            cadence=schedule.plan.cadence if schedule.plan else None,
            next_due_on=schedule.next_due_on,
            due_days=list(schedule.due_days),
            last_check_in_on=schedule.last_check_in_on,
            questionnaires=[
                QuestionnaireDueReply(scale=one.scale, due_on=one.due_on) for one in schedule.questionnaires
            ],
        )
